//! The server log: one line a request, with its id and its trace, and nothing of what was said.

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::served::Server;
use crate::support::{App, tokens};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TEXT: &str = "words that only Discord may see";

/// Starts a server that logs all it can in JSON, has this done with it, and gives the lines.
async fn log_of(requests: &[(&str, &str, Value)]) -> (Vec<Value>, String) {
    let variables = [("LOG_FORMAT", "json"), ("RUST_LOG", "trace")];
    let server = Server::with(&variables, |_| {}).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (id, path, body) in requests {
        let request = client.post(format!("{}{path}", server.process.url));
        let request = request
            .bearer_auth(tokens::token())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("x-request-id", *id)
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        App::answer(request.body(body.to_string())).await;
    }
    let Server { process, .. } = server;
    let (status, output) = process.stop();
    assert!(status.success());
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), output)
}

fn send() -> Value {
    json!({"channel_id": GENERAL, "message": TEXT})
}

#[tokio::test]
async fn a_request_has_one_line_with_its_id_and_its_trace() {
    let over_mcp = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mcp_call = over_mcp(
        "tools/call",
        json!({"name": "send_message", "arguments": send()}),
    );
    let listing = over_mcp("tools/list", json!({}));
    let (lines, output) = log_of(&[
        (
            "rest-call",
            "/mcp/v1/tools/invoke",
            json!({"method": "send_message", "params": send()}),
        ),
        (
            "rest-refused",
            "/mcp/v1/tools/invoke",
            json!({"method": "no_tool"}),
        ),
        ("mcp-call", "/mcp", mcp_call),
        ("mcp-list", "/mcp", listing),
        ("nowhere", "/nowhere", json!({})),
    ])
    .await;
    let of = |id: &str| -> Vec<&Value> {
        let lines = lines.iter().filter(|line| line["request_id"] == id);
        lines
            .filter(|line| line["target"] != "discord_mcp_server::audit")
            .collect()
    };
    for (id, level, what, status) in [
        ("rest-call", "INFO", "call", json!("ok")),
        ("rest-refused", "INFO", "call", json!("unknown_tool")),
        ("mcp-call", "INFO", "call", json!("ok")),
        ("mcp-list", "DEBUG", "request", json!(200)),
        ("nowhere", "DEBUG", "request", json!(404)),
    ] {
        let found = of(id);
        assert_eq!(found.len(), 1, "{id}: {found:#?}");
        let line = found[0];
        assert_eq!(
            (&line["level"], &line["message"]),
            (&json!(level), &json!(what)),
            "{line}"
        );
        assert_eq!(
            (&line["status"], &line["trace_id"]),
            (&status, &json!(TRACE)),
            "{line}"
        );
        assert!(line["duration_ms"].is_u64(), "{line}");
    }
    let call = of("rest-call")[0];
    assert_eq!(
        (&call["tool"], &call["door"]),
        (&json!("send_message"), &json!("rest"))
    );
    assert_eq!(
        (&call["client"], &call["requests"]),
        (&json!("127.0.0.1"), &json!(2))
    );
    // Even at the level at which all is told.
    let token = tokens::token();
    for secret in [TEXT, BOT_TOKEN, token.as_str()] {
        assert!(!output.contains(secret), "{output}");
    }
}

#[tokio::test]
async fn for_people_the_log_is_text() {
    let server = Server::start().await;
    assert!(server.is_let_in(&tokens::token()).await);
    let (_, output) = {
        let Server { process, .. } = server;
        process.stop()
    };
    let lines: Vec<_> = output
        .lines()
        .filter(|line| line.contains(" call "))
        .collect();
    assert_eq!(lines.len(), 1, "{output}");
    for part in [
        "INFO",
        "tool=\"get_channel_info\"",
        "status=\"ok\"",
        "request_id=",
    ] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
}
