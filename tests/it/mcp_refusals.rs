//! Failures that MCP says in another way than as a tool's result: as errors of the protocol, and in
//! HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::mcp_errors::{Case, assert_same, case, cases};
use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, On};
use crate::support::mcp::{LEGACY, MODERN, assert_rpc_error, error_text};
use crate::support::{Answer, App, Mcp, assert_failure, router_to, tokens, until};

/// The failures of a call under the address of its result, or in a prompt, are the protocol's own
/// errors, with the same body as `data`.
async fn as_protocol_error(case: &Case, method: &str, params: Value) {
    let (rest, token) = case.stage().await;
    let expected = rest.invoke_as(&token, case.tool, case.params.clone()).await;
    let (mcp, token) = case.stage().await;
    let answer = Mcp::modern(&mcp).token(&token).send(method, params).await;
    let code = match case.code {
        "invalid_params" | "unknown_channel" | "unknown_message" | "unknown_guild" => -32602,
        _ => -32600,
    };
    let error = &expected.body["error"];
    let expected = json!({"code": code, "message": error["message"], "data": error});
    assert_rpc_error(&answer, 200, expected);
    assert_same(case, &rest, &mcp);
}

#[tokio::test]
async fn a_resource_fails_like_its_tool() {
    for mut case in cases() {
        let ids = |case: &Case| case.params["channel_id"].as_str().map(str::to_owned);
        let (Some(channel), "get_messages" | "get_channel_info") = (ids(&case), case.tool) else {
            continue;
        };
        for (tool, uri) in [
            ("get_channel_info", format!("discord://channels/{channel}")),
            (
                "get_messages",
                format!("discord://channels/{channel}/messages"),
            ),
        ] {
            case.tool = tool;
            as_protocol_error(&case, "resources/read", json!({"uri": uri})).await;
        }
    }
}

#[tokio::test]
async fn a_prompt_fails_like_its_tool() {
    for mut case in cases() {
        if case.tool != "get_messages" {
            continue;
        }
        let channel = case.params["channel_id"].clone();
        case.params["limit"] = json!(100);
        let arguments = json!({"channel_id": channel});
        let params = json!({"name": "summarize_channel", "arguments": arguments});
        as_protocol_error(&case, "prompts/get", params).await;
    }
}

#[tokio::test]
async fn unknown_tool_is_an_error_of_the_protocol() {
    let (rest, mcp) = (App::start().await, App::start().await);
    let case = case("unknown_tool", "send_mesage", json!({"a": [1, null]}));
    let expected = rest.invoke(case.tool, case.params.clone()).await;
    let answer = Mcp::modern(&mcp).call(case.tool, case.params.clone()).await;
    let error = &expected.body["error"];
    let expected = json!({"code": -32602, "message": error["message"], "data": error});
    assert_rpc_error(&answer, 200, expected);
    assert_same(&case, &rest, &mcp);
}

