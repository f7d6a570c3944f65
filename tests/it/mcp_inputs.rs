//! The input schemas take what the tools take, and refuse what they refuse. Where they cannot or
//! need not, the difference stands here with its reason.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::discord::seed::{BOB, GENERAL, LAST_MESSAGE, ROLE_CREW};
use crate::support::mcp::{schemas, text, validator};
use crate::support::{App, Mcp};

/// Whether the schema takes the arguments, and whether the tool does: it refuses them as
/// `invalid_params`, or does not get that far.
async fn takes(
    app: &App,
    schemas: &HashMap<String, Value>,
    tool: &str,
    arguments: &Value,
) -> [bool; 2] {
    let answer = Mcp::modern(app).call(tool, arguments.clone()).await;
    let by_schema = validator(&schemas[tool]).is_valid(arguments);
    [by_schema, !text(&answer).starts_with("invalid_params: ")]
}

/// Arguments of each tool beside a good channel: each is taken by both, or refused by both.
fn agreed() -> Vec<(&'static str, Value, bool)> {
    let mut rows = Vec::new();
    let mut all = |tool, taken, table: Vec<Value>| {
        rows.extend(table.into_iter().map(|more| (tool, more, taken)));
    };
    all(
        "send_message",
        true,
        vec![
            json!({"files": [{"name": "a.txt", "data": "eA==", "type": "text/plain"}]}),
            json!({"message": "x", "files": [], "tags": []}),
            json!({"message": "x"}),
            json!({"message": "x".repeat(2000)}),
            json!({"message": "x".repeat(20_000), "split": true}),
            json!({"message": "x", "mentions": "none"}),
            json!({"message": "x", "mentions": {}}),
            json!({"message": "x", "mentions": {"users": [BOB], "roles": [ROLE_CREW], "everyone": true}}),
            json!({"message": "x", "reply_to": LAST_MESSAGE, "mentions": {"replied_user": true}}),
            json!({"message": "x", "silent": true, "link_previews": false, "split": false}),
            json!({"message": "x", "idempotency_key": "k".repeat(25)}),
        ],
    );
    all(
        "send_message",
        false,
        vec![
            json!({"message": "x", "title": ""}),
            json!({"message": "x", "title": "x".repeat(101)}),
            json!({"message": "x", "files": [{"name": "a"}]}),
            json!({"message": "x", "files": [{"name": "a", "data": "eA==", "url": "x"}]}),
            json!({"message": "x", "files": vec![json!({"name": "a", "data": "eA=="}); 11]}),
            json!({"message": ""}),
            json!({"message": 7}),
            json!({"message": "x".repeat(20_001), "split": true}),
            json!({"message": "x", "mentions": "everyone"}),
            json!({"message": "x", "mentions": {"users": [7]}}),
            json!({"message": "x", "mentions": {"user": []}}),
            json!({"message": "x", "reply_to": "abc"}),
            json!({"message": "x", "silent": "yes"}),
            json!({"message": "x", "idempotency_key": "k".repeat(26)}),
            json!({"message": "x", "idempotency_key": ""}),
            json!({"message": "x", "tts": true}),
        ],
    );
    all(
        "get_messages",
        true,
        vec![
            json!({}),
            json!({"limit": 1}),
            json!({"limit": 100}),
            json!({"limit": 10.0}),
            json!({"before": LAST_MESSAGE}),
            json!({"after": "2026-11-02T09:00:00Z"}),
            json!({"around": LAST_MESSAGE}),
        ],
    );
    all(
        "get_messages",
        false,
        vec![
            json!({"limit": 0}),
            json!({"limit": 101}),
            json!({"limit": 1.5}),
            json!({"limit": "10"}),
            json!({"limit": -1}),
            json!({"before": 7}),
            json!({"count": 1}),
        ],
    );
    all(
        "search_messages",
        true,
        vec![
            json!({"query": "x"}),
            json!({"query": "x".repeat(1024)}),
            json!({"query": "x", "has": "link", "mode": "scan", "max_scan": 5000}),
            json!({"query": "x", "author_id": BOB, "limit": 100}),
        ],
    );
    all(
        "search_messages",
        false,
        vec![
            json!({}),
            json!({"query": ""}),
            json!({"query": "x".repeat(1025)}),
            json!({"query": "x", "has": "sound"}),
            json!({"query": "x", "mode": "Scan"}),
            json!({"query": "x", "max_scan": 5001}),
            json!({"query": "x", "max_scan": 0}),
            json!({"query": "x", "author_id": "bob"}),
        ],
    );
    let dry = |more: Value| {
        let mut row = json!({"dry_run": true});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row
    };
    all(
        "moderate_content",
        true,
        vec![
            dry(json!({"message_id": LAST_MESSAGE})),
            dry(json!({"message_ids": [LAST_MESSAGE, LAST_MESSAGE]})),
            dry(json!({"message_id": LAST_MESSAGE, "action": "delete"})),
            dry(json!({"message_id": LAST_MESSAGE, "reason": "r".repeat(512)})),
        ],
    );
    all(
        "moderate_content",
        false,
        vec![
            dry(json!({"message_id": "x"})),
            dry(json!({"message_ids": LAST_MESSAGE})),
            dry(json!({"message_ids": [7]})),
            dry(json!({"message_id": LAST_MESSAGE, "action": "ban"})),
            dry(json!({"message_id": LAST_MESSAGE, "reason": "r".repeat(513)})),
            dry(json!({"message_id": LAST_MESSAGE, "reason": ""})),
            json!({"message_id": LAST_MESSAGE, "dry_run": "true"}),
        ],
    );
    rows
}

