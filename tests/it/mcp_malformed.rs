//! Bodies that are no JSON-RPC request, and requests that are none of the protocol's.

use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::mcp::{LEGACY, MODERN, assert_rpc_error};
use crate::support::{App, Mcp, assert_failure};

const NOT_JSON: (i32, &str) = (-32700, "The body is not JSON, or nested too deeply");
const NO_OBJECT: (i32, &str) = (
    -32600,
    "The body must be one JSON-RPC message, an object; batches are not served",
);
const NO_VERSION: (i32, &str) = (-32600, "`jsonrpc` must be \"2.0\"");
const BAD_ID: (i32, &str) = (-32600, "`id` must be a string or a whole number");
const NO_METHOD: (i32, &str) = (-32600, "`method` is missing");
const BAD_METHOD: (i32, &str) = (-32600, "`method` must be a string");
const BAD_PARAMS: (i32, &str) = (-32600, "`params` must be an object");
const BAD_META: (i32, &str) = (-32600, "`_meta` must be an object");

#[tokio::test]
async fn what_is_no_json_rpc_request_is_400_in_json_rpc_and_recorded() {
    let app = App::start().await;
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let table: &[(&[u8], _)] = &[
        (b"", NOT_JSON),
        (b"{", NOT_JSON),
        (b"ping", NOT_JSON),
        (b"\xff\xfe", NOT_JSON),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, NOT_JSON),
        (nested.as_bytes(), NOT_JSON),
        (b"[]", NO_OBJECT),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, NO_OBJECT),
        (b"7", NO_OBJECT),
        (b"null", NO_OBJECT),
        (br#""ping""#, NO_OBJECT),
        (b"{}", NO_VERSION),
        (br#"{"id":1,"method":"ping"}"#, NO_VERSION),
        (br#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, NO_VERSION),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, NO_VERSION),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, BAD_ID),
        (br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, BAD_ID),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, BAD_ID),
        (br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, BAD_ID),
        (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, BAD_ID),
        (br#"{"jsonrpc":"2.0","id":1}"#, NO_METHOD),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, BAD_METHOD),
        (br#"{"jsonrpc":"2.0","id":1,"method":null}"#, BAD_METHOD),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#,
            BAD_PARAMS,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":"x"}"#,
            BAD_PARAMS,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#,
            BAD_PARAMS,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":7}}"#,
            BAD_META,
        ),
    ];
    for client in [Mcp::modern(&app), Mcp::legacy(&app, LEGACY[3])] {
        for (body, (code, message)) in table {
            let shown = String::from_utf8_lossy(body);
            let before = app.audit().len();
            let answer = client.post(*body).await;
            let data = json!({"code": "invalid_request", "message": message});
            let error = json!({"code": code, "message": message, "data": data});
            let got = (
                answer.status,
                &answer.body["jsonrpc"],
                &answer.body["error"],
            );
            assert_eq!(got, (400, &json!("2.0"), &error), "{shown}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let lines = app.audit().split_off(before);
            assert_eq!(lines.len(), 1, "{shown}");
            let line = &lines[0];
            assert_eq!(line["request_id"], answer.header("x-request-id").unwrap());
            let got = json!([
                line["stage"],
                line["door"],
                line["status"],
                line["success"],
                line["tool"],
                line["params"],
                line["user_id"]
            ]);
            let expected = json!([
                "outcome",
                "mcp",
                "invalid_request",
                false,
                null,
                null,
                "tester"
            ]);
            assert_eq!(got, expected, "{shown}");
        }
    }
    assert!(app.discord.requests().is_empty());
}

/// The protocol's own schema allows a string or a number for the `id` of an error, and no null
/// (`JSONRPCErrorResponse`); Streamable HTTP says "a JSON-RPC error response that has no `id`".
#[tokio::test]
async fn a_refusal_of_what_is_no_request_has_no_id() {
    let app = App::start().await;
    for body in [
        "{",
        "[]",
        "{}",
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
    ] {
        let answer = Mcp::modern(&app).post(body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.body.get("id"), None, "{}", answer.text);
    }
}

/// What one parser takes for the first and another for the last must not get past the one that
/// looks at scopes; and it is 400 like all else that is no request, not 415.
#[tokio::test]
async fn a_member_that_stands_twice_is_no_request() {
    let app = App::start().await;
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"params":{}}"#,
    ] {
        let answer = Mcp::legacy(&app, LEGACY[3]).post(body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(answer.body["error"]["code"].is_i64(), "{body}");
    }
}

/// There is nothing that this server asks of its clients, so there is nothing to answer.
#[tokio::test]
async fn an_answer_to_nothing_is_refused() {
    let app = App::start().await;
    for answer_sent in [
        json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}}),
    ] {
        let answer = Mcp::modern(&app).post(answer_sent.to_string()).await;
        let error = json!({
            "code": -32600,
            "message": "stateless server does not accept JSON-RPC responses",
        });
        let expected = json!({"jsonrpc": "2.0", "error": error});
        assert_eq!((answer.status, &answer.body), (400, &expected));
    }
}

