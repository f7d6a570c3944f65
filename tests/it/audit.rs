//! The audit trail: an intent before an effect, an outcome before an answer, for every call and
//! whatever becomes of it. What stands in the lines is in `audit_lines`.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_MESSAGE, GENERAL, LAST_MESSAGE, QUIET};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App, assert_failure, tokens, until};

/// The stages and states of the log, in order: `intent`, or the status of an outcome.
fn trail(app: &App) -> Vec<String> {
    let lines = app.audit().into_iter();
    let words = lines.map(|line| match line["stage"].as_str() {
        Some("intent") => "intent".to_owned(),
        _ => line["status"].as_str().unwrap().to_owned(),
    });
    words.collect()
}

fn send() -> (&'static str, Value) {
    let params = json!({"channel_id": GENERAL, "message": "for the record"});
    ("send_message", params)
}

fn delete() -> (&'static str, Value) {
    let params = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE});
    ("moderate_content", params)
}

/// Makes the call, and looks at the log while Discord has the request and has not answered.
async fn seen_meanwhile(app: &App, tool: &str, params: Value) -> (Vec<String>, Answer) {
    let lines = app.audit().len();
    app.discord.clear_requests();
    let slow = Fault::Delay(Duration::from_millis(150));
    app.discord.fault(On::Any, 1, slow);
    let meanwhile = async {
        until("the request is with Discord", || {
            !app.discord.requests().is_empty()
        })
        .await;
        trail(app).split_off(lines)
    };
    tokio::join!(meanwhile, app.invoke(tool, params))
}

#[tokio::test]
async fn an_intent_is_written_before_an_effect_and_none_before_a_read() {
    let app = App::start().await;
    let read = json!({"channel_id": GENERAL});
    let search = json!({"channel_id": GENERAL, "query": "sensor"});
    let rehearsal = json!({"channel_id": GENERAL, "message_id": BOT_MESSAGE, "dry_run": true});
    for ((tool, params), intent) in [
        (send(), true),
        (delete(), true),
        (("moderate_content", rehearsal), false),
        (("get_messages", read.clone()), false),
        (("get_channel_info", read), false),
        (("search_messages", search), false),
    ] {
        let before = app.audit().len();
        let (meanwhile, answer) = seen_meanwhile(&app, tool, params).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let expected: &[&str] = if intent { &["intent"] } else { &[] };
        assert_eq!(meanwhile, expected, "{tool}");
        let after = trail(&app).split_off(before);
        assert_eq!(after, [expected, &["ok"]].concat(), "{tool}");
    }
}

