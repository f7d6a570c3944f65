//! What anybody may read: the public keys under `/.well-known/jwks.json`, and, where there is an
//! identity provider, where a client gets its tokens (RFC 9728) and the challenge that says so.

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::discord::seed::GENERAL;
use crate::support::provider::{ISSUER, Provider, key};
use crate::support::{Answer, App, Mcp, tokens};

const JWKS: &str = "/.well-known/jwks.json";
const METADATA: &str = "/.well-known/oauth-protected-resource";
const MCP_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
/// The challenge of a refused bearer, without what a provider adds.
const CHALLENGE: &str = r#"Bearer realm="discord-mcp", error="invalid_token", error_description="The bearer token is missing, malformed, expired or not for this server""#;

/// The public key in this file as the set should have it; its thumbprint taken by RFC 7638.
fn expected(app: &App, file: &str, usage: &str, algorithm: &str) -> Value {
    let pem = std::fs::read_to_string(app.dir().join("keys").join(file)).unwrap();
    let key = RsaPublicKey::from_public_key_pem(&pem).unwrap();
    let n = URL_SAFE_NO_PAD.encode(key.n().to_bytes_be());
    let canonical = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#);
    let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
    json!({"kty": "RSA", "use": usage, "alg": algorithm, "kid": kid, "n": n, "e": "AQAB"})
}

fn one_header(answer: &Answer, name: &str) -> String {
    let values: Vec<_> = answer.headers.get_all(name).iter().collect();
    assert_eq!(values.len(), 1, "{name}: {values:?}");
    values[0].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_set_is_the_public_keys_and_nothing_else() {
    let app = App::start().await;
    let answer = app.get(JWKS, None).await;
    let signing = expected(&app, "jwt.public.pem", "sig", "RS256");
    let sealing = expected(&app, "seal.public.pem", "enc", "RSA-OAEP-256");
    assert_eq!(signing["kid"], tokens::kid());
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({"keys": [signing, sealing]}))
    );
    assert_eq!(one_header(&answer, "cache-control"), "public, max-age=300");
    assert_eq!(one_header(&answer, "content-type"), "application/json");
    assert_eq!(one_header(&answer, "x-content-type-options"), "nosniff");
    assert!(answer.header("x-request-id").is_some());
    // No member of a private key, of whatever name.
    for key in answer.body["keys"].as_array().unwrap() {
        let names: Vec<_> = key
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert!(
            names
                .iter()
                .all(|name| ["kty", "use", "alg", "kid", "n", "e"].contains(name))
        );
    }
}

#[tokio::test]
async fn the_set_asks_for_no_token_and_looks_at_none() {
    let app = App::start().await;
    let plain = app.get(JWKS, None).await;
    for token in ["garbage", &*tokens::token()] {
        let answer = app.get(JWKS, Some(token)).await;
        assert_eq!((answer.status, &answer.text), (200, &plain.text));
    }
    assert_eq!(app.audit(), Vec::<Value>::new());
    let posted = app.client.post(format!("{}{JWKS}", app.url));
    assert_eq!(App::answer(posted).await.code(), "not_found");
    let lured = app.client.get(format!("{}{JWKS}", app.url));
    let lured = App::answer(lured.header("host", "evil.example.com")).await;
    assert_eq!(lured.code(), "host_not_allowed");
}

#[tokio::test]
async fn a_sealing_key_that_the_server_cannot_open_with_is_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    tokens::install_keys(keys);
    std::fs::remove_file(keys.join("seal.private.pem")).unwrap();
    let app = App::with(&[("KEYS_DIR", keys.to_str().unwrap())]).await;
    let answer = app.get(JWKS, None).await;
    let kids: Vec<_> = answer.body["keys"].as_array().unwrap().iter().collect();
    assert_eq!(kids.len(), 1, "{}", answer.text);
    assert_eq!(kids[0]["use"], "sig");
}

#[tokio::test]
async fn the_keys_of_a_provider_are_not_published_as_ours() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    assert_eq!(
        app.get(JWKS, None).await.text,
        App::start().await.get(JWKS, None).await.text
    );
    assert!(!app.get(JWKS, None).await.text.contains(key(0).kid));
}

