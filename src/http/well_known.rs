//! What anybody may read: our public keys, and where tokens come from.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::App;
use crate::auth::Scope;

/// Where the metadata of the resource `/mcp` is (RFC 9728 section 3.1).
const OF_MCP: &str = "/.well-known/oauth-protected-resource/mcp";

/// What clients need to know to get a token from the identity provider.
pub struct Metadata {
    /// The provider's issuer.
    pub issuer: String,
    /// The origin under which clients reach this server.
    pub public_url: String,
}

impl Metadata {
    /// The document about one resource of this server (RFC 9728 section 2).
    fn document(&self, path: &str) -> Value {
        json!({
            "resource": format!("{}{path}", self.public_url),
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": Scope::ALL.map(Scope::as_str),
            "resource_name": "Discord MCP server",
        })
    }

    /// Says in the challenge of a refused bearer where the document is (RFC 9728 section 5.1).
    pub(super) fn point_to(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let challenge = headers
            .get(header::WWW_AUTHENTICATE)
            .and_then(|challenge| challenge.to_str().ok());
        let pointed = challenge.and_then(|challenge| {
            let text = format!(
                r#"{challenge}, resource_metadata="{}{OF_MCP}""#,
                self.public_url
            );
            HeaderValue::from_str(&text).ok()
        });
        if let Some(pointed) = pointed {
            headers.insert(header::WWW_AUTHENTICATE, pointed);
        }
    }
}

pub(super) fn routes(app: &App) -> Router<Arc<App>> {
    let routes = Router::new().route("/.well-known/jwks.json", get(keys));
    let Some(metadata) = &app.metadata else {
        return routes;
    };
    let document = |path| {
        let document = metadata.document(path);
        get(|| async { public(document) })
    };
    routes
        .route("/.well-known/oauth-protected-resource", document(""))
        .route(OF_MCP, document("/mcp"))
}

async fn keys(State(app): State<Arc<App>>) -> Response {
    public(app.verifier.published())
}

/// An answer that others may keep for a while: it changes when keys do.
fn public(document: Value) -> Response {
    let kept = HeaderValue::from_static("public, max-age=300");
    ([(header::CACHE_CONTROL, kept)], Json(document)).into_response()
}
