//! The trail as a whole: one chain, mended at start, in the file that stands at its path.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use discord_mcp_server::audit::chain::{self, GENESIS};
use discord_mcp_server::audit::verify::Verifier;
use discord_mcp_server::audit::{Outcome, Subject, Touched};
use discord_mcp_server::auth::Keys;
use serde_json::{Value, json};

use crate::support::discord::seed::{GENERAL, QUIET};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::process::{Process, binary};
use crate::support::{App, tokens, until};

fn read() -> Value {
    json!({"channel_id": GENERAL})
}

fn send() -> Value {
    json!({"channel_id": GENERAL, "message": "hello"})
}

/// Every line of a file, of calls or not.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Verifies files as one trail; the number of lines.
#[track_caller]
fn intact(paths: &[&Path]) -> u64 {
    let mut verifier = Verifier::default();
    for (at, path) in paths.iter().enumerate() {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        verifier.read(at, file, |_| {}).unwrap().unwrap();
    }
    verifier.lines
}

/// A trail of these records, as an earlier run would have left it.
fn trail(records: &[Value]) -> String {
    let (mut text, mut head) = (String::new(), GENESIS.to_owned());
    for (at, record) in records.iter().enumerate() {
        let sealed = chain::seal(at as u64 + 1, &head, record.to_string().as_bytes());
        text += std::str::from_utf8(&sealed.line).unwrap();
        head = sealed.hash;
    }
    text
}

fn intent(call: &str) -> Value {
    json!({
        "ts": "2026-11-22T10:00:00.000000Z", "stage": "intent", "call_id": call, "request_id": "r-1",
        "door": "mcp", "user_id": "alice", "jti": "j-1", "client": null, "tool": "send_message",
        "params": {"channel_id": GENERAL},
    })
}

async fn on(path: &Path, variables: &[(&str, &str)]) -> App {
    let mut all = vec![("AUDIT_LOG", path.to_str().unwrap())];
    all.extend(variables);
    App::with(&all).await
}

#[tokio::test]
async fn every_line_is_chained_to_the_one_before_and_the_chain_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    for _ in 0..2 {
        let app = on(&log, &[]).await;
        app.invoke("send_message", send()).await.result();
        app.invoke("get_messages", json!({})).await;
        app.stop().await;
    }
    let all = lines(&log);
    let stages: Vec<_> = all
        .iter()
        .map(|line| line["stage"].as_str().unwrap())
        .collect();
    assert_eq!(
        stages,
        [
            "intent",
            "outcome",
            "outcome",
            "checkpoint",
            "intent",
            "outcome",
            "outcome"
        ]
    );
    assert_eq!(all[0]["prev"], GENESIS);
    for (at, pair) in all.windows(2).enumerate() {
        assert_eq!(pair[1]["prev"], pair[0]["hash"]);
        assert_eq!(pair[1]["seq"], at + 2);
    }
    assert_eq!(intact(&[&log]), 7);
}

#[tokio::test]
async fn a_call_that_a_stop_cut_off_ends_as_unknown_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    let done =
        json!({"ts": "t", "stage": "outcome", "call_id": "c-1", "success": true, "status": "ok"});
    std::fs::write(&log, trail(&[intent("c-1"), intent("c-2"), done])).unwrap();
    let app = on(&log, &[]).await;
    let mut last = app.audit().pop().unwrap();
    assert!(last.as_object_mut().unwrap().remove("ts").is_some());
    let expected = json!({
        "stage": "outcome", "call_id": "c-2", "request_id": "r-1", "door": "mcp", "user_id": "alice",
        "jti": "j-1", "tool": "send_message", "success": false, "status": "unknown",
    });
    assert_eq!(last, expected);
    assert_eq!(app.audit().len(), 4);
    assert_eq!(intact(&[&log]), 5);
}

