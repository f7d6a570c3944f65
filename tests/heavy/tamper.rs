//! A trail of a thousand lines that is tampered with in every line, in six ways: each is found, and
//! found at the right line.
//!
//! The right line is the first that no longer follows from all that stands before it, by its place
//! in the file that was tampered with:
//!
//! | done to line n | found at |
//! |---|---|
//! | a bit flipped | n; a newline that is no newline any more joins n with the next, still at n |
//! | deleted | n, where n+1 now stands, told as a gap of one line |
//! | swapped with the next | n, where n+1 now stands, told as a gap of one line |
//! | doubled | n+1, where the copy stands, told as a repetition of number n |
//! | moved to another place | where the gap is, or where it stands now, whichever comes first |
//! | edited, and sealed anew | n+1, which names the hash of the line as it was |
//!
//! Three cases cannot be seen in the lines alone, because a trail may begin with any line (older
//! files may be kept elsewhere) and end with any line. A first line that is missing shows as a trail
//! that begins with number 2; where the second line stands first, the line after it is the first
//! that does not follow. An end that is missing, or was sealed anew, shows against the head.

use std::io::Cursor;
use std::time::Instant;

use discord_mcp_server::audit::chain;
use discord_mcp_server::audit::verify::{Problem, Verifier};
use discord_mcp_server::audit::{Audit, Content, ContentPolicy, Outcome, Subject, Touched};
use serde_json::json;

use crate::chance::Chance;
use crate::support::discord::seed::GENERAL;
use crate::support::process::binary;

const LINES: usize = 1000;

/// A trail of five hundred calls, as the server writes it.
async fn trail() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    let audit = Audit::open(&log, false, Content::new(ContentPolicy::Full, None)).unwrap();
    for at in 0..LINES / 2 {
        let text = format!("call {at} \"says\"\n{}\u{2028}", "so ".repeat(at % 40));
        let params = json!({"channel_id": GENERAL, "message": text});
        let subject = Subject {
            call_id: format!("call-{at}"),
            request_id: format!("request-{at}"),
            door: ["rest", "mcp"][at % 2],
            user_id: format!("user {}", at % 7),
            jti: None,
            client: Some([127, 0, 0, 1].into()),
            tool: Some("send_message".into()),
        };
        let call = audit.prepare(subject, params.as_object());
        let outcome = Outcome {
            success: at % 3 > 0,
            status: ["discord_error", "ok", "ok"][at % 3],
            requests: 1,
            duration_ms: at as u64,
            touched: Touched::default(),
        };
        audit.intent(&call).await.unwrap();
        audit.outcome(&call, &outcome).await.unwrap();
    }
    let bytes = std::fs::read(&log).unwrap();
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

/// What a verification of one file found.
struct Found {
    broken: Option<(usize, Problem)>,
    first: Option<u64>,
    head: String,
}

fn verify(file: &[Vec<u8>]) -> Found {
    let mut verifier = Verifier::default();
    let read = verifier
        .read(0, Cursor::new(file.concat()), |_| {})
        .unwrap();
    let broken = read.err().map(|broken| {
        assert_eq!(broken.file, 0);
        (usize::try_from(broken.line).unwrap(), broken.problem)
    });
    Found {
        broken,
        first: verifier.first,
        head: verifier.head().to_owned(),
    }
}

/// The file was tampered with; the verification must say this.
#[track_caller]
fn assert_found(done: &str, line: usize, file: &[Vec<u8>], at: usize, problem: Problem) {
    let found = verify(file).broken;
    assert_eq!(found, Some((at, problem)), "{done} {line}");
}

fn repeated(seq: usize) -> Problem {
    Problem::Repeated { seq: seq as u64 }
}

const GAP: Problem = Problem::Missing { lines: 1 };

