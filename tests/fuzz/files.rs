//! Trails in a file, and what the writer makes of them.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use discord_mcp_server::audit::chain::{self, GENESIS, Link};
use discord_mcp_server::audit::verify::Verifier;
use discord_mcp_server::audit::{Audit, Content, ContentPolicy, Outcome, Subject, Touched};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("audit.log"));
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// A trail of these pieces, a line each. The first byte of a piece says what becomes of it: sealed in
/// its place (`+`), or without its newline (`-`), or with a number of its own (`#7:`), or left as it
/// is (`=`), or without a newline (anything else).
pub fn of(pieces: &[u8]) -> Vec<u8> {
    let (mut trail, mut seq, mut head) = (Vec::new(), 0_u64, GENESIS.to_owned());
    for piece in pieces.split(|&byte| byte == b'\n') {
        let Some((how, mut text)) = piece.split_first() else {
            continue;
        };
        if *how == b'#' {
            let at = text.iter().position(|&byte| byte == b':').unwrap_or(0);
            let number = str::from_utf8(&text[..at]).unwrap_or_default();
            (seq, text) = (
                number.parse().unwrap_or(seq),
                text.get(at + 1..).unwrap_or_default(),
            );
        } else if matches!(how, b'+' | b'-') {
            seq = seq.wrapping_add(1);
        } else {
            trail.extend_from_slice(text);
            trail.extend((*how == b'=').then_some(b'\n'));
            continue;
        }
        let sealed = chain::seal(seq, &head, &[&b"{"[..], text, b"}"].concat());
        let length = sealed.line.len() - usize::from(*how == b'-');
        trail.extend_from_slice(&sealed.line[..length]);
        head = sealed.hash;
    }
    trail
}

/// A start leaves whole lines as they are, adds to a good trail what keeps it good, and leaves
/// nothing for the next start to mend.
pub fn survives_a_start(before: &[u8]) {
    fs::write(&*FILE, before).unwrap();
    let started = open().is_ok();
    let mended = read();
    let newline = before.iter().rposition(|&byte| byte == b'\n');
    let (whole, torn) = before.split_at(newline.map_or(0, |at| at + 1));
    let kept = match chain::open(torn) {
        Some(_) => [before, b"\n"].concat(),
        None => whole.to_vec(),
    };
    assert!(mended.starts_with(&kept) || !started && mended == before);
    if !started || mended.is_empty() {
        return;
    }
    assert_eq!(verify(&kept), verify(&mended));

    let head = last(&mended);
    assert_eq!(open().is_ok(), head.seq < u64::MAX);
    if head.seq < u64::MAX {
        let again = read();
        let checkpoint = last(again.strip_prefix(&*mended).unwrap());
        assert_eq!((checkpoint.seq, checkpoint.prev), (head.seq + 1, head.hash));
    }
}

/// The seal of the last line, which ends.
fn last(trail: &[u8]) -> Link {
    let line = trail.strip_suffix(b"\n").unwrap();
    chain::open(line.rsplit(|&byte| byte == b'\n').next().unwrap()).unwrap()
}

/// What is recorded is one line for every reader of text, says what it was given, and is ended by
/// the next start where its outcome is missing.
pub fn keeps(subject: Subject, params: &Value, ends: bool) {
    fs::write(&*FILE, "").unwrap();
    let outcome = Outcome {
        success: true,
        status: "ok",
        duration_ms: 1,
        requests: 0,
        touched: Touched::default(),
    };
    let trail = open().unwrap();
    let call = trail.prepare(subject, params.as_object());
    RUNTIME.block_on(trail.intent(&call)).unwrap();
    if ends {
        RUNTIME.block_on(trail.outcome(&call, &outcome)).unwrap();
    }
    drop(trail);
    open().unwrap();
    assert!(verify(&read()));
    let text = String::from_utf8(read()).unwrap();
    let breaks = |letter: char| {
        letter != '\n' && letter.is_control()
            || "\u{2028}\u{2029}\u{202e}\u{200b}\u{feff}".contains(letter)
    };
    assert!(!text.contains(breaks));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in &lines[..2] {
        assert_eq!(line["call_id"], call.subject.call_id);
        assert_eq!(line["user_id"], call.subject.user_id);
    }
    // As text and back: a number may change its last digit on the way.
    let params = params.as_object().map_or(Value::Null, |_| params.clone());
    let params: Value = serde_json::from_str(&params.to_string()).unwrap();
    assert_eq!(lines[0]["params"], params);
    assert_eq!(lines[1]["status"], if ends { "ok" } else { "unknown" });
    assert_eq!(lines[2]["pending"], Value::Array(Vec::new()));
}

fn open() -> std::io::Result<Audit> {
    Audit::open(&FILE, false, Content::new(ContentPolicy::Full, None))
}

fn read() -> Vec<u8> {
    fs::read(&*FILE).unwrap()
}

fn verify(trail: &[u8]) -> bool {
    let mut verifier = Verifier::default();
    let verdict = verifier.read(0, trail, |_| ()).unwrap();
    assert!(verifier.bytes <= trail.len() as u64);
    verdict.is_ok()
}
