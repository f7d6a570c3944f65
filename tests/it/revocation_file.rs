//! The file of the deny list: every change of it counts for the next call, what is damaged, cut short
//! or gone gives nothing back, and no server starts on what it cannot read.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::revocation::{Listed, rfc3339};
use crate::support::discord::StandIn;
use crate::support::process::{Process, run};
use crate::support::{App, tokens, until};

/// Each line counts for the very next call, however soon that comes.
#[tokio::test]
async fn no_change_of_the_file_is_too_quick_or_too_quiet_to_be_seen() {
    let listed = Listed::start("").await;
    for number in 0..40 {
        let jti = format!("jti-{number:02}");
        assert!(listed.takes(json!({"jti": jti})).await);
        listed.append(&json!({"jti": jti}));
        assert!(!listed.takes(json!({"jti": jti})).await, "{jti}");
    }
    // Another file of the same length and time in its place, as a tool that syncs files puts it.
    let then = SystemTime::now() - Duration::from_secs(60);
    for number in 10..30 {
        let jti = format!("new-{number}");
        let fresh = listed.list.with_extension("fresh");
        fs::write(&fresh, format!("{}\n", json!({"jti": jti}))).unwrap();
        let file = fs::File::options().write(true).open(&fresh).unwrap();
        file.set_modified(then).unwrap();
        fs::rename(&fresh, &listed.list).unwrap();
        assert!(!listed.takes(json!({"jti": jti})).await, "{jti}");
    }
}

#[tokio::test]
async fn a_file_that_vanishes_gives_nothing_back() {
    let listed = Listed::start(&format!("{}\n", json!({"jti": "one"}))).await;
    let user = json!({"sub": "someone", "iat": tokens::now() - 10});
    assert!(listed.takes(user.clone()).await);
    listed.append(&json!({"sub": "someone", "issued_before": rfc3339(tokens::now())}));
    assert!(!listed.takes(user.clone()).await);
    fs::remove_file(&listed.list).unwrap();
    for _ in 0..2 {
        assert!(!listed.takes(json!({"jti": "one"})).await);
        assert!(!listed.takes(user.clone()).await);
        assert!(listed.takes(json!({"jti": "two"})).await);
    }
    // What is revoked from then on is revoked besides.
    listed.append(&json!({"jti": "two"}));
    assert!(!listed.takes(json!({"jti": "two"})).await);
    assert!(!listed.takes(json!({"jti": "one"})).await);
    assert!(!listed.takes(user).await);
}

/// Editors that write in place empty a file first, and a wrong redirection leaves it so.
#[tokio::test]
async fn a_list_that_is_cut_short_gives_nothing_back() {
    let lines = ["one", "two"].map(|jti| format!("{}\n", json!({"jti": jti})));
    let listed = Listed::start(&lines.concat()).await;
    for rest in [&*lines[0], ""] {
        fs::write(&listed.list, rest).unwrap();
        for jti in ["one", "two"] {
            assert!(!listed.takes(json!({"jti": jti})).await, "{jti} {rest:?}");
        }
    }
}

/// Nothing on its way into the list may be lost, and nothing in it either.
const UNREADABLE: [&str; 15] = [
    "nonsense",
    "{\"jti\":\"thr",
    "{}",
    "[]",
    "null",
    "\"three\"",
    "[\"three\"]",
    "{\"jti\":7}",
    "{\"jti\":[\"three\"]}",
    "{\"JTI\":\"three\"}",
    "{\"sub\":\"tester\"}",
    "{\"sub\":\"tester\",\"issued_before\":\"yesterday\"}",
    "{\"sub\":\"tester\",\"issued_before\":1700000000}",
    "{\"issued_before\":\"2026-01-01T00:00:00Z\"}",
    "{\"jti\":\"three\",\"sub\":\"tester\",\"issued_before\":\"2026-01-01T00:00:00Z\"}",
];

#[tokio::test]
async fn a_line_that_cannot_be_read_takes_nothing_from_the_others() {
    for line in UNREADABLE {
        let listed = Listed::start(&format!("{}\n", json!({"jti": "one"}))).await;
        assert!(!listed.takes(json!({"jti": "one"})).await);
        // In its place, so that what was revoked before is no longer in the file.
        let lines = format!("{line}\n{}\n", json!({"jti": "two"}));
        fs::write(&listed.list, lines).unwrap();
        for jti in ["one", "two"] {
            assert!(!listed.takes(json!({"jti": jti})).await, "{jti} {line}");
        }
        assert!(listed.takes(json!({"jti": "four"})).await, "{line}");
        listed.append(&json!({"jti": "five"}));
        for jti in ["one", "two", "five"] {
            assert!(!listed.takes(json!({"jti": jti})).await, "{jti} {line}");
        }
    }
}

#[test]
fn nothing_starts_on_a_list_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let (list, token) = (dir.path().join("revoked.jsonl"), tokens::token());
    for line in UNREADABLE {
        fs::write(&list, format!("{}\n\n{line}\n", json!({"jti": "one"}))).unwrap();
        for command in ["serve", "stdio"] {
            let variables = [("BIND_ADDR", "127.0.0.1:0"), ("DISCORD_MCP_TOKEN", &*token)];
            let ended = run(dir.path(), &variables, &[command]);
            let expected =
                "error: REVOKED_TOKENS=\"revoked.jsonl\" cannot be used: line 3 is no revocation\n";
            let last = ended.stderr.lines().last().map(|line| format!("{line}\n"));
            assert_eq!(
                (ended.code, last.as_deref()),
                (Some(2), Some(expected)),
                "{line}"
            );
        }
    }
    fs::remove_file(&list).unwrap();
    fs::create_dir(&list).unwrap();
    let ended = run(dir.path(), &[("BIND_ADDR", "127.0.0.1:0")], &["serve"]);
    let expected = "error: REVOKED_TOKENS=\"revoked.jsonl\" cannot be used: ";
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_says_in_its_log_what_it_cannot_read_and_whom_it_refuses() {
    let discord = StandIn::start().await;
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let server = Process::start(dir.path(), &[("DISCORD_API_BASE", &discord.base())]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = dir.path().join("revoked.jsonl");
    let status = || async {
        let request = client.get(format!("{}/mcp/v1/tools", server.url));
        let request = request.bearer_auth(tokens::token());
        App::answer(request).await.status
    };
    assert_eq!(status().await, 200);
    fs::write(&list, "{\"jti\":\"other\"}\nnonsense\n").unwrap();
    assert_eq!(status().await, 200);
    until("the line is named", || server.output().contains("line 2")).await;
    let revoked = run(dir.path(), &[], &["revoke", "--jti", "jti-of-the-test"]);
    assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
    assert_eq!(status().await, 401);
    fs::remove_file(&list).unwrap();
    assert_eq!(status().await, 401);
    // Said once for each state of the file and not once for each call.
    assert_eq!(status().await, 401);
    let (ended, output) = server.stop();
    assert!(ended.success());
    let errors: Vec<_> = output
        .lines()
        .filter(|line| line.contains("ERROR"))
        .collect();
    assert_eq!(errors.len(), 3, "{output}");
    for error in errors {
        assert!(error.contains("revoked.jsonl"), "{error}");
    }
    assert!(!output.contains(&tokens::token()[40..80]), "{output}");
}
