//! The layers of the router, each a function; their order is in [`super::router`].

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Router};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tower::{Layer as _, ServiceExt as _};

use super::bodies::whole_body;
use super::entrance::{Entered, enter, told};
use super::render::{failure, json_rpc_failure, unsupported_version};
use super::rest::{self, is_json};
use super::{App, INVOKE, cors};
use crate::boxed::boxed;
use crate::dispatch::{Asked, Caller, Invocation, RequestId, trace_id};
use crate::error::{Code, Error};
use crate::mcp::{Verdict, inspect, supported_versions};
use crate::tools::too_large;

/// The longest `x-request-id` of a caller that is kept.
const REQUEST_ID_LIMIT: usize = 64;
/// The longest id of a JSON-RPC request that a refusal repeats.
const ID_LIMIT: usize = 1 << 10;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is around every route. One function and not a layer for each step: a layer clones all that
/// is inside of it for every request, which cost more than the steps themselves.
pub(super) async fn around(app: &Arc<App>, routes: &Router, request: Request) -> Response {
    let id = request_id(request.headers(), app.proxies.client_of(&request));
    let (began, method) = (Instant::now(), request.method().clone());
    let route = route_name(request.uri().path());
    let answer = AssertUnwindSafe(guarded(app, &id, request, routes));
    let answer = answer.catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| failure(&Error::internal(), &id));
    let status = response.status().as_u16();
    crate::metrics::response(route, status);
    if id.tell() {
        tracing::debug!(
            request_id = id.as_str(),
            trace_id = id.trace_id(),
            client = id.client().map(tracing::field::display),
            method = method.as_str(),
            route,
            status,
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request"
        );
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// A request from this client: its id, its own where that is sane, and its trace.
fn request_id(headers: &HeaderMap, client: Option<IpAddr>) -> RequestId {
    let sane = |text: &&str| {
        (1..=REQUEST_ID_LIMIT).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let kept = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(sane);
    let id = kept.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let trace = headers.get(TRACEPARENT);
    let trace = trace.and_then(|value| trace_id(value.to_str().ok()?));
    RequestId::new(id, trace.map(str::to_owned), client)
}

/// What may panic: everything further in.
async fn guarded(app: &Arc<App>, id: &RequestId, request: Request, routes: &Router) -> Response {
    // Names that this server does not go by, and pages of other sites, get no further: a browser
    // that was lured to a name which now resolves to this address must not get through (DNS
    // rebinding).
    if let Err(error) = app.names.check(request.headers(), request.uri()) {
        app.refusals.note(error.code().as_str(), id);
        return failure(&error, id);
    }
    let is_from_page =
        request.headers().contains_key(header::ORIGIN) || request.method() == Method::OPTIONS;
    if !is_from_page {
        return within(app, id, request, routes).await;
    }
    let inner = tower::service_fn(async |request| {
        Ok::<_, Infallible>(within(app, id, request, routes).await)
    });
    // In a box, so that the requests of all others take less memory.
    let Ok(response) = boxed(|| cors().layer(inner).oneshot(request)).await;
    response
}

/// On to the route that was asked for, with the whole body. The one that most requests are for is
/// not left to the router, which takes a dozen boxes for each request.
async fn within(app: &Arc<App>, id: &RequestId, request: Request, routes: &Router) -> Response {
    let (mut parts, body) = match whole_body(app, id, request).await {
        Ok(whole) => whole,
        Err(response) => return response,
    };
    if parts.method == Method::POST && parts.uri.path() == INVOKE {
        return rest::invoke(app, id, parts, body).await;
    }
    parts.extensions.insert(id.clone());
    let request = Request::from_parts(parts, Body::from(body));
    let Ok(response) = boxed(|| routes.clone().oneshot(request)).await;
    response
}

/// The name of a route for metrics and log: a stranger chooses none of them.
fn route_name(path: &str) -> &'static str {
    let known = [
        "/mcp",
        "/mcp/v1/tools/invoke",
        "/mcp/v1/tools",
        "/mcp/v1/guilds",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    let known = known.into_iter().find(|known| *known == path);
    known.unwrap_or_else(|| {
        if path.starts_with("/.well-known/") {
            "/.well-known"
        } else if path.starts_with("/mcp/v1/guilds/") {
            "/mcp/v1/guilds/{id}/channels"
        } else {
            "other"
        }
    })
}

/// What comes before a visit to the protocol's handler, which may be a call.
pub(super) async fn enter_mcp(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    // The body has been read whole by an outer layer.
    let body = body.collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let refusal = |error: &Error| json_rpc_failure(error, -32600, None, rpc_id(&body));
    let entered = match enter(&app, &id, &mut parts, refusal).await {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    parts.extensions.insert(Arc::clone(&entered.permit));
    parts.extensions.insert(Arc::clone(&entered.principal));
    let answer = guard_mcp(&app, &id, &entered, parts, body, next).await;
    told(answer, entered.verdict)
}

/// The id of a JSON-RPC request; null where there is none to be read, or none that can be one.
fn rpc_id(body: &[u8]) -> Value {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    let id = serde_json::from_slice::<Request<'_>>(body).map(|request| request.id.get());
    let id = id.ok().filter(|id| id.len() <= ID_LIMIT);
    id.and_then(|id| serde_json::from_str(id).ok())
        .unwrap_or_default()
}

/// Lets through what the protocol's handler can answer, and answers the rest: what is no JSON-RPC
/// message, and calls for which the token lacks the scope, which HTTP says with a 403.
async fn guard_mcp(
    app: &App,
    id: &RequestId,
    entered: &Entered,
    parts: Parts,
    body: Bytes,
    next: Next,
) -> Response {
    if parts.method != Method::POST {
        let request = Request::from_parts(parts, Body::from(body));
        return next.run(request).await;
    }
    let Entered {
        permit, principal, ..
    } = entered;
    let caller = Caller::new(Arc::clone(principal), "mcp", id.clone());
    let refused =
        |message: &'static str| Asked::Refused(None, Error::new(Code::InvalidRequest, message));
    let (code, message, rpc_id, asked) = match inspect(&body, principal) {
        Verdict::Malformed { code, message, id } => (code, Some(message), id, refused(message)),
        Verdict::OutOfScope { id, asked } => (-32600, None, id, asked),
        Verdict::TooLarge { id, tool } => {
            let params = Map::new();
            let invocation = tool.map(|tool| Invocation { tool, params });
            (-32600, None, id, Asked::Refused(invocation, too_large()))
        }
        verdict @ (Verdict::Pass | Verdict::Unrunnable) => {
            if matches!(verdict, Verdict::Unrunnable) {
                let asked = refused("`name` must be a string and `arguments` an object");
                app.dispatcher
                    .call(caller, Arc::clone(permit), asked)
                    .await
                    .err();
            }
            let headers = parts.headers.clone();
            let answer = next
                .run(Request::from_parts(parts, Body::from(body.clone())))
                .await;
            return in_json(answer, &headers, &body);
        }
    };
    let error = match app.dispatcher.call(caller, Arc::clone(permit), asked).await {
        Err(error) => error,
        Ok(_) => Error::internal(),
    };
    json_rpc_failure(&error, code, message, rpc_id)
}

/// The protocol's handler says in plain text what is wrong with the HTTP of a request. Clients read
/// JSON-RPC.
fn in_json(answer: Response, headers: &HeaderMap, body: &[u8]) -> Response {
    let status = answer.status().as_u16();
    if !matches!(status, 400 | 406 | 415) || is_json(answer.headers()) {
        return answer;
    }
    let id = rpc_id(body);
    let version = headers
        .get("mcp-protocol-version")
        .and_then(|version| version.to_str().ok());
    let (code, message) = match status {
        406 => (
            Code::NotAcceptable,
            "`Accept` must list application/json and text/event-stream",
        ),
        415 if !is_json(headers) => (
            Code::UnsupportedMediaType,
            "`Content-Type` must be application/json",
        ),
        415 => (
            Code::InvalidRequest,
            "The body is not one JSON-RPC message; no member may stand twice",
        ),
        _ if version.is_some_and(|version| !supported_versions().contains(&version)) => {
            return unsupported_version(version.unwrap_or_default(), id);
        }
        _ => (
            Code::InvalidRequest,
            "The headers of the request are not those of Streamable HTTP",
        ),
    };
    json_rpc_failure(&Error::new(code, message), -32600, None, id)
}
