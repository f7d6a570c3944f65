//! What Discord has refused once is not asked again for a while: a bot token that it does not know
//! for ten minutes, a permission that a bot lacks for a quarter of one. Nobody else notices.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{
    ANNOUNCEMENTS, BOT_TOKEN, GENERAL, LAST_MESSAGE, OTHER_BOT_TOKEN, OTHER_CHANNEL,
    PINNED_MESSAGE, QUIET,
};
use crate::support::discord::{Fault, On};
use crate::support::mcp::error_text;
use crate::support::operations::{CHANNEL, CREATE, DELETE, SEARCH, read, requests, send};
use crate::support::{App, Mcp, assert_failure, tokens, until};

const REJECTED: &str = "Discord rejected the bot token in this JWT";
const NEW_TOKEN: &str = "The bot token was reset or mistyped. Copy it anew from Discord's developer portal and mint a new JWT.";

/// A server whose bot's token has been reset.
async fn with_dead_token() -> App {
    let app = App::start().await;
    app.discord.with(|world| world.tokens.remove(BOT_TOKEN));
    app
}

fn rejected(discord: Option<Value>) -> Value {
    let mut error =
        json!({"code": "discord_token_rejected", "message": REJECTED, "hint": NEW_TOKEN});
    if let Some(discord) = discord {
        error["discord"] = discord;
    }
    error
}

#[tokio::test]
async fn a_token_that_discord_does_not_know_is_sent_once() {
    let app = with_dead_token().await;
    let answer = app.invoke("get_messages", read().params).await;
    assert_failure(
        &answer,
        401,
        rejected(Some(json!({"status": 401, "code": 0}))),
    );
    assert_eq!(app.discord.requests().len(), 1, "a 401 is not tried again");

    // From now on the answer is known, on every route, at both doors, from whomever.
    let search = json!({"channel_id": GENERAL, "query": "x"});
    let deletion = json!({"channel_id": ANNOUNCEMENTS, "message_id": LAST_MESSAGE});
    for (tool, params) in [
        ("get_messages", read().params),
        ("get_channel_info", json!({"channel_id": ANNOUNCEMENTS})),
        ("send_message", send().params),
        ("search_messages", search),
        ("moderate_content", deletion),
    ] {
        let answer = app.invoke(tool, params.clone()).await;
        assert_failure(&answer, 401, rejected(None));
        let other = tokens::token_with(json!({"sub": "another caller", "jti": "another"}));
        let answer = Mcp::modern(&app).token(&other).call(tool, params).await;
        assert!(error_text(&answer).contains(REJECTED), "{}", answer.text);
    }
    assert_eq!(app.discord.requests().len(), 1);
    let lines = app.audit();
    let outcomes: Vec<_> = lines
        .iter()
        .filter(|line| line["stage"] == "outcome")
        .collect();
    assert_eq!(outcomes.len(), 11);
    assert_eq!(outcomes[0]["requests"], 1);
    for line in &outcomes {
        assert_eq!(line["status"], "discord_token_rejected", "{line}");
    }
    assert!(
        outcomes[1..]
            .iter()
            .all(|line| line.get("requests").is_none())
    );
}

