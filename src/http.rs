//! The router and its layers. The doors are in `http/rest.rs` and in `mcp`.

mod bodies;
mod caller_limits;
mod client;
mod entrance;
mod layers;
mod measured;
mod names;
mod refusals;
mod render;
mod rest;
mod well_known;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::json;
use tower::Service;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::auth::Verifier;
use crate::boxed::boxed;
use crate::dispatch::{Dispatcher, RequestId};
use crate::error::{Code, Error};
use crate::mcp::Door;
use crate::metrics::Metrics;
pub use bodies::Bodies;
pub use caller_limits::CallerLimits;
pub use client::TrustedProxies;
pub use measured::{MetricsAt, metrics_router};
pub use names::Names;
pub use refusals::Refusals;
use render::failure;
pub use rest::envelope;
pub use well_known::Metadata;

/// What the routes share.
pub struct App {
    /// Verifies bearers.
    pub verifier: Verifier,
    /// Runs calls.
    pub dispatcher: Arc<Dispatcher>,
    /// The MCP door.
    pub door: Door,
    /// The names that this server goes by.
    pub names: Names,
    /// How many requests each caller may make.
    pub callers: CallerLimits,
    /// The large bodies that are taken.
    pub bodies: Bodies,
    /// Counts what was refused before authentication.
    pub refusals: Refusals,
    /// The proxies that are believed who calls.
    pub proxies: TrustedProxies,
    /// What is counted, where it is, and who may read it here.
    pub metrics: Option<(Metrics, MetricsAt)>,
    /// What clients are told of the identity provider, where there is one.
    pub metadata: Option<Metadata>,
    /// Whether the server is shutting down.
    pub draining: AtomicBool,
}

/// Where REST calls tools.
const INVOKE: &str = "/mcp/v1/tools/invoke";

/// The whole of the server's routes and layers.
///
/// Steps, outermost first, each with the reason for its place:
/// 1. request id: everything further in, refusals included, is answered under it;
/// 2. client: whatever speaks of the caller's address means the client, and not a proxy;
/// 3. catch-panic: outside of all that could panic;
/// 4. Host and Origin: what comes from another site's page gets no further, on any route;
/// 5. CORS: answers what browsers ask before they let an allowed page call;
/// 6. whole body: its cap and time hold before anything parses or authenticates; above 64 KiB only
///    for those who may send files;
/// 7. shedding: before a signature is verified, which is the dearest step before the call itself;
/// 8. authentication: only on routes that need it, so that an unknown path is a 404;
/// 9. the caller's own limit: it takes to know who calls, and comes before what the call costs;
/// 10. for MCP alone: what HTTP must say and the protocol's handler cannot.
///
/// Steps 7 to 9 are `entrance`, which REST's handlers ask as an extractor and MCP as a layer. The
/// route of REST's calls is taken before the router.
pub fn router(app: Arc<App>) -> Served {
    let mcp = Router::new()
        .route_service("/mcp", app.door.clone().service())
        .route_layer(from_fn_with_state(Arc::clone(&app), layers::enter_mcp));
    let routes = Router::new()
        .merge(mcp)
        .merge(well_known::routes(&app))
        .route("/mcp/v1/tools", get(rest::list_tools))
        .route("/mcp/v1/guilds", get(rest::list_guilds))
        .route(
            "/mcp/v1/guilds/{guild_id}/channels",
            get(rest::list_channels),
        )
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(measured::show))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(Arc::clone(&app));
    Served(Arc::new((app, routes)))
}

/// The server's routes, with what is around all of them.
#[derive(Clone)]
pub struct Served(Arc<(Arc<App>, Router)>);

impl Service<Request> for Served {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self(served) = self.clone();
        boxed(|| async move {
            let (app, routes) = &*served;
            Ok(layers::around(app, routes, request).await)
        })
    }
}

/// What web pages may do. Which pages may, the layer outside of this one has decided: others do not
/// get here.
fn cors() -> CorsLayer {
    let exposed = [
        "x-request-id",
        "retry-after",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "www-authenticate",
        "mcp-session-id",
        "mcp-protocol-version",
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_secs(600))
}

async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    let mut failing = Vec::new();
    if !app.dispatcher.is_audit_healthy().await {
        failing.push("audit");
    }
    if app.dispatcher.held_back().is_some() {
        failing.push("discord");
    }
    if !app.verifier.has_keys() {
        failing.push("keys");
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

async fn not_found(Extension(id): Extension<RequestId>, request: Request) -> Response {
    nothing_at(request.uri().path(), &id)
}

fn nothing_at(path: &str, id: &RequestId) -> Response {
    // MCP clients whose token was refused look for an OAuth server, and show what they find.
    let oauth =
        path.starts_with("/.well-known/") || ["/register", "/authorize", "/token"].contains(&path);
    let error = if oauth {
        Error::new(Code::NotFound, "There is no OAuth server here: a token (JWT) is minted by the operator and sent as `Authorization: Bearer <JWT>`")
            .hint("If you had one, it has expired or is not for this server. Mint a new one with `discord-mcp-server mint-token` or `cargo run --example mint_token`.")
    } else {
        Error::new(
            Code::NotFound,
            "Nothing is here; served are /mcp, POST /mcp/v1/tools/invoke, GET /mcp/v1/tools, GET /mcp/v1/guilds, GET /mcp/v1/guilds/{id}/channels, GET /healthz and GET /readyz",
        )
    };
    failure(&error, id)
}
