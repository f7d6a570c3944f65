//! The deny list: a token that it covers is refused from the next call on, at every door and in the
//! words of any other refusal; what it covers is one id, or one user up to a time.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::support::calls::{TOOLS, params};
use crate::support::discord::StandIn;
use crate::support::discord::seed::GENERAL;
use crate::support::mcp::{LEGACY, MODERN};
use crate::support::process::run;
use crate::support::stdio::{Stdio, called, end_well, initialize, legacy, outcomes};
use crate::support::{Answer, App, Mcp, tokens};

/// A server beside a deny list, which it has not been told of in any other way than its path.
pub struct Listed {
    app: App,
    pub list: PathBuf,
    _dir: tempfile::TempDir,
}

impl Listed {
    pub async fn start(lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("denied.jsonl");
        if !lines.is_empty() {
            fs::write(&list, lines).unwrap();
        }
        let app = App::with(&[("REVOKED_TOKENS", list.to_str().unwrap())]).await;
        Self {
            app,
            list,
            _dir: dir,
        }
    }

    pub fn append(&self, line: &Value) {
        append(&self.list, line);
    }

    /// Whether a token with these claims changed is let in.
    pub async fn takes(&self, changes: Value) -> bool {
        let token = tokens::token_with(changes);
        let answer = self.app.get("/mcp/v1/tools", Some(&token)).await;
        if answer.status != 200 {
            assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
        }
        answer.status == 200
    }
}

fn append(list: &Path, line: &Value) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .unwrap();
    writeln!(file, "{line}").unwrap();
}

pub fn rfc3339(second: u64) -> String {
    at(second).format(&Rfc3339).unwrap()
}

fn at(second: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second.try_into().unwrap()).unwrap()
}

