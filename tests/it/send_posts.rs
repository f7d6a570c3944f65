//! `send_message` with `title`: a post in a forum or media channel, once and no more.

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_USER, DM, FORUM, GENERAL, GUILD, MEDIA, QUIET, THREAD};
use crate::support::discord::{Fault, On};
use crate::support::mcp::structured;
use crate::support::operations::{CHANNEL, requests};
use crate::support::{Answer, App, Mcp, assert_failure, tokens};

const OPEN: &str = "POST /channels/{channel_id}/threads";
const SENSOR: &str = "1234567890123456901";
const SOLVED: &str = "1234567890123456902";
const THERE_ARE: &str = "Its tags are \"sensor\", \"solved\".";

/// Opens a post with these parameters beside those that every post has.
async fn open(app: &App, more: Value) -> Answer {
    let mut params = json!({"channel_id": FORUM, "title": "Buoy 4", "message": "It floats."});
    params
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.invoke("send_message", params).await
}

/// The posts that the bot has opened, by their ids.
fn posts(app: &App) -> Vec<String> {
    app.discord.with(|world| {
        let channels = world.channels.values();
        let ours = channels.filter(|channel| channel.is_thread());
        let ours = ours.filter(|channel| channel.json["owner_id"] == BOT_USER);
        ours.map(|channel| channel.id().to_owned()).collect()
    })
}

