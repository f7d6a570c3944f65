//! `send_message` with `thread_name`: a thread from a message, and the first message in it.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ANNOUNCEMENTS, ATTACHMENT_MESSAGE, DM, FORUM, GENERAL, GUILD, LAST_MESSAGE, REPLY_MESSAGE,
    SYSTEM_MESSAGE, THREAD,
};
use crate::support::discord::{Fault, On};
use crate::support::mcp::structured;
use crate::support::operations::{CREATE, requests};
use crate::support::{Answer, App, Mcp, assert_failure, take_nonce};

const START: &str = "POST /channels/{channel_id}/messages/{message_id}/threads";

/// Starts a thread with these parameters beside those that every start has.
async fn start(app: &App, more: Value) -> Answer {
    app.invoke("send_message", params(more)).await
}

fn params(more: Value) -> Value {
    let mut params = json!({
        "channel_id": GENERAL, "reply_to": LAST_MESSAGE, "thread_name": "Who brings cake?",
        "message": "I do.",
    });
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    params
}

/// What is said in a thread, where there is one.
fn said(app: &App, thread: &str) -> Option<Vec<String>> {
    app.discord.with(|world| {
        world.channel(thread)?;
        let messages = world.messages(thread).into_iter();
        Some(
            messages
                .map(|message| message.content().to_owned())
                .collect(),
        )
    })
}

#[tokio::test]
async fn a_thread_starts_from_the_message_and_the_text_goes_into_it() {
    let app = App::start().await;
    let answer = start(&app, json!({})).await;
    let result = answer.result();
    assert_eq!(result["thread_id"], LAST_MESSAGE);
    assert_eq!(result["message"]["channel_id"], LAST_MESSAGE);
    assert_eq!(result["message"].get("reply_to"), None);
    let id = result["message"]["id"].as_str().unwrap();
    let link = format!("https://discord.com/channels/{GUILD}/{LAST_MESSAGE}/{id}");
    assert_eq!(result["jump_url"], link);
    assert_eq!(said(&app, LAST_MESSAGE).unwrap(), ["I do."]);
    // The thread, the message, and nothing else.
    let seen = app.discord.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].json(), json!({"name": "Who brings cake?"}));
    let mut body = seen[1].json();
    take_nonce(&mut body);
    let allowed = json!({"parse": [], "replied_user": false});
    let expected = json!({"content": "I do.", "allowed_mentions": allowed, "flags": 4});
    assert_eq!(body, expected);
    let lines = app.audit();
    assert_eq!((lines.len(), &lines[0]["stage"]), (2, &json!("intent")));
    assert_eq!(lines[1]["thread_id"], LAST_MESSAGE);
    assert_eq!(lines[1]["message_ids"], json!([id]));

    let more = json!({"reply_to": REPLY_MESSAGE, "idempotency_key": "k"});
    let answer = Mcp::modern(&app).call("send_message", params(more)).await;
    assert_eq!(structured(&answer)["thread_id"], REPLY_MESSAGE);
    let nonce = app.discord.requests().pop().unwrap().json()["nonce"].clone();
    assert_eq!(nonce, "k");
}

#[tokio::test]
async fn a_long_text_goes_into_the_thread_in_parts() {
    let app = App::start().await;
    let text = format!("{}\n\n{}", "a".repeat(1500), "b".repeat(1500));
    let answer = start(&app, json!({"message": text, "split": true})).await;
    assert_eq!(answer.result()["messages"].as_array().unwrap().len(), 2);
    assert_eq!(said(&app, LAST_MESSAGE).unwrap().len(), 2);
}

#[tokio::test]
async fn a_message_has_one_thread() {
    let app = App::start().await;
    assert_eq!(start(&app, json!({})).await.status, 200);
    let error = json!({
        "code": "invalid_params",
        "message": "`reply_to` has a thread already",
        "hint": "Send into it: a thread that was started from a message has the message's id.",
        "discord": {"status": 400, "code": 160_004},
    });
    assert_failure(&start(&app, json!({})).await, 422, error);
    assert_eq!(said(&app, LAST_MESSAGE).unwrap(), ["I do."]);
}

