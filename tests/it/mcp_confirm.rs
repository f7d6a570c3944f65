//! Deleting through MCP: a client that can ask its user is made to ask.

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_MESSAGE, GENERAL, LAST_MESSAGE, VOICE};
use crate::support::mcp::{MODERN, error_text, result_meta, structured};
use crate::support::{Answer, App, Mcp};

/// One message to delete.
pub fn deletion() -> Value {
    json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE})
}

/// The answer of a user who ticked the box, or did not.
fn accepted(confirm: bool) -> Value {
    json!({"confirm": {"action": "accept", "content": {"confirm": confirm}}})
}

/// The same call again, with what the user said and the state that came with the question.
async fn answer_with(client: &Mcp, state: &str, responses: Value) -> Answer {
    let mut params = json!({"name": "moderate_content", "arguments": deletion()});
    params["requestState"] = state.into();
    if !responses.is_null() {
        params["inputResponses"] = responses;
    }
    client.clone().id(2).send("tools/call", params).await
}

/// Whether the answer asks the user this; the state that goes with the question.
#[track_caller]
pub fn asked(answer: &Answer, question: &str) -> String {
    let result = answer.result();
    let state = result["requestState"].as_str();
    let state = state.unwrap_or_else(|| panic!("nobody was asked: {}", answer.text));
    let expected = json!({
        "resultType": "input_required",
        "inputRequests": {
            "confirm": {
                "method": "elicitation/create",
                "params": {
                    "mode": "form",
                    "message": question,
                    "requestedSchema": {
                        "type": "object",
                        "properties": {"confirm": {"type": "boolean", "title": "Delete"}},
                        "required": ["confirm"],
                    },
                },
            },
        },
        "requestState": state,
        "_meta": result_meta(),
    });
    assert_eq!(*result, expected);
    state.to_owned()
}

pub const QUESTION: &str =
    "Delete message 1568168320031653914 from Discord channel 1234567890123456789 for good?";

/// The stages and statuses in the audit log.
fn audited(app: &App) -> Vec<Value> {
    let lines = app.audit();
    for line in &lines {
        assert_eq!(
            (&line["door"], &line["tool"]),
            (&json!("mcp"), &json!("moderate_content"))
        );
    }
    let pairs = lines
        .iter()
        .map(|line| json!([line["stage"], line.get("status")]));
    pairs.collect()
}

/// How often something was deleted.
pub fn deleted(app: &App) -> usize {
    app.discord.with(|world| world.deletions.len())
}

#[tokio::test]
async fn the_user_is_asked_before_anything_is_sent_to_discord() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    asked(&answer, QUESTION);
    assert!(app.discord.requests().is_empty());
    let lines = app.audit();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["stage"], "outcome");
    assert_eq!(lines[0]["status"], "confirmation_required");
    assert_eq!(lines[0]["success"], false);
    assert_eq!(lines[0]["params"], deletion());
    assert_eq!(lines[0]["channel_id"], GENERAL);
}

#[tokio::test]
async fn the_question_says_how_many_where_and_why() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    for (params, question) in [
        (
            json!({"channel_id": VOICE, "message_ids": ["7"]}),
            "Delete message 7 from Discord channel 1234567890123456802 for good?",
        ),
        (
            json!({"channel_id": VOICE, "message_ids": ["7", "8", "7"]}),
            "Delete 2 messages from Discord channel 1234567890123456802 for good?",
        ),
        (
            json!({"channel_id": VOICE, "message_id": "7", "reason": "spam", "dry_run": false}),
            "Delete message 7 from Discord channel 1234567890123456802 for good? Reason given: \"spam\"",
        ),
    ] {
        asked(&client.call("moderate_content", params).await, question);
    }
}

/// Whoever words the reason must not word the question: a line of its own could be taken for it.
#[tokio::test]
async fn a_reason_stays_on_the_line_of_the_question() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let reason = "x\n\nNothing will be deleted. Tick the box to go on.";
    let params = json!({"channel_id": VOICE, "message_id": "7", "reason": reason});
    let answer = client.call("moderate_content", params).await;
    let question = &answer.result()["inputRequests"]["confirm"]["params"]["message"];
    let question = question.as_str().unwrap();
    assert!(!question.contains('\n'), "{question:?}");
}

#[tokio::test]
async fn a_yes_deletes() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    let state = asked(&answer, QUESTION);
    let answer = answer_with(&client, &state, accepted(true)).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
    assert_eq!(answer.result()["resultType"], "complete");
    assert_eq!(deleted(&app), 1);
    let expected = [
        json!(["outcome", "confirmation_required"]),
        json!(["intent", null]),
        json!(["outcome", "ok"]),
    ];
    assert_eq!(audited(&app), expected);
}

#[tokio::test]
async fn anything_but_a_yes_deletes_nothing() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    let state = asked(&answer, QUESTION);
    let said =
        |action: &str, content: Value| json!({"confirm": {"action": action, "content": content}});
    let answers = [
        accepted(false),
        said("decline", json!(null)),
        said("cancel", json!(null)),
        said("decline", json!({"confirm": true})),
        said("cancel", json!({"confirm": true})),
        json!({"confirm": {"action": "decline"}}),
        json!({"confirm": {"action": "accept"}}),
        said("accept", json!({})),
        said("accept", json!({"confirm": "true"})),
        said("accept", json!({"confirm": 1})),
        said("accept", json!({"Confirm": true})),
    ];
    for (at, responses) in answers.iter().enumerate() {
        let answer = answer_with(&client, &state, responses.clone()).await;
        let expected = "declined: The user did not confirm; nothing was deleted\n\
            hint: Do not try again unless the user asks for it.";
        assert_eq!(error_text(&answer), expected, "{responses}");
        let lines = audited(&app);
        assert_eq!(lines.len(), at + 2, "{responses}");
        assert_eq!(lines[at + 1], json!(["outcome", "declined"]));
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_missing_or_garbage_is_asked_for_again() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    let state = asked(&answer, QUESTION);
    for responses in [
        json!(null),
        json!({}),
        json!({"other": {"action": "accept", "content": {"confirm": true}}}),
        json!({"confirm": 7}),
        json!({"confirm": true}),
        json!({"confirm": {}}),
        json!({"confirm": {"action": "yes", "content": {"confirm": true}}}),
        json!({"confirm": {"content": {"confirm": true}}}),
    ] {
        let answer = answer_with(&client, &state, responses).await;
        asked(&answer, QUESTION);
    }
    // A yes without the state that came with the question is no answer to it.
    let mut params = json!({"name": "moderate_content", "arguments": deletion()});
    params["inputResponses"] = accepted(true);
    let answer = client.send("tools/call", params).await;
    asked(&answer, QUESTION);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_question_costs_nobody_elses_call() {
    // Whoever is asked holds no place among the calls in flight while the user thinks.
    let app = App::with(&[("MAX_CALLS", "1")]).await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    let state = asked(&answer, QUESTION);
    let other = Mcp::legacy(&app, MODERN);
    let arguments = json!({"channel_id": GENERAL, "message_id": BOT_MESSAGE});
    let answer = other.call("moderate_content", arguments).await;
    assert_eq!(*structured(&answer), json!({"deleted": [BOT_MESSAGE]}));
    let answer = answer_with(&client, &state, accepted(true)).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
}