/// A checkpoint comes every 4 MiB, and may come after any line of a call.
#[tokio::test]
async fn a_checkpoint_anywhere_in_a_call_neither_forgets_it_nor_ends_it_twice() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = Outcome {
        success: true,
        status: "ok",
        duration_ms: 1,
        requests: 0,
        touched: Touched::default(),
    };
    for count in 28..40 {
        let log = dir.path().join(format!("{count}.log"));
        let audit = App::audit_alone(&log);
        for at in 0..count {
            let subject = Subject {
                call_id: format!("call-{}", at / 2),
                request_id: "r".into(),
                door: "rest",
                user_id: "alice".into(),
                jti: None,
                client: None,
                tool: None,
            };
            let params = json!({"message": "x".repeat(128 << 10)});
            let call = audit.prepare(subject, params.as_object());
            match at % 2 {
                0 => audit.intent(&call).await.unwrap(),
                _ => audit.outcome(&call, &outcome).await.unwrap(),
            }
        }
        drop(audit);
        drop(App::audit_alone(&log));
        let all = lines(&log);
        let is = |line: &&Value, name: &str, value: &str| line[name] == value;
        for call in (0..count).step_by(2).map(|at| format!("call-{}", at / 2)) {
            let of_call = || all.iter().filter(|line| is(line, "call_id", &call));
            let ends = of_call()
                .filter(|line| is(line, "stage", "outcome"))
                .count();
            assert_eq!(ends, 1, "{call} of {count} lines");
        }
        let unknown = all
            .iter()
            .filter(|line| is(line, "status", "unknown"))
            .count();
        assert_eq!(unknown, count % 2, "{count} lines");
        assert!(
            count < 36
                || all
                    .iter()
                    .filter(|line| is(line, "stage", "checkpoint"))
                    .count()
                    == 2
        );
    }
}

#[tokio::test]
async fn a_torn_last_line_is_taken_off_and_said_and_never_merged_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    let whole = trail(&[intent("c-1")]);
    let line = whole.trim_end();
    for torn in 1..line.len() {
        // The second line is cut anywhere, down to its first byte.
        std::fs::write(&log, format!("{whole}{}", &line[..torn])).unwrap();
        let audit = App::audit_alone(&log);
        audit.tell_head().await;
        drop(audit);
        let all = lines(&log);
        assert_eq!(all.len(), 3, "{torn}");
        assert_eq!(
            (&all[1]["status"], &all[2]["stage"]),
            (&json!("unknown"), &json!("checkpoint"))
        );
        assert_eq!(all[2]["torn_bytes"], torn);
        assert_eq!(intact(&[&log]), 3);
    }
}

#[tokio::test]
async fn a_last_line_that_lacks_its_newline_alone_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    let done =
        json!({"ts": "t", "stage": "outcome", "call_id": "c-1", "success": true, "status": "ok"});
    std::fs::write(&log, trail(&[intent("c-1"), done]).trim_end()).unwrap();
    drop(App::audit_alone(&log));
    let all = lines(&log);
    assert_eq!(all.len(), 3);
    assert_eq!(
        (&all[1]["status"], all[2].get("torn_bytes")),
        (&json!("ok"), None)
    );
    assert_eq!(intact(&[&log]), 3);
}

#[tokio::test]
async fn one_process_writes_to_a_trail() {
    let app = App::start().await;
    let refused = App::try_audit(&app.audit_log).err().unwrap().to_string();
    assert_eq!(
        refused,
        "another process is writing to it; give each process an AUDIT_LOG of its own"
    );
}

#[tokio::test]
async fn a_removed_folder_stops_calls_until_it_is_back_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("trail");
    std::fs::create_dir(&folder).unwrap();
    let app = on(&folder.join("audit.log"), &[]).await;
    app.invoke("send_message", send()).await.result();
    std::fs::remove_dir_all(&folder).unwrap();
    app.discord.clear_requests();

    let refused = app.invoke("send_message", send()).await;
    assert_eq!((refused.status, refused.code()), (503, "audit_unavailable"));
    assert_eq!(
        refused.message(),
        "The audit log cannot be written; nothing was sent to Discord"
    );
    let withheld = app.invoke("get_messages", read()).await;
    assert_eq!(
        withheld.message(),
        "The audit log cannot be written; the result is withheld"
    );
    assert!(
        app.discord
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
    let unready = app.get("/readyz", None).await;
    assert_eq!(
        (unready.status, unready.body),
        (503, json!({"status": "unavailable", "failing": ["audit"]}))
    );

    std::fs::create_dir(&folder).unwrap();
    assert_eq!(app.get("/readyz", None).await.status, 200);
    app.invoke("send_message", send()).await.result();
    let stages: Vec<_> = lines(&app.audit_log)
        .iter()
        .map(|line| line["stage"].clone())
        .collect();
    assert_eq!(stages, ["checkpoint", "checkpoint", "intent", "outcome"]);
    intact(&[&app.audit_log]);
}

