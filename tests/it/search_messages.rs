//! `search_messages`: which mode answers, and what is refused. The modes themselves are in
//! `search_index.rs` and `search_scan.rs`, the step from one to the other in `search_fallback.rs`.

use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, BOT_USER, DM, GENERAL, HIDDEN, NSFW, THREAD, VOICE};
use crate::support::{Answer, App};

async fn search(app: &App, channel: &str, query: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "query": query});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

/// The last part of each request's path.
fn asked(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    requests.iter().map(|seen| last(&seen.path)).collect()
}

#[tokio::test]
async fn the_index_answers_first_and_the_server_is_looked_up_once() {
    let app = App::start().await;
    for requests in [&[GENERAL, "search"][..], &["search"]] {
        app.discord.clear_requests();
        let answer = search(&app, GENERAL, "antenna", json!({})).await;
        assert_eq!(answer.result()["mode"], "index");
        assert_eq!(asked(&app), requests);
    }
}

#[tokio::test]
async fn a_scan_asks_for_no_server() {
    let app = App::start().await;
    let answer = search(&app, GENERAL, "antenna", json!({"mode": "scan"})).await;
    assert_eq!(answer.result()["mode"], "scan");
    assert_eq!(answer.result()["fallback"], json!(null));
    assert_eq!(asked(&app), ["messages"]);
}

#[tokio::test]
async fn a_direct_message_is_scanned() {
    let app = App::start().await;
    let answer = search(&app, DM, "sensor", json!({})).await;
    let expected = json!({
        "messages": [{
            "id": "1568007047683899395",
            "channel_id": DM,
            "author": {"id": ALICE, "username": "alice.m", "display_name": "Alice"},
            "content": "hello bot, is the sensor asleep?",
            "timestamp": "2026-11-05T21:00:12Z",
        }],
        "mode": "scan",
        "fallback": "a direct message has no index",
        "scanned": 2,
        "complete": true,
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(asked(&app), [DM, "messages"]);
}

#[tokio::test]
async fn what_cannot_be_seen_or_is_not_there_is_told() {
    let app = App::start().await;
    let see = "Bot doesn't have permission to see this channel: VIEW_CHANNEL";
    let unknown = "Discord knows no channel with this id, or the bot is not in its server";
    for mode in ["auto", "index", "scan"] {
        for (channel, status, code, message) in [
            (HIDDEN, 403, "missing_permission", see),
            ("1", 404, "unknown_channel", unknown),
        ] {
            let answer = search(&app, channel, "sensor", json!({"mode": mode})).await;
            assert_eq!(
                (answer.status, answer.code(), answer.message()),
                (status, code, message),
                "{mode}"
            );
        }
    }
}

#[tokio::test]
async fn an_age_restricted_channel_is_searched_like_any_other() {
    let app = App::start().await;
    for mode in ["index", "scan"] {
        let answer = search(&app, NSFW, "sensor", json!({"mode": mode})).await;
        assert_eq!(answer.result()["messages"][0]["id"], "1567895514303823875");
        assert_eq!(answer.result()["complete"], true);
    }
}

#[tokio::test]
async fn a_thread_is_searched_without_the_channel_it_is_in() {
    let app = App::start().await;
    for mode in ["index", "scan"] {
        let answer = search(&app, THREAD, "hello", json!({"mode": mode})).await;
        let messages = answer.result()["messages"].as_array().unwrap();
        let ids: Vec<_> = messages.iter().map(|message| &message["id"]).collect();
        assert_eq!(ids, ["1567430710132867073"], "{mode}");
    }
}

#[tokio::test]
async fn a_null_stands_for_an_absent_option() {
    let app = App::start().await;
    app.discord
        .with(|world| world.post(VOICE, BOT_USER, "hello"));
    for name in [
        "limit",
        "author_id",
        "before",
        "after",
        "has",
        "mode",
        "max_scan",
    ] {
        let answer = search(&app, VOICE, "hello", json!({name: null})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_asked() {
    let app = App::start().await;
    let limit = "`limit` must be a whole number from 1 to 100";
    let max_scan = "`max_scan` must be a whole number from 1 to 5000";
    let moment =
        "must be a message id, or an RFC 3339 time from 2015 on such as 2026-11-02T09:00:00Z";
    let order = "`after` must be earlier than `before`";
    let long = "x".repeat(1025);
    let table = [
        (json!({"query": ""}), "`query` must be 1 to 1024 characters long; it has 0".to_owned()),
        (json!({"query": "  "}), "`query` must not be blank".into()),
        (json!({"query": long}), "`query` must be 1 to 1024 characters long; it has 1025".into()),
        (json!({"query": ["x"]}), "`query` must be a string, not an array".into()),
        (json!({"limit": 0}), limit.into()),
        (json!({"limit": 101}), limit.into()),
        (json!({"max_scan": 0}), max_scan.into()),
        (json!({"max_scan": 5001}), max_scan.into()),
        (json!({"author_id": "alice"}), "`author_id` must be a Discord id: a string of decimal digits from 1 to 2^64-1".into()),
        (json!({"author_id": 1}), "`author_id` must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients".into()),
        (json!({"before": "soon"}), format!("`before` {moment}")),
        (json!({"after": "later"}), format!("`after` {moment}")),
        (json!({"before": "5", "after": "5"}), order.into()),
        (json!({"before": "5", "after": "6"}), order.into()),
        (json!({"before": "2026-11-03T00:00:00Z", "after": "2026-11-04T00:00:00Z"}), order.into()),
        (json!({"has": "sound"}), "`has` must be \"link\", \"embed\", \"file\", \"image\" or \"video\"".into()),
        (json!({"has": ["link"]}), "`has` must be \"link\", \"embed\", \"file\", \"image\" or \"video\"".into()),
        (json!({"mode": "Index"}), "`mode` must be \"auto\", \"index\" or \"scan\"".into()),
        (json!({"sort": "asc"}), "`sort` is not a parameter here; allowed: channel_id, query, limit, author_id, before, after, has, mode, max_scan".into()),
    ];
    for (params, message) in table {
        let answer = search(&app, GENERAL, "sensor", params.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (422, "invalid_params", &*message),
            "{params}"
        );
    }
    let answer = app
        .invoke("search_messages", json!({"channel_id": GENERAL}))
        .await;
    assert_eq!(
        (answer.status, answer.message()),
        (422, "`query` is required")
    );
    assert!(app.discord.requests().is_empty());
}