/// What both paths say where the server goes by this URL.
fn metadata(resource: &str) -> Value {
    json!({
        "resource": resource,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["discord:read", "discord:write", "discord:moderate"],
        "resource_name": "Discord MCP server",
    })
}

#[tokio::test]
async fn with_a_provider_clients_are_told_where_tokens_come_from() {
    let provider = Provider::start().await;
    for (configured, public) in [
        (
            "https://discord-mcp.example.com",
            "https://discord-mcp.example.com",
        ),
        (
            "https://Discord-MCP.example.com:443/",
            "https://discord-mcp.example.com",
        ),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ] {
        let app = provider.app(&[("PUBLIC_URL", configured)]).await;
        for (path, resource) in [
            (METADATA, public.to_owned()),
            (MCP_METADATA, format!("{public}/mcp")),
        ] {
            let answer = app.get(path, None).await;
            assert_eq!(
                (answer.status, &answer.body),
                (200, &metadata(&resource)),
                "{path}"
            );
            assert_eq!(one_header(&answer, "content-type"), "application/json");
        }
        let challenge = format!("{CHALLENGE}, resource_metadata=\"{public}{MCP_METADATA}\"");
        for answer in refusals(&app).await {
            assert_eq!(
                (answer.status, one_header(&answer, "www-authenticate")),
                (401, challenge.clone())
            );
        }
    }
}

/// What callers without a good bearer are answered, at every door.
async fn refusals(app: &App) -> Vec<Answer> {
    let strange = key(2).token();
    vec![
        app.get("/mcp/v1/tools", None).await,
        app.get("/mcp/v1/tools", Some("garbage")).await,
        app.invoke_as(&strange, "get_messages", json!({"channel_id": GENERAL}))
            .await,
        Mcp::modern(app)
            .anonymous()
            .send("tools/list", json!({}))
            .await,
        Mcp::legacy(app, "2025-06-18")
            .token("garbage")
            .send("tools/list", json!({}))
            .await,
        App::answer(app.client.get(format!("{}/mcp", app.url))).await,
    ]
}

#[tokio::test]
async fn without_a_public_url_it_is_the_address_that_is_listened_on() {
    let provider = Provider::start().await;
    // Bound and not listening, it keeps a port free that is known before the server has it.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    reserved.set_reuse_address(true).unwrap();
    reserved
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = reserved.local_addr().unwrap().as_socket().unwrap();
    let app = provider.app(&[("BIND_ADDR", &address.to_string())]).await;
    let local = format!("http://localhost:{}", address.port());
    for (path, resource) in [
        (METADATA, local.clone()),
        (MCP_METADATA, format!("{local}/mcp")),
    ] {
        assert_eq!(app.get(path, None).await.body, metadata(&resource));
    }
    let refused = app.get("/mcp/v1/tools", None).await;
    let challenge = format!("{CHALLENGE}, resource_metadata=\"{local}{MCP_METADATA}\"");
    assert_eq!(one_header(&refused, "www-authenticate"), challenge);
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_to_tell() {
    let app = App::with(&[("PUBLIC_URL", "https://discord-mcp.example.com")]).await;
    for path in [METADATA, MCP_METADATA] {
        let answer = app.get(path, None).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}");
    }
    for answer in refusals(&app).await {
        assert_eq!(
            (answer.status, one_header(&answer, "www-authenticate")),
            (401, CHALLENGE.to_owned())
        );
    }
}

#[tokio::test]
async fn only_a_refused_bearer_is_sent_to_the_provider() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let params = json!({"channel_id": GENERAL});
    for changes in [
        json!({"discord_token": null}),
        json!({"discord_token": "x"}),
        json!({"scope": ""}),
    ] {
        let token = key(0).token_with(changes.clone());
        let answer = app.invoke_as(&token, "get_messages", params.clone()).await;
        let challenge = one_header(&answer, "www-authenticate");
        assert!(
            !challenge.contains("resource_metadata"),
            "{changes}: {challenge}"
        );
    }
    // The other addresses where clients look for an OAuth server are the provider's, not ours.
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource/",
        "/.well-known/oauth-protected-resource/mcp/v1",
        "/register",
    ] {
        let answer = app.get(path, None).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}");
    }
}
