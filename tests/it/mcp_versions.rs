//! What the newest revision asks of every request, and which methods each era has.

use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::mcp::{LEGACY, MODERN, assert_rpc_error};
use crate::support::{App, Mcp};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The revisions that an unsupported one is answered with.
fn supported() -> Value {
    json!([LEGACY[0], LEGACY[1], LEGACY[2], LEGACY[3], MODERN])
}

#[tokio::test]
async fn headers_that_are_missing_or_say_otherwise_are_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app);
    let call = json!({"name": "get_channel_info", "arguments": {"channel_id": GENERAL}});
    let (list, called) = (("tools/list", json!({})), ("tools/call", call));
    let prompt = ("prompts/get", json!({"name": "summarize_channel"}));
    let read = ("resources/read", json!({"uri": "discord://channels/1"}));
    let table = [
        (
            client.clone().without("mcp-protocol-version"),
            &list,
            "request _meta protocolVersion requires MCP-Protocol-Version header",
        ),
        (
            client.clone().header("mcp-protocol-version", "2025-11-25"),
            &list,
            "MCP-Protocol-Version header (2025-11-25) does not match request _meta protocolVersion (2026-07-28)",
        ),
        (
            client.clone().without("mcp-method"),
            &list,
            "missing required Mcp-Method header",
        ),
        (
            client.clone().header("mcp-method", "tools/call"),
            &list,
            "Mcp-Method header `tools/call` does not match body method `tools/list`",
        ),
        (
            client.clone().header("mcp-method", "Tools/List"),
            &list,
            "Mcp-Method header `Tools/List` does not match body method `tools/list`",
        ),
        (
            client.clone().without("mcp-name"),
            &called,
            "missing required Mcp-Name header for `tools/call`",
        ),
        (
            client.clone().header("mcp-name", "get_messages"),
            &called,
            "Mcp-Name header `get_messages` does not match body value `get_channel_info`",
        ),
        (
            client.clone().without("mcp-name"),
            &prompt,
            "missing required Mcp-Name header for `prompts/get`",
        ),
        (
            client.clone().header("mcp-name", "discord://channels/2"),
            &read,
            "Mcp-Name header `discord://channels/2` does not match body value `discord://channels/1`",
        ),
    ];
    for (client, (method, params), message) in table {
        let answer = client.send(method, params.clone()).await;
        assert_rpc_error(&answer, 400, json!({"code": -32020, "message": message}));
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_request_without_its_meta_is_refused() {
    let app = App::start().await;
    let client = Mcp::modern(&app);
    let missing = "request _meta is missing or has malformed required fields";
    let both = format!("Invalid params: {missing}: {VERSION}, {CAPABILITIES}");
    let version = format!("Invalid params: {missing}: {VERSION}");
    let capabilities = format!("{missing}: {CAPABILITIES}");
    for (meta, message) in [
        (json!(null), &both),
        (json!({}), &both),
        (json!({CAPABILITIES: {}}), &version),
        (json!({VERSION: 7, CAPABILITIES: {}}), &version),
        (json!({VERSION: MODERN}), &capabilities),
        (json!({VERSION: MODERN, CAPABILITIES: []}), &capabilities),
    ] {
        for method in ["tools/list", "prompts/list", "server/discover"] {
            let mut message_sent = client.message(method, json!({}));
            match meta.is_null() {
                true => message_sent["params"] = json!({}),
                false => message_sent["params"]["_meta"] = meta.clone(),
            }
            let client = client.clone().header("mcp-method", method);
            let answer = client.post(message_sent.to_string()).await;
            assert_rpc_error(&answer, 400, json!({"code": -32602, "message": message}));
        }
    }
}

#[tokio::test]
async fn an_unsupported_version_is_answered_with_the_supported_ones() {
    let app = App::start().await;
    for version in ["2099-01-01", "1999-01-01", "2026-07-29", "draft"] {
        let error = json!({
            "code": -32022,
            "message": "Unsupported protocol version",
            "data": {"requested": version, "supported": supported()},
        });
        for method in ["tools/list", "server/discover", "nothing/here"] {
            let client = Mcp::modern(&app).header("mcp-protocol-version", version);
            let mut message = client.message(method, json!({}));
            message["params"]["_meta"][VERSION] = version.into();
            let client = client.header("mcp-method", method);
            let answer = client.post(message.to_string()).await;
            assert_rpc_error(&answer, 400, error.clone());
        }
    }
}

/// Streamable HTTP, Protocol Version Header: "MUST respond with 400 Bad Request and an
/// `UnsupportedProtocolVersionError`", which is JSON-RPC; nothing of the header is echoed as text.
#[tokio::test]
async fn an_unsupported_version_in_the_header_alone_is_the_same_error() {
    let app = App::start().await;
    let client = Mcp::legacy(&app, LEGACY[3]).header("mcp-protocol-version", "2099-01-01");
    let answer = client.send("tools/list", json!({})).await;
    let error = json!({
        "code": -32022,
        "message": "Unsupported protocol version",
        "data": {"requested": "2099-01-01", "supported": supported()},
    });
    assert_rpc_error(&answer, 400, error);
}

#[tokio::test]
async fn an_unknown_method_is_404_in_the_newest_revision_and_200_before() {
    let app = App::start().await;
    let error = json!({"code": -32601, "message": "There is no such method"});
    for method in [
        "nothing/here",
        "",
        "tools/List",
        "logging/setLevel",
        "resources/subscribe",
        "subscriptions/listen",
        "roots/list",
        "sampling/createMessage",
        "tasks/get",
    ] {
        let answer = Mcp::modern(&app).send(method, json!({})).await;
        assert_rpc_error(&answer, 404, error.clone());
        for version in LEGACY {
            let client = Mcp::legacy(&app, version);
            let answer = client.send(method, json!({})).await;
            assert_rpc_error(&answer, 200, error.clone());
        }
    }
}

#[tokio::test]
async fn the_newest_revision_has_neither_initialize_nor_ping() {
    let app = App::start().await;
    for method in ["initialize", "ping"] {
        let answer = Mcp::modern(&app).send(method, json!({})).await;
        let got = (answer.status, &answer.body["error"]["code"]);
        assert_eq!(got, (404, &json!(-32601)), "{method}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_method_that_the_newest_revision_dropped_is_an_unknown_one() {
    let app = App::start().await;
    let answer = Mcp::modern(&app).send("ping", json!({})).await;
    // The SDK refuses it before we see it, and names the method.
    let error = json!({"code": -32601, "message": "ping"});
    assert_rpc_error(&answer, 404, error);
}

#[tokio::test]
async fn discover_needs_the_meta_of_the_newest_revision() {
    let app = App::start().await;
    let client = Mcp::legacy(&app, LEGACY[3]);
    let answer = client.send("server/discover", json!({})).await;
    assert_eq!(answer.body["error"]["code"], -32602, "{}", answer.text);
    let bare = client.without("mcp-protocol-version");
    let answer = bare.send("server/discover", json!({})).await;
    assert_eq!(answer.body["error"]["code"], -32602, "{}", answer.text);
}

#[tokio::test]
async fn a_legacy_client_may_leave_the_version_header_out() {
    let app = App::start().await;
    // Revision 2025-06-18: without the header the server is to assume 2025-03-26.
    let client = Mcp::legacy(&app, "2025-03-26").without("mcp-protocol-version");
    let arguments = json!({"channel_id": GENERAL});
    let answer = client.call("get_channel_info", arguments).await;
    assert_eq!(answer.result()["structuredContent"]["name"], "general");
    assert_eq!(answer.result().get("resultType"), None);
}
