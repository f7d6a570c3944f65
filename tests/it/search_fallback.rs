//! `search_messages` where the index cannot answer: who answers then, and what is said of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::discord::seed::{DM, GENERAL, QUIET};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");

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
async fn an_index_in_the_making_is_asked_again_while_there_is_time() {
    let app = App::start().await;
    app.discord.with(|world| world.not_indexed(2, 0));
    let answer = search(&app, GENERAL, "antenna", json!({})).await;
    assert_eq!(answer.result()["mode"], "index");
    assert_eq!(answer.result()["total_results"], 1);
    assert_eq!(asked(&app), [GENERAL, "search", "search", "search"]);
}

#[tokio::test]
async fn an_index_that_stays_in_the_making_gives_way_to_the_scan() {
    let app = App::start().await;
    app.discord.with(|world| world.not_indexed(usize::MAX, 0));
    let answer = search(&app, GENERAL, "antenna", json!({})).await;
    assert_eq!(answer.result()["mode"], "scan");
    assert_eq!(
        answer.result()["fallback"],
        "Discord is still building the index"
    );
    assert_eq!(answer.result()["messages"][0]["id"], "1567433505921695760");
    assert_eq!(
        asked(&app),
        [GENERAL, "search", "search", "search", "messages"]
    );
}

#[tokio::test]
async fn a_wait_that_the_deadline_does_not_allow_is_not_begun() {
    for (deadline, wait) in [("30s", 60), ("2s", 1)] {
        let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
        app.discord
            .with(|world| world.not_indexed(usize::MAX, wait));
        let begun = Instant::now();
        let answer = search(&app, GENERAL, "antenna", json!({})).await;
        assert!(begun.elapsed() < Duration::from_millis(900), "{deadline}");
        assert_eq!(answer.result()["mode"], "scan");
        assert_eq!(asked(&app), [GENERAL, "search", "messages"]);
    }
}

#[tokio::test]
async fn where_the_index_is_forbidden_the_scan_answers() {
    let app = App::start().await;
    let forbidden = "Discord does not let this bot use the index";
    app.discord.fault(
        SEARCH,
        1,
        Fault::Error {
            status: 403,
            code: 50013,
            message: "Missing Permissions",
        },
    );
    let answer = search(&app, GENERAL, "antenna", json!({})).await;
    assert_eq!(answer.result()["mode"], "scan");
    assert_eq!(answer.result()["fallback"], forbidden);
    assert_eq!(answer.result()["messages"].as_array().unwrap().len(), 1);

    // Without the intent there is no index, and the scan reads blank messages.
    app.discord
        .with(|world| world.message_content_intent = false);
    let answer = search(&app, QUIET, "cables", json!({})).await;
    let expected = json!({
        "messages": [],
        "mode": "scan",
        "fallback": forbidden,
        "scanned": 1,
        "complete": true,
        "hint": "Every message is empty: the bot probably lacks the Message Content intent. Switch it on in Discord's developer portal under Bot, Privileged Gateway Intents.",
    });
    assert_eq!(*answer.result(), expected);
}

#[tokio::test]
async fn with_mode_index_nothing_else_answers() {
    let app = App::start().await;
    let answer = search(&app, DM, "sensor", json!({"mode": "index"})).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "invalid_params",
            "message": "`mode` index is for channels of a server; use \"scan\" or \"auto\" in a direct message",
        })
    );

    app.discord.with(|world| world.not_indexed(1, 40));
    let answer = search(&app, GENERAL, "sensor", json!({"mode": "index"})).await;
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "discord_error",
            "message": "Discord is still building the index of this server",
            "hint": "Try again later, or use `mode` \"scan\".",
            "retry_after": 40.0,
        })
    );
    assert_eq!(answer.header("retry-after"), Some("40"));
    assert!(!asked(&app).contains(&"messages".to_owned()));
}

/// The bot sees the channel, or the search would not have been tried: what it lacks is another.
#[tokio::test]
async fn a_forbidden_index_names_the_permission_to_search() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(GENERAL).permissions.read_history = false);
    let answer = search(&app, GENERAL, "sensor", json!({"mode": "index"})).await;
    assert_eq!(
        (answer.status, answer.code(), answer.message()),
        (
            403,
            "missing_permission",
            "Bot doesn't have permission to search this server: READ_MESSAGE_HISTORY"
        )
    );
}

#[tokio::test]
async fn other_failures_of_the_index_are_failures_and_no_reason_to_scan() {
    let app = App::start().await;
    search(&app, GENERAL, "warm the memory of servers up", json!({})).await;
    let failure = |status, code| Fault::Error {
        status,
        code,
        message: "the words of Discord, which no caller reads",
    };
    let limit = Fault::RateLimited {
        retry_after: 61.5,
        scope: "user",
    };
    let table: [(_, _, _, &[&str]); _] = [
        (limit, 429, "rate_limited", &["search"]),
        (failure(500, 0), 502, "discord_error", &["search"; 3]),
        (failure(404, 10004), 404, "unknown_guild", &["search"]),
        (failure(401, 0), 401, "discord_token_rejected", &["search"]),
        (Fault::BadJson, 502, "discord_error", &["search"]),
        (Fault::CutBefore, 502, "discord_error", &["search"; 3]),
        // The last, since nothing is sent after it.
        (Fault::Html(403), 502, "discord_error", &["search"]),
    ];
    let params = json!({"channel_id": GENERAL, "query": "sensor"});
    for (fault, status, code, requests) in table {
        app.discord.clear_requests();
        app.discord.fault(SEARCH, usize::MAX, fault);
        let token = app.fresh_token();
        let answer = app
            .invoke_as(&token, "search_messages", params.clone())
            .await;
        app.discord.clear_faults();
        assert_eq!((answer.status, answer.code()), (status, code));
        assert_eq!(asked(&app), requests, "{code}");
    }
}

#[tokio::test]
async fn without_the_permission_to_read_history_nothing_is_found() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(QUIET).permissions.read_history = false);
    let answer = search(&app, QUIET, "cables", json!({"mode": "scan"})).await;
    let expected = json!({"messages": [], "mode": "scan", "scanned": 0, "complete": true});
    assert_eq!(*answer.result(), expected);
}

/// An empty history after a refusal is a sign of more that was not seen.
#[tokio::test]
async fn a_forbidden_index_and_an_empty_history_are_not_called_complete() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(GENERAL).permissions.read_history = false);
    let answer = search(&app, GENERAL, "sensor", json!({})).await;
    assert_ne!(answer.body["result"]["complete"], true, "{}", answer.text);
}
