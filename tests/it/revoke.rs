//! The command `revoke`: what it writes, what it says, when it returns, and that no line of several
//! at once is lost.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::process::{Finished, binary, run};
use crate::support::{App, tokens};

const LIST: &str = "revoked.jsonl";

fn lines(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join(LIST)).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn revoke(dir: &Path, arguments: &[&str]) -> Finished {
    run(dir, &[], &[&["revoke"], arguments].concat())
}

#[track_caller]
fn seconds(time: &Value) -> u64 {
    let time = OffsetDateTime::parse(time.as_str().unwrap(), &Rfc3339).unwrap();
    time.unix_timestamp().try_into().unwrap()
}

/// Takes the time of the revocation away, after a look at it.
fn settled(mut line: Value) -> Value {
    let at = line.as_object_mut().unwrap().remove("revoked_at").unwrap();
    assert!(tokens::now().abs_diff(seconds(&at)) < 60, "{at}");
    line
}

#[test]
fn a_token_is_revoked_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let id = "01996b1e-7c1f-7000-8000-00000000abcd";
    let told = revoke(dir.path(), &["--jti", id]);
    assert_eq!((told.code, &*told.stdout), (Some(0), ""), "{}", told.stderr);
    assert!(told.stderr.contains(id), "{}", told.stderr);
    let written = lines(dir.path()).into_iter().map(settled);
    assert_eq!(written.collect::<Vec<_>>(), [json!({"jti": id})]);
    // It needs no keys, and makes none.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_user_is_revoked_up_to_a_given_time_as_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    for time in ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00.25+01:00"] {
        let arguments = ["--sub", "Zoë \"the\" agent", "--issued-before", time];
        let told = revoke(dir.path(), &arguments);
        assert_eq!((told.code, &*told.stdout), (Some(0), ""), "{}", told.stderr);
        assert!(told.stderr.contains("Zoë"), "{}", told.stderr);
        let written = settled(lines(dir.path()).pop().unwrap());
        assert_eq!(written["sub"], "Zoë \"the\" agent");
        let before = OffsetDateTime::parse(written["issued_before"].as_str().unwrap(), &Rfc3339);
        let given = OffsetDateTime::parse(time, &Rfc3339).unwrap();
        let early = before.unwrap() - given;
        // To the whole second that follows at the most.
        assert!((0.0..1.0).contains(&early.as_seconds_f64()), "{written}");
        assert_eq!(written.as_object().unwrap().len(), 2);
    }
}

/// Without a time it is now: all that there is, and nothing that comes.
#[tokio::test]
async fn a_token_minted_after_the_command_returned_is_good_and_one_from_before_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join(LIST);
    let app = App::with(&[("REVOKED_TOKENS", list.to_str().unwrap())]).await;
    let takes = |token: String| async {
        let token = token;
        app.get("/mcp/v1/tools", Some(&token)).await.status
    };
    for round in 1..=3 {
        let old = tokens::token();
        assert_eq!(takes(old.clone()).await, 200);
        let (began, started) = (tokens::now(), Instant::now());
        let told = revoke(dir.path(), &["--sub", "tester"]);
        assert_eq!((told.code, &*told.stdout), (Some(0), ""), "{}", told.stderr);
        assert!(started.elapsed().as_secs_f64() < 3.0);
        let new = tokens::token();
        assert_eq!(takes(new).await, 200, "minted after it returned");
        assert_eq!(takes(old).await, 401, "minted before it began");
        let written = lines(dir.path());
        assert_eq!(written.len(), round);
        let last = written.last().unwrap();
        let before = seconds(&last["issued_before"]);
        assert!(before > began && before <= tokens::now(), "{last}");
        let whole = last["issued_before"].as_str().unwrap();
        assert_eq!(whole.len(), "2026-11-22T10:00:00Z".len(), "{whole}");
    }
}

#[test]
fn what_it_does_not_understand_revokes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(257);
    let time = "2026-01-01T00:00:00Z";
    let rows: &[&[&str]] = &[
        &[],
        &["--jti"],
        &["--sub"],
        &["--jti", "a", "--sub", "b"],
        &["--jti", "a", "--issued-before", time],
        &["--issued-before", time],
        &["--jti", ""],
        &["--sub", ""],
        &["--jti", &long],
        &["--sub", &long],
        &["--sub", "b", "--issued-before", ""],
        &["--sub", "b", "--issued-before", "yesterday"],
        &["--sub", "b", "--issued-before", "2026-01-01"],
        &["--sub", "b", "--issued-before", "2026-01-01T00:00:00"],
        &["--sub", "b", "--issued-before", "2026-13-01T00:00:00Z"],
        &["--sub", "b", "--issued-before", "1767225600"],
        &["a"],
        &["--jti", "a", "b"],
    ];
    for arguments in rows {
        let told = revoke(dir.path(), arguments);
        assert_eq!((told.code, &*told.stdout), (Some(2), ""), "{arguments:?}");
        assert!(told.stderr.starts_with("error: "), "{}", told.stderr);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "{arguments:?}"
        );
    }
    // The longest there can be is in.
    assert_eq!(revoke(dir.path(), &["--jti", &long[1..]]).code, Some(0));
}

#[test]
fn a_list_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(LIST)).unwrap();
    for path in [LIST, "no-such-folder/revoked.jsonl", "/dev/full"] {
        let variables = [("REVOKED_TOKENS", path)];
        let told = run(dir.path(), &variables, &["revoke", "--jti", "a"]);
        assert_eq!((told.code, &*told.stdout), (Some(2), ""), "{}", told.stderr);
        assert!(told.stderr.starts_with("error: "), "{}", told.stderr);
        assert!(told.stderr.contains(path), "{}", told.stderr);
        assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    }
}

#[test]
fn a_last_line_without_its_end_swallows_no_other() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(LIST), "{\"jti\":\"by hand\"}").unwrap();
    for id in ["a", "b"] {
        assert_eq!(revoke(dir.path(), &["--jti", id]).code, Some(0));
    }
    let ids = lines(dir.path());
    let ids: Vec<_> = ids
        .iter()
        .map(|line| line["jti"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["by hand", "a", "b"]);
}

#[test]
fn of_many_at_once_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let id = |at: usize| format!("{at:03}-{}", "x".repeat(200));
    let running: Vec<_> = (0..40)
        .map(|at| {
            binary(dir.path(), &[])
                .args(["revoke", "--jti", &id(at)])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    // One that looks while another writes may put a line's end too many, which is no line.
    let text = fs::read_to_string(dir.path().join(LIST)).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ids: Vec<_> = lines
        .map(|line| line["jti"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert_eq!(ids, (0..40).map(id).collect::<Vec<_>>());
}