#[tokio::test]
async fn insufficient_scope_is_a_403_with_the_challenge_and_the_id_of_the_request() {
    let uri = format!("discord://channels/{GENERAL}");
    let messages = format!("{uri}/messages");
    let channel = json!({"channel_id": GENERAL});
    let topic = json!({"channel_id": GENERAL, "topic": "sensor"});
    let rows = [
        (
            "tools/call",
            "send_message",
            json!({"name": "send_message", "arguments": {"message": "x"}}),
            "discord:write",
        ),
        (
            "tools/call",
            "moderate_content",
            json!({"name": "moderate_content", "arguments": {}}),
            "discord:moderate",
        ),
        (
            "tools/call",
            "get_messages",
            json!({"name": "get_messages", "arguments": channel}),
            "discord:read",
        ),
        (
            "resources/read",
            "get_channel_info",
            json!({"uri": uri}),
            "discord:read",
        ),
        (
            "resources/read",
            "get_messages",
            json!({"uri": messages}),
            "discord:read",
        ),
        (
            "prompts/get",
            "get_messages",
            json!({"name": "summarize_channel", "arguments": channel}),
            "discord:read",
        ),
        (
            "prompts/get",
            "search_messages",
            json!({"name": "find_discussion", "arguments": topic}),
            "discord:read",
        ),
    ];
    for (method, tool, params, scope) in rows {
        let other = if scope == "discord:read" {
            "discord:write"
        } else {
            "discord:read"
        };
        let token = tokens::token_with(json!({"scope": other}));
        let app = App::start().await;
        for (at, id) in [json!(1), json!(-7), json!("an-id")]
            .into_iter()
            .enumerate()
        {
            let version = if at == 1 { LEGACY[3] } else { MODERN };
            let client = Mcp::legacy(&app, version).token(&token).id(id.clone());
            let answer = client.send(method, params.clone()).await;
            let message = format!("This token's scope does not cover `{scope}`");
            let data = json!({
                "code": "insufficient_scope",
                "message": message,
                "hint": "Mint a token whose `scope` names it.",
            });
            let error = json!({"code": -32600, "message": message, "data": data});
            let expected = json!({"jsonrpc": "2.0", "id": id, "error": error});
            assert_eq!((answer.status, &answer.body), (403, &expected));
            let challenge = format!(
                r#"Bearer realm="discord-mcp", error="insufficient_scope", scope="{scope}", error_description="The bearer token's scope does not cover {scope}""#
            );
            assert_eq!(answer.header("www-authenticate"), Some(&*challenge));
            let line = app.audit().pop().unwrap();
            let got = json!([line["stage"], line["door"], line["status"], line["tool"]]);
            assert_eq!(got, json!(["outcome", "mcp", "insufficient_scope", tool]));
            assert_eq!(app.audit().len(), at + 1);
        }
        assert!(app.discord.requests().is_empty());
    }
}

/// Both doors shed before anything is parsed, so both say it in HTTP.
#[tokio::test]
async fn overloaded_is_said_at_once_by_both_doors() {
    let app = App::with(&[("MAX_CALLS", "1"), ("CALL_DEADLINE", "20s")]).await;
    let slow = Fault::Delay(Duration::from_millis(400));
    app.discord.fault(On::Any, 1, slow);
    let (params, client) = (json!({"channel_id": GENERAL}), Mcp::modern(&app));
    let first = client.call("get_channel_info", params.clone());
    let others = async {
        until("the first call is under way", || {
            !app.discord.requests().is_empty()
        })
        .await;
        let rest = app.invoke("get_channel_info", params.clone()).await;
        let mcp = client.call("get_channel_info", params.clone()).await;
        [rest, mcp]
    };
    let (first, others) = tokio::join!(first, others);
    assert_eq!(first.result()["isError"], false);
    let error = json!({
        "code": "overloaded",
        "message": "The server has as many calls in flight as it takes on; nothing was done",
        "retry_after": 1.0,
    });
    for answer in others {
        assert_failure(&answer, 503, error.clone());
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(app.discord.requests().len(), 1);
    let again = client.call("get_channel_info", params).await;
    assert_eq!(again.result()["isError"], false);
}

#[tokio::test]
async fn internal_tells_the_caller_nothing_more() {
    use tower::ServiceExt as _;
    // Config refuses such an address; behind it, a request to Discord cannot be built.
    let (router, audit_log, _dir) = router_to("http://[secret");
    let params = json!({"name": "get_channel_info", "arguments": {"channel_id": GENERAL}});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let request = axum::http::Request::post("/mcp")
        .header("authorization", format!("Bearer {}", tokens::token()))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("host", "localhost")
        .body(axum::body::Body::from(call.to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    let answer = Answer {
        status,
        headers: Default::default(),
        text: String::from_utf8_lossy(&body).into_owned(),
        body: serde_json::from_slice(&body).unwrap(),
    };
    let expected = "internal: Internal error; the server log has the details";
    assert_eq!(error_text(&answer), expected);
    let log = std::fs::read_to_string(&audit_log).unwrap();
    assert!(
        log.contains(r#""success":false,"status":"internal""#),
        "{log}"
    );
}
