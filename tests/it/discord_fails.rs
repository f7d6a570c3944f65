//! What a caller reads when Discord, or the way to it, breaks: never a wrong success, and for a
//! write never the claim that nothing happened unless nothing can have happened.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, GENERAL, LAST_MESSAGE};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::{Answer, App, assert_failure};

const CREATE: On = On::Route("POST /channels/{channel_id}/messages");
const AGAIN: &str = "Try again in a moment.";
const LOOK: &str = "Read the channel before trying again.";

fn read() -> (&'static str, Value) {
    ("get_messages", json!({"channel_id": GENERAL}))
}

fn send() -> (&'static str, Value) {
    let params = json!({"channel_id": GENERAL, "message": "to be sent once"});
    ("send_message", params)
}

fn delete() -> (&'static str, Value) {
    let params = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE});
    ("moderate_content", params)
}

/// How often the message of [`send`] is in the channel.
fn sent(app: &App) -> usize {
    app.discord.with(|world| {
        let messages = world.messages(GENERAL);
        let ours = messages.iter().filter(|m| m.content() == "to be sent once");
        ours.count()
    })
}

/// Meets whatever the call sends with the fault and expects, after so many requests, 502 with this
/// message, hint and `discord`.
async fn expect_502(
    app: &App,
    (tool, params): (&str, Value),
    (fault, requests): (Fault, usize),
    (message, hint, discord): (&str, &str, Value),
) {
    app.discord.clear_requests();
    app.discord.fault(On::Any, usize::MAX, fault);
    let answer = app.invoke(tool, params).await;
    app.discord.clear_faults();
    let mut error = json!({"code": "discord_error", "message": message, "hint": hint});
    if !discord.is_null() {
        error["discord"] = discord;
    }
    assert_failure(&answer, 502, error);
    assert_eq!(app.discord.requests().len(), requests, "{tool}: {message}");
}

#[tokio::test]
async fn a_5xx_is_discord_error_and_for_a_write_warns_of_the_effect() {
    let warning = "Read the channel before trying again: the change may have been made.";
    let runs = [500, 502, 503, 504, 520].map(|status| async move {
        let app = App::start().await;
        for (call, hint) in [(read(), AGAIN), (send(), warning), (delete(), warning)] {
            let expected = ("Discord failed", hint, json!({"status": status}));
            expect_502(&app, call, (Fault::Html(status), 3), expected).await;
        }
    });
    join_all(runs).await;
}

