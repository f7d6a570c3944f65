//! The router, its layers, and the REST door.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::auth::{Principal, Verifier, bearer};
use crate::dispatch::{Caller, Dispatcher, Invocation, Permit};
use crate::error::{Code, Error, ErrorBody};
use crate::tools::TOOLS;

/// The largest body that is taken.
const BODY_LIMIT: usize = 64 << 10;
/// How much more than that is read and thrown away, so that the sender gets to read the refusal.
const DISCARD_LIMIT: usize = 1 << 20;
/// How long a caller may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `x-request-id` of a caller that is kept.
const REQUEST_ID_LIMIT: usize = 64;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes share.
pub struct App {
    /// Verifies bearers.
    pub verifier: Verifier,
    /// Runs calls.
    pub dispatcher: Arc<Dispatcher>,
    /// Whether the server is shutting down.
    pub draining: AtomicBool,
}

/// The whole of the server's routes and layers.
///
/// Layers, outermost first, each with the reason for its place:
/// 1. request id: everything further in, refusals included, is answered under it;
/// 2. catch-panic: outside of all that could panic;
/// 3. whole body: its cap and time hold before anything parses or authenticates;
/// 4. shedding: before a signature is verified, which is the dearest step before the call itself;
/// 5. authentication: last, and only on routes that need it, so that an unknown path is a 404.
pub fn router(app: Arc<App>) -> Router {
    let protected = Router::new()
        .route("/mcp/v1/tools/invoke", post(invoke))
        .route_layer(from_fn_with_state(Arc::clone(&app), authenticate))
        .route_layer(from_fn_with_state(Arc::clone(&app), shed))
        .merge(
            Router::new()
                .route("/mcp/v1/tools", get(list_tools))
                .route_layer(from_fn_with_state(Arc::clone(&app), authenticate)),
        );
    Router::new()
        .merge(protected)
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn(whole_body))
        .layer(from_fn(catch_panic))
        .layer(from_fn(request_id))
        .with_state(app)
}

/// The id of one request, ours or the caller's.
#[derive(Clone)]
struct RequestId(Arc<str>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    method: String,
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct Success<'a> {
    success: bool,
    result: &'a RawValue,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: ErrorBody<'a>,
    request_id: &'a str,
}

async fn invoke(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    Extension(permit): Extension<Arc<Permit>>,
    Extension(principal): Extension<Arc<Principal>>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let caller = Caller {
        principal,
        door: "rest",
        request_id: id.0.to_string(),
        client: client.map(|Extension(ConnectInfo(address))| address.ip()),
    };
    match app
        .dispatcher
        .call(caller, permit, envelope(&headers, &body))
        .await
    {
        Ok(result) => Json(Success {
            success: true,
            result: &result,
            request_id: &id.0,
        })
        .into_response(),
        Err(error) => failure(&error, &id),
    }
}

/// Reads the body of an invocation.
fn envelope(headers: &HeaderMap, body: &[u8]) -> Result<Invocation, Error> {
    if !is_json(headers) {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "The body must be sent with `Content-Type: application/json`",
        ));
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| invalid_request("The body is not JSON, or nested too deeply"))?;
    let Envelope { method, params } = serde_json::from_value(body).map_err(|_| {
        invalid_request("The body must be an object with `method`, the name of a tool, and `params`, an object, and nothing else")
    })?;
    Ok(Invocation {
        tool: method,
        params: params.unwrap_or_default(),
    })
}

fn invalid_request(message: &'static str) -> Error {
    Error::new(Code::InvalidRequest, message)
        .hint(r#"For example {"method": "get_channel_info", "params": {"channel_id": "1234567890123456789"}}"#)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

async fn list_tools(
    Extension(id): Extension<RequestId>,
    Extension(principal): Extension<Arc<Principal>>,
) -> Response {
    let tools: Vec<_> = (TOOLS.iter())
        .filter(|tool| principal.may(tool.scope))
        .map(|tool| {
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": (tool.input_schema)(),
                "outputSchema": (tool.output_schema)(),
                "annotations": tool.hints,
                "scope": tool.scope.as_str(),
            })
        })
        .collect();
    Json(json!({"success": true, "result": {"tools": tools}, "request_id": &*id.0})).into_response()
}

