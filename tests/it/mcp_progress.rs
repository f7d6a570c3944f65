//! Long calls through MCP: progress for who asks for it, an end for who leaves, and an outcome in
//! the audit log either way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, GENERAL, LAST_MESSAGE, VOICE};
use crate::support::discord::{Fault, On};
use crate::support::mcp::{LEGACY, MODERN, error_text, events, structured};
use crate::support::{App, Mcp, until};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");
const CREATE: On = On::Route("POST /channels/{channel_id}/messages");
const PACE: Duration = Duration::from_millis(60);

/// Posts that many messages in which nothing is found.
fn fill(app: &App, count: usize) {
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        for number in 0..count {
            world.post(VOICE, ALICE, &format!("talk {number}"));
        }
    });
}

fn scan() -> Value {
    json!({"channel_id": VOICE, "query": "submarine", "mode": "scan", "max_scan": 5000})
}

/// The status of the last outcome, if there is one.
fn outcome(app: &App) -> Option<String> {
    let lines = app.audit();
    let last = lines.iter().rfind(|line| line["stage"] == "outcome")?;
    last["status"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_scan_tells_how_far_it_is_and_then_its_result() {
    let app = App::start().await;
    fill(&app, 250);
    for (version, token) in [
        (MODERN, json!("a-token")),
        (LEGACY[3], json!(7)),
        (LEGACY[0], json!("a-token")),
    ] {
        let client = Mcp::legacy(&app, version).progress(token.clone()).id("it");
        let answer = client.call("search_messages", scan()).await;
        let mut events = events(&answer);
        let result = events.pop().unwrap();
        assert_eq!(result["id"], "it");
        let expected = json!({"messages": [], "mode": "scan", "scanned": 250, "complete": true});
        assert_eq!(result["result"]["structuredContent"], expected);
        let steps = [100.0, 200.0, 250.0].map(|progress| {
            json!({
                "jsonrpc": "2.0",
                "method": "notifications/progress",
                "params": {
                    "progressToken": token,
                    "progress": progress,
                    "total": 5000.0,
                    "message": format!("{progress} of at most 5000 messages read"),
                },
            })
        });
        assert_eq!(events, steps, "{version}");
    }
}

#[tokio::test]
async fn progress_comes_while_the_scan_runs() {
    let app = App::start().await;
    fill(&app, 250);
    // Only the last page is held up, so the first steps can only come before it.
    app.discord.fault(LIST, 2, Fault::Headers(Vec::new()));
    app.discord.fault(LIST, 1, Fault::Hang);
    let client = Mcp::modern(&app).progress("p");
    let params = json!({"name": "search_messages", "arguments": scan()});
    let mut response = client.request("tools/call", params).send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("200 of at most 5000 messages read") {
        let chunk = response.chunk().await.unwrap().expect("the stream goes on");
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(!seen.contains("structuredContent"), "{seen}");
}

#[tokio::test]
async fn who_does_not_ask_for_progress_gets_one_json_answer() {
    let app = App::start().await;
    fill(&app, 250);
    for version in [MODERN, LEGACY[3]] {
        let client = Mcp::legacy(&app, version);
        let answer = client.call("search_messages", scan()).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(structured(&answer)["scanned"], 250);
        // A call that has no progress to tell is answered the same way although it was asked to.
        let client = client.progress(1);
        let answer = client
            .call("get_channel_info", json!({"channel_id": VOICE}))
            .await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(structured(&answer)["name"], "quay");
    }
}

/// The scan has been recorded as cancelled, and Discord is left alone from then on.
async fn assert_stops(app: &App, what: &str) {
    until(what, || outcome(app).is_some()).await;
    assert_eq!(outcome(app).as_deref(), Some("cancelled"), "{what}");
    let sent = app.discord.requests().len();
    assert!(
        sent < 20,
        "{what}: the scan was over before it was cancelled"
    );
    // Long enough for two more pages.
    tokio::time::sleep(3 * PACE).await;
    assert_eq!(app.discord.requests().len(), sent, "{what}");
    let line = app.audit().pop().unwrap();
    let got = json!([line["tool"], line["success"], line["door"]]);
    assert_eq!(got, json!(["search_messages", false, "mcp"]));
    assert_eq!(app.audit().len(), 1);
}

#[tokio::test]
async fn a_scan_ends_when_its_event_stream_is_closed() {
    for version in [MODERN, LEGACY[3]] {
        let app = App::start().await;
        fill(&app, 2000);
        app.discord.fault(LIST, usize::MAX, Fault::Delay(PACE));
        let client = Mcp::legacy(&app, version).progress("p");
        let params = json!({"name": "search_messages", "arguments": scan()});
        let mut response = client.request("tools/call", params).send().await.unwrap();
        let first = response.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"data:"), "{first:?}");
        drop(response);
        assert_stops(&app, "the closed stream is noticed").await;
    }
}

#[tokio::test]
async fn a_scan_ends_when_nobody_waits_for_its_json() {
    for version in [MODERN, LEGACY[3]] {
        let app = App::start().await;
        fill(&app, 2000);
        app.discord.fault(LIST, usize::MAX, Fault::Delay(PACE));
        let client = Mcp::legacy(&app, version);
        tokio::select! {
            answer = client.call("search_messages", scan()) => panic!("{}", answer.text),
            () = until("a second page is read", || app.discord.requests().len() > 1) => {}
        }
        assert_stops(&app, "the closed connection is noticed").await;
    }
}

/// A prompt reads as much as its tool does, so it ends as its tool does.
#[tokio::test]
async fn a_search_for_a_prompt_ends_when_nobody_waits_for_it() {
    let app = App::start().await;
    fill(&app, 1000);
    app.discord.with(|world| world.not_indexed(usize::MAX, 60));
    app.discord.fault(LIST, usize::MAX, Fault::Delay(PACE));
    let arguments = json!({"channel_id": VOICE, "topic": "submarine"});
    let params = json!({"name": "find_discussion", "arguments": arguments});
    let client = Mcp::modern(&app);
    tokio::select! {
        answer = client.send("prompts/get", params) => panic!("{}", answer.text),
        () = until("a page is read", || app.discord.requests().len() > 3) => {}
    }
    assert_stops(&app, "the closed connection is noticed").await;
}

#[tokio::test]
async fn a_message_is_sent_and_recorded_although_its_sender_has_left() {
    for version in [MODERN, LEGACY[3]] {
        let app = App::start().await;
        app.discord.fault(CREATE, 1, Fault::Delay(PACE));
        let client = Mcp::legacy(&app, version);
        let params = json!({"channel_id": GENERAL, "message": "sent all the same"});
        tokio::select! {
            answer = client.call("send_message", params) => panic!("{}", answer.text),
            () = until("it is on its way", || !app.discord.requests().is_empty()) => {}
        }
        until("it is recorded", || outcome(&app).is_some()).await;
        assert_eq!(outcome(&app).as_deref(), Some("ok"));
        let newest = app.discord.with(|world| {
            let newest = world.messages(GENERAL).pop().unwrap().clone();
            (newest.content().to_owned(), newest.id().to_owned())
        });
        assert_eq!(newest.0, "sent all the same");
        assert_eq!(app.audit().pop().unwrap()["message_ids"], json!([newest.1]));
    }
}

#[tokio::test]
async fn a_deletion_is_done_and_recorded_although_its_caller_has_left() {
    let app = App::start().await;
    app.discord.fault(On::Any, 1, Fault::Delay(PACE));
    let client = Mcp::modern(&app).progress("p");
    let params = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE});
    tokio::select! {
        answer = client.call("moderate_content", params) => panic!("{}", answer.text),
        () = until("it is on its way", || !app.discord.requests().is_empty()) => {}
    }
    until("it is recorded", || outcome(&app).is_some()).await;
    assert_eq!(outcome(&app).as_deref(), Some("ok"));
    let there = app
        .discord
        .with(|world| world.message(GENERAL, LAST_MESSAGE).is_some());
    assert!(!there);
}