#[tokio::test]
async fn a_refusal_of_the_edge_is_not_taken_for_a_missing_permission() {
    for (tool, params) in [read(), send(), delete()] {
        let app = App::start().await;
        app.discord.fault(On::Any, usize::MAX, Fault::Html(403));
        let answer = app.invoke(tool, params).await;
        let error = json!({
            "code": "discord_error",
            "message": "Discord's edge refused the request",
            "hint": "The address of this server may be blocked; wait before trying again.",
            "retry_after": 60.0,
            "discord": {"status": 403},
        });
        assert_failure(&answer, 502, error);
        assert_eq!(app.discord.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_the_token_stays_where_it_belongs() {
    let app = App::start().await;
    let elsewhere = StandIn::start().await;
    for (tool, params) in [read(), send(), delete()] {
        let fault = Fault::Redirect(format!("{}/api/v10/channels/{GENERAL}", elsewhere.base()));
        app.discord.clear_requests();
        app.discord.fault(On::Any, 1, fault);
        let answer = app.invoke(tool, params).await;
        assert_eq!(app.discord.requests().len(), 1);
        let error = json!({
            "code": "discord_error",
            "message": "Discord answered in a way that this server does not expect",
            "discord": {"status": 302},
        });
        assert_failure(&answer, 502, error);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_a_success() {
    let ok = json!({"status": 200});
    let cut = "The connection to Discord broke";
    let unread = "Discord's answer could not be read";
    let huge = "Discord's answer is larger than 8 MiB";
    let unknown = |what: &str| format!("{what}; whether the change was made is unknown");
    // What is broken may be whole the next time; what was read and not understood would not be.
    for (fault, requests, what, effects) in [
        (Fault::Truncated, 3, cut, 1),
        (Fault::BadJson, 1, unread, 1),
        (Fault::HugeBody(10 << 20), 1, huge, 0),
    ] {
        let app = App::start().await;
        let fault = (fault, requests);
        let expected = (what, AGAIN, ok.clone());
        expect_502(&app, read(), fault.clone(), expected).await;
        let message = unknown(what);
        let expected = (&*message, LOOK, ok.clone());
        expect_502(&app, send(), fault, expected).await;
        // Two of the three took effect, which is why the message does not say that nothing
        // happened, and none took effect as often as it was tried.
        assert_eq!(sent(&app), effects, "{what}");
    }
}

#[tokio::test]
async fn json_that_is_not_what_was_asked_for_is_not_a_success() {
    let app = App::start().await;
    for body in ["{}", "[]", "null", "7", r#""text""#, ""] {
        let respond = || Fault::Respond {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        };
        let message = "Discord's answer could not be read; whether the change was made is unknown";
        let expected = (message, LOOK, json!({"status": 200}));
        expect_502(&app, send(), (respond(), 1), expected).await;
        let info = ("get_channel_info", json!({"channel_id": GENERAL}));
        let message = "Discord's answer could not be read";
        let expected = (message, AGAIN, json!({"status": 200}));
        expect_502(&app, info, (respond(), 1), expected).await;
    }
}

#[tokio::test]
async fn a_cut_connection_leaves_the_effect_of_a_write_open() {
    let cut = "The connection to Discord broke";
    let open = "The connection to Discord broke; whether the change was made is unknown";
    let runs =
        [(Fault::CutBefore, false), (Fault::CutAfter, true)].map(|(fault, effect)| async move {
            let app = App::start().await;
            let fault = (fault, 3);
            let expected = (cut, AGAIN, json!(null));
            expect_502(&app, read(), fault.clone(), expected).await;
            for call in [send(), delete()] {
                expect_502(&app, call, fault.clone(), (open, LOOK, json!(null))).await;
            }
            assert_eq!(
                sent(&app),
                usize::from(effect),
                "three times, and sent once"
            );
            let deleted = app
                .discord
                .with(|world| world.message(GENERAL, LAST_MESSAGE).is_none());
            assert_eq!(deleted, effect);
        });
    join_all(runs).await;
}

#[tokio::test]
async fn an_unreachable_discord_got_nothing() {
    // Nothing listens on the lowest port of loopback.
    let app = App::with(&[("DISCORD_API_BASE", "http://127.0.0.1:1")]).await;
    for (tool, params) in [read(), send(), delete()] {
        let answer = app.invoke(tool, params).await;
        let error = json!({
            "code": "discord_error",
            "message": "Discord could not be reached; nothing was sent",
            "hint": "Check the network and DISCORD_API_BASE, or try again in a moment.",
        });
        assert_failure(&answer, 502, error);
    }
}

/// Calls a server whose Discord meets every request with this fault.
async fn call_in_silence(tool: &str, params: Value, fault: Fault) -> Answer {
    let app = App::with(&[("CALL_DEADLINE", "300ms")]).await;
    app.discord.fault(On::Any, usize::MAX, fault);
    app.invoke(tool, params).await
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let search = |mode| json!({"channel_id": GENERAL, "query": "sensor", "mode": mode});
    let rehearsal = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE, "dry_run": true});
    let calls = [
        read(),
        ("get_channel_info", json!({"channel_id": GENERAL})),
        ("search_messages", search("index")),
        ("search_messages", search("scan")),
        ("moderate_content", rehearsal),
    ];
    let slow = Fault::SlowBody(Duration::from_secs(5));
    let cases = calls.iter().flat_map(|(tool, params)| {
        [Fault::Hang, slow.clone()].map(|fault| call_in_silence(tool, params.clone(), fault))
    });
    for answer in join_all(cases).await {
        let message = "Discord did not answer in time";
        let error = json!({"code": "discord_timeout", "message": message});
        assert_failure(&answer, 504, error);
    }
}

#[tokio::test]
async fn silence_leaves_the_effect_of_a_write_open() {
    let several = json!({"channel_id": GENERAL, "message_ids": [LAST_MESSAGE, "1"]});
    let slow = Fault::SlowBody(Duration::from_secs(5));
    // A deletion is answered by a status alone, so there is no body to be slow.
    let cases = [
        (send(), slow),
        (send(), Fault::Hang),
        (delete(), Fault::Hang),
        (("moderate_content", several), Fault::Hang),
    ];
    let calls = cases.map(|((tool, params), fault)| call_in_silence(tool, params, fault));
    for answer in join_all(calls).await {
        let error = json!({
            "code": "discord_timeout",
            "message": "Discord did not answer in time; whether the change was made is unknown",
            "hint": "Read the channel before trying again, or send with an `idempotency_key`.",
        });
        assert_failure(&answer, 504, error);
    }
}

#[tokio::test]
async fn a_message_that_was_sent_is_a_success_although_its_link_cannot_be_learned() {
    let app = App::with(&[("CALL_DEADLINE", "500ms")]).await;
    for fault in [Fault::CutBefore, Fault::Html(500), Fault::Hang] {
        let lookup = On::Route("GET /channels/{channel_id}");
        app.discord.fault(lookup, usize::MAX, fault);
        let (tool, params) = send();
        let answer = app.invoke(tool, params).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.result()["message"]["content"], "to be sent once");
        assert_eq!(answer.result().get("jump_url"), None);
        app.discord.clear_faults();
    }
    assert_eq!(sent(&app), 3);
}

#[tokio::test]
async fn a_split_text_that_stops_half_way_says_what_was_sent() {
    for (fault, deadline, status) in [(Fault::CutBefore, "30s", 502), (Fault::Hang, "500ms", 504)] {
        let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
        app.discord.fault(CREATE, 1, Fault::Headers(Vec::new()));
        app.discord.fault(CREATE, usize::MAX, fault);
        let text = format!("{}\n\n{}", "a".repeat(1900), "b".repeat(1900));
        let params = json!({"channel_id": GENERAL, "message": text, "split": true});
        let answer = app.invoke("send_message", params).await;
        let first = app.discord.with(|world| {
            let newest = world.messages(GENERAL).pop().unwrap();
            newest.id().to_owned()
        });
        let hint = format!("1 of 2 parts were sent, as messages {first}; send only the rest.");
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.body["error"]["hint"], hint);
        let outcome = app.audit().pop().unwrap();
        assert_eq!(outcome["message_ids"], json!([first]));
    }
}

#[tokio::test]
async fn messages_deleted_before_the_time_was_up_are_named() {
    let app = App::with(&[("CALL_DEADLINE", "500ms")]).await;
    let old = time::OffsetDateTime::now_utc() - time::Duration::days(20);
    let ids: Vec<String> = app.discord.with(|world| {
        let mut ids: Vec<_> = (0..3)
            .map(|_| world.post_at(GENERAL, ALICE, "x", old))
            .collect();
        ids.sort();
        ids
    });
    let one = On::Route("DELETE /channels/{channel_id}/messages/{message_id}");
    app.discord.fault(one, 1, Fault::Headers(Vec::new()));
    app.discord.fault(one, usize::MAX, Fault::Hang);
    let params = json!({"channel_id": GENERAL, "message_ids": ids});
    let answer = app.invoke("moderate_content", params).await;
    let unknown = "Discord did not answer in time; whether the change was made is unknown";
    let expected = json!({
        "deleted": [ids[0]],
        "failed": [
            {"id": ids[1], "code": "discord_timeout", "message": unknown},
            {"id": ids[2], "code": "discord_timeout", "message": "Not tried, after the failures before it"},
        ],
    });
    assert_eq!(*answer.result(), expected);
}