#[tokio::test]
async fn every_line_that_was_tampered_with_is_found_at_its_place() {
    if !crate::wanted() {
        return;
    }
    let began = Instant::now();
    let mut chance = Chance::of("tamper");
    let lines = trail().await;
    assert_eq!(lines.len(), LINES);
    let whole = verify(&lines);
    assert_eq!((whole.broken, whole.first), (None, Some(1)));

    // Lines are counted from 1, as the verification does.
    for line in 1..=LINES {
        let here = line - 1;

        let mut flipped = lines.clone();
        let (byte, bit) = (chance.below(flipped[here].len()), chance.below(8));
        flipped[here][byte] ^= 1 << bit;
        let cut = line == LINES && byte == flipped[here].len() - 1;
        let problem = if cut {
            Problem::Unfinished
        } else {
            Problem::Edited
        };
        assert_found("flipped", line, &flipped, line, problem);

        let mut deleted = lines.clone();
        deleted.remove(here);
        match line {
            1 => {
                let found = verify(&deleted);
                assert_eq!((found.broken, found.first), (None, Some(2)), "deleted 1");
            }
            LINES => {
                let found = verify(&deleted);
                assert_eq!(found.broken, None);
                assert_ne!(found.head, whole.head, "deleted {line}");
            }
            _ => assert_found("deleted", line, &deleted, line, GAP),
        }

        let mut swapped = lines.clone();
        swapped.swap(here, line % LINES);
        match line {
            1 => assert_found("swapped", line, &swapped, 2, repeated(1)),
            // The last one's next is the first: it stands there now, and all others before it.
            LINES => assert_found("swapped", line, &swapped, 2, repeated(2)),
            _ => assert_found("swapped", line, &swapped, line, GAP),
        }

        let mut doubled = lines.clone();
        doubled.insert(line, lines[here].clone());
        assert_found("doubled", line, &doubled, line + 1, repeated(line));

        let mut moved = lines.clone();
        let taken = moved.remove(here);
        let to = (here + 2 + chance.below(LINES - 2)) % LINES;
        moved.insert(to, taken);
        match (here, to) {
            // Forwards: the gap comes first. A gap at the very beginning is none.
            (0, to) => assert_found("moved", line, &moved, to + 1, repeated(1)),
            (here, to) if to > here => assert_found("moved", line, &moved, line, GAP),
            // To the very beginning: what follows is older.
            (_, 0) => assert_found("moved", line, &moved, 2, repeated(1)),
            (here, to) => {
                let lines = (here - to) as u64;
                assert_found("moved", line, &moved, to + 1, Problem::Missing { lines });
            }
        }

        let mut forged = lines.clone();
        forged[here] = sealed_anew(&lines[here]);
        if line == LINES {
            let found = verify(&forged);
            assert_eq!(found.broken, None);
            assert_ne!(found.head, whole.head, "forged {line}");
        } else {
            assert_found("forged", line, &forged, line + 1, Problem::Forged);
        }
    }
    println!(
        "tamper: {LINES} lines, each flipped, deleted, swapped, doubled, moved and forged: {} of {} \
         found, each at its line, in {:.1?}",
        6 * LINES,
        6 * LINES,
        began.elapsed()
    );
}

/// The line with another user in it, as someone makes it who knows how lines are sealed.
fn sealed_anew(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap();
    let link = chain::open(line).unwrap();
    let text = std::str::from_utf8(line).unwrap();
    let start = text.find("\"ts\"").unwrap();
    let end = text.rfind(",\"hash\":").unwrap();
    let record = format!("{{{}}}", &text[start..end]);
    let again = chain::seal(link.seq, &link.prev, record.as_bytes());
    assert_eq!(again.hash, link.hash, "the record was found in the line");
    let edited = record.replace("\"user_id\":\"user ", "\"user_id\":\"someone else ");
    assert_ne!(edited, record);
    chain::seal(link.seq, &link.prev, edited.as_bytes()).line
}

#[tokio::test]
async fn the_command_says_the_same_in_words() {
    if !crate::wanted() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    let lines = trail().await;
    let head = verify(&lines).head;
    let say = |file: &[Vec<u8>], arguments: &[&str]| {
        std::fs::write(&log, file.concat()).unwrap();
        let said = binary(dir.path(), &[])
            .arg("verify-audit")
            .args(arguments)
            .arg("audit.log")
            .output()
            .unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        (said.status.code().unwrap(), text)
    };
    let expecting = ["--expect-head", head.as_str()];

    let (code, text) = say(&lines, &expecting);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.starts_with("INTACT: 1000 lines, numbers 1 to 1000\n"),
        "{text}"
    );

    let mut edited = lines.clone();
    edited[499][200] ^= 1;
    let (code, text) = say(&edited, &[]);
    let expected = "BROKEN: audit.log line 500 was edited, or was never a line of this trail\n";
    assert!(code == 1 && text.starts_with(expected), "{code} {text}");

    let mut deleted = lines.clone();
    deleted.remove(499);
    let (code, text) = say(&deleted, &[]);
    let expected = "BROKEN: audit.log line 500 follows a gap: a line before it is missing";
    assert!(code == 1 && text.starts_with(expected), "{code} {text}");

    // The end is cut off: only the head tells, and the command says so.
    let (code, text) = say(&lines[..999], &[]);
    assert!(code == 0 && text.contains("--expect-head"), "{code} {text}");
    let (code, text) = say(&lines[..999], &expecting);
    assert!(code == 1 && text.starts_with("BROKEN: "), "{code} {text}");

    // The beginning is cut off, which the head does not tell: the command must say in words that
    // lines from number 1 on are not among those it read.
    let (_, text) = say(&lines[1..], &expecting);
    assert!(text.contains("numbers 2 to 1000"), "{text}");
    let missing = text.lines().any(|line| {
        !line.starts_with("INTACT") && (line.contains("begin") || line.contains("before"))
    });
    assert!(missing, "nothing is said of the missing beginning: {text}");
}
