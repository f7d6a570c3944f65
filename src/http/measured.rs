//! `GET /metrics`: what is counted, for Prometheus, and for nobody who is not meant to read it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use super::{App, nothing_at};
use crate::discord::HeldBack;
use crate::dispatch::RequestId;
use crate::metrics::Now;

/// The version of Prometheus's text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who may read the metrics on the server's own address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// Whoever is on this machine, and not a proxy's client.
    Loopback,
    /// Anybody: the operator asked for it.
    Here,
    /// Nobody: they have a listener of their own.
    Elsewhere,
}

/// The one route of a listener of its own.
pub fn metrics_router(app: Arc<App>) -> Router {
    let show = |State(app): State<Arc<App>>| async move { text(&app).await.into_response() };
    Router::new().route("/metrics", get(show)).with_state(app)
}

/// Answers where the caller may know, and as if there were nothing where not.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let local = || {
        let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
        id.client().is_some_and(|client| client.is_loopback())
            && !forwarded.iter().any(|name| headers.contains_key(*name))
    };
    match app.metrics.as_ref().map(|(_, at)| at) {
        Some(MetricsAt::Here) => text(&app).await.into_response(),
        Some(MetricsAt::Loopback) if local() => text(&app).await.into_response(),
        _ => nothing_at(uri.path(), &id),
    }
}

async fn text(app: &App) -> impl IntoResponse {
    let held_back = app.dispatcher.held_back();
    let now = Now {
        in_flight: app.dispatcher.in_flight(),
        held_back_edge: held_back == Some(HeldBack::Edge),
        held_back_budget: held_back == Some(HeldBack::Budget),
        invalid_requests: app.dispatcher.invalid_requests(),
        audit_healthy: app.dispatcher.is_audit_healthy().await,
        draining: app.draining.load(Ordering::Relaxed),
    };
    let metrics = app.metrics.as_ref().map(|(metrics, _)| metrics.render(now));
    ([(header::CONTENT_TYPE, TEXT)], metrics.unwrap_or_default())
}
