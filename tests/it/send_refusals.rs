//! `send_message` where Discord refuses, or does not answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{
    ARCHIVED_THREAD, ATTACHMENT_MESSAGE, BOT_TOKEN, CATEGORY, DM, FORUM, GENERAL, HIDDEN, MEDIA,
    OTHER_CHANNEL, QUIET, SYSTEM_MESSAGE, THREAD,
};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const CREATE: On = On::Route("POST /channels/{channel_id}/messages");

async fn send_to(app: &App, channel: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "message": "hello from the quay"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("send_message", params).await
}

#[tokio::test]
async fn what_discord_refuses_is_told_in_our_words() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(THREAD).permissions.read_history = false);
    let no_messages = "`channel_id` is a channel of a type that holds no messages, such as a category or a forum; a forum's posts are threads with ids of their own";
    let see = "Bot doesn't have permission to see this channel: VIEW_CHANNEL";
    let table = [
        (
            "1",
            json!({}),
            404,
            "unknown_channel",
            "Discord knows no channel with this id, or the bot is not in its server",
            404,
            10003,
        ),
        (
            HIDDEN,
            json!({}),
            403,
            "missing_permission",
            see,
            403,
            50001,
        ),
        (
            OTHER_CHANNEL,
            json!({}),
            403,
            "missing_permission",
            see,
            403,
            50001,
        ),
        (
            QUIET,
            json!({}),
            403,
            "missing_permission",
            "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)",
            403,
            50013,
        ),
        (
            CATEGORY,
            json!({}),
            422,
            "invalid_params",
            no_messages,
            400,
            50008,
        ),
        (
            FORUM,
            json!({}),
            422,
            "invalid_params",
            no_messages,
            400,
            50008,
        ),
        (
            MEDIA,
            json!({}),
            422,
            "invalid_params",
            no_messages,
            400,
            50008,
        ),
        (
            ARCHIVED_THREAD,
            json!({}),
            422,
            "invalid_params",
            "`channel_id` is an archived thread that cannot be written to",
            400,
            50083,
        ),
        (
            GENERAL,
            json!({"reply_to": "1"}),
            404,
            "unknown_message",
            "`reply_to` is no message of this channel",
            400,
            50035,
        ),
        (
            GENERAL,
            json!({"reply_to": SYSTEM_MESSAGE}),
            404,
            "unknown_message",
            "`reply_to` is no message of this channel",
            400,
            50035,
        ),
        (
            DM,
            json!({"reply_to": ATTACHMENT_MESSAGE}),
            404,
            "unknown_message",
            "`reply_to` is no message of this channel",
            400,
            50035,
        ),
        (
            THREAD,
            json!({"reply_to": "1567257186114076673"}),
            403,
            "missing_permission",
            "Bot doesn't have permission to reply here: READ_MESSAGE_HISTORY",
            403,
            160002,
        ),
    ];
    for (channel, more, status, code, message, discord_status, discord_code) in table {
        let answer = send_to(&app, channel, more.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (status, code, message),
            "{channel} {more}"
        );
        let discord = json!({"status": discord_status, "code": discord_code});
        assert_eq!(answer.body["error"]["discord"], discord, "{channel} {more}");
    }
    let methods: Vec<_> = app
        .discord
        .requests()
        .into_iter()
        .map(|r| r.method)
        .collect();
    assert_eq!(methods, ["POST"; 12], "a refusal costs one request");
}