/// Calls a tool whose Discord never answers, as each kind of client, and then one that works.
async fn call_without_end(tool: &str, params: Value, expected: &str) {
    let app = App::with(&[("CALL_DEADLINE", "300ms")]).await;
    app.discord.fault(On::Any, usize::MAX, Fault::Hang);
    for client in [
        Mcp::modern(&app),
        Mcp::modern(&app).progress("p"),
        Mcp::legacy(&app, LEGACY[1]),
    ] {
        let answer = client.call(tool, params.clone()).await;
        assert_eq!(error_text(&answer), expected, "{tool}");
        let line = app.audit().pop().unwrap();
        let got = json!([line["stage"], line["status"], line["tool"]]);
        assert_eq!(got, json!(["outcome", "discord_timeout", tool]));
    }
    app.discord.clear_faults();
    let general = json!({"channel_id": GENERAL});
    let answer = Mcp::modern(&app).call("get_channel_info", general).await;
    assert_eq!(structured(&answer)["name"], "general");
}

#[tokio::test]
async fn an_endless_call_is_answered_and_recorded() {
    let read = "discord_timeout: Discord did not answer in time";
    let write = "discord_timeout: Discord did not answer in time; whether the change was made is unknown\n\
        hint: Read the channel before trying again, or send with an `idempotency_key`.";
    let message = json!({"channel_id": GENERAL, "message": "x"});
    let deletion = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE});
    let general = json!({"channel_id": GENERAL});
    let calls = [
        ("search_messages", scan(), read),
        ("get_messages", general.clone(), read),
        ("get_channel_info", general, read),
        ("send_message", message, write),
        ("moderate_content", deletion, write),
    ];
    let calls = calls.map(|(tool, params, expected)| call_without_end(tool, params, expected));
    futures_util::future::join_all(calls).await;
}

#[tokio::test]
async fn a_scan_that_runs_out_of_time_answers_with_what_it_has() {
    let app = App::with(&[("CALL_DEADLINE", "500ms")]).await;
    fill(&app, 250);
    app.discord.fault(LIST, 1, Fault::Headers(Vec::new()));
    app.discord.fault(LIST, usize::MAX, Fault::Hang);
    let client = Mcp::modern(&app).progress("p");
    let answer = client.call("search_messages", scan()).await;
    let events = events(&answer);
    assert_eq!(events.len(), 2, "{}", answer.text);
    assert_eq!(events[0]["params"]["progress"], 100.0);
    let result = &events[1]["result"]["structuredContent"];
    assert_eq!(result["scanned"], 100);
    assert_eq!(result["complete"], false);
    assert_eq!(outcome(&app).as_deref(), Some("ok"));
}
