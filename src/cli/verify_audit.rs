//! `verify-audit`: is the trail as it was written?

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{FOUND, USAGE, say};
use crate::audit::verify::Verifier;

/// After how many bytes a terminal is shown the progress.
const PROGRESS_BYTES: u64 = 16 << 20;

#[derive(Args)]
pub(super) struct VerifyAudit {
    /// The hash that the last line must have, as the server log or an earlier run showed it
    #[arg(long, value_name = "HASH")]
    expect_head: Option<String>,
    /// The files of the trail, oldest first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Exit 0: intact; 1: broken, with the first place; 2: a file cannot be read.
pub(super) fn run(args: &VerifyAudit) -> ExitCode {
    let mut verifier = Verifier::default();
    let terminal = std::io::stderr().is_terminal();
    for (at, path) in args.files.iter().enumerate() {
        let mut shown = 0;
        let progress = |bytes: u64| {
            if terminal && bytes >= shown + PROGRESS_BYTES {
                shown = bytes;
                say(
                    std::io::stderr(),
                    &format!("\r{}: {} MiB read", path.display(), bytes >> 20),
                );
            }
        };
        let read = File::open(path)
            .and_then(|file| verifier.read(at, BufReader::with_capacity(1 << 20, file), progress));
        if terminal && verifier.bytes >= PROGRESS_BYTES {
            say(std::io::stderr(), "\n");
        }
        match read {
            Err(error) => {
                say(
                    std::io::stderr(),
                    &format!("error: {} cannot be read: {error}\n", path.display()),
                );
                return ExitCode::from(USAGE);
            }
            Ok(Err(broken)) => {
                say(
                    std::io::stdout(),
                    &format!(
                        "BROKEN: {} line {} {}\n{} lines before it are intact, up to head {}\n",
                        path.display(),
                        broken.line,
                        broken.problem,
                        verifier.lines,
                        verifier.head()
                    ),
                );
                return ExitCode::from(FOUND);
            }
            Ok(Ok(())) => {}
        }
    }
    let head = verifier.head().to_owned();
    if args
        .expect_head
        .as_ref()
        .is_some_and(|expected| !expected.eq_ignore_ascii_case(&head))
    {
        say(
            std::io::stdout(),
            &format!(
                "BROKEN: the lines fit each other, but the head is {head}\nThe trail was cut off, goes on, or was made anew since the expected head was noted.\n"
            ),
        );
        return ExitCode::from(FOUND);
    }
    let numbers = match (verifier.first, &verifier.last) {
        (Some(first), Some((last, _))) => format!(", numbers {first} to {last}"),
        _ => String::new(),
    };
    let beginning = match verifier.first {
        Some(first) if first > 1 => format!(
            "The beginning is missing: lines 1 to {} are in older files or gone.\n",
            first - 1
        ),
        _ => String::new(),
    };
    let cut = if args.expect_head.is_some() {
        "The head is the expected one."
    } else {
        "Lines that were cut off at the end show only against a head that was kept elsewhere: note this one, and pass it as --expect-head."
    };
    say(
        std::io::stdout(),
        &format!(
            "INTACT: {} lines{numbers}\nhead {head}\n{beginning}{cut}\n",
            verifier.lines
        ),
    );
    ExitCode::SUCCESS
}
