//! What stands in a line of the audit log: every field, no secret, and never a second line.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::discord::seed::{BOT_TOKEN, BOT_USER, GENERAL, GUILD, OTHER_BOT_TOKEN};
use crate::support::discord::{Fault, On};
use crate::support::{App, tokens};

/// Takes the fields away that differ from call to call, after a look at their form.
fn settled(mut line: Value) -> Value {
    let fields = line.as_object_mut().unwrap();
    let ts = fields.remove("ts").unwrap();
    let ts = ts.as_str().unwrap();
    assert_eq!(ts.len(), "2026-11-02T09:00:00.000000Z".len(), "{ts}");
    let age = OffsetDateTime::now_utc() - OffsetDateTime::parse(ts, &Rfc3339).unwrap();
    assert!((0..60).contains(&age.whole_seconds()), "{ts}");
    let call_id = fields.remove("call_id").unwrap();
    assert_eq!(call_id.as_str().unwrap().len(), 36);
    if let Some(duration) = fields.remove("duration_ms") {
        assert!(duration.as_u64().unwrap() < 60_000);
    }
    line
}

#[tokio::test]
async fn a_write_leaves_these_two_lines() {
    let app = App::start().await;
    let params = json!({"channel_id": GENERAL, "message": "hello", "silent": true});
    let answer = app.invoke("send_message", params.clone()).await;
    let sent = answer.result()["message"]["id"].clone();
    let lines = app.audit();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["call_id"], lines[1]["call_id"]);
    assert!(lines[0]["ts"].as_str() <= lines[1]["ts"].as_str());
    let mut expected = json!({
        "stage": "intent",
        "request_id": answer.header("x-request-id"),
        "door": "rest",
        "user_id": "tester",
        "jti": "jti-of-the-test",
        "client": "127.0.0.1",
        "tool": "send_message",
        "params": params,
    });
    assert_eq!(settled(lines[0].clone()), expected);
    expected["stage"] = json!("outcome");
    expected["success"] = json!(true);
    expected["status"] = json!("ok");
    expected["guild_id"] = json!(GUILD);
    expected["channel_id"] = json!(GENERAL);
    expected["message_ids"] = json!([sent]);
    // The message, and the channel's server for its link.
    expected["requests"] = json!(2);
    assert_eq!(settled(lines[1].clone()), expected);
}

#[tokio::test]
async fn a_read_and_a_refusal_leave_one_line_each() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"jti": null, "sub": "Zoë \"the\" agent"}));
    let read = json!({"channel_id": GENERAL, "limit": 1});
    let first = app.invoke_as(&token, "get_messages", read.clone()).await;
    let second = app
        .invoke_as(&token, "get_messages", json!({"limit": 0}))
        .await;
    let third = app.post(&token, "[]").await;
    let line = |id: Option<&str>, success: bool, status: &str| {
        json!({
            "stage": "outcome", "request_id": id, "door": "rest", "jti": null,
            "user_id": "Zoë \"the\" agent", "client": "127.0.0.1",
            "tool": "get_messages", "params": {"limit": 0}, "success": success, "status": status,
        })
    };
    let mut expected = [
        line(first.header("x-request-id"), true, "ok"),
        line(second.header("x-request-id"), false, "invalid_params"),
        line(third.header("x-request-id"), false, "invalid_request"),
    ];
    expected[0]["params"] = read;
    expected[0]["channel_id"] = json!(GENERAL);
    // What is refused before Discord is asked says nothing of requests.
    expected[0]["requests"] = json!(1);
    expected[2]["tool"] = json!(null);
    expected[2]["params"] = json!(null);
    let lines: Vec<Value> = app.audit().into_iter().map(settled).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn the_ids_that_a_call_touched_are_in_its_outcome_and_not_in_its_intent() {
    let app = App::start().await;
    let ids: Vec<String> = app.discord.with(|world| {
        let posted = (0..3).map(|_| world.post(GENERAL, BOT_USER, "x"));
        posted.collect()
    });
    let token = tokens::token_with(json!({"guilds": [GUILD]}));
    let params = json!({"channel_id": GENERAL, "message_ids": [ids[0], "5", ids[1], ids[2]]});
    let answer = app.invoke_as(&token, "moderate_content", params).await;
    assert_eq!(answer.result()["deleted"], json!(ids));
    let [intent, outcome] = &app.audit()[..] else {
        panic!("one call, two lines");
    };
    for name in [
        "message_ids",
        "channel_id",
        "guild_id",
        "status",
        "success",
        "duration_ms",
    ] {
        assert_eq!(intent.get(name), None, "{name}");
    }
    // What was gone already was not touched.
    let mut touched: Vec<String> = serde_json::from_value(outcome["message_ids"].clone()).unwrap();
    touched.sort();
    assert_eq!(touched, ids);
    assert_eq!(outcome["channel_id"], GENERAL);
    assert_eq!(outcome["guild_id"], GUILD);
}

