//! A thousand calls with a bot token that Discord does not know, beside a bot that is well: the dead
//! one costs hardly a request, and its neighbour nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bots::{Bot, Words, call, recruit, spread};
use crate::support::App;
use crate::support::discord::seed::{ANNOUNCEMENTS, GENERAL, LAST_MESSAGE, NSFW, QUIET};

const CALLS: usize = 1000;
const WORKERS: usize = 32;
const NEIGHBOURS: usize = 4;

/// A call of any kind, in any of four channels.
fn any(at: usize) -> (&'static str, Value) {
    let channel = [GENERAL, ANNOUNCEMENTS, NSFW, QUIET][at / 5 % 4];
    match at % 5 {
        0 => ("get_messages", json!({"channel_id": channel})),
        1 => ("get_channel_info", json!({"channel_id": channel})),
        2 => (
            "send_message",
            json!({"channel_id": channel, "message": "anybody?"}),
        ),
        3 => (
            "search_messages",
            json!({"channel_id": channel, "query": "sensor"}),
        ),
        _ => (
            "moderate_content",
            json!({"channel_id": channel, "message_id": LAST_MESSAGE}),
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_token_costs_hardly_a_request_and_its_neighbour_nothing() {
    if !crate::wanted() {
        return;
    }
    let app = App::start().await;
    let bots = recruit(&app.discord, 2);
    let (dead, well): (Bot, Bot) = (bots[0].clone(), bots[1].clone());
    app.discord
        .with(|world| world.tokens.remove(&dead.discord_token));
    let (words, done) = (
        Arc::new(Mutex::new(Words::default())),
        Arc::new(AtomicBool::new(false)),
    );
    let began = Instant::now();

    let (http, url, bearer) = (app.client.clone(), app.url.clone(), dead.bearer);
    let (shared, finished) = (Arc::clone(&words), Arc::clone(&done));
    let storm = async move {
        spread(WORKERS, CALLS, move |at| {
            let (http, url, bearer) = (http.clone(), url.clone(), bearer.clone());
            let words = Arc::clone(&shared);
            async move {
                let (tool, params) = any(at);
                let reply = call(&http, &url, &bearer, tool, params).await;
                words.lock().unwrap().add(reply.word());
            }
        })
        .await;
        let took = began.elapsed();
        finished.store(true, Ordering::Relaxed);
        took
    };
    let neighbour = (0..NEIGHBOURS).map(|_| async {
        let (mut times, mut words) = (Vec::new(), Words::default());
        // At least so many, also where the storm is over soon.
        while !done.load(Ordering::Relaxed) || times.len() < 50 {
            let params = json!({"channel_id": GENERAL, "limit": 3});
            let reply = call(&app.client, &app.url, &well.bearer, "get_messages", params).await;
            words.add(reply.word());
            times.push(reply.took);
        }
        (times, words)
    });
    let (took, neighbours) = tokio::join!(storm, futures_util::future::join_all(neighbour));
    let mut times: Vec<Duration> = neighbours
        .iter()
        .flat_map(|(times, _)| times)
        .copied()
        .collect();
    times.sort_unstable();
    let good: usize = neighbours.iter().map(|(_, words)| words.of("ok")).sum();

    let seen = app.discord.requests();
    let sent = |token: &str| {
        let value = format!("Bot {token}");
        let sent = seen
            .iter()
            .filter(|seen| seen.header("authorization") == Some(&value));
        sent.count()
    };
    let (asked, words) = (sent(&dead.discord_token), words.lock().unwrap());
    println!(
        "neighbours: {CALLS} calls with a dead token in {took:.1?}: {asked} requests, {words}\n\
         neighbours: {} calls of the other, {good} good; median {:.1?}, longest {:.1?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1],
    );
    assert_eq!(words.of("discord_token_rejected"), CALLS);
    assert!(
        (1..=3).contains(&asked),
        "{asked} requests with a dead token"
    );
    assert_eq!(good, times.len(), "the neighbour was touched");
    assert!(sent(&well.discord_token) >= good);
}
