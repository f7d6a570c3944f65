//! Many bots, each with a token of ours, and clients that call with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::discord::StandIn;
use crate::support::tokens;

/// A bot, and a token of ours that carries its token.
#[derive(Clone)]
pub struct Bot {
    pub discord_token: String,
    pub bearer: String,
}

/// So many bots in this world. They are the same in each world of its own.
pub fn recruit(discord: &StandIn, count: usize) -> Vec<Bot> {
    let recruits = discord.with(|world| world.recruit(count));
    let bots = recruits.into_iter().enumerate();
    bots.map(|(at, discord_token)| Bot {
        bearer: tokens::token_with(json!({
            "sub": format!("caller-{at}"),
            "discord_token": discord_token,
        })),
        discord_token,
    })
    .collect()
}

/// What a call answered, and how long that took.
pub struct Reply {
    pub body: Value,
    pub took: Duration,
}

impl Reply {
    pub fn is_ok(&self) -> bool {
        self.body["success"] == true
    }

    /// `ok`, or the code of the error.
    pub fn word(&self) -> &str {
        match self.is_ok() {
            true => "ok",
            false => self.body["error"]["code"].as_str().unwrap(),
        }
    }
}

/// Calls a tool at the REST door.
pub async fn call(
    http: &reqwest::Client,
    url: &str,
    bearer: &str,
    tool: &str,
    params: Value,
) -> Reply {
    let began = Instant::now();
    let request = http
        .post(format!("{url}/mcp/v1/tools/invoke"))
        .bearer_auth(bearer)
        .header("content-type", "application/json")
        .body(json!({"method": tool, "params": params}).to_string());
    let answer = request.send().await.unwrap();
    let text = answer.text().await.unwrap();
    let took = began.elapsed();
    Reply {
        body: serde_json::from_str(&text).unwrap(),
        took,
    }
}

/// Does the work for 0 to `count`, so many at a time.
pub async fn spread<F>(
    workers: usize,
    count: usize,
    work: impl Fn(usize) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let (work, next) = (Arc::new(work), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (work, next) = (Arc::clone(&work), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return;
                }
                work(at).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// How often each word was said.
#[derive(Default)]
pub struct Words(BTreeMap<String, usize>);

impl Words {
    pub fn add(&mut self, word: &str) {
        *self.0.entry(word.to_owned()).or_default() += 1;
    }

    pub fn add_all(&mut self, others: &Self) {
        for (word, count) in &others.0 {
            *self.0.entry(word.clone()).or_default() += count;
        }
    }

    pub fn of(&self, word: &str) -> usize {
        self.0.get(word).copied().unwrap_or_default()
    }

    pub fn sum(&self) -> usize {
        self.0.values().sum()
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.0.iter().map(|(word, count)| format!("{count} {word}"));
        f.write_str(&words.collect::<Vec<_>>().join(", "))
    }
}
