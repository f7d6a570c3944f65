//! The layers of the router, each a function; their order is in [`super::router`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tower::{Layer as _, ServiceExt as _};

use super::client::name_client;
use super::render::{failure, json_rpc_failure, unsupported_version};
use super::rest::is_json;
use super::{App, cors};
use crate::auth::{Principal, bearer};
use crate::dispatch::{Asked, Caller, Permit, RequestId, trace_id};
use crate::error::{Code, Error};
use crate::mcp::{Verdict, inspect, supported_versions};

/// The largest body that is taken.
const BODY_LIMIT: usize = 64 << 10;
/// How much more than that is read and thrown away, so that the sender gets to read the refusal.
const DISCARD_LIMIT: usize = 1 << 20;
/// How long a caller may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `x-request-id` of a caller that is kept.
const REQUEST_ID_LIMIT: usize = 64;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is around every route. One layer and not one for each step: a layer clones all that is
/// inside of it for every request, which cost more than the steps themselves.
pub(super) async fn around(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers());
    request.extensions_mut().insert(id.clone());
    let (began, method) = (Instant::now(), request.method().clone());
    let route = route_name(request.uri().path());
    name_client(&app.proxies, &mut request);
    let answer = AssertUnwindSafe(guarded(&app, &id, request, next));
    let answer = answer.catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| failure(&Error::internal(), &id));
    let status = response.status().as_u16();
    crate::metrics::response(route, status);
    if id.tell() {
        tracing::debug!(
            request_id = id.as_str(),
            trace_id = id.trace_id(),
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

/// The id of a request: its own, where that is sane.
fn request_id(headers: &HeaderMap) -> RequestId {
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
    RequestId::new(id, trace.map(str::to_owned))
}

/// What may panic: everything further in.
async fn guarded(app: &App, id: &RequestId, request: Request, next: Next) -> Response {
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
        return whole_body(app, id, request, next).await;
    }
    let inner = tower::service_fn(async |request| {
        let next = next.clone();
        Ok::<_, Infallible>(whole_body(app, id, request, next).await)
    });
    let Ok(response) = cors().layer(inner).oneshot(request).await;
    response
}

/// The name of a route for metrics and log: a stranger chooses none of them.
fn route_name(path: &str) -> &'static str {
    let known = [
        "/mcp",
        "/mcp/v1/tools/invoke",
        "/mcp/v1/tools",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    let known = known.into_iter().find(|known| *known == path);
    known.unwrap_or(if path.starts_with("/.well-known/") {
        "/.well-known"
    } else {
        "other"
    })
}

/// Reads the whole body, within its cap and its time, before anything else looks at the request.
async fn whole_body(app: &App, id: &RequestId, request: Request, next: Next) -> Response {
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
            app.refusals.note(error.code().as_str(), id);
            let mut response = failure(&error, id);
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

/// What is around the routes that run calls: sheds what the server could not do soon, instead of
/// queueing it without bound; authenticates; and holds the caller to its own limit.
pub(super) async fn around_calls(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    mut request: Request,
    next: Next,
) -> Response {
    let permit = match app.dispatcher.admit() {
        Ok(permit) => Arc::new(permit),
        Err(error) => {
            app.refusals.note(error.code().as_str(), &id);
            return failure(&error, &id);
        }
    };
    request.extensions_mut().insert(Arc::clone(&permit));
    match admitted(&app, &id, &mut request).await {
        Ok(principal) => limit_caller(&app, &id, principal, permit, request, next).await,
        Err(response) => response,
    }
}

/// Turns the bearer into a [`Principal`] and takes it out of the request: the JWT's text ends here.
pub(super) async fn authenticate(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    mut request: Request,
    next: Next,
) -> Response {
    match admitted(&app, &id, &mut request).await {
        Ok(_) => next.run(request).await,
        Err(response) => response,
    }
}

/// Puts the principal in the place of the bearer.
async fn admitted(
    app: &App,
    id: &RequestId,
    request: &mut Request,
) -> Result<Arc<Principal>, Response> {
    let verified = match bearer(request.headers()) {
        Ok(bearer) => app.verifier.verify(bearer).await,
        Err(reason) => Err(reason),
    };
    match verified {
        Ok(principal) => {
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(Arc::clone(&principal));
            Ok(principal)
        }
        Err(reason) => {
            crate::metrics::auth_failure(reason.as_str());
            app.refusals.note(reason.as_str(), id);
            let mut response = failure(&Error::invalid_token(), id);
            if let Some(metadata) = &app.metadata {
                metadata.point_to(&mut response);
            }
            Err(response)
        }
    }
}

/// Refuses what a caller asks beyond its own limit, and tells where it stands.
async fn limit_caller(
    app: &App,
    id: &RequestId,
    principal: Arc<Principal>,
    permit: Arc<Permit>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let verdict = app.callers.check(&principal.user_id);
    let Some(wait) = verdict.wait else {
        let mut response = next.run(request).await;
        verdict.tell(response.headers_mut());
        return response;
    };
    let error = Error::new(
        Code::RateLimited,
        "You have made as many calls as this server lets one caller make; nothing was done",
    )
    .retry_after(wait)
    .hint("Wait `retry_after` seconds before the next call.");
    let over_mcp = request.uri().path() == "/mcp";
    let door = if over_mcp { "mcp" } else { "rest" };
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = client.map(|ConnectInfo(address)| address.ip());
    let caller = Caller::new(principal, door, id.clone(), client);
    // An authenticated refusal is recorded; where that fails, that is what is told.
    let asked = Asked::Refused(None, error);
    let error = match app.dispatcher.call(caller, permit, asked).await {
        Err(error) => error,
        Ok(_) => Error::internal(),
    };
    let mut response = if over_mcp {
        // The body has been read whole by an outer layer.
        let body = request.into_body().collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        json_rpc_failure(&error, -32600, None, rpc_id(&body))
    } else {
        failure(&error, id)
    };
    verdict.tell(response.headers_mut());
    response
}

/// The id of a JSON-RPC request; null where there is none to be read.
fn rpc_id(body: &[u8]) -> serde_json::Value {
    #[derive(serde::Deserialize)]
    struct Request {
        id: serde_json::Value,
    }
    serde_json::from_slice::<Request>(body)
        .map(|request| request.id)
        .unwrap_or_default()
}

/// Lets through what the protocol's handler can answer, and answers the rest: what is no JSON-RPC
/// message, and calls for which the token lacks the scope, which HTTP says with a 403.
pub(super) async fn guard_mcp(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    Extension(principal): Extension<Arc<Principal>>,
    Extension(permit): Extension<Arc<Permit>>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // The body has been read whole by an outer layer.
    let body: Bytes = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let client = client.map(|Extension(ConnectInfo(address))| address.ip());
    let caller = Caller::new(Arc::clone(&principal), "mcp", id.clone(), client);
    let refused =
        |message: &'static str| Asked::Refused(None, Error::new(Code::InvalidRequest, message));
    let (code, message, rpc_id, asked) = match inspect(&body, &principal) {
        Verdict::Malformed { code, message, id } => (code, Some(message), id, refused(message)),
        Verdict::OutOfScope { id, invocation } => (-32600, None, id, Asked::Run(invocation)),
        verdict @ (Verdict::Pass | Verdict::Unrunnable) => {
            if matches!(verdict, Verdict::Unrunnable) {
                let asked = refused("`name` must be a string and `arguments` an object");
                app.dispatcher
                    .call(caller, Arc::clone(&permit), asked)
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
    let error = match app.dispatcher.call(caller, permit, asked).await {
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
