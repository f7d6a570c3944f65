//! Every row of the error table, reached through the REST door: the status, the whole literal body,
//! and the headers. What Discord's own refusals become is in `discord_errors`.

use std::time::Duration;

use discord_mcp_server::error::Code;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

use crate::support::discord::seed::{BOT_MESSAGE, GENERAL, OTHER_GUILD, QUIET};
use crate::support::discord::{Fault, On};
use crate::support::{App, assert_failure, router_to, tokens, until};

const EXAMPLE: &str = r#"For example {"method": "get_channel_info", "params": {"channel_id": "1234567890123456789"}}"#;

#[tokio::test]
async fn invalid_request_says_what_the_body_must_be() {
    let app = App::start().await;
    let not_json = "The body is not JSON, or nested too deeply";
    let no_envelope = "The body must be an object with `method`, the name of a tool, and `params`, an object, and nothing else";
    for (body, message) in [
        ("{", not_json),
        ("", not_json),
        ("[]", no_envelope),
        (r#"{"params": {}}"#, no_envelope),
        (r#"{"method": "get_messages", "param": {}}"#, no_envelope),
        (r#"{"method": "get_messages", "params": "x"}"#, no_envelope),
    ] {
        let answer = app.post(&tokens::token(), body).await;
        let error = json!({"code": "invalid_request", "message": message, "hint": EXAMPLE});
        assert_failure(&answer, 400, error);
    }
}

#[tokio::test]
async fn invalid_token_is_one_body_whatever_the_reason() {
    let app = App::start().await;
    let good = tokens::token();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let bearers = [
        None,
        Some(String::new()),
        Some("Basic dGVzdGVyOnNlY3JldA==".to_owned()),
        Some("Bearer not-a-token".to_owned()),
        Some(format!("Bearer {signed}.AAAA")),
        Some(format!("Bearer {}", tokens::token_with(json!({"exp": 1})))),
        Some(format!(
            "Bearer {}",
            tokens::token_with(json!({"iss": "x"}))
        )),
        Some(format!(
            "Bearer {}",
            tokens::token_with(json!({"aud": "x"}))
        )),
    ];
    let mut texts = Vec::new();
    for bearer in bearers {
        let url = format!("{}/mcp/v1/tools/invoke", app.url);
        let mut request = app.client.post(url).header("x-request-id", "the-same");
        if let Some(bearer) = &bearer {
            request = request.header("authorization", bearer);
        }
        let answer = App::answer(request).await;
        let error = json!({
            "code": "invalid_token",
            "message": "Invalid token: the bearer token is missing, malformed, expired or not for this server",
            "hint": "Send `Authorization: Bearer <JWT>`. Tokens live 1 hour unless minted for longer; mint a new one with `discord-mcp-server mint-token` or `cargo run --example mint_token`.",
        });
        assert_failure(&answer, 401, error);
        let challenge = r#"Bearer realm="discord-mcp", error="invalid_token", error_description="The bearer token is missing, malformed, expired or not for this server""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        texts.push(answer.text);
    }
    // Byte for byte: neither an order of fields nor a space tells one reason from another.
    texts.dedup();
    assert_eq!(texts.len(), 1);
    assert_eq!(app.audit(), Vec::<Value>::new());
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn missing_discord_token_is_a_401_of_its_own() {
    let app = App::start().await;
    for discord_token in [json!(null), json!("")] {
        let token = tokens::token_with(json!({"discord_token": discord_token}));
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke_as(&token, "get_messages", params).await;
        let error = json!({
            "code": "missing_discord_token",
            "message": "No Discord token found in authentication",
            "hint": "Mint a token with DISCORD_TOKEN set.",
        });
        assert_failure(&answer, 401, error);
        let challenge = r#"Bearer realm="discord-mcp", error="invalid_token", error_description="The bearer token carries no Discord token""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn insufficient_scope_names_the_scope_in_body_and_challenge() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"scope": "discord:read"}));
    let answer = app.invoke_as(&token, "send_message", json!({})).await;
    let error = json!({
        "code": "insufficient_scope",
        "message": "This token's scope does not cover `discord:write`",
        "hint": "Mint a token whose `scope` names it.",
    });
    assert_failure(&answer, 403, error);
    let challenge = r#"Bearer realm="discord-mcp", error="insufficient_scope", scope="discord:write", error_description="The bearer token's scope does not cover discord:write""#;
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn not_allowed_says_which_limit() {
    let app = App::start().await;
    for (limit, message) in [
        (
            json!({"channels": [QUIET]}),
            "This token is limited to other channels than this one",
        ),
        (
            json!({"guilds": [OTHER_GUILD]}),
            "This token is limited to other servers than this one",
        ),
    ] {
        let token = tokens::token_with(limit);
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke_as(&token, "get_messages", params).await;
        let error = json!({"code": "not_allowed", "message": message});
        assert_failure(&answer, 403, error);
    }
}

#[tokio::test]
async fn unknown_tool_lists_the_tools() {
    let app = App::start().await;
    let error = json!({
        "code": "unknown_tool",
        "message": "There is no such tool; the tools are send_message, get_messages, get_channel_info, search_messages, moderate_content",
    });
    for name in ["send_mesage", "", "SEND_MESSAGE", "../../etc/passwd"] {
        let answer = app.invoke(name, json!({})).await;
        assert_failure(&answer, 404, error.clone());
    }
}

#[tokio::test]
async fn audit_unavailable_means_that_nothing_was_sent() {
    let app = App::with(&[("AUDIT_LOG", "/dev/full")]).await;
    let params = json!({"channel_id": GENERAL, "message": "hi"});
    let answer = app.invoke("send_message", params).await;
    let error = json!({
        "code": "audit_unavailable",
        "message": "The audit log cannot be written; nothing was sent to Discord",
    });
    assert_failure(&answer, 503, error);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn overloaded_is_said_at_once_and_ends_with_the_load() {
    let app = App::with(&[("MAX_CALLS", "1"), ("CALL_DEADLINE", "20s")]).await;
    let slow = Fault::Delay(Duration::from_millis(400));
    app.discord.fault(On::Any, 1, slow);
    let params = json!({"channel_id": GENERAL});
    let first = app.invoke("get_channel_info", params.clone());
    let second = async {
        until("the first call is under way", || {
            !app.discord.requests().is_empty()
        })
        .await;
        app.invoke("get_channel_info", params.clone()).await
    };
    let (first, second) = tokio::join!(first, second);
    let error = json!({
        "code": "overloaded",
        "message": "The server has as many calls in flight as it takes on; nothing was done",
        "retry_after": 1.0,
    });
    assert_failure(&second, 503, error);
    assert_eq!(second.header("retry-after"), Some("1"));
    assert_eq!(first.status, 200);
    assert_eq!(app.discord.requests().len(), 1);
    assert_eq!(app.invoke("get_channel_info", params).await.status, 200);
}

#[tokio::test]
async fn not_found_names_what_is_served() {
    let app = App::start().await;
    let error = json!({
        "code": "not_found",
        "message": "Nothing is here; served are /mcp, POST /mcp/v1/tools/invoke, GET /mcp/v1/tools, GET /mcp/v1/guilds, GET /mcp/v1/guilds/{id}/channels, GET /healthz and GET /readyz",
    });
    let answer = app.get("/mcp/v2", Some(&tokens::token())).await;
    assert_failure(&answer, 404, error);
}

#[tokio::test]
async fn a_body_that_does_not_end_in_time_is_408_and_the_connection_closes() {
    let row = (Code::RequestTimeout.as_str(), Code::RequestTimeout.status());
    assert_eq!((row.0, row.1.as_u16()), ("request_timeout", 408));
    // The bound is ten real seconds.
    if std::env::var_os("RUN_HEAVY_TESTS").is_none() {
        eprintln!("the slow half is skipped; RUN_HEAVY_TESTS=1 runs it");
        return;
    }
    let app = App::start().await;
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    let error = r#""error":{"code":"request_timeout","message":"The body did not arrive within 10 seconds"}"#;
    assert!(text.contains(error), "{text}");
    assert_eq!(app.audit(), Vec::<Value>::new());
}

#[tokio::test]
async fn internal_tells_the_caller_nothing_more() {
    // Config refuses such an address; behind it, a request to Discord cannot be built.
    let (router, audit_log, _dir) = router_to("http://[secret");
    let call = json!({"method": "send_message", "params": {"channel_id": GENERAL, "message": "x"}});
    let request = axum::http::Request::post("/mcp/v1/tools/invoke")
        .header("authorization", format!("Bearer {}", tokens::token()))
        .header("content-type", "application/json")
        .header("host", "localhost")
        .header("x-request-id", "r")
        .body(axum::body::Body::from(call.to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let expected = r#"{"success":false,"error":{"code":"internal","message":"Internal error; the server log has the details"},"request_id":"r"}"#;
    assert_eq!(String::from_utf8_lossy(&body), expected);
    let log = std::fs::read_to_string(&audit_log).unwrap();
    assert!(
        log.contains(r#""success":false,"status":"internal""#),
        "{log}"
    );
}

#[tokio::test]
async fn an_answer_without_a_wait_has_no_retry_after_and_a_success_no_challenge() {
    let app = App::start().await;
    let params = json!({"channel_id": GENERAL, "around": BOT_MESSAGE, "limit": 1});
    let answer = app.invoke("get_messages", params).await;
    assert_eq!(answer.result()["messages"][0]["id"], BOT_MESSAGE);
    for name in ["retry-after", "www-authenticate"] {
        assert_eq!(answer.header(name), None);
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
