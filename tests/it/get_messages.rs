//! `get_messages`: what is asked of Discord, what comes back, and what is refused. How pages follow
//! one another is in `pages.rs`.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ANNOUNCEMENTS, BOT_USER, DM, FORUM, GENERAL, HIDDEN, LAST_MESSAGE, QUIET, VOICE,
};
use crate::support::{Answer, App};

const NOVEMBER_3: &str = "2026-11-03T00:00:00Z";
const HINT: &str = "Every message is empty: the bot probably lacks the Message Content intent. Switch it on in Discord's developer portal under Bot, Privileged Gateway Intents.";

async fn get(app: &App, channel: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("get_messages", params).await
}

#[tokio::test]
async fn a_page_is_newest_first_and_says_how_to_read_on() {
    let app = App::start().await;
    let answer = get(&app, GENERAL, json!({"limit": 2})).await;
    let expected = json!({
        "messages": [
            {
                "id": "1568168320031653914",
                "channel_id": "1234567890123456789",
                "author": {"id": "1110000000000000002", "username": "bob_solders", "display_name": "Bob"},
                "content": "Within tolerance, then. See you all tonight!",
                "timestamp": "2026-11-06T07:41:02Z",
            },
            {
                "id": "1568166375099334681",
                "channel_id": "1234567890123456789",
                "author": {"id": "1110000000000000001", "username": "alice.m", "display_name": "Alice"},
                "content": "Carla, hello from the quay: the new sensor reads 9.1 °C, the old one 9.3 °C.",
                "timestamp": "2026-11-06T07:33:18Z",
            },
        ],
        "has_more": true,
        "next_before": "1568166375099334681",
    });
    assert_eq!(*answer.result(), expected);
}

#[tokio::test]
async fn each_parameter_reaches_discord_as_its_own() {
    let app = App::start().await;
    // One more than was asked for tells whether there are more; around a message it cannot.
    let table = [
        (json!({}), "limit=11"),
        (json!({"limit": 1}), "limit=2"),
        (json!({"limit": 99}), "limit=100"),
        (json!({"limit": 100}), "limit=100"),
        (json!({"limit": 7.0}), "limit=8"),
        (
            json!({"before": LAST_MESSAGE}),
            "limit=11&before=1568168320031653914",
        ),
        (
            json!({"after": LAST_MESSAGE}),
            "limit=11&after=1568168320031653914",
        ),
        (
            json!({"around": LAST_MESSAGE}),
            "limit=10&around=1568168320031653914",
        ),
        (
            json!({"before": NOVEMBER_3}),
            "limit=11&before=1566965130854400000",
        ),
        (
            json!({"after": NOVEMBER_3}),
            "limit=11&after=1566965130854399999",
        ),
        (
            json!({"around": NOVEMBER_3}),
            "limit=10&around=1566965130854400000",
        ),
        (
            json!({"before": "2026-11-03T01:00:00+01:00"}),
            "limit=11&before=1566965130854400000",
        ),
        (
            json!({"after": "2026-11-03T00:00:00.25Z"}),
            "limit=11&after=1566965131902975999",
        ),
        (
            json!({"before": null, "after": null, "around": null}),
            "limit=11",
        ),
    ];
    for (params, query) in table {
        app.discord.clear_requests();
        let answer = get(&app, GENERAL, params.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let requests = app.discord.requests();
        let [seen] = &*requests else {
            panic!("{params}: {} requests", requests.len());
        };
        let path = "/api/v10/channels/1234567890123456789/messages";
        assert_eq!((&*seen.method, &*seen.path), ("GET", path));
        let pairs = seen
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        assert_eq!(pairs.collect::<Vec<_>>().join("&"), query, "{params}");
        assert!(seen.body.is_empty());
    }
}

#[tokio::test]
async fn a_hint_tells_of_the_intent_only_where_all_that_others_wrote_is_empty() {
    let app = App::start().await;
    app.discord.with(|world| {
        world.message_content_intent = false;
        // One message of the bot's own among those of others, then only its own.
        world.post(VOICE, ALICE, "a text the bot does not get");
        world.post(VOICE, BOT_USER, "a text of the bot's own");
        world.channel_mut(FORUM).messages.clear();
    });
    let own = json!({"limit": 1});
    let pinging = format!("<@{BOT_USER}> can you read this?");
    let table = [
        (GENERAL, json!({}), json!(HINT)),
        (VOICE, json!({}), json!(HINT)),
        (VOICE, own, json!(null)),
        (DM, json!({}), json!(null)),
        (FORUM, json!({}), json!(null)),
    ];
    for (channel, more, hint) in table {
        let answer = get(&app, channel, more).await;
        assert_eq!(answer.result()["hint"], hint, "{channel}");
    }
    app.discord.with(|world| world.post(VOICE, ALICE, &pinging));
    let answer = get(&app, VOICE, json!({})).await;
    assert_eq!(answer.result()["hint"], json!(null), "one is readable");

    app.discord
        .with(|world| world.message_content_intent = true);
    let answer = get(&app, GENERAL, json!({"limit": 100})).await;
    assert_eq!(answer.result()["hint"], json!(null));
}

#[tokio::test]
async fn notices_of_discord_are_no_sign_of_a_missing_intent() {
    let app = App::start().await;
    app.discord.with(|world| {
        let join = world.post(VOICE, ALICE, "");
        world.message_mut(VOICE, &join).set(json!({"type": 7}));
    });
    let answer = get(&app, VOICE, json!({})).await;
    assert_eq!(answer.result()["hint"], json!(null));
}

#[tokio::test]
async fn nothing_to_read_is_an_empty_page() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(QUIET).permissions.read_history = false);
    for channel in [VOICE, FORUM, QUIET] {
        let answer = get(&app, channel, json!({})).await;
        let expected = json!({"messages": [], "has_more": false});
        assert_eq!(*answer.result(), expected, "{channel}");
    }
}