#[tokio::test]
async fn an_outcome_that_could_not_be_written_is_the_first_line_when_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, away) = (dir.path().join("trail"), dir.path().join("away"));
    std::fs::create_dir(&folder).unwrap();
    let app = on(&folder.join("audit.log"), &[]).await;
    app.discord
        .fault(On::Any, 1, Fault::DelayAfter(Duration::from_millis(200)));
    let vanishing = async {
        until("the message is sent", || {
            app.discord
                .requests()
                .iter()
                .any(|request| request.method == "POST")
        })
        .await;
        std::fs::rename(&folder, &away).unwrap();
    };
    let ((), told) = tokio::join!(vanishing, app.invoke("send_message", send()));
    assert_eq!((told.status, told.code()), (503, "audit_unavailable"));
    assert_eq!(
        told.message(),
        "The audit log cannot be written; the change was made"
    );
    assert_eq!(app.get("/readyz", None).await.status, 503);

    std::fs::rename(&away, &folder).unwrap();
    app.invoke("get_messages", read()).await.result();
    app.stop().await;
    drop(App::try_audit(&folder.join("audit.log")).unwrap());
    let all = lines(&folder.join("audit.log"));
    let said: Vec<_> = all
        .iter()
        .map(|line| {
            (
                line["stage"].as_str(),
                line["status"].as_str(),
                line["tool"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (Some("intent"), None, Some("send_message")),
            (Some("outcome"), Some("ok"), Some("send_message")),
            (Some("outcome"), Some("ok"), Some("get_messages")),
            (Some("checkpoint"), None, None),
        ]
    );
    assert_eq!(all[0]["call_id"], all[1]["call_id"]);
    assert_eq!(all[1]["message_ids"].as_array().unwrap().len(), 1);
    intact(&[&folder.join("audit.log")]);
}

#[tokio::test]
async fn a_file_that_was_moved_away_takes_no_more_lines_even_without_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (log, old) = (dir.path().join("audit.log"), dir.path().join("audit.log.1"));
    let app = on(&log, &[]).await;
    app.invoke("get_messages", read()).await.result();
    std::fs::rename(&log, &old).unwrap();
    app.invoke("get_messages", read()).await.result();
    // Some rotation tools put an empty file in its place.
    std::fs::rename(&log, dir.path().join("audit.log.0")).unwrap();
    std::fs::write(&log, "").unwrap();
    app.invoke("get_messages", read()).await.result();
    assert_eq!((lines(&old).len(), lines(&log).len()), (1, 2));
    assert_eq!(intact(&[&old, &dir.path().join("audit.log.0"), &log]), 5);
}