#[tokio::test]
async fn a_post_is_opened_as_asked_and_comes_back_with_its_link() {
    let app = App::start().await;
    for (channel, places) in [(FORUM, 1), (MEDIA, 1)] {
        app.discord.clear_requests();
        let answer = open(&app, json!({"channel_id": channel})).await;
        let result = answer.result();
        let id = result["thread_id"].as_str().unwrap();
        assert_eq!(result["message"]["id"], id);
        assert_eq!(result["message"]["channel_id"], id);
        assert_eq!(result["message"]["content"], "It floats.");
        let link = format!("https://discord.com/channels/{GUILD}/{id}/{id}");
        assert_eq!(result["jump_url"], link);
        let seen = app.discord.requests();
        assert_eq!(
            seen.last().unwrap().json(),
            json!({
                "name": "Buoy 4",
                "message": {
                    "content": "It floats.",
                    "allowed_mentions": {"parse": [], "replied_user": false},
                    "flags": 4,
                },
            })
        );
        // What kind of channel it is, and the post; the link costs nothing.
        assert_eq!((requests(&app, CHANNEL), seen.len()), (places, places + 1));
        let line = app.audit().pop().unwrap();
        assert_eq!(line["channel_id"], channel);
        assert_eq!(
            (&line["thread_id"], &line["message_ids"]),
            (&json!(id), &json!([id]))
        );
    }
    // The kind of channel is remembered, and an agent's client reads the same.
    app.discord.clear_requests();
    let params = json!({"channel_id": FORUM, "title": "Buoy 5", "message": "It sinks."});
    let answer = Mcp::modern(&app).call("send_message", params).await;
    let id = structured(&answer)["thread_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!((app.discord.requests().len(), posts(&app).len()), (1, 3));
    let sent = json!({"channel_id": id, "message": "It lies on the ground."});
    assert_eq!(app.invoke("send_message", sent).await.status, 200);
}

#[tokio::test]
async fn tags_go_by_name_or_id() {
    let app = App::start().await;
    for (tags, expected) in [
        (json!(["sensor"]), json!([SENSOR])),
        (json!([" Sensor ", "SOLVED"]), json!([SENSOR, SOLVED])),
        (json!([SOLVED, "solved", "sensor"]), json!([SOLVED, SENSOR])),
    ] {
        let answer = open(&app, json!({"tags": tags})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = app.discord.requests().pop().unwrap().json();
        assert_eq!(body["applied_tags"], expected, "{tags}");
    }
    app.discord.clear_requests();
    for (tags, at) in [(json!(["sensor", "buoy"]), 1), (json!(["1"]), 0)] {
        let answer = open(&app, json!({"tags": tags})).await;
        let message = format!("`tags[{at}]` is no tag of this channel");
        let error = json!({"code": "invalid_params", "message": message, "hint": THERE_ARE});
        assert_failure(&answer, 422, error);
    }
    assert_eq!(requests(&app, OPEN), 0);
}

#[tokio::test]
async fn a_channel_that_wants_a_tag_names_those_it_has() {
    let app = App::start().await;
    let require = |world: &mut crate::support::discord::World| {
        world
            .channel_mut(FORUM)
            .json
            .insert("flags".into(), json!(1 << 4));
    };
    app.discord.with(require);
    let error = json!({
        "code": "invalid_params",
        "message": "`tags` must name a tag: this channel takes no posts without",
        "hint": THERE_ARE,
        "discord": {"status": 400, "code": 40067},
    });
    assert_failure(&open(&app, json!({})).await, 422, error);
    assert_eq!(open(&app, json!({"tags": ["sensor"]})).await.status, 200);
    assert_eq!(posts(&app).len(), 1);
}

#[tokio::test]
async fn a_title_opens_nothing_where_there_are_no_posts() {
    let app = App::start().await;
    for channel in [GENERAL, THREAD, DM, QUIET] {
        for tags in [json!([]), json!(["sensor"])] {
            let answer = open(&app, json!({"channel_id": channel, "tags": tags})).await;
            let message = "`title` opens a post, and `channel_id` is no forum or media channel";
            let error = json!({"code": "invalid_params", "message": message});
            assert_failure(&answer, 422, error);
        }
    }
    // There Discord would have started a private thread.
    assert_eq!((requests(&app, OPEN), posts(&app).len()), (0, 0));
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_before_anything_is_sent() {
    let app = App::start().await;
    let long = "x".repeat(101);
    let six = ["a", "b", "c", "d", "e", "f"];
    for (more, message) in [
        (
            json!({"reply_to": "1"}),
            "`reply_to` cannot be used with `title`",
        ),
        (
            json!({"split": true}),
            "`split` cannot be used with `title`",
        ),
        (
            json!({"idempotency_key": "k"}),
            "`idempotency_key` cannot be used with `title`",
        ),
        (
            json!({"reply_to": "1", "thread_name": "t"}),
            "`reply_to` cannot be used with `title`",
        ),
        (
            json!({"thread_name": "t"}),
            "`thread_name` cannot be used with `title`",
        ),
        (
            json!({"title": null, "tags": ["a"]}),
            "`tags` needs `title`",
        ),
        (json!({"tags": six}), "`tags` may name at most 5 tags"),
        (
            json!({"title": ""}),
            "`title` must be 1 to 100 characters long; it has 0",
        ),
        (
            json!({"title": long}),
            "`title` must be 1 to 100 characters long; it has 101",
        ),
        (json!({"title": "  "}), "`title` must not be blank"),
        (json!({"message": null}), "`message` is required"),
    ] {
        let answer = open(&app, more.clone()).await;
        let error = json!({"code": "invalid_params", "message": message});
        assert_eq!(answer.body["error"], error, "{more}");
        assert_eq!(answer.status, 422);
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_post_that_may_have_been_opened_is_not_opened_again() {
    for fault in [
        Fault::CutAfter,
        Fault::HtmlAfter(502),
        Fault::BadJson,
        Fault::Truncated,
    ] {
        let app = App::start().await;
        app.discord.fault(On::Route(OPEN), 1, fault);
        let answer = open(&app, json!({})).await;
        assert_eq!((answer.status, answer.code()), (502, "discord_error"));
        let hint = answer.body["error"]["hint"].as_str().unwrap();
        assert!(
            hint.starts_with("Read the channel before trying again"),
            "{hint}"
        );
        assert_eq!((requests(&app, OPEN), posts(&app).len()), (1, 1));
    }
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    app.discord.fault(On::Route(OPEN), 1, Fault::HangAfter);
    let answer = open(&app, json!({})).await;
    let error = json!({
        "code": "discord_timeout",
        "message": "Discord did not answer in time; whether the change was made is unknown",
        "hint": "List the channel's threads before trying again: the post may be there.",
    });
    assert_failure(&answer, 504, error);
    assert_eq!((requests(&app, OPEN), posts(&app).len()), (1, 1));
}

#[tokio::test]
async fn what_discord_has_not_done_is_tried_again() {
    let app = App::start().await;
    let (retry_after, scope) = (0.05, "user");
    let limited = Fault::RateLimited { retry_after, scope };
    app.discord.fault(On::Route(OPEN), 2, limited);
    assert_eq!(open(&app, json!({})).await.status, 200);
    assert_eq!((requests(&app, OPEN), posts(&app).len()), (3, 1));
}

#[tokio::test]
async fn what_discord_refuses_is_told_in_our_words() {
    let permission = "Bot doesn't have permission to open this post: SEND_MESSAGES, for files ATTACH_FILES, for tags that moderators keep to themselves MANAGE_THREADS";
    for (change, more) in [
        ("send", json!({})),
        ("manage_threads", json!({"tags": ["solved"]})),
    ] {
        let app = App::start().await;
        app.discord.with(|world| {
            let permissions = &mut world.channel_mut(FORUM).permissions;
            match change {
                "send" => permissions.send = false,
                _ => permissions.manage_threads = false,
            }
        });
        let answer = open(&app, more).await;
        assert_eq!((answer.status, answer.message()), (403, permission));
        assert!(posts(&app).is_empty());
    }
    let app = App::start().await;
    for (code, message) in [
        (200_001, "The server's AutoMod refused the `title`"),
        (
            160_006,
            "The server has as many active threads as Discord allows",
        ),
    ] {
        let (status, text) = (400, "As Discord words it");
        let fault = Fault::Error {
            status,
            code,
            message: text,
        };
        app.discord.fault(On::Route(OPEN), 1, fault);
        let answer = open(&app, json!({})).await;
        assert_eq!((answer.status, answer.message()), (422, message));
    }
}

#[tokio::test]
async fn a_post_counts_as_its_forum_where_a_token_is_limited() {
    let app = App::start().await;
    let params = json!({"channel_id": FORUM, "title": "Buoy 4", "message": "It floats."});
    for (channels, status) in [(json!([FORUM]), 200), (json!([GENERAL]), 403)] {
        let token = tokens::token_with(json!({"channels": channels}));
        let answer = app.invoke_as(&token, "send_message", params.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let read = tokens::token_with(json!({"scope": "discord:read"}));
    let answer = app.invoke_as(&read, "send_message", params).await;
    assert_eq!((answer.status, posts(&app).len()), (403, 1));
}
