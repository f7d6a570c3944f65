//! `requestState` comes back under the client's control: only what this server gave for this very
//! call counts.

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_MESSAGE, GENERAL, LAST_MESSAGE, OTHER_CHANNEL, VOICE};
use crate::support::mcp::structured;
use crate::support::{Answer, App, Mcp, tokens};

/// One message to delete.
fn deletion() -> Value {
    json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE})
}

/// A call with this state and a yes.
async fn yes(client: &Mcp, tool: &str, arguments: Value, state: &str) -> Answer {
    let params = json!({
        "name": tool,
        "arguments": arguments,
        "requestState": state,
        "inputResponses": {"confirm": {"action": "accept", "content": {"confirm": true}}},
    });
    client.clone().id(2).send("tools/call", params).await
}

/// The state of a question about [`deletion`].
async fn state(client: &Mcp) -> String {
    let answer = client.call("moderate_content", deletion()).await;
    let state = answer.result()["requestState"].as_str();
    state
        .unwrap_or_else(|| panic!("{}", answer.text))
        .to_owned()
}

/// The answer refuses the state; the outcome says so; nothing went to Discord.
#[track_caller]
fn assert_refused(app: &App, answer: &Answer, what: &str) {
    let message = "`requestState` is not of this call, or has expired; call again without it";
    let data = json!({"code": "invalid_params", "message": message});
    let error = json!({"code": -32602, "message": message, "data": data});
    let expected = json!({"jsonrpc": "2.0", "id": 2, "error": error});
    assert_eq!((answer.status, &answer.body), (200, &expected), "{what}");
    let line = app.audit().pop().unwrap();
    assert_eq!(line["request_id"], answer.header("x-request-id").unwrap());
    let got = json!([line["stage"], line["status"], line["door"]]);
    assert_eq!(got, json!(["outcome", "invalid_params", "mcp"]), "{what}");
    assert!(app.discord.requests().is_empty(), "{what}");
}

#[tokio::test]
async fn a_state_of_our_own_for_this_call_counts() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let state = state(&client).await;
    let answer = yes(&client, "moderate_content", deletion(), &state).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
}

#[tokio::test]
async fn a_state_that_was_made_up_or_cut_is_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let good = state(&client).await;
    let dots: Vec<_> = good.split('.').collect();
    let mut forged = vec![
        String::new(),
        ".".into(),
        "x".into(),
        "confirm".into(),
        "rs1..".into(),
        "true".into(),
        format!("{good}{good}"),
        format!("{good}."),
        format!(" {good}"),
        format!("{good}="),
        good.to_uppercase(),
        dots[..2].join("."),
        format!("{}..{}", dots[0], dots[2]),
        format!("{}.{}.", dots[0], dots[1]),
        format!("{}.{}.{}", dots[0], dots[2], dots[1]),
        format!("none.{}.{}", dots[1], dots[2]),
        "x".repeat(20_000),
    ];
    forged.extend((1..good.len()).step_by(3).map(|cut| good[..cut].to_owned()));
    forged.extend((1..good.len()).step_by(7).map(|cut| good[cut..].to_owned()));
    for state in forged {
        let answer = yes(&client, "moderate_content", deletion(), &state).await;
        assert_refused(&app, &answer, &state);
    }
}

#[tokio::test]
async fn a_state_with_any_character_changed_is_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let good = state(&client).await;
    for at in 0..good.len() {
        for other in ["A", "B", "_", "."] {
            if &good[at..=at] == other {
                continue;
            }
            let mut changed = good.clone();
            changed.replace_range(at..=at, other);
            let answer = yes(&client, "moderate_content", deletion(), &changed).await;
            assert_refused(&app, &answer, &changed);
        }
    }
    // The sample was not refused for another reason.
    let answer = yes(&client, "moderate_content", deletion(), &good).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
}