#[tokio::test]
async fn what_people_wrote_is_kept_digested_or_left_out_as_the_operator_wants() {
    let params = json!({"channel_id": QUIET, "message": "a secret plan", "silent": true});
    let none = App::with(&[("AUDIT_CONTENT", "none")]).await;
    none.invoke("send_message", params.clone()).await;
    assert_eq!(
        none.audit()[0]["params"],
        json!({"channel_id": QUIET, "silent": true})
    );
    none.invoke(
        "send_message",
        json!({"mesage": "a plan, misspelt", "a plan": 1}),
    )
    .await;
    assert_eq!(none.audit()[2]["params"], json!({"(a name)": 1}));

    let digest = App::with(&[("AUDIT_CONTENT", "digest")]).await;
    digest.invoke("send_message", params.clone()).await;
    digest
        .invoke(
            "search_messages",
            json!({"channel_id": QUIET, "query": "a secret plan", "mode": "scan"}),
        )
        .await;
    let kept = digest.audit();
    let message = &kept[0]["params"]["message"];
    assert_eq!(message["length"], 13);
    assert_eq!(message["hmac_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        kept[2]["params"]["query"], *message,
        "equal texts are seen to be equal"
    );
    let text = std::fs::read_to_string(&digest.audit_log).unwrap();
    assert!(!text.contains("secret plan"));
}

#[tokio::test]
async fn with_sync_on_concurrent_calls_are_all_recorded() {
    let app = App::with(&[("AUDIT_SYNC", "on")]).await;
    let calls = (0..40).map(|_| app.invoke("get_channel_info", read()));
    for answer in futures_util::future::join_all(calls).await {
        answer.result();
    }
    assert_eq!(app.audit().len(), 40);
    intact(&[&app.audit_log]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hangup_opens_the_log_again_and_strangers_fill_neither_log() {
    let discord = StandIn::start().await;
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let server = Process::start(dir.path(), &[("DISCORD_API_BASE", &discord.base())]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = |bearer: String| {
        let body = json!({"method": "get_messages", "params": read()}).to_string();
        let url = format!("{}/mcp/v1/tools/invoke", server.url);
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .bearer_auth(bearer)
            .body(body);
        App::answer(request)
    };
    let (log, old) = (dir.path().join("audit.log"), dir.path().join("audit.log.1"));
    call(tokens::token()).await.result();
    std::fs::rename(&log, &old).unwrap();
    server.signal("HUP");
    while !log.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for _ in 0..50 {
        assert_eq!(call("no-token".into()).await.status, 401);
    }
    call(tokens::token()).await.result();
    let (status, output) = server.stop();
    assert!(status.success());
    assert_eq!(
        output
            .matches("refused before authentication request_id")
            .count(),
        10,
        "{output}"
    );
    assert_eq!((lines(&old).len(), lines(&log).len()), (1, 2));
    assert_eq!(intact(&[&old, &log]), 3);
    let head = lines(&log).pop().unwrap()["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        output.contains(&format!("head=\"{head}\"")),
        "the head is told at shutdown"
    );
}

/// Runs the binary; its exit code and standard output.
fn run(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = binary(dir, &[]).args(arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn verify_audit_finds_the_first_break_and_knows_what_it_cannot_know() {
    let dir = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..5)
        .map(|at| json!({"stage": "outcome", "call_id": at.to_string()}))
        .collect();
    let text = trail(&records);
    let (log, rest) = (dir.path().join("a.log"), dir.path().join("b.log"));
    let all: Vec<&str> = text.lines().collect();
    std::fs::write(&log, all[..3].join("\n") + "\n").unwrap();
    std::fs::write(&rest, all[3..].join("\n") + "\n").unwrap();
    let head = serde_json::from_str::<Value>(all[4]).unwrap()["hash"]
        .as_str()
        .unwrap()
        .to_owned();

    let kept = "Lines that were cut off at the end show only against a head that was kept elsewhere: note this one, and pass it as --expect-head.";
    let intact = format!("INTACT: 5 lines, numbers 1 to 5\nhead {head}\n{kept}\n");
    assert_eq!(
        run(dir.path(), &["verify-audit", "a.log", "b.log"]),
        (0, intact)
    );
    let expected = run(
        dir.path(),
        &["verify-audit", "--expect-head", &head, "a.log", "b.log"],
    );
    assert_eq!(
        expected,
        (
            0,
            format!(
                "INTACT: 5 lines, numbers 1 to 5\nhead {head}\nThe head is the expected one.\n"
            )
        )
    );
    let cut = run(
        dir.path(),
        &["verify-audit", "--expect-head", &head, "a.log"],
    );
    assert_eq!(cut.0, 1);
    assert!(
        cut.1
            .starts_with("BROKEN: the lines fit each other, but the head is "),
        "{}",
        cut.1
    );

    let swapped = [all[0], all[2], all[1], all[3]].join("\n") + "\n";
    let doubled = [all[0], all[1], all[1]].join("\n") + "\n";
    let edited = text.replacen("\"call_id\":\"2\"", "\"call_id\":\"9\"", 1);
    let table = [
        (
            swapped,
            "line 2 follows a gap: a line before it is missing or was moved",
        ),
        (
            doubled,
            "line 3 repeats number 2: it was doubled or moved here",
        ),
        (
            edited,
            "line 3 was edited, or was never a line of this trail",
        ),
        (
            format!("{text}{}", &all[0][..9]),
            "line 6 does not end: the file was cut, or its writer is at work",
        ),
    ];
    for (broken, place) in table {
        std::fs::File::create(&log)
            .unwrap()
            .write_all(broken.as_bytes())
            .unwrap();
        let (code, told) = run(dir.path(), &["verify-audit", "a.log"]);
        assert_eq!(
            (code, told.lines().next().unwrap()),
            (1, &*format!("BROKEN: a.log {place}"))
        );
    }
    assert_eq!(run(dir.path(), &["verify-audit", "none.log"]).0, 2);
}

#[test]
fn the_audit_command_filters_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let line = |user: &str, tool: &str, status: &str, ms: u64, minute: u64| {
        json!({
            "ts": format!("2026-11-22T10:{minute:02}:00.000000Z"), "stage": "outcome", "user_id": user,
            "tool": tool, "success": status == "ok", "status": status, "duration_ms": ms,
        })
    };
    let records = [
        line("alice", "send_message", "ok", 10, 1),
        line("bob", "get_messages", "ok", 20, 2),
        line("alice", "send_message", "missing_permission", 30, 3),
        json!({"ts": "2026-11-22T10:04:00.000000Z", "stage": "checkpoint", "pending": []}),
    ];
    let text = trail(&records);
    std::fs::write(dir.path().join("audit.log"), &text).unwrap();
    let all: Vec<_> = text.lines().collect();
    let table: [(&[&str], &[usize]); 6] = [
        (&[], &[0, 1, 2]),
        (&["--user", "alice"], &[0, 2]),
        (&["--tool", "get_messages"], &[1]),
        (&["--status", "missing_permission"], &[2]),
        (&["--since", "2026-11-22T10:02:00Z"], &[1, 2]),
        (
            &["--until", "2026-11-22T10:02:00Z", "--user", "alice"],
            &[0],
        ),
    ];
    for (filter, wanted) in table {
        let expected: String = wanted.iter().map(|&at| format!("{}\n", all[at])).collect();
        assert_eq!(
            run(dir.path(), &[&["audit"], filter].concat()),
            (0, expected),
            "{filter:?}"
        );
    }
    let summary = json!({
        "calls": 3, "failed": 1,
        "by_user_and_tool": [
            {"user_id": "alice", "tool": "send_message", "calls": 2, "failed": 1},
            {"user_id": "bob", "tool": "get_messages", "calls": 1, "failed": 0},
        ],
        "failures": {"missing_permission": 1},
        "duration_ms": {"p50": 20, "p90": 30, "p99": 30, "max": 30},
    });
    assert_eq!(
        run(dir.path(), &["audit", "--summary", "--json"]),
        (0, format!("{summary}\n"))
    );
    assert_eq!(run(dir.path(), &["audit", "none.log"]).0, 2);
}

#[test]
fn the_key_of_digests_is_its_owners_alone_and_stays() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    Keys::load_or_create(dir.path()).unwrap();
    let path = dir.path().join("audit-digest.key");
    let first = discord_mcp_server::auth::secret_file(&path).unwrap();
    assert_eq!(discord_mcp_server::auth::secret_file(&path).unwrap(), first);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::write(&path, "short").unwrap();
    let error = discord_mcp_server::auth::secret_file(&path)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!("{}: does not hold 32 bytes in hex", path.display())
    );
}
