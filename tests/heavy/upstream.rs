//! A Discord that costs next to nothing: the same answers again and again, each after the same time,
//! and no memory of what was asked. What a server costs that is asked very often shows beside it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bots::Bot;
use crate::support::discord::seed::{BOT_USER, GENERAL, GUILD};
use crate::support::tokens;

/// What its text channel is called.
pub const NAME: &str = "quay";

/// A running one. Dropped, it stops.
pub struct Upstream {
    pub base: String,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    open: AtomicUsize,
}

impl Upstream {
    /// Starts one that takes so long for each answer.
    pub async fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::<Counts>::default();
        let task = tokio::spawn(accept(listener, takes, Arc::clone(&counts)));
        Self { base, counts, task }
    }

    /// How many requests have come.
    pub fn asked(&self) -> usize {
        self.counts.asked.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, takes: Duration, counts: Arc<Counts>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (asking, open) = (Arc::clone(&counts), Arc::clone(&counts));
        let service = service_fn(move |request: Request<Incoming>| {
            asking.asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if !takes.is_zero() {
                    tokio::time::sleep(takes).await;
                }
                Ok::<_, Infallible>(answer(&request))
            }
        });
        open.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // An error is a client that went away.
            connection.await.ok();
            open.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let message = || {
        json!({
            "id": "1300000000000000001", "channel_id": GENERAL, "type": 0, "content": "hello",
            "author": {"id": BOT_USER, "username": "helper", "discriminator": "0", "bot": true},
            "timestamp": "2026-01-01T00:00:00.000000+00:00", "attachments": [], "embeds": [],
        })
    };
    let messages = request.uri().path().ends_with("/messages");
    let body: Value = match (request.method(), messages) {
        (&Method::POST, _) => message(),
        (_, true) => vec![message(); 10].into(),
        _ => json!({"id": GENERAL, "type": 0, "guild_id": GUILD, "name": NAME}),
    };
    Response::builder()
        .header("content-type", "application/json")
        .header("x-ratelimit-limit", "50")
        .header("x-ratelimit-remaining", "49")
        .header("x-ratelimit-reset-after", "1.000")
        .header("x-ratelimit-bucket", "a-bucket")
        .body(Full::from(body.to_string()))
        .unwrap()
}

/// So many bots, each with a caller of its own. A bot is held to 45 requests a second and to 64 calls
/// at once.
pub fn bots(count: usize) -> Vec<Bot> {
    let bots = (0..count).map(|at| {
        let id = format!("119{at:016}");
        let discord_token = format!("{}.GFaKe2.{id:0>38}", STANDARD_NO_PAD.encode(&id));
        let claims = json!({"sub": format!("caller-{at}"), "discord_token": discord_token});
        let bearer = tokens::token_with(claims);
        Bot {
            discord_token,
            bearer,
        }
    });
    bots.collect()
}

/// The body of a call: reads mostly, and a message now and then.
pub fn call(number: usize) -> String {
    let (tool, params) = match number % 10 {
        0..5 => ("get_channel_info", json!({"channel_id": GENERAL})),
        5..9 => ("get_messages", json!({"channel_id": GENERAL, "limit": 10})),
        _ => (
            "send_message",
            json!({"channel_id": GENERAL, "message": format!("number {number}")}),
        ),
    };
    json!({"method": tool, "params": params}).to_string()
}