#[tokio::test]
async fn what_cannot_be_seen_or_is_not_there_is_told() {
    let app = App::start().await;
    let table = [
        (
            HIDDEN,
            403,
            "missing_permission",
            "Bot doesn't have permission to see this channel: VIEW_CHANNEL",
        ),
        (
            "1",
            404,
            "unknown_channel",
            "Discord knows no channel with this id, or the bot is not in its server",
        ),
    ];
    for (channel, status, code, message) in table {
        let answer = get(&app, channel, json!({})).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (status, code, message)
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_asked() {
    let app = App::start().await;
    let limit = "`limit` must be a whole number from 1 to 100";
    let exclusive = "`before`, `after` and `around` exclude each other; give at most one";
    let moment =
        "must be a message id, or an RFC 3339 time from 2015 on such as 2026-11-02T09:00:00Z";
    let table = [
        (json!({"limit": 0}), limit.to_owned()),
        (json!({"limit": 101}), limit.into()),
        (json!({"limit": -1}), limit.into()),
        (json!({"limit": 2.5}), limit.into()),
        (json!({"limit": 1e300}), limit.into()),
        (json!({"limit": "10"}), "`limit` must be a whole number, not a string".into()),
        (json!({"before": "1", "after": "2"}), exclusive.into()),
        (json!({"before": "1", "around": "2"}), exclusive.into()),
        (json!({"after": "1", "around": NOVEMBER_3}), exclusive.into()),
        (json!({"before": "yesterday"}), format!("`before` {moment}")),
        (json!({"after": "2026-11-03"}), format!("`after` {moment}")),
        (json!({"around": "2014-12-31T23:59:59Z"}), format!("`around` {moment}")),
        (json!({"before": "-5"}), format!("`before` {moment}")),
        (json!({"before": 1568168320031653914u64}), "`before` must be a string: a message id, or an RFC 3339 time such as 2026-11-02T09:00:00Z, not a number".into()),
        (json!({"query": "x"}), "`query` is not a parameter here; allowed: channel_id, limit, before, after, around, include_images, include_text".into()),
    ];
    for (params, message) in table {
        let answer = get(&app, GENERAL, params.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (422, "invalid_params", &*message),
            "{params}"
        );
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_null_limit_stands_for_the_default() {
    let app = App::start().await;
    let answer = get(&app, ANNOUNCEMENTS, json!({"limit": null})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
