//! A stand-in for twilight-rs' `http-proxy`, the rate-limiting proxy that several instances can share:
//! what it takes, what it changes, and what it answers, in front of a stand-in for Discord.
//! <https://github.com/twilight-rs/http-proxy>
//!
//! It takes `/api`, `/api/vN` and no prefix at all; sends the caller's `Authorization`, or its own
//! token where there is none; sends its own `Host` and no header of the connection; lets one
//! request at a time through to a bucket, and waits where the bucket is empty; and passes answers on
//! as they are. Its own failures are texts: 501 for a method or path that it does not know, 502 where
//! Discord does not answer. Until the end of 2025 it knew no other paths than those of a list.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use tokio::task::JoinHandle;

use super::discord::StandIn;
use super::discord::seed::OTHER_BOT_TOKEN;

/// The bot of requests without `Authorization`, as the proxy's `DISCORD_TOKEN` has it.
pub const OWN_TOKEN: &str = OTHER_BOT_TOKEN;
/// The headers that belong to one connection.
pub const HOP_BY_HOP: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Which of its versions stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It takes any path.
    Current,
    /// It takes paths of its list.
    Old,
}

/// A request as it reached the proxy.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
}

struct Shared {
    age: Age,
    upstream: String,
    client: reqwest::Client,
    arrivals: Mutex<Vec<Arrival>>,
    /// Who may go next, by token and bucket.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(discord: &StandIn, age: Age) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            age,
            upstream: discord.base(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            arrivals: Mutex::default(),
            turns: Mutex::default(),
        });
        let router = axum::Router::new()
            .fallback(pass)
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            url,
            shared,
            serving,
        }
    }

    /// Every request so far.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn failure(status: u16, text: &'static str) -> Response {
    let answer = Response::builder().status(status);
    answer.body(Body::from(text)).unwrap()
}

/// `/api/v10` and what follows it; without a version Discord's default.
fn split(path: &str) -> (&str, &str) {
    let Some(rest) = path.strip_prefix("/api") else {
        return ("/api", path);
    };
    let version = rest.split('/').nth(1).unwrap_or_default();
    let number = version.strip_prefix('v').unwrap_or_default();
    match number.parse::<u8>() {
        Ok(_) => path.split_at("/api/".len() + version.len()),
        Err(_) => ("/api", rest),
    }
}

/// Whether the old proxy's list has the path, as far as it is about channels and guilds.
fn is_listed(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let is_id = |text: &str| text.parse::<u64>().is_ok();
    match parts[..] {
        ["channels" | "guilds", id] | ["channels", id, "messages"] => is_id(id),
        ["channels", id, "messages", _] => is_id(id),
        ["guilds", id, "channels" | "roles" | "members"] => is_id(id),
        _ => false,
    }
}

/// The bucket of a path: by its channel or guild, and nothing more exact.
fn bucket(method: &Method, path: &str) -> String {
    let parts: Vec<_> = path.split('/').skip(1).take(3).collect();
    format!("{method} {}", parts.join("/"))
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    shared.arrivals.lock().unwrap().push(Arrival {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers.clone(),
    });
    if !["DELETE", "GET", "PATCH", "POST", "PUT"].contains(&parts.method.as_str()) {
        return failure(501, "http-proxy: Unsupported HTTP method in request");
    }
    let (prefix, path) = split(parts.uri.path());
    if shared.age == Age::Old && !is_listed(path) {
        let text = "http-proxy: Failed to parse API path from client request";
        return failure(501, text);
    }
    let own = format!("Bot {OWN_TOKEN}");
    let token = parts.headers.get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()).unwrap_or(&own);
    let name = format!("{token} {}", bucket(&parts.method, path));
    let turn = Arc::clone(shared.turns.lock().unwrap().entry(name).or_default());
    let turn = turn.lock_owned().await;

    let mut headers = parts.headers.clone();
    headers.insert(header::AUTHORIZATION, token.parse().unwrap());
    headers.insert(header::HOST, HeaderValue::from_static("discord.com"));
    HOP_BY_HOP.iter().for_each(|name| {
        headers.remove(*name);
    });
    let query = parts.uri.query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let address = format!("{}{prefix}{path}{query}", shared.upstream);
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let sent = shared
        .client
        .request(parts.method, address)
        .headers(headers);
    let Ok(answer) = sent.body(body).send().await else {
        return failure(502, "http-proxy: Error requesting the Discord API");
    };
    let header = |name: &str| answer.headers().get(name)?.to_str().ok();
    if header("x-ratelimit-remaining") == Some("0") {
        let wait = header("x-ratelimit-reset-after").and_then(|text| text.parse().ok());
        let wait = Duration::from_secs_f64(wait.unwrap_or_default());
        // The next in the bucket goes when it has been filled again.
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            drop(turn);
        });
    }
    let mut response = Response::builder().status(answer.status());
    *response.headers_mut().unwrap() = answer.headers().clone();
    let body = answer.bytes().await;
    body.map_or_else(
        |_| failure(502, "http-proxy: Error requesting the Discord API"),
        |body| response.body(Body::from(body)).unwrap(),
    )
}