#[tokio::test]
async fn discords_own_codes_are_told_in_our_words() {
    let app = App::start().await;
    let table = [
        (
            400,
            50006,
            422,
            "`message` is empty once Discord has trimmed it",
        ),
        (
            400,
            200_000,
            422,
            "The server's AutoMod refused the text of `message`",
        ),
        (
            400,
            240_000,
            422,
            "`message` holds a link that Discord blocks as harmful",
        ),
        (
            403,
            50007,
            403,
            "Bot doesn't have permission to write to this user: an open direct message",
        ),
        (
            403,
            160_005,
            403,
            "Bot doesn't have permission to write in this locked thread: MANAGE_THREADS",
        ),
        (
            403,
            12345,
            403,
            "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)",
        ),
        (
            400,
            12345,
            422,
            "Discord refused the request as it stands; its code is in `discord`",
        ),
        (404, 12345, 404, "Discord found nothing under this id"),
        (401, 0, 401, "Discord rejected the bot token in this JWT"),
        (
            403,
            40001,
            401,
            "Discord rejected the bot token in this JWT",
        ),
        (503, 130_000, 502, "Discord is overloaded"),
    ];
    for (discord_status, discord_code, status, message) in table {
        let fault = Fault::Error {
            status: discord_status,
            code: discord_code,
            message: "the words of Discord, which no caller reads",
        };
        app.discord.clear_requests();
        app.discord.fault(CREATE, usize::MAX, fault);
        let params = json!({"channel_id": GENERAL, "message": "hello from the quay"});
        let token = app.fresh_token();
        let answer = app.invoke_as(&token, "send_message", params).await;
        app.discord.clear_faults();
        assert_eq!(
            (answer.status, answer.message()),
            (status, message),
            "{discord_code}"
        );
        let requests = if discord_status >= 500 { 3 } else { 1 };
        assert_eq!(app.discord.requests().len(), requests, "{discord_code}");
        assert!(!answer.text.contains("no caller reads"), "{}", answer.text);
    }
}

#[tokio::test]
async fn slow_mode_that_does_not_fit_is_a_rate_limit_and_says_how_long() {
    let app = App::start().await;
    for (code, message) in [
        (20016, "The channel's slow mode asks for a pause"),
        (
            20028,
            "This channel has been written to as often as Discord allows",
        ),
    ] {
        let body = json!({"message": "Slow down", "code": code, "retry_after": 42.25});
        let fault = Fault::Respond {
            status: 429,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into(),
        };
        app.discord.clear_requests();
        app.discord.fault(CREATE, 1, fault);
        let params = json!({"channel_id": GENERAL, "message": "hello from the quay"});
        let token = app.fresh_token();
        let answer = app.invoke_as(&token, "send_message", params).await;
        assert_eq!(app.discord.requests().len(), 1);
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("retry-after"), Some("43"));
        assert_eq!(
            answer.body["error"],
            json!({
                "code": "rate_limited",
                "message": message,
                "hint": "Wait `retry_after` seconds before the next call.",
                "retry_after": 42.25,
                "discord": {"status": 429, "code": code},
            })
        );
    }
}

#[tokio::test]
async fn a_send_without_an_answer_may_have_happened_and_says_so() {
    let table = [
        (
            Fault::Hang,
            ("1s", 1, 0),
            504,
            "Discord did not answer in time; whether the change was made is unknown",
        ),
        (
            Fault::CutAfter,
            ("30s", 3, 1),
            502,
            "The connection to Discord broke; whether the change was made is unknown",
        ),
        (
            Fault::Truncated,
            ("30s", 3, 1),
            502,
            "The connection to Discord broke; whether the change was made is unknown",
        ),
        (
            Fault::BadJson,
            ("30s", 1, 1),
            502,
            "Discord's answer could not be read; whether the change was made is unknown",
        ),
    ];
    let runs = table.map(|(fault, expected, status, message)| async move {
        let (deadline, requests, messages) = expected;
        let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
        let there = || app.discord.with(|world| world.messages(GENERAL).len());
        let before = there();
        app.discord.fault(CREATE, usize::MAX, fault);
        let begun = Instant::now();
        let answer = send_to(&app, GENERAL, json!({})).await;
        assert_eq!((answer.status, answer.message()), (status, message));
        assert!(begun.elapsed() < Duration::from_secs(5), "{message}");
        assert_eq!(app.discord.requests().len(), requests, "{message}");
        // However often it was tried, under its nonce it is sent once.
        assert_eq!(there(), before + messages);
    });
    join_all(runs).await;
}

#[tokio::test]
async fn a_revoked_bot_token_is_told_from_a_bad_bearer() {
    let app = App::start().await;
    app.discord.with(|world| world.tokens.remove(BOT_TOKEN));
    let answer = send_to(&app, GENERAL, json!({})).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "discord_token_rejected",
            "message": "Discord rejected the bot token in this JWT",
            "hint": "The bot token was reset or mistyped. Copy it anew from Discord's developer portal and mint a new JWT.",
            "discord": {"status": 401, "code": 0},
        })
    );
}