#[tokio::test]
async fn a_thread_whose_message_failed_is_told() {
    let app = App::start().await;
    let (status, message) = (403, "As Discord words it");
    let fault = Fault::Error {
        status,
        code: 50013,
        message,
    };
    app.discord.fault(On::Route(CREATE), 1, fault);
    let answer = start(&app, json!({})).await;
    let text = "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)";
    let hint =
        format!("The thread was started: send into it, with {LAST_MESSAGE} for `channel_id`.");
    let error = json!({
        "code": "missing_permission", "message": text, "hint": hint,
        "discord": {"status": 403, "code": 50013},
    });
    assert_failure(&answer, 403, error);
    assert_eq!(app.audit().pop().unwrap()["thread_id"], LAST_MESSAGE);
    assert_eq!(said(&app, LAST_MESSAGE).unwrap(), Vec::<String>::new());

    // And so is how far a long text has come.
    let text = ["a", "b", "c"]
        .map(|letter| letter.repeat(1500))
        .join("\n\n");
    let pass = Fault::Headers(Vec::new());
    app.discord.fault(On::Route(CREATE), 1, pass);
    let refused = Fault::Error {
        status: 400,
        code: 200_000,
        message,
    };
    app.discord.fault(On::Route(CREATE), 1, refused);
    let more = json!({"reply_to": ATTACHMENT_MESSAGE, "message": text, "split": true});
    let answer = start(&app, more).await;
    let sent = app.audit().pop().unwrap()["message_ids"][0].clone();
    let hint = format!(
        "The thread was started: send into it, with {ATTACHMENT_MESSAGE} for `channel_id`. 1 of 3 parts were sent, as messages {}; send only the rest.",
        sent.as_str().unwrap()
    );
    assert_eq!(answer.body["error"]["hint"], hint);
}

#[tokio::test]
async fn a_thread_that_may_have_been_started_is_not_started_again() {
    for fault in [Fault::CutAfter, Fault::HtmlAfter(502), Fault::BadJson] {
        let app = App::start().await;
        app.discord.fault(On::Route(START), 1, fault);
        let answer = start(&app, json!({})).await;
        assert_eq!((answer.status, answer.code()), (502, "discord_error"));
        assert_eq!((requests(&app, START), requests(&app, CREATE)), (1, 0));
        assert!(said(&app, LAST_MESSAGE).is_some());
    }
    let app = App::start().await;
    let (retry_after, scope) = (0.05, "user");
    let limited = Fault::RateLimited { retry_after, scope };
    app.discord.fault(On::Route(START), 2, limited);
    assert_eq!(start(&app, json!({})).await.status, 200);
    assert_eq!(requests(&app, START), 3);
}

#[tokio::test]
async fn where_no_thread_can_start_discord_says_why() {
    let app = App::start().await;
    let nowhere = "`channel_id` is a channel in which no thread can be started";
    let in_thread = app
        .discord
        .with(|world| world.messages(THREAD)[1].id().to_owned());
    for (more, status, message) in [
        (
            json!({"channel_id": THREAD, "reply_to": in_thread}),
            422,
            nowhere,
        ),
        (json!({"channel_id": DM}), 422, nowhere),
        (json!({"channel_id": FORUM}), 422, nowhere),
        (
            json!({"reply_to": SYSTEM_MESSAGE}),
            422,
            "`reply_to` is a message from which no thread can be started",
        ),
        (
            json!({"reply_to": "1"}),
            404,
            "Discord knows no such message in this channel; it may have been deleted",
        ),
    ] {
        let answer = start(&app, more.clone()).await;
        assert_eq!(
            (answer.status, answer.message()),
            (status, message),
            "{more}"
        );
    }
    app.discord
        .with(|world| world.channel_mut(ANNOUNCEMENTS).permissions.create_threads = false);
    let id = app
        .discord
        .with(|world| world.post(ANNOUNCEMENTS, crate::support::discord::seed::ALICE, "news"));
    let answer = start(&app, json!({"channel_id": ANNOUNCEMENTS, "reply_to": id})).await;
    let message =
        "Bot doesn't have permission to start threads in this channel: CREATE_PUBLIC_THREADS";
    assert_eq!((answer.status, answer.message()), (403, message));
    // The bot may write there all the same.
    let plain = json!({"channel_id": ANNOUNCEMENTS, "message": "hello"});
    assert_eq!(app.invoke("send_message", plain).await.status, 200);
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_before_anything_is_sent() {
    let app = App::start().await;
    for (more, message) in [
        (
            json!({"reply_to": null}),
            "`thread_name` needs `reply_to`, the message to start from",
        ),
        (
            json!({"mentions": {"replied_user": true}}),
            "`mentions.replied_user` needs `reply_to`",
        ),
        (
            json!({"thread_name": "x".repeat(101)}),
            "`thread_name` must be 1 to 100 characters long; it has 101",
        ),
        (
            json!({"thread_name": " "}),
            "`thread_name` must not be blank",
        ),
    ] {
        let answer = start(&app, more.clone()).await;
        let error = json!({"code": "invalid_params", "message": message});
        assert_eq!(answer.body["error"], error, "{more}");
    }
    assert!(app.discord.requests().is_empty());
}