#[tokio::test]
async fn a_dead_token_does_not_touch_its_neighbour() {
    let app = with_dead_token().await;
    app.invoke("get_messages", read().params).await;
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
    for _ in 0..5 {
        let params = json!({"channel_id": OTHER_CHANNEL});
        let answer = app.invoke_as(&other, "get_messages", params).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(app.get("/readyz", None).await.status, 200);
}

#[tokio::test]
async fn many_calls_at_once_with_a_dead_token_are_few_requests() {
    let app = with_dead_token().await;
    // Nothing is known yet, and they all come at the same moment, on different routes.
    let calls = (0..30).map(|at| {
        let channel = [GENERAL, ANNOUNCEMENTS, QUIET][at % 3];
        let tool = ["get_messages", "get_channel_info"][at % 2];
        app.invoke(tool, json!({"channel_id": channel}))
    });
    for answer in join_all(calls).await {
        assert_eq!(answer.code(), "discord_token_rejected");
    }
    let sent = app.discord.requests().len();
    assert!((1..=3).contains(&sent), "{sent} requests with a dead token");
}

#[tokio::test]
async fn a_first_request_that_hangs_does_not_hold_back_the_other_routes() {
    let app = App::with(&[("CALL_DEADLINE", "4s")]).await;
    // Whether Discord knows the token is not known yet, and the first answer never comes.
    app.discord.fault(read().on(), usize::MAX, Fault::Hang);
    let hanging = app.invoke("get_messages", read().params);
    let other = async {
        until("the first is on its way", || {
            !app.discord.requests().is_empty()
        })
        .await;
        let began = Instant::now();
        let answer = app.invoke("get_channel_info", read().params).await;
        (answer, began.elapsed())
    };
    // The first is not waited for to its end.
    let (answer, took) = tokio::select! {
        _ = hanging => panic!("the first one ended"),
        other = other => other,
    };
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_asked_for_once_by_bot_channel_and_operation() {
    let app = App::start().await;
    let write = |channel: &str| json!({"channel_id": channel, "message": "x"});
    let expected = json!({
        "code": "missing_permission",
        "message": "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)",
        "hint": "Give the bot's role this permission in the server's settings, and look at the channel's own overrides.",
        "discord": {"status": 403, "code": 50013},
    });
    for _ in 0..3 {
        let answer = app.invoke("send_message", write(QUIET)).await;
        assert_failure(&answer, 403, expected.clone());
    }
    let over_mcp = Mcp::modern(&app).call("send_message", write(QUIET)).await;
    assert!(error_text(&over_mcp).contains("Bot doesn't have permission to send"));
    assert_eq!(requests(&app, CREATE), 1);
    let outcomes: Vec<_> = app
        .audit()
        .into_iter()
        .filter(|line| line["stage"] == "outcome")
        .collect();
    assert_eq!(outcomes[0]["requests"], 1);
    assert!(
        outcomes[1..]
            .iter()
            .all(|line| line.get("requests").is_none())
    );

    // Another operation, another channel and another bot are other questions.
    let answer = app
        .invoke("get_messages", json!({"channel_id": QUIET}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = app.invoke("send_message", write(GENERAL)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let other = app.discord.with(|world| {
        world.channel_mut(QUIET).permissions.send = true;
        world.recruit(1).remove(0)
    });
    let other = tokens::token_with(json!({"discord_token": other}));
    let answer = app.invoke_as(&other, "send_message", write(QUIET)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_refusal_for_one_message_says_nothing_of_the_next() {
    let app = App::start().await;
    // The first is a notice of Discord's own, the second the text of somebody else.
    let notice = Fault::Error {
        status: 403,
        code: 50021,
        message: "Cannot execute action on a system message",
    };
    app.discord.fault(On::Route(DELETE), 1, notice);
    let deletion = |id: &str| json!({"channel_id": GENERAL, "message_id": id});
    let first = app
        .invoke("moderate_content", deletion(PINNED_MESSAGE))
        .await;
    assert_eq!(first.code(), "invalid_params");
    let second = app.invoke("moderate_content", deletion(LAST_MESSAGE)).await;
    assert_eq!(second.status, 200, "{}", second.text);
}

#[tokio::test]
async fn a_channel_that_may_not_be_searched_does_not_close_the_others_of_its_server() {
    let app = App::start().await;
    app.discord.with(|world| {
        world.channel_mut(ANNOUNCEMENTS).permissions.read_history = false;
    });
    let search = |channel: &str| json!({"channel_id": channel, "query": "sensor", "mode": "index"});
    for _ in 0..2 {
        let refused = app.invoke("search_messages", search(ANNOUNCEMENTS)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "missing_permission")
        );
    }
    assert_eq!(requests(&app, SEARCH), 1, "the second time it is known");
    let found = app.invoke("search_messages", search(GENERAL)).await;
    assert_eq!(found.status, 200, "{}", found.text);
}

#[tokio::test]
async fn neither_is_remembered_of_answers_that_say_something_else() {
    let app = App::start().await;
    for (status, code) in [(404, 10003), (400, 50035), (500, 0)] {
        let message = "As Discord words it";
        let fault = Fault::Error {
            status,
            code,
            message,
        };
        app.discord.fault(On::Route(CHANNEL), 3, fault);
        let failed = app.invoke("get_channel_info", read().params).await;
        assert_ne!(failed.status, 200);
        app.discord.clear_faults();
        let answer = app.invoke("get_channel_info", read().params).await;
        assert_eq!(answer.status, 200, "{status}: {}", answer.text);
    }
    let statuses = app.discord.statuses(BOT_TOKEN);
    assert_eq!(
        statuses,
        BTreeMap::from([(200, 3), (400, 1), (404, 1), (500, 3)])
    );
}