#[tokio::test]
async fn an_input_schema_takes_what_its_tool_takes_and_refuses_what_it_refuses() {
    let app = App::start().await;
    let schemas = schemas(&app, "inputSchema").await;
    for (tool, more, taken) in agreed() {
        let mut arguments = more;
        arguments["channel_id"] = GENERAL.into();
        let got = takes(&app, &schemas, tool, &arguments).await;
        // Links and names stand for ids, so that a schema cannot tell what is one.
        let names = [
            "reply_to",
            "mentions",
            "author_id",
            "message_id",
            "message_ids",
        ];
        let lax = names.iter().any(|name| !arguments[*name].is_null());
        let schema = if lax { got[0] || taken } else { taken };
        assert_eq!(got, [schema, taken], "[schema, tool] of {tool} {arguments}");
    }
    for tool in schemas.keys() {
        for channel in [
            json!(null),
            json!(""),
            json!("abc"),
            json!("0"),
            json!("01"),
            json!("-1"),
            json!("+5"),
            json!(" 1"),
            json!("1\n"),
            json!("123456789012345678901"),
            json!(1_234_567_890_123_456_789_u64),
        ] {
            let mut arguments = match tool.as_str() {
                "send_message" => json!({"message": "x"}),
                "search_messages" => json!({"query": "x"}),
                "moderate_content" => json!({"message_id": "1", "dry_run": true}),
                _ => json!({}),
            };
            let by_schema = channel.is_string();
            if !channel.is_null() {
                arguments["channel_id"] = channel;
            }
            let got = takes(&app, &schemas, tool, &arguments).await;
            let expected = [by_schema, false];
            assert_eq!(got, expected, "[schema, tool] of {tool} {arguments}");
        }
    }
}

#[tokio::test]
async fn where_schema_and_tool_differ_the_reason_is_known() {
    let app = App::start().await;
    let schemas = schemas(&app, "inputSchema").await;
    let id = LAST_MESSAGE;
    // What only several parameters together, or the meaning of a text, can tell: the tool refuses.
    let finer = [
        ("send_message", json!({"message": "x".repeat(2001)})),
        ("send_message", json!({"message": " \n"})),
        ("send_message", json!({})),
        ("send_message", json!({"message": "x", "thread_name": "x"})),
        ("send_message", json!({"message": "x", "tags": ["x"]})),
        (
            "send_message",
            json!({"message": "x", "title": "x", "split": true}),
        ),
        (
            "send_message",
            json!({"message": "x", "files": [{"name": "a/b", "data": "eA=="}]}),
        ),
        (
            "send_message",
            json!({"message": "x", "mentions": {"replied_user": true}}),
        ),
        ("get_messages", json!({"before": id, "after": id})),
        ("get_messages", json!({"before": "yesterday"})),
        (
            "get_channel_info",
            json!({"channel_id": "18446744073709551616"}),
        ),
        ("search_messages", json!({"query": " "})),
        (
            "search_messages",
            json!({"query": "x", "after": id, "before": id}),
        ),
        ("moderate_content", json!({"dry_run": true})),
        (
            "moderate_content",
            json!({"message_id": id, "message_ids": [id], "dry_run": true}),
        ),
        (
            "moderate_content",
            json!({"message_ids": [], "dry_run": true}),
        ),
    ];
    // What clients do although they were not told to: null for absence, the name Discord uses.
    let kinder = [
        ("send_message", json!({"content": "x"})),
        (
            "send_message",
            json!({"message": "x", "reply_to": null, "mentions": null}),
        ),
        ("get_messages", json!({"limit": null, "before": null})),
        (
            "search_messages",
            json!({"query": "x", "mode": null, "has": null}),
        ),
        (
            "moderate_content",
            json!({"message_id": id, "action": null, "dry_run": true}),
        ),
    ];
    let finer = finer
        .into_iter()
        .map(|(tool, row)| (tool, row, [true, false]));
    let kinder = kinder
        .into_iter()
        .map(|(tool, row)| (tool, row, [false, true]));
    for (tool, mut arguments, expected) in finer.chain(kinder) {
        if arguments.get("channel_id").is_none() {
            arguments["channel_id"] = GENERAL.into();
        }
        let got = takes(&app, &schemas, tool, &arguments).await;
        assert_eq!(got, expected, "[schema, tool] of {tool} {arguments}");
    }
}
