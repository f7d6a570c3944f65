//! `audit`: the trail as people want to read it.

mod summary;

use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{USAGE, configuration, say};
use summary::Summary;

/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Args)]
pub(super) struct AuditArgs {
    /// The file to read; AUDIT_LOG by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only calls of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only calls of this tool
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Only outcomes with this status, such as ok or missing_permission
    #[arg(long, value_name = "CODE")]
    status: Option<String>,
    /// Only lines from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<OffsetDateTime>,
    /// Only lines before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<OffsetDateTime>,
    /// Go on with what is written from now on
    #[arg(long, conflicts_with = "summary")]
    follow: bool,
    /// Count instead: calls by user and tool, failures, durations
    #[arg(long)]
    summary: bool,
    /// JSON lines, as in a pipe, on a terminal too
    #[arg(long)]
    json: bool,
}

/// Exit 0: read; 2: the file cannot be read.
pub(super) fn run(args: &AuditArgs) -> ExitCode {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => match configuration() {
            Ok(config) => config.audit_log,
            Err(problem) => return failed(&problem),
        },
    };
    match show(args, &path) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{} cannot be read: {error}", path.display())),
    }
}

fn failed(problem: &str) -> ExitCode {
    say(std::io::stderr(), &format!("error: {problem}\n"));
    ExitCode::from(USAGE)
}

fn show(args: &AuditArgs, path: &Path) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let table = !args.json && out.is_terminal();
    let mut summary = Summary::default();
    let mut unreadable = 0_u64;
    if table && !args.summary {
        writeln!(
            out,
            "{:<20} {:<8} {:<16} {:<17} {:<22} {:>7}  WHERE",
            "TIME (UTC)", "STAGE", "USER", "TOOL", "STATUS", "MS"
        )?;
    }
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        let read = file.read_until(b'\n', &mut line)?;
        if line.last() == Some(&b'\n') {
            match serde_json::from_slice::<Value>(&line) {
                Ok(entry) if args.matches(&entry) => {
                    if args.summary {
                        summary.add(&entry);
                    } else if table {
                        writeln!(out, "{}", row(&entry))?;
                    } else {
                        out.write_all(&line)?;
                    }
                }
                Ok(_) => {}
                Err(_) => unreadable += 1,
            }
            line.clear();
        }
        if read > 0 {
            continue;
        }
        if !args.follow {
            break;
        }
        out.flush()?;
        std::thread::sleep(FOLLOW_INTERVAL);
        // After a rotation the path names a new file; the old one has been read to its end.
        if line.is_empty() && replaced(file.get_ref(), path) {
            file = BufReader::new(File::open(path)?);
        }
    }
    if args.summary {
        out.write_all(summary.to_text(args.json).as_bytes())?;
    }
    if unreadable > 0 {
        say(
            std::io::stderr(),
            &format!(
                "{unreadable} lines could not be read; `verify-audit` says where the trail is broken\n"
            ),
        );
    }
    out.flush()
}

impl AuditArgs {
    /// Whether a line is wanted. Lines of the trail itself are not, unless nothing is asked for.
    fn matches(&self, entry: &Value) -> bool {
        let is = |name: &str, wanted: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| entry.get(name).and_then(Value::as_str) == Some(wanted))
        };
        let stage = entry
            .get("stage")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let call = matches!(stage, "intent" | "outcome");
        let at = entry
            .get("ts")
            .and_then(Value::as_str)
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let within = self
            .since
            .is_none_or(|since| at.is_some_and(|at| at >= since))
            && self
                .until
                .is_none_or(|until| at.is_some_and(|at| at < until));
        call && is("user_id", &self.user)
            && is("tool", &self.tool)
            && is("status", &self.status)
            && within
    }
}

fn row(entry: &Value) -> String {
    let text = |name: &str| printable(entry.get(name).and_then(Value::as_str).unwrap_or("-"));
    let time = entry
        .get("ts")
        .and_then(Value::as_str)
        .and_then(|ts| ts.get(..19))
        .unwrap_or("-")
        .replace('T', " ");
    let duration = entry
        .get("duration_ms")
        .and_then(Value::as_u64)
        .map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let ids = entry
        .get("message_ids")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let messages = if ids > 0 {
        format!(" ({ids} messages)")
    } else {
        String::new()
    };
    format!(
        "{time:<20} {:<8} {:<16} {:<17} {:<22} {duration:>7}  {}{messages}",
        text("stage"),
        text("user_id"),
        text("tool"),
        text("status"),
        text("channel_id")
    )
}

/// Text of callers on a terminal: no control characters.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{FFFD}'
            } else {
                letter
            }
        })
        .collect()
}

fn replaced(file: &File, path: &Path) -> bool {
    let open = file.metadata().map(|found| (found.dev(), found.ino()));
    let now = std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((open, now), (Ok(open), Ok(now)) if open != now)
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "an RFC 3339 time such as 2026-11-02T09:00:00Z".into())
}
