//! The floor: what a call costs any server of this kind that does no more than it must. A route
//! that looks the bearer up among verified ones, makes the same pooled request to the same Discord,
//! reads the same bytes, writes one line, and answers in a like form. Its client is reqwest, which most
//! would take; the server has taken what is inside of it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;

use super::forms::{GUILD, WORD};
use super::lean::{Channel, Message};

struct Floor {
    client: reqwest::Client,
    discord: String,
    /// Verified bearers, by their SHA-256.
    verified: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
    lines: Mutex<File>,
}

/// What a bearer stands for.
struct Verified {
    user: String,
    authorization: HeaderValue,
}

#[derive(Deserialize)]
struct Invocation<'a> {
    method: &'a str,
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
struct Params<'a> {
    channel_id: &'a str,
    message: Option<&'a str>,
    message_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Success<T> {
    success: bool,
    result: T,
    request_id: String,
}

/// Serves on `listener` until the process ends. `known` has a bearer and its bot token in each line.
pub async fn serve(listener: TcpListener, discord: String, known: &Path, lines: &Path) {
    let known = std::fs::read_to_string(known).unwrap();
    let known = known.lines().enumerate().map(|(at, line)| {
        let (bearer, bot) = line.split_once(' ').unwrap();
        let verified = Verified {
            user: format!("user-{at}"),
            authorization: format!("Bot {bot}").parse().unwrap(),
        };
        (sha256(bearer.as_bytes()), Arc::new(verified))
    });
    let file = OpenOptions::new().create(true).append(true).open(lines);
    let floor = Floor {
        // With the limits of time that no server does without.
        client: reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .no_proxy()
            .build()
            .unwrap(),
        discord,
        verified: RwLock::new(known.collect()),
        lines: Mutex::new(file.unwrap()),
    };
    let router = Router::new()
        .route("/mcp/v1/tools/invoke", post(invoke))
        .with_state(Arc::new(floor));
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

async fn invoke(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).unwrap().as_bytes();
    let bearer = bearer.strip_prefix(b"Bearer ").unwrap();
    let verified = floor.verified.read().unwrap().get(&sha256(bearer)).cloned();
    let Some(verified) = verified else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Invocation { method, params } = serde_json::from_slice(&body).unwrap();
    let channel = format!("{}/api/v10/channels/{}", floor.discord, params.channel_id);
    let request = match method {
        "get_channel_info" => floor.client.get(channel),
        "get_messages" | "search_messages" => {
            floor.client.get(format!("{channel}/messages?limit=100"))
        }
        "send_message" => floor
            .client
            .post(format!("{channel}/messages"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(json!({"content": params.message}).to_string()),
        _ => floor.client.delete(format!(
            "{channel}/messages/{}",
            params.message_id.unwrap_or_default()
        )),
    };
    let request = request.header(header::AUTHORIZATION, verified.authorization.clone());
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success());
    let answer = answer.bytes().await.unwrap();
    let result = match method {
        "get_channel_info" => success(serde_json::from_slice::<Channel<'_>>(&answer).unwrap()),
        "get_messages" => {
            let messages: Vec<Message<'_>> = serde_json::from_slice(&answer).unwrap();
            success(HashMap::from([("messages", messages)]))
        }
        "search_messages" => {
            let mut messages: Vec<Message<'_>> = serde_json::from_slice(&answer).unwrap();
            messages.retain(|message| message.content.to_lowercase().contains(WORD));
            success(HashMap::from([("messages", messages)]))
        }
        "send_message" => {
            let message: Message<'_> = serde_json::from_slice(&answer).unwrap();
            let link = format!(
                "https://discord.com/channels/{GUILD}/{}/{}",
                params.channel_id, message.id
            );
            success((message, link))
        }
        _ => success([params.message_id]),
    };
    let line = format!(
        "{{\"ts\":\"{}\",\"user\":\"{}\",\"tool\":\"{method}\",\"channel\":\"{}\",\"status\":\"ok\"}}\n",
        OffsetDateTime::now_utc().format(&Rfc3339).unwrap(),
        verified.user,
        params.channel_id
    );
    let written = floor.lines.lock().unwrap().write_all(line.as_bytes());
    written.unwrap();
    ([(header::CONTENT_TYPE, "application/json")], result).into_response()
}

fn success(result: impl Serialize) -> Vec<u8> {
    let success = Success {
        success: true,
        result,
        request_id: uuid::Uuid::now_v7().to_string(),
    };
    serde_json::to_vec(&success).unwrap()
}