#[tokio::test]
async fn a_body_of_64_kib_is_taken_and_one_byte_more_is_413() {
    let app = App::start().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let client = Mcp::legacy(&app, LEGACY[3]);
    for (size, status) in [(65_536, 200), (65_537, 413), (300_000, 413)] {
        let spaces = " ".repeat(size - call.len());
        let answer = client.post(format!("{call}{spaces}")).await;
        assert_eq!(answer.status, status, "{size}");
        if status == 413 {
            let message = "The call is larger than 64 KiB, not counting the data of files";
            let data = json!({"code": "payload_too_large", "message": message});
            let error = json!({"code": -32600, "message": message, "data": data});
            assert_rpc_error(&answer, 413, error);
        }
    }
    // Who may send files is told by name, and on the record.
    let lines = app.audit();
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line["status"] == "payload_too_large")
    );
    let stranger = client.anonymous();
    let answer = stranger.post(format!("{call}{}", " ".repeat(65_536))).await;
    let message = "The body is larger than 64 KiB";
    let error = json!({"code": "payload_too_large", "message": message});
    assert_failure(&answer, 413, error);
    assert_eq!(app.audit().len(), 2);
}

#[tokio::test]
async fn the_accept_and_content_type_of_the_transport_are_asked_for() {
    let app = App::start().await;
    let client = Mcp::legacy(&app, LEGACY[3]);
    let call = json!({"name": "get_channel_info", "arguments": {"channel_id": GENERAL}});
    let table = [
        (client.clone().header("accept", "application/json"), 406),
        (client.clone().header("accept", "text/event-stream"), 406),
        (client.clone().header("accept", "text/html"), 406),
        (client.clone().without("accept"), 406),
        (client.clone().header("content-type", "text/plain"), 415),
        (
            client
                .clone()
                .header("content-type", "application/x-www-form-urlencoded"),
            415,
        ),
        (client.clone().without("content-type"), 415),
        (
            client
                .clone()
                .header("content-type", "Application/JSON; charset=utf-8")
                .header("accept", "text/event-stream;q=0.5, application/json"),
            200,
        ),
    ];
    for (client, status) in table {
        let sent = app.discord.requests().len();
        let answer = client.send("tools/call", call.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        let ran = app.discord.requests().len() > sent;
        assert_eq!(ran, status == 200);
    }
}

#[tokio::test]
async fn parameters_of_another_form_are_named_by_their_method() {
    let app = App::start().await;
    let rows = [
        ("tools/call", json!({})),
        ("tools/call", json!({"name": 7})),
        (
            "tools/call",
            json!({"name": "get_messages", "arguments": []}),
        ),
        (
            "tools/call",
            json!({"name": "get_messages", "arguments": "x"}),
        ),
        (
            "tools/call",
            json!({"name": "get_messages", "requestState": 7}),
        ),
        (
            "tools/call",
            json!({"name": "get_messages", "inputResponses": 7}),
        ),
        ("resources/read", json!({})),
        ("resources/read", json!({"uri": 7})),
        ("prompts/get", json!({})),
        (
            "prompts/get",
            json!({"name": "find_discussion", "arguments": []}),
        ),
        ("completion/complete", json!({})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/none"}, "argument": {"name": "a", "value": "b"}}),
        ),
    ];
    for (method, params) in rows {
        for version in [MODERN, LEGACY[3]] {
            let client = Mcp::legacy(&app, version).header("mcp-name", "get_messages");
            let client = match (version, &params["name"]) {
                (MODERN, Value::String(name)) => client.header("mcp-name", name),
                _ => client,
            };
            let answer = client.send(method, params.clone()).await;
            let message = format!("The parameters of {method} are not of its form");
            assert_rpc_error(&answer, 200, json!({"code": -32602, "message": message}));
        }
    }
    assert!(app.discord.requests().is_empty());
}

/// The REST door records such a call (`invalid_request`); what one records, the other records.
#[tokio::test]
async fn a_call_of_another_form_is_recorded_like_through_rest() {
    let app = App::start().await;
    let client = Mcp::modern(&app);
    let params = json!({"name": "get_messages", "arguments": "x"});
    client.send("tools/call", params).await;
    let lines = app.audit();
    assert_eq!(lines.len(), 1, "the call left no line");
    assert_eq!(lines[0]["stage"], "outcome");
    assert_eq!(lines[0]["status"], "invalid_request");
}

#[tokio::test]
async fn unknown_tools_prompts_and_resources_are_invalid_params() {
    let app = App::start().await;
    for version in [MODERN, LEGACY[3]] {
        let client = Mcp::legacy(&app, version);
        let tools = "There is no such tool; the tools are send_message, get_messages, get_channel_info, search_messages, moderate_content";
        for tool in ["send_mesage", "GET_MESSAGES", "", "../etc"] {
            let answer = client.call(tool, json!({})).await;
            let data = json!({"code": "unknown_tool", "message": tools});
            let error = json!({"code": -32602, "message": tools, "data": data});
            assert_rpc_error(&answer, 200, error);
        }
        let prompts = "There is no such prompt; the prompts are summarize_channel, find_discussion, review_for_moderation";
        let params = json!({"name": "summarise_channel"});
        let answer = client.send("prompts/get", params).await;
        assert_rpc_error(&answer, 200, json!({"code": -32602, "message": prompts}));
        let uri = "discord://guilds/1";
        let answer = client.send("resources/read", json!({"uri": uri})).await;
        // Before the newest revision a resource that is not found has a code of its own.
        let code = if version == MODERN { -32602 } else { -32002 };
        let message = "There is no such resource; see resources/templates/list";
        let error = json!({"code": code, "message": message, "data": {"uri": uri}});
        assert_rpc_error(&answer, 200, error);
    }
    let statuses: Vec<_> = app
        .audit()
        .iter()
        .map(|line| line["status"].clone())
        .collect();
    assert_eq!(statuses, vec![json!("unknown_tool"); 8]);
}
