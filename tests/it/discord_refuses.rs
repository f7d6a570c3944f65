//! What a caller reads when Discord says no: its codes for each kind of operation.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_MESSAGE, DM, GENERAL, HIDDEN, QUIET, SYSTEM_MESSAGE};
use crate::support::discord::{Fault, On};
use crate::support::{App, assert_failure, tokens};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");
/// Of the right shape, and of a bot that Discord does not know.
const STALE_TOKEN: &str =
    "MTE4MDAwMDAwMDAwMDAwMDA3Nw.GFaKe9.reset-since-then-000000000000000000000";

const READ: usize = 0;
const SEND: usize = 1;
const DELETE: usize = 2;
const SEARCH: usize = 3;

/// A route of Discord's, and the call that ends in it, by the constants above.
fn operation(which: usize) -> (On, &'static str, Value) {
    let query = json!({"channel_id": GENERAL, "query": "sensor", "mode": "index"});
    let operations = [
        (LIST, "get_messages", json!({"channel_id": GENERAL})),
        (
            On::Route("POST /channels/{channel_id}/messages"),
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi"}),
        ),
        (
            On::Route("DELETE /channels/{channel_id}/messages/{message_id}"),
            "moderate_content",
            json!({"channel_id": GENERAL, "message_id": BOT_MESSAGE}),
        ),
        (
            On::Route("GET /guilds/{guild_id}/messages/search"),
            "search_messages",
            query,
        ),
    ];
    operations.into_iter().nth(which).unwrap()
}

const ALL: [usize; 4] = [READ, SEND, DELETE, SEARCH];
const NO_CHANNEL: &str = "Discord knows no channel with this id, or the bot is not in its server";
const NO_GUILD: &str = "Discord knows no server with this id, or the bot is not in it";
const NO_MESSAGE: &str = "Discord knows no such message in this channel; it may have been deleted";
const NOTHING: &str = "Discord found nothing under this id";
const BAD_TOKEN: &str = "Discord rejected the bot token in this JWT";
const CANNOT_SEE: &str = "Bot doesn't have permission to see this channel: VIEW_CHANNEL";
const CANNOT_READ: &str =
    "Bot doesn't have permission to read messages in this channel: READ_MESSAGE_HISTORY";
const CANNOT_SEND: &str = "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)";
const CANNOT_DELETE: &str =
    "Bot doesn't have permission to delete messages of others in this channel: MANAGE_MESSAGES";
const CANNOT_SEARCH: &str =
    "Bot doesn't have permission to search this server: READ_MESSAGE_HISTORY";
const NOT_TEXT: &str = "`channel_id` is a channel of a type that holds no messages, such as a category or a forum; a forum's posts are threads with ids of their own";
const AS_IT_STANDS: &str = "Discord refused the request as it stands; its code is in `discord`";

