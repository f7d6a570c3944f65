//! MCP over standard input and output: the same handler, one caller, nothing but the protocol.

use serde_json::{Value, json};

use crate::support::discord::StandIn;
use crate::support::discord::seed::{GENERAL, LAST_MESSAGE};
use crate::support::mcp::{LEGACY, MODERN};
use crate::support::stdio::{Stdio, called, end_well, initialize, legacy, modern, outcomes};
use crate::support::tokens;

/// A call of each tool, and one field of its result.
fn calls() -> [(&'static str, Value, &'static str, Value); 5] {
    let channel = json!({"channel_id": GENERAL});
    let page = json!({"channel_id": GENERAL, "limit": 1});
    let message = json!({"channel_id": GENERAL, "message": "hi"});
    let search = json!({"channel_id": GENERAL, "query": "antenna"});
    let deletion = json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE});
    [
        ("get_channel_info", channel, "/name", json!("general")),
        ("get_messages", page, "/messages/0/id", json!(LAST_MESSAGE)),
        ("send_message", message, "/message/content", json!("hi")),
        ("search_messages", search, "/total_results", json!(1)),
        (
            "moderate_content",
            deletion,
            "/deleted/0",
            json!(LAST_MESSAGE),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_earlier_revision_lists_and_calls_all_five_tools() {
    for version in LEGACY {
        let discord = StandIn::start().await;
        let mut client = Stdio::start(&discord, &tokens::token(), &[]);
        let answer = client.ask(&initialize(version));
        assert_eq!(answer["result"]["protocolVersion"], version);
        assert_eq!(answer["result"]["serverInfo"]["name"], "discord-mcp-server");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(
            client.ask(&legacy(1, "ping", json!({})))["result"],
            json!({})
        );
        let list = client.ask(&legacy(2, "tools/list", json!({})));
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 5);
        for (at, (tool, arguments, field, value)) in (3..).zip(calls()) {
            let answer = client.ask(&legacy(at, "tools/call", called(tool, &arguments)));
            let result = &answer["result"]["structuredContent"];
            assert_eq!(result.pointer(field), Some(&value), "{answer}");
        }
        let ended = end_well(client, &discord);
        assert_eq!(outcomes(&ended.audit), ["ok"; 5], "{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_revision_needs_no_handshake_and_asks_before_it_deletes() {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), &[]);
    let answer = client.ask(&modern(1, "server/discover", json!({}), true));
    let versions = &answer["result"]["supportedVersions"];
    assert_eq!(versions.as_array().unwrap().last().unwrap(), MODERN);
    let list = client.ask(&modern(2, "tools/list", json!({}), true));
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 5);
    assert_eq!(list["result"]["cacheScope"], "private");
    for (at, (tool, arguments, field, value)) in (3..).zip(calls()) {
        let mut params = called(tool, &arguments);
        let mut answer = client.ask(&modern(at, "tools/call", params.clone(), true));
        if tool == "moderate_content" {
            assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
            params["requestState"] = answer["result"]["requestState"].clone();
            let yes = json!({"action": "accept", "content": {"confirm": true}});
            params["inputResponses"] = json!({"confirm": yes});
            answer = client.ask(&modern(at + 10, "tools/call", params, true));
        }
        let result = &answer["result"]["structuredContent"];
        assert_eq!(result.pointer(field), Some(&value), "{answer}");
    }
    let ended = end_well(client, &discord);
    let expected = ["ok", "ok", "ok", "ok", "confirmation_required", "ok"];
    assert_eq!(outcomes(&ended.audit), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_revision_works_from_its_first_call_and_without_a_form() {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), &[]);
    for (at, (tool, arguments, field, value)) in (1..).zip(calls()) {
        let answer = client.ask(&modern(at, "tools/call", called(tool, &arguments), false));
        let result = &answer["result"]["structuredContent"];
        assert_eq!(result.pointer(field), Some(&value), "{answer}");
    }
    end_well(client, &discord);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_read_as_over_http() {
    let discord = StandIn::start().await;
    let token = tokens::token_with(json!({"scope": "discord:read"}));
    let mut client = Stdio::start(&discord, &token, &[]);
    let list = client.ask(&modern(1, "tools/list", json!({}), false));
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 3);
    let send = called(
        "send_message",
        &json!({"channel_id": GENERAL, "message": "hi"}),
    );
    let answer = client.ask(&modern(2, "tools/call", send, false));
    // There is no HTTP status to say it with, so the model reads it.
    let expected = "insufficient_scope: This token's scope does not cover `discord:write`\nhint: Mint a token whose `scope` names it.";
    assert_eq!(answer["result"]["content"][0]["text"], expected, "{answer}");
    assert_eq!(answer["result"]["isError"], true);
    let unknown = called("no_such_tool", &json!({}));
    let answer = client.ask(&modern(3, "tools/call", unknown, false));
    assert_eq!(answer["error"]["code"], -32602);
    assert_eq!(answer["error"]["data"]["code"], "unknown_tool");
    let answer = client.ask(&modern(4, "no/such/method", json!({}), false));
    assert_eq!(answer["error"]["code"], -32601);
    let uri = json!({"uri": "discord://channels/1"});
    let answer = client.ask(&modern(5, "resources/read", uri, false));
    assert_eq!(answer["error"]["data"]["code"], "unknown_channel");
    let ended = end_well(client, &discord);
    let expected = ["insufficient_scope", "unknown_tool", "unknown_channel"];
    assert_eq!(outcomes(&ended.audit), expected);
}

/// Calls every tool at this log level; the log.
async fn log_at(level: &str) -> String {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), &[("RUST_LOG", level)]);
    client.ask(&initialize(LEGACY[3]));
    for (at, (tool, mut arguments, ..)) in (1..).zip(calls()) {
        if tool == "send_message" {
            arguments["message"] = SECRET.into();
        }
        let answer = client.ask(&legacy(at, "tools/call", called(tool, &arguments)));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
    // What is no message at all must not make it print anything else.
    client.send(&json!("not a message"));
    let refusal = json!({"code": -32600, "message": "Invalid request"});
    let expected = json!({"jsonrpc": "2.0", "error": refusal});
    assert_eq!(client.receive(), expected);
    client.ask(&legacy(9, "ping", json!({})));
    let ended = end_well(client, &discord);
    assert!(ended.log.contains("TRACE"), "the log is not at trace");
    ended.log
}

/// What a caller wrote, which is nobody's business.
const SECRET: &str = "a-secret-of-the-caller";

/// Which of the secrets the log has: parts of the bot token, and what the caller wrote.
fn leaks(log: &str) -> Vec<&'static str> {
    let secrets = ["GFaKe0", "this-is-not-a-real-token", SECRET];
    let found = secrets.into_iter().filter(|secret| log.contains(secret));
    found.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_is_the_protocol_even_at_trace() {
    let log = log_at("trace").await;
    assert_eq!(leaks(&log), Vec::<&str>::new());
}

/// rmcp logs the arguments of calls and serenity the bodies of requests, whatever part of them is
/// asked for by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_finer_directive_makes_the_libraries_tell_what_callers_wrote() {
    let mut told = Vec::new();
    for level in [
        "trace,rmcp::service=trace",
        "trace,rmcp::transport::async_rw=trace",
        "trace,serenity::http=trace",
        "trace,serenity::http::client=trace",
    ] {
        let leaks = leaks(&log_at(level).await);
        told.extend(leaks.into_iter().map(|leak| (level, leak)));
    }
    assert_eq!(told, []);
}