async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    let mut failing = Vec::new();
    if !app.dispatcher.is_audit_healthy() {
        failing.push("audit");
    }
    if app.draining.load(Ordering::Relaxed) {
        failing.push("draining");
    }
    if failing.is_empty() {
        return Json(json!({"status": "ready"})).into_response();
    }
    let body = Json(json!({"status": "unavailable", "failing": failing}));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

async fn not_found(Extension(id): Extension<RequestId>) -> Response {
    let error = Error::new(
        Code::NotFound,
        "Nothing is here; served are POST /mcp/v1/tools/invoke, GET /mcp/v1/tools, GET /healthz and GET /readyz",
    );
    failure(&error, &id)
}

/// Gives the request its id, and its answer the headers that every answer has.
async fn request_id(mut request: Request, next: Next) -> Response {
    let sane = |text: &&str| {
        (1..=REQUEST_ID_LIMIT).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let kept = request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(sane);
    let id: Arc<str> = kept.map_or_else(|| uuid::Uuid::now_v7().to_string().into(), Into::into);
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn catch_panic(
    Extension(id): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => failure(&Error::internal(), &id),
    }
}

/// Reads the whole body, within its cap and its time, before anything else looks at the request.
async fn whole_body(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_TIMEOUT, read_body(&parts.headers, body)).await;
    match read.unwrap_or_else(|_| {
        Err(Error::new(
            Code::RequestTimeout,
            "The body did not arrive within 10 seconds",
        ))
    }) {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(error) => {
            let mut response = failure(&error, &id);
            // What is left of the body is not worth reading.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Vec<u8>, Error> {
    let too_large = || Error::new(Code::PayloadTooLarge, "The body is larger than 64 KiB");
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = headers.contains_key(header::EXPECT);
    if announced.is_some_and(|length| length > if waits { BODY_LIMIT } else { DISCARD_LIMIT }) {
        return Err(too_large());
    }
    let mut read = Vec::with_capacity(announced.unwrap_or(0).min(BODY_LIMIT));
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Error::new(
                Code::InvalidRequest,
                "The body could not be read to its end",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        total += data.len();
        if total <= BODY_LIMIT {
            read.extend_from_slice(&data);
        } else if total > DISCARD_LIMIT {
            break;
        }
    }
    if total > BODY_LIMIT {
        Err(too_large())
    } else {
        Ok(read)
    }
}

/// Sheds what the server could not do soon, instead of queueing it without bound.
async fn shed(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    mut request: Request,
    next: Next,
) -> Response {
    match app.dispatcher.admit() {
        Ok(permit) => {
            request.extensions_mut().insert(Arc::new(permit));
            next.run(request).await
        }
        Err(error) => failure(&error, &id),
    }
}

/// Turns the bearer into a [`Principal`] and takes it out of the request: the JWT's text ends here.
async fn authenticate(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    mut request: Request,
    next: Next,
) -> Response {
    match bearer(request.headers()).and_then(|bearer| app.verifier.verify(bearer)) {
        Ok(principal) => {
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(Arc::new(principal));
            next.run(request).await
        }
        Err(reason) => {
            tracing::info!(request_id = &*id.0, ?reason, "a bearer was refused");
            failure(&Error::invalid_token(), &id)
        }
    }
}

/// An error in the REST door's form.
fn failure(error: &Error, id: &RequestId) -> Response {
    let body = Json(Failure {
        success: false,
        error: error.body(),
        request_id: &id.0,
    });
    let mut response = (error.code().status(), body).into_response();
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