/// Operations, Discord's status and code; our code, status and message.
type Row = (&'static [usize], u16, u64, &'static str, u16, &'static str);

// One row a line reads as the table it is.
#[rustfmt::skip]
const CODES: &[Row] = &[
    (&ALL, 404, 10003, "unknown_channel", 404, NO_CHANNEL),
    (&ALL, 404, 10004, "unknown_guild", 404, NO_GUILD),
    (&ALL, 404, 10008, "unknown_message", 404, NO_MESSAGE),
    (&ALL, 401, 0, "discord_token_rejected", 401, BAD_TOKEN),
    (&ALL, 401, 40001, "discord_token_rejected", 401, BAD_TOKEN),
    (&ALL, 403, 40001, "discord_token_rejected", 401, BAD_TOKEN),
    (&ALL, 401, 50014, "discord_token_rejected", 401, BAD_TOKEN),
    (&[READ, SEND, DELETE], 403, 50001, "missing_permission", 403, CANNOT_SEE),
    (&[SEARCH], 403, 50001, "missing_permission", 403, CANNOT_SEARCH),
    (&[READ], 403, 50013, "missing_permission", 403, CANNOT_READ),
    (&[SEND], 403, 50013, "missing_permission", 403, CANNOT_SEND),
    (&[DELETE], 403, 50013, "missing_permission", 403, CANNOT_DELETE),
    (&[SEARCH], 403, 50013, "missing_permission", 403, CANNOT_SEARCH),
    (&[SEND], 403, 160_002, "missing_permission", 403, "Bot doesn't have permission to reply here: READ_MESSAGE_HISTORY"),
    (&[SEND], 400, 160_002, "missing_permission", 403, "Bot doesn't have permission to reply here: READ_MESSAGE_HISTORY"),
    (&[SEND, DELETE], 403, 160_005, "missing_permission", 403, "Bot doesn't have permission to write in this locked thread: MANAGE_THREADS"),
    (&[SEND, DELETE], 403, 50003, "invalid_params", 422, "`channel_id` is a direct message, where Discord does not allow this"),
    (&[SEND], 400, 50006, "invalid_params", 422, "`message` is empty once Discord has trimmed it"),
    (&[SEND, READ], 400, 50008, "invalid_params", 422, NOT_TEXT),
    (&[SEND, READ], 400, 50024, "invalid_params", 422, NOT_TEXT),
    (&[DELETE], 403, 50021, "invalid_params", 422, "`message_id` is one of Discord's own notices, which cannot be deleted"),
    (&[DELETE], 400, 50034, "invalid_params", 422, "`message_ids` has a message older than 14 days"),
    (&[SEND, DELETE], 400, 50083, "invalid_params", 422, "`channel_id` is an archived thread that cannot be written to"),
    (&[SEND], 400, 200_000, "invalid_params", 422, "The server's AutoMod refused the text of `message`"),
    (&[SEND], 400, 240_000, "invalid_params", 422, "`message` holds a link that Discord blocks as harmful"),
    (&ALL, 400, 50035, "invalid_params", 422, "Discord refused the form of the request"),
    (&ALL, 429, 20016, "rate_limited", 429, "The channel's slow mode asks for a pause"),
    (&[SEND], 429, 20028, "rate_limited", 429, "This channel has been written to as often as Discord allows"),
    (&ALL, 503, 130_000, "discord_error", 502, "Discord is overloaded"),
    // What nobody has heard of yet goes by the status.
    (&ALL, 400, 999_999, "invalid_params", 422, AS_IT_STANDS),
    (&[READ], 403, 999_999, "missing_permission", 403, CANNOT_READ),
    (&[SEND], 403, 999_999, "missing_permission", 403, CANNOT_SEND),
    (&[DELETE], 403, 999_999, "missing_permission", 403, CANNOT_DELETE),
    (&[SEARCH], 403, 999_999, "missing_permission", 403, CANNOT_SEARCH),
    (&[READ, SEND], 404, 0, "unknown_channel", 404, NOTHING),
    (&[DELETE], 404, 0, "unknown_message", 404, NOTHING),
    (&[SEARCH], 404, 0, "unknown_guild", 404, NOTHING),
    (&ALL, 500, 0, "discord_error", 502, "Discord failed"),
];

/// One of Discord's errors; with a 429, a wait for which no call has time.
fn said(status: u16, code: u64) -> Fault {
    let mut body = json!({"message": "said by @someone, not by us", "code": code});
    if status == 429 {
        body["retry_after"] = json!(60.5);
    }
    Fault::Respond {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// What is wrong with the answers to the codes that Discord has for this operation.
async fn wrong_answers(which: usize) -> Vec<String> {
    let app = App::start().await;
    // The search would look up the channel's server the first time.
    let lookup = json!({"channel_id": GENERAL});
    app.invoke("get_channel_info", lookup).await;
    let mut wrong = Vec::new();
    for &(_, status, code, ours, our_status, message) in CODES
        .iter()
        .filter(|(operations, ..)| operations.contains(&which))
    {
        let (route, tool, params) = operation(which);
        app.discord.clear_requests();
        app.discord.fault(route, usize::MAX, said(status, code));
        let answer = app.invoke_as(&app.fresh_token(), tool, params).await;
        app.discord.clear_faults();
        let error = &answer.body["error"];
        let got = (answer.code(), answer.status, answer.message());
        let discord = json!({"status": status, "code": code});
        let requests = if status >= 500 { 3 } else { 1 };
        if got != (ours, our_status, message)
            || error["discord"] != discord
            || app.discord.requests().len() != requests
            || answer.text.contains("@someone")
        {
            let sent = app.discord.requests().len();
            wrong.push(format!("{tool} {status} {code}: {sent}, {}", answer.text));
        }
    }
    wrong
}

#[tokio::test]
async fn each_code_of_discords_has_its_answer_and_only_its_failures_are_tried_again() {
    let wrong = join_all(ALL.map(wrong_answers)).await;
    assert_eq!(wrong.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_form_names_our_parameter() {
    let app = App::start().await;
    for (field, code, status, message) in [
        (
            "message_reference",
            "unknown_message",
            404,
            "`reply_to` is no message of this channel",
        ),
        (
            "allowed_mentions",
            "invalid_params",
            422,
            "`mentions` was refused by Discord",
        ),
        (
            "content",
            "invalid_params",
            422,
            "`message` was refused by Discord: too long or not allowed",
        ),
        (
            "nonce",
            "invalid_params",
            422,
            "Discord refused the form of the request",
        ),
    ] {
        let (route, tool, params) = operation(SEND);
        let leaf = json!({"_errors": [{"code": "SOME", "message": "said by @someone"}]});
        let body = json!({"message": "Invalid Form Body", "code": 50035, "errors": {field: leaf}});
        let fault = Fault::Respond {
            status: 400,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        app.discord.fault(route, 1, fault);
        let answer = app.invoke(tool, params).await;
        let error = json!({
            "code": code, "message": message, "discord": {"status": 400, "code": 50035},
        });
        assert_failure(&answer, status, error);
    }
}

#[tokio::test]
async fn an_index_that_is_not_built_in_time_says_when_to_come_back() {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    app.discord.with(|world| world.not_indexed(usize::MAX, 7));
    let (_, tool, params) = operation(SEARCH);
    let answer = app.invoke(tool, params).await;
    let error = json!({
        "code": "discord_error",
        "message": "Discord is still building the index of this server",
        "hint": "Try again later, or use `mode` \"scan\".",
        "retry_after": 7.0,
    });
    assert_failure(&answer, 502, error);
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[tokio::test]
async fn discord_token_rejected_says_that_discord_said_so() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"discord_token": STALE_TOKEN}));
    let params = json!({"channel_id": GENERAL});
    let answer = app.invoke_as(&token, "get_messages", params).await;
    let error = json!({
        "code": "discord_token_rejected",
        "message": "Discord rejected the bot token in this JWT",
        "hint": "The bot token was reset or mistyped. Copy it anew from Discord's developer portal and mint a new JWT.",
        "discord": {"status": 401, "code": 0},
    });
    assert_failure(&answer, 401, error);
    let challenge = r#"Bearer realm="discord-mcp", error="invalid_token", error_description="Discord rejected the bot token in the bearer token""#;
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn what_discord_refuses_comes_with_what_to_do() {
    let app = App::start().await;
    let hint = "Give the bot's role this permission in the server's settings, and look at the channel's own overrides.";
    let rows = [
        (
            "send_message",
            json!({"channel_id": QUIET, "message": "hi"}),
            json!({
                "code": "missing_permission", "hint": hint,
                "message": "Bot doesn't have permission to send messages in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)",
                "discord": {"status": 403, "code": 50013},
            }),
        ),
        (
            "get_messages",
            json!({"channel_id": HIDDEN}),
            json!({
                "code": "missing_permission", "hint": hint,
                "message": "Bot doesn't have permission to see this channel: VIEW_CHANNEL",
                "discord": {"status": 403, "code": 50001},
            }),
        ),
        (
            "get_channel_info",
            json!({"channel_id": "1"}),
            json!({
                "code": "unknown_channel",
                "message": "Discord knows no channel with this id, or the bot is not in its server",
                "discord": {"status": 404, "code": 10003},
            }),
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_id": "1"}),
            json!({
                "code": "unknown_message",
                "message": "Discord knows no such message in this channel; it may have been deleted",
                "discord": {"status": 404, "code": 10008},
            }),
        ),
        (
            "moderate_content",
            json!({"channel_id": DM, "message_id": "1568007047683899395"}),
            json!({
                "code": "invalid_params",
                "message": "`channel_id` is a direct message, where Discord does not allow this",
                "discord": {"status": 403, "code": 50003},
            }),
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi", "reply_to": SYSTEM_MESSAGE}),
            json!({
                "code": "unknown_message",
                "message": "`reply_to` is no message of this channel",
                "discord": {"status": 400, "code": 50035},
            }),
        ),
    ];
    for (tool, params, error) in rows {
        let code = error["code"].as_str().unwrap().to_owned();
        let status = match &*code {
            "missing_permission" => 403,
            "invalid_params" => 422,
            _ => 404,
        };
        assert_failure(&app.invoke(tool, params).await, status, error);
    }
}
