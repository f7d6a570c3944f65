//! A bot in two hundred servers of five hundred channels each finds a channel by its name alone:
//! within the deadline, in 32 MiB more, and at once when it is asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Path, RawQuery};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::{Answer, App, tokens};

const SERVERS: u64 = 200;
const CHANNELS: u64 = 500;
const FIRST: u64 = 2_000_000_000_000_000_000;

fn channel(id: u64) -> Value {
    let (server, at) = ((id - FIRST) / 1_000, (id - FIRST) % 1_000);
    json!({
        "id": id.to_string(), "type": 0, "guild_id": (FIRST + server * 1_000).to_string(),
        "name": format!("channel-{server}-{at}-of-many"), "position": at, "parent_id": null,
        "topic": "what people talk of here", "nsfw": false, "permission_overwrites": [],
        "last_message_id": null, "rate_limit_per_user": 0, "flags": 0,
    })
}

/// Just enough of Discord, and the number of requests to it.
async fn discord() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let guilds = |RawQuery(query): RawQuery| async move {
        // One page has them all.
        let more = query.is_some_and(|query| query.contains("after"));
        let all = (0..if more { 0 } else { SERVERS }).map(|number| {
            let id = (FIRST + number * 1_000).to_string();
            json!({"id": id, "name": format!("Server {number}")})
        });
        Json(all.collect::<Vec<Value>>())
    };
    let channels = |Path(guild): Path<u64>| async move {
        let all = (1..=CHANNELS).map(|at| channel(guild + at));
        Json(all.collect::<Vec<Value>>())
    };
    let one = |Path(id): Path<u64>| async move { Json(channel(id)) };
    let counted = Arc::clone(&count);
    let router = Router::new()
        .route("/api/v10/users/@me/guilds", get(guilds))
        .route("/api/v10/guilds/{guild}/channels", get(channels))
        .route("/api/v10/channels/{id}", get(one))
        .layer(axum::middleware::map_request(
            move |request: axum::extract::Request| {
                counted.fetch_add(1, Ordering::Relaxed);
                std::future::ready(request)
            },
        ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    (base, count)
}

async fn info(process: &Process, channel: &str) -> Answer {
    let body = json!({"method": "get_channel_info", "params": {"channel_id": channel}});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/mcp/v1/tools/invoke", process.url);
    let request = client.post(url).bearer_auth(tokens::token());
    let request = request.header("content-type", "application/json");
    App::answer(request.body(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_servers_are_searched_for_a_name() {
    if !crate::wanted() {
        return;
    }
    let (base, count) = discord().await;
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let process = Process::start(dir.path(), &[("DISCORD_API_BASE", &base)]);
    let last = (FIRST + (SERVERS - 1) * 1_000 + CHANNELS).to_string();
    info(&process, &last).await.result();
    let before = process.resident();
    let name = format!("#channel-{}-{CHANNELS}-of-many", SERVERS - 1);
    let began = Instant::now();
    let found = info(&process, &name).await;
    let cold = began.elapsed();
    assert_eq!(found.result()["id"], Value::from(last), "{}", found.text);
    let after = process.resident();
    let requests = count.swap(0, Ordering::Relaxed);
    let began = Instant::now();
    info(&process, &name).await.result();
    let warm = began.elapsed();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    println!(
        "catalogue: {SERVERS} servers of {CHANNELS} channels: cold {cold:.1?}, warm {warm:.1?}, {requests} requests, resident {before} -> {after} KiB"
    );
    assert!(cold < Duration::from_secs(30), "{cold:?}");
    assert!(after < before + (32 << 10), "{before} -> {after} KiB");
}
