//! Errors as answers, with the headers that belong to them.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::dispatch::RequestId;
use crate::error::{Code, Error, ErrorBody};
use crate::mcp::supported_versions;

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: ErrorBody<'a>,
    request_id: &'a str,
}

/// An error in the REST door's form.
pub(super) fn failure(error: &Error, id: &RequestId) -> Response {
    let body = Json(Failure {
        success: false,
        error: error.body(),
        request_id: id.as_str(),
    });
    with_headers(error, (error.code().status(), body).into_response())
}

/// An error of the MCP door that HTTP must say, in JSON-RPC's form.
pub(super) fn json_rpc_failure(
    error: &Error,
    code: i32,
    message: Option<&str>,
    id: Value,
) -> Response {
    let message = message.unwrap_or(error.message());
    let body = RpcFailure::new(
        id,
        json!({"code": code, "message": message, "data": error.body()}),
    );
    with_headers(error, (error.code().status(), Json(body)).into_response())
}

/// The error that revision 2026-07-28 has for a version that is not served.
pub(super) fn unsupported_version(requested: &str, id: Value) -> Response {
    let data = json!({"supported": supported_versions(), "requested": requested});
    let error = json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
    (
        Code::InvalidRequest.status(),
        Json(RpcFailure::new(id, error)),
    )
        .into_response()
}

/// An error of JSON-RPC. Where no id could be read there is none: the protocol's schema has no null.
#[derive(Serialize)]
struct RpcFailure {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    id: Value,
    error: Value,
}

impl RpcFailure {
    fn new(id: Value, error: Value) -> Self {
        Self {
            jsonrpc: "2.0",
            id,
            error,
        }
    }
}

fn with_headers(error: &Error, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(error) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The challenge of a 401, and of a 403 for want of scope (RFC 6750 section 3).
fn challenge(error: &Error) -> Option<HeaderValue> {
    let text = match error.code() {
        Code::InvalidToken => {
            r#"Bearer realm="discord-mcp", error="invalid_token", error_description="The bearer token is missing, malformed, expired or not for this server""#.to_owned()
        }
        Code::MissingDiscordToken => {
            r#"Bearer realm="discord-mcp", error="invalid_token", error_description="The bearer token carries no Discord token""#.to_owned()
        }
        Code::DiscordTokenRejected => {
            r#"Bearer realm="discord-mcp", error="invalid_token", error_description="Discord rejected the bot token in the bearer token""#.to_owned()
        }
        Code::InsufficientScope => {
            let scope = error.scope().unwrap_or_default();
            format!(r#"Bearer realm="discord-mcp", error="insufficient_scope", scope="{scope}", error_description="The bearer token's scope does not cover {scope}""#)
        }
        _ => return None,
    };
    HeaderValue::from_str(&text).ok()
}