/// Byte for byte, but for the id of the request.
fn assert_same_refusal(answer: &Answer, like: &Answer) {
    let told = |answer: &Answer| {
        let id = answer.header("x-request-id").unwrap();
        answer.text.replace(id, "")
    };
    assert_eq!((answer.status, told(answer)), (401, told(like)));
    for header in ["www-authenticate", "cache-control", "content-type"] {
        assert_eq!(answer.header(header), like.header(header));
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_call_on_at_both_doors_as_any_other() {
    let listed = Listed::start("").await;
    let (app, token) = (&listed.app, tokens::token());
    let invalid = app.get("/mcp/v1/tools", None).await;
    let versions = [MODERN, LEGACY[0], LEGACY[3]];
    let clients = versions.map(|version| Mcp::legacy(app, version));
    // Clients of the earlier revisions that have begun and worked.
    for (client, version) in clients.iter().zip(versions) {
        if version != MODERN {
            let hello = initialize(version)["params"].clone();
            client.send("initialize", hello).await.result();
        }
        let answer = client.call("get_channel_info", params("", GENERAL)).await;
        assert_eq!(answer.result()["isError"], false);
    }
    app.invoke_as(&token, "get_messages", params("", GENERAL))
        .await
        .result();
    let (calls, requests) = (app.audit().len(), app.discord.requests().len());

    listed.append(&json!({"jti": "jti-of-the-test", "revoked_at": rfc3339(tokens::now())}));
    for (tool, _) in TOOLS {
        let answer = app.invoke_as(&token, tool, params(tool, GENERAL)).await;
        assert_same_refusal(&answer, &invalid);
    }
    let answer = app.get("/mcp/v1/tools", Some(&token)).await;
    assert_same_refusal(&answer, &invalid);
    let uri = json!({"uri": format!("discord://channels/{GENERAL}")});
    let prompt = json!({"name": "summarize_channel", "arguments": {"channel_id": GENERAL}});
    let send = json!({"name": "send_message", "arguments": params("send_message", GENERAL)});
    for client in &clients {
        for (method, params) in [
            ("ping", json!({})),
            ("tools/list", json!({})),
            ("tools/call", send.clone()),
            ("resources/read", uri.clone()),
            ("prompts/get", prompt.clone()),
        ] {
            let answer = client.send(method, params).await;
            assert_same_refusal(&answer, &invalid);
        }
    }
    assert_eq!(app.audit().len(), calls, "nobody is named for it");
    assert_eq!(app.discord.requests().len(), requests);
    assert!(listed.takes(json!({"jti": "another"})).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_ends_to_count_over_standard_input_and_output() {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), &[]);
    let dir = client.audit_log.parent().unwrap().to_owned();
    let info = called("get_channel_info", &json!({"channel_id": GENERAL}));
    client.ask(&initialize(LEGACY[3]));
    let answer = client.ask(&legacy(1, "tools/call", info.clone()));
    assert_eq!(answer["result"]["isError"], false, "{answer}");

    let told = run(&dir, &[], &["revoke", "--jti", "jti-of-the-test"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let sent = discord.requests().len();
    for request in [
        legacy(2, "tools/call", info),
        legacy(3, "tools/list", json!({})),
        legacy(4, "prompts/list", json!({})),
    ] {
        let answer = client.ask(&request);
        assert_eq!(answer["error"]["data"]["code"], "invalid_token", "{answer}");
    }
    assert_eq!(discord.requests().len(), sent);
    let ended = end_well(client, &discord);
    assert_eq!(outcomes(&ended.audit), ["ok"]);

    // And nobody starts with it.
    let elsewhere = tempfile::tempdir().unwrap();
    let list = elsewhere.path().join("given.jsonl");
    append(&list, &json!({"jti": "jti-of-the-test"}));
    let list = [("REVOKED_TOKENS", list.to_str().unwrap())];
    let ended = Stdio::start(&discord, &tokens::token(), &list).end();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(
        ended.log.contains("DISCORD_MCP_TOKEN was refused"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_user_is_revoked_up_to_a_time_and_that_time_is_good_again() {
    let before = tokens::now() - 100;
    let line = json!({"sub": "tester", "issued_before": rfc3339(before)});
    let listed = Listed::start(&format!("{line}\n")).await;
    for (iat, good) in [
        (before - 86_400, false),
        (before - 1, false),
        (before, true),
        (before + 1, true),
        (before + 100, true),
    ] {
        assert_eq!(
            listed.takes(json!({"iat": iat})).await,
            good,
            "{iat} of {before}"
        );
    }
    // Of this user and nobody else, whatever else they have in common.
    for sub in ["Tester", "teste", "tester ", "tester2", "jti-of-the-test"] {
        assert!(
            listed.takes(json!({"iat": before - 1, "sub": sub})).await,
            "{sub}"
        );
    }
    // A token without an id is covered by its user all the same.
    assert!(!listed.takes(json!({"iat": before - 1, "jti": null})).await);
}

#[tokio::test]
async fn times_are_read_to_the_fraction_in_any_zone_and_the_latest_counts() {
    let before = tokens::now() - 1000;
    let zone = UtcOffset::from_hms(-5, -30, 0).unwrap();
    let elsewhere = at(before).to_offset(zone).format(&Rfc3339).unwrap();
    let utc = rfc3339(before);
    let fraction = utc.replace('Z', ".001Z");
    let whole = utc.replace('Z', ".000Z");
    for (text, first_good) in [
        (elsewhere, before),
        (utc.replace('Z', "+00:00"), before),
        (utc.replace('T', "t").replace('Z', "z"), before),
        (whole, before),
        // No `iat` in whole seconds lies between.
        (fraction, before + 1),
    ] {
        let line = json!({"sub": "tester", "issued_before": text});
        let earlier = json!({"sub": "tester", "issued_before": rfc3339(before - 500)});
        for lines in [
            format!("{line}\n"),
            format!("{line}\n{earlier}\n"),
            format!("{earlier}\n{line}\n"),
        ] {
            let listed = Listed::start(&lines).await;
            let (last_bad, first_good) =
                (json!({"iat": first_good - 1}), json!({"iat": first_good}));
            assert!(!listed.takes(last_bad).await, "{lines}");
            assert!(listed.takes(first_good).await, "{lines}");
        }
    }
}

#[tokio::test]
async fn an_id_is_the_whole_id() {
    let lines = [
        json!({"jti": "one"}),
        json!({"jti": "a \"b\"\n\u{1f6a2}", "note": {"by": ["anybody"]}}),
        json!({"jti": "x".repeat(256), "revoked_at": "no time at all"}),
    ];
    let lines = lines.map(|line| line.to_string());
    // Blank lines, and a last line without its end, are what editors leave.
    let listed = Listed::start(&format!(
        "\n{}\n \r\n{}\r\n{}",
        lines[0], lines[1], lines[2]
    ))
    .await;
    for revoked in ["one", "a \"b\"\n\u{1f6a2}", &"x".repeat(256)] {
        assert!(!listed.takes(json!({"jti": revoked})).await, "{revoked}");
    }
    for good in ["on", "one ", "One", "onet", "tester", "x"] {
        assert!(listed.takes(json!({"jti": good})).await, "{good}");
    }
    assert!(listed.takes(json!({"jti": null})).await);
}