#[tokio::test]
async fn a_state_of_another_caller_is_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let good = state(&client).await;
    for claims in [
        json!({"sub": "another"}),
        json!({"jti": "another"}),
        json!({"jti": null}),
    ] {
        let token = tokens::token_with(claims.clone());
        let other = client.clone().token(&token);
        let answer = yes(&other, "moderate_content", deletion(), &good).await;
        assert_refused(&app, &answer, &claims.to_string());
    }
}

#[tokio::test]
async fn a_state_of_another_call_is_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let good = state(&client).await;
    let other = |more: Value| {
        let mut params = deletion();
        params
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ("moderate_content", params)
    };
    for (tool, params) in [
        other(json!({"message_id": BOT_MESSAGE})),
        other(json!({"channel_id": VOICE})),
        other(json!({"channel_id": OTHER_CHANNEL})),
        other(json!({"reason": "x"})),
        other(json!({"dry_run": false})),
        other(json!({"action": "delete"})),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_ids": [LAST_MESSAGE]}),
        ),
        ("moderate_content", json!({})),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi"}),
        ),
        ("get_messages", json!({"channel_id": GENERAL})),
        ("get_channel_info", deletion()),
        ("no_such_tool", deletion()),
    ] {
        let answer = yes(&client, tool, params.clone(), &good).await;
        assert_refused(&app, &answer, &format!("{tool} {params}"));
        let line = app.audit().pop().unwrap();
        assert_eq!((&line["tool"], &line["params"]), (&json!(tool), &params));
    }
}

#[tokio::test]
async fn the_order_of_parameters_does_not_make_another_call() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let good = state(&client).await;
    let arguments = format!(r#"{{"message_id":"{LAST_MESSAGE}","channel_id":"{GENERAL}"}}"#);
    let answer = yes(&client, "moderate_content", json!({}), &good).await;
    assert_refused(&app, &answer, "no arguments");
    let params = json!({
        "name": "moderate_content",
        "arguments": {},
        "requestState": good,
        "inputResponses": {"confirm": {"action": "accept", "content": {"confirm": true}}},
    });
    let body = client.message("tools/call", params).to_string();
    let body = body.replace(r#""arguments":{}"#, &format!(r#""arguments":{arguments}"#));
    let client = client
        .header("mcp-method", "tools/call")
        .header("mcp-name", "moderate_content");
    let answer = client.post(body).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
}

#[tokio::test]
async fn a_state_of_another_server_is_refused() {
    let (app, other) = (App::start().await, App::start().await);
    let good = state(&Mcp::modern(&other).can_ask()).await;
    let client = Mcp::modern(&app).can_ask();
    let answer = yes(&client, "moderate_content", deletion(), &good).await;
    assert_refused(&app, &answer, "of another server, or from before a restart");
}

/// "Servers MUST NOT send an `inputRequests` that the client has not declared support for": a state
/// without an answer, from a client that cannot ask, is not asked about.
#[tokio::test]
async fn a_state_does_not_make_a_client_ask_that_cannot() {
    let app = App::start().await;
    let good = state(&Mcp::modern(&app).can_ask()).await;
    let params = json!({
        "name": "moderate_content",
        "arguments": deletion(),
        "requestState": good,
    });
    let answer = Mcp::modern(&app).send("tools/call", params).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.body["result"]["resultType"], "input_required");
}

/// What the user said counts, although this request does not repeat that it could ask.
#[tokio::test]
async fn a_yes_counts_and_a_forgery_does_not_whatever_the_capabilities() {
    let app = App::start().await;
    let asking = Mcp::modern(&app).can_ask();
    let good = state(&asking).await;
    let silent = Mcp::modern(&app);
    let answer = yes(&silent, "moderate_content", deletion(), "forged").await;
    assert_refused(&app, &answer, "forged, without the capability");
    let legacy = Mcp::legacy(&app, "2025-11-25");
    let answer = yes(&legacy, "moderate_content", deletion(), "forged").await;
    assert_refused(&app, &answer, "forged, in the era before");
    let answer = yes(&silent, "moderate_content", deletion(), &good).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
}