#[tokio::test]
async fn a_failed_effect_has_its_intent_and_its_outcome() {
    let app = App::with(&[("CALL_DEADLINE", "200ms")]).await;
    for (fault, status) in [
        (Fault::Html(500), "discord_error"),
        (Fault::CutAfter, "discord_error"),
        (Fault::Hang, "discord_timeout"),
    ] {
        for (tool, params) in [send(), delete()] {
            let before = app.audit().len();
            app.discord.fault(On::Any, 1, fault.clone());
            let answer = app.invoke(tool, params).await;
            assert_eq!(answer.code(), status);
            assert_eq!(trail(&app).split_off(before), ["intent", status]);
        }
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_prevents_neither_the_effect_nor_the_outcome() {
    for fault in [
        Fault::Delay(Duration::from_millis(150)),
        Fault::DelayAfter(Duration::from_millis(150)),
    ] {
        let app = App::start().await;
        app.discord.fault(On::Any, 1, fault);
        let (tool, params) = send();
        {
            let call = app.invoke(tool, params);
            let arrived = until("the request is with Discord", || {
                !app.discord.requests().is_empty()
            });
            // The call is dropped here, and its connection with it.
            tokio::select! {
                answer = call => panic!("too early: {}", answer.text),
                () = arrived => {}
            }
        }
        assert_eq!(trail(&app), ["intent"]);
        until("the outcome is there", || app.audit().len() == 2).await;
        let sent = app.discord.with(|world| {
            let newest = world.messages(GENERAL).pop().unwrap();
            assert_eq!(newest.content(), "for the record");
            newest.id().to_owned()
        });
        let outcome = app.audit().pop().unwrap();
        let got = (&outcome["stage"], &outcome["success"], &outcome["status"]);
        assert_eq!(got, (&json!("outcome"), &json!(true), &json!("ok")));
        assert_eq!(outcome["message_ids"], json!([sent]));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_still_has_its_failure_recorded() {
    let app = App::with(&[("CALL_DEADLINE", "200ms")]).await;
    app.discord.fault(On::Any, 1, Fault::Hang);
    let (tool, params) = delete();
    tokio::select! {
        answer = app.invoke(tool, params) => panic!("too early: {}", answer.text),
        () = until("the request is with Discord", || !app.discord.requests().is_empty()) => {}
    }
    until("the outcome is there", || app.audit().len() == 2).await;
    assert_eq!(trail(&app), ["intent", "discord_timeout"]);
    assert_eq!(app.audit()[1]["success"], false);
}

#[tokio::test]
async fn every_refusal_behind_the_bearer_is_recorded_once() {
    let app = App::start().await;
    let with = tokens::token_with;
    let read = || json!({"channel_id": GENERAL});
    let refusals = [
        (
            json!({"scope": ""}),
            "get_messages",
            read(),
            "insufficient_scope",
        ),
        (json!({}), "no_such_tool", read(), "unknown_tool"),
        (json!({}), "get_messages", json!({}), "invalid_params"),
        (
            json!({"channels": [QUIET]}),
            "get_messages",
            read(),
            "not_allowed",
        ),
        (
            json!({"guilds": []}),
            "send_message",
            send().1,
            "not_allowed",
        ),
        (
            json!({"discord_token": null}),
            "send_message",
            send().1,
            "missing_discord_token",
        ),
        (
            json!({"discord_token": "x"}),
            "send_message",
            send().1,
            "discord_token_rejected",
        ),
        (
            json!({}),
            "get_messages",
            json!({"channel_id": "1"}),
            "unknown_channel",
        ),
    ];
    for (claims, tool, params, status) in refusals {
        let before = app.audit().len();
        let answer = app.invoke_as(&with(claims), tool, params).await;
        assert_eq!(answer.code(), status);
        assert_eq!(trail(&app).split_off(before), [status]);
        let line = app.audit().pop().unwrap();
        assert_eq!(
            (&line["success"], &line["tool"]),
            (&json!(false), &json!(tool))
        );
    }
    // Refused by what Discord says, after the intent.
    for (claims, channel, status) in [
        (json!({"guilds": ["1"]}), GENERAL, "not_allowed"),
        (json!({"channels": [QUIET]}), GENERAL, "not_allowed"),
        (json!({}), QUIET, "missing_permission"),
    ] {
        let before = app.audit().len();
        let params = json!({"channel_id": channel, "message": "hi"});
        let answer = app.invoke_as(&with(claims), "send_message", params).await;
        assert_eq!(answer.code(), status);
        assert_eq!(trail(&app).split_off(before), ["intent", status]);
    }
    // The body never became a call, and still somebody with a bearer sent it.
    let before = app.audit().len();
    app.post(&tokens::token(), "{").await;
    let url = format!("{}/mcp/v1/tools/invoke", app.url);
    let unmarked = app.client.post(url).bearer_auth(tokens::token()).body("{}");
    assert_eq!(App::answer(unmarked).await.status, 415);
    let expected = ["invalid_request", "unsupported_media_type"];
    assert_eq!(trail(&app).split_off(before), expected);
    // The list of tools is no call.
    let before = app.audit().len();
    assert_eq!(
        app.get("/mcp/v1/tools", Some(&tokens::token()))
            .await
            .status,
        200
    );
    assert_eq!(app.audit().len(), before);
}

#[tokio::test]
async fn calls_at_once_leave_whole_lines_and_each_its_intent_first() {
    let app = App::start().await;
    let calls = (0..40).map(|at| {
        let params = json!({"channel_id": GENERAL, "message": "x".repeat(50 * at + 1)});
        app.invoke("send_message", params)
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    // `audit` parses every line, so a torn one would stop here.
    let lines = app.audit();
    assert_eq!(lines.len(), 80);
    let (mut open, mut closed) = (Vec::new(), 0);
    for line in &lines {
        let id = line["call_id"].as_str().unwrap();
        match line["stage"].as_str().unwrap() {
            "intent" => open.push(id),
            _ => {
                let before = open.len();
                open.retain(|known| *known != id);
                assert_eq!(open.len(), before - 1, "an outcome without its intent");
                closed += 1;
            }
        }
    }
    assert_eq!((open.len(), closed), (0, 40));
}

#[tokio::test]
async fn the_log_is_its_owners_alone_and_is_appended_to() {
    let app = App::start().await;
    let mode = std::fs::metadata(&app.audit_log).unwrap().permissions();
    assert_eq!(mode.mode() & 0o7777, 0o600);
    let log = app.dir().join("kept.log");
    std::fs::write(&log, "{\"of\": \"yesterday\"}\n").unwrap();
    let next = App::with(&[("AUDIT_LOG", log.to_str().unwrap())]).await;
    next.invoke("get_channel_info", json!({"channel_id": GENERAL}))
        .await;
    let text = std::fs::read_to_string(&log).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(first, "{\"of\": \"yesterday\"}");
    assert!(rest.contains("\"tool\":\"get_channel_info\""));
}

#[tokio::test]
async fn without_an_audit_log_nothing_changes_and_nothing_is_told() {
    let app = App::with(&[("AUDIT_LOG", "/dev/full")]).await;
    assert_eq!(app.get("/readyz", None).await.status, 200);
    let unavailable = |message: &str| json!({"code": "audit_unavailable", "message": message});
    for (tool, params) in [send(), delete()] {
        let answer = app.invoke(tool, params).await;
        let message = "The audit log cannot be written; nothing was sent to Discord";
        assert_failure(&answer, 503, unavailable(message));
    }
    assert!(app.discord.requests().is_empty());
    let read = json!({"channel_id": GENERAL});
    let answer = app.invoke("get_messages", read).await;
    let message = "The audit log cannot be written; the result is withheld";
    assert_failure(&answer, 503, unavailable(message));
    for (tool, params) in [("get_messages", json!({})), ("no_such_tool", json!({}))] {
        let answer = app.invoke(tool, params).await;
        let message = "The audit log cannot be written; the call failed";
        assert_failure(&answer, 503, unavailable(message));
    }
    let readyz = app.get("/readyz", None).await;
    let expected = json!({"status": "unavailable", "failing": ["audit"]});
    assert_eq!((readyz.status, readyz.body), (503, expected));
    // The process is well, and a restart would not help.
    assert_eq!(app.get("/healthz", None).await.status, 200);
}