#[tokio::test]
async fn every_call_has_an_id_of_its_own_although_its_caller_repeats_one() {
    let app = App::start().await;
    for _ in 0..3 {
        let url = format!("{}/mcp/v1/tools/invoke", app.url);
        let request = app.client.post(url).bearer_auth(tokens::token());
        let request = request.header("x-request-id", "again").body("{}");
        App::answer(request).await;
    }
    let lines = app.audit();
    let ids: BTreeSet<_> = lines.iter().map(|line| line["call_id"].as_str()).collect();
    assert_eq!(ids.len(), 3);
    assert!(lines.iter().all(|line| line["request_id"] == "again"));
}

#[tokio::test]
async fn a_duration_is_the_time_the_call_took() {
    let app = App::start().await;
    let slow = Fault::Delay(Duration::from_millis(120));
    app.discord.fault(On::Any, 1, slow);
    app.invoke("get_channel_info", json!({"channel_id": GENERAL}))
        .await;
    let duration = app.audit()[0]["duration_ms"].as_u64().unwrap();
    assert!((120..20_000).contains(&duration), "{duration}");
}

#[tokio::test]
async fn no_secret_gets_into_the_log_wherever_a_caller_puts_it() {
    let app = App::start().await;
    let jwt = tokens::token();
    for secret in [BOT_TOKEN, OTHER_BOT_TOKEN, &jwt] {
        let before = app.audit().len();
        let texts = [
            secret.to_owned(),
            format!("use {secret}, please"),
            format!("Authorization: Bearer {secret}"),
            format!("({secret})"),
            format!("«{secret}»\n{secret}"),
            format!("https://example.com/?token={secret}&x=1"),
        ];
        for text in &texts {
            // Some are longer than a message may be; their lines must be clean all the same.
            let params = json!({"channel_id": GENERAL, "message": text});
            app.invoke("send_message", params).await;
        }
        let mut named = json!({"channel_id": GENERAL, "limit": [{"a": [secret]}]});
        named[secret] = json!({secret: secret});
        app.invoke("get_messages", named).await;
        app.invoke(secret, json!({})).await;
        let log = std::fs::read_to_string(&app.audit_log).unwrap();
        assert!(!log.contains(secret));
        for part in secret.split('.').filter(|part| part.len() > 12) {
            assert!(!log.contains(part), "a part of it: {part}");
        }
        let lines = app.audit().split_off(before);
        let messages: Vec<_> = lines
            .iter()
            .filter_map(|line| line["params"]["message"].as_str())
            .collect();
        for text in ["[redacted]", "use [redacted], please", "([redacted])"] {
            assert!(messages.contains(&text), "{text}");
        }
        let named = lines.iter().find(|line| line["tool"] == "get_messages");
        let expected = json!({
            "channel_id": GENERAL,
            "limit": [{"a": ["[redacted]"]}],
            "[redacted]": {"[redacted]": "[redacted]"},
        });
        assert_eq!(named.unwrap()["params"], expected);
        assert_eq!(lines.last().unwrap()["tool"], "(an unprintable name)");
    }
}

#[tokio::test]
async fn neither_the_bearer_nor_its_bot_token_gets_into_the_log() {
    let app = App::start().await;
    let token = tokens::token();
    let params = json!({"channel_id": GENERAL, "message": "hi"});
    app.invoke_as(&token, "send_message", params).await;
    app.post(&token, token.clone()).await;
    let log = std::fs::read_to_string(&app.audit_log).unwrap();
    assert_eq!(log.lines().count(), 3);
    for part in token.split('.').chain(BOT_TOKEN.split('.')) {
        assert!(!log.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_line_is_one_line_whatever_is_in_it() {
    let app = App::start().await;
    let breaks = "a\nb\r\nc\u{b}d\u{c}e\0f\u{1b}[2Jg\u{7f}h\u{85}i\u{2028}j\u{2029}k\u{202e}l";
    let mut params = json!({"channel_id": GENERAL, "message": breaks});
    params[breaks] = json!([breaks]);
    let token = tokens::token_with(json!({"sub": breaks, "jti": breaks}));
    let answer = app.invoke_as(&token, "send_message", params.clone()).await;
    assert_eq!(answer.code(), "invalid_params");
    app.invoke_as(&token, breaks, json!({})).await;
    let log = std::fs::read(&app.audit_log).unwrap();
    assert_eq!(log.iter().filter(|&&byte| byte == b'\n').count(), 2);
    assert_eq!(log.last(), Some(&b'\n'));
    let raw = |byte: &u8| *byte < 0x20 && *byte != b'\n';
    assert!(!log.iter().any(raw), "a raw control character");
    let lines = app.audit();
    let got = (&lines[0]["params"], &lines[0]["user_id"], &lines[0]["jti"]);
    assert_eq!(got, (&params, &json!(breaks), &json!(breaks)));
    assert_eq!(lines[1]["tool"], "(an unprintable name)");
}

#[tokio::test]
async fn no_reader_of_lines_takes_one_for_two() {
    let app = App::start().await;
    // What Python's splitlines, JavaScript and terminals break lines at, besides a newline.
    let params = json!({"channel_id": "x\u{2028}{\"stage\":\"outcome\"}\u{2029}\u{85}"});
    app.invoke("get_messages", params.clone()).await;
    let log = std::fs::read_to_string(&app.audit_log).unwrap();
    assert!(!log.contains(['\u{85}', '\u{2028}', '\u{2029}']), "{log}");
    assert_eq!(app.audit()[0]["params"], params);
}
