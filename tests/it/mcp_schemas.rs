//! The output schemas tell the truth: results are of them, and what is no result is not.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ARCHIVED_THREAD, BOB, BOT_MESSAGE, DM, FORUM, GENERAL, LAST_MESSAGE, MEDIA, NSFW, STAGE,
    THREAD, UNDELETABLE_MESSAGE, VOICE, WEIRD,
};
use crate::support::discord::{Fault, On};
use crate::support::mcp::{schemas, structured, validator};
use crate::support::{App, Mcp};

const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");

/// The schema with every object closed that names its properties, so that a field which the
/// schema does not tell of is found.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), closed(value)))
                .collect();
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.into()
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_schema_is_json_schema_2020_12_without_references_elsewhere() {
    let app = App::start().await;
    for which in ["inputSchema", "outputSchema"] {
        for (tool, schema) in schemas(&app, which).await {
            assert!(jsonschema::draft202012::meta::is_valid(&schema), "{tool}");
            validator(&schema);
            let text = schema.to_string();
            let references = text.matches(r##""$ref":""##).count();
            let local = text.matches(r##""$ref":"#/$defs/"##).count();
            assert_eq!(references, local, "{tool}");
        }
    }
}

#[tokio::test]
async fn an_output_schema_refuses_what_is_no_result() {
    let app = App::start().await;
    let table = [
        ("send_message", json!({"message": {"id": "1"}})),
        ("send_message", json!({"messages": "none"})),
        ("get_messages", json!({})),
        ("get_messages", json!({"messages": [{}], "has_more": true})),
        ("get_channel_info", json!({"id": "1"})),
        (
            "search_messages",
            json!({"messages": [], "mode": "other", "complete": true}),
        ),
        ("search_messages", json!({"messages": [], "mode": "scan"})),
        ("moderate_content", json!({"deleted": [7]})),
        ("moderate_content", json!({"failed": [{"id": "1"}]})),
    ];
    let schemas = schemas(&app, "outputSchema").await;
    for (tool, result) in table {
        let valid = validator(&schemas[tool]).is_valid(&result);
        assert!(!valid, "{tool} takes {result}");
    }
}

#[tokio::test]
async fn results_are_of_their_output_schemas_and_name_nothing_else() {
    let app = App::start().await;
    let schemas = schemas(&app, "outputSchema").await;
    let long = format!("{}\n\n{}", "a".repeat(1990), "b".repeat(1990));
    let young: Vec<String> = app.discord.with(|world| {
        let ids = (0..3).map(|number| world.post(VOICE, BOB, &format!("young {number}")));
        ids.collect()
    });
    let mixed = json!([BOT_MESSAGE, LAST_MESSAGE, UNDELETABLE_MESSAGE, "5"]);
    let send = |more: Value| ("send_message", json!({"channel_id": GENERAL}), more);
    let read = |channel: &str, more: Value| ("get_messages", json!({"channel_id": channel}), more);
    let info = |channel: &str| {
        (
            "get_channel_info",
            json!({"channel_id": channel}),
            json!({}),
        )
    };
    let search = |channel: &str, more: Value| {
        let params = json!({"channel_id": channel, "query": "sensor"});
        ("search_messages", params, more)
    };
    let delete = |more: Value| ("moderate_content", json!({"channel_id": GENERAL}), more);
    let cases = [
        send(json!({"message": "hi"})),
        send(json!({"message": "hi", "reply_to": LAST_MESSAGE, "silent": true})),
        send(json!({"message": format!("<@{BOB}>"), "mentions": {"users": [BOB]}})),
        send(json!({"message": long, "split": true})),
        send(json!({"message": "https://example.com", "link_previews": true})),
        (
            "send_message",
            json!({"channel_id": DM}),
            json!({"message": "hi"}),
        ),
        read(GENERAL, json!({"limit": 100})),
        read(GENERAL, json!({"limit": 1})),
        read(
            GENERAL,
            json!({"after": "2026-11-02T00:00:00Z", "limit": 1}),
        ),
        read(THREAD, json!({})),
        read(DM, json!({})),
        read(NSFW, json!({"before": "5"})),
        info(GENERAL),
        info(VOICE),
        info(STAGE),
        info(FORUM),
        info(MEDIA),
        info(THREAD),
        info(ARCHIVED_THREAD),
        info(DM),
        info(WEIRD),
        search(GENERAL, json!({})),
        search(GENERAL, json!({"mode": "index", "limit": 1})),
        search(GENERAL, json!({"mode": "scan", "limit": 1})),
        search(GENERAL, json!({"mode": "scan", "query": "submarine"})),
        search(DM, json!({})),
        delete(json!({"message_ids": mixed, "dry_run": true})),
        delete(json!({"message_ids": mixed})),
        (
            "moderate_content",
            json!({"channel_id": VOICE}),
            json!({"message_ids": young}),
        ),
        // The index cannot answer from here on, and then nobody may read what was written.
        search(GENERAL, json!({"query": "antenna"})),
        read(GENERAL, json!({})),
    ];
    let last = cases.len();
    for (at, (tool, mut params, more)) in cases.into_iter().enumerate() {
        if at + 2 == last {
            let forbidden = Fault::Error {
                status: 403,
                code: 50013,
                message: "Missing Permissions",
            };
            app.discord.fault(SEARCH, 1, forbidden);
        }
        if at + 1 == last {
            app.discord
                .with(|world| world.message_content_intent = false);
        }
        let more = more.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(more);
        for client in [Mcp::modern(&app), Mcp::legacy(&app, "2025-06-18")] {
            let changes = tool == "moderate_content" && params.get("dry_run").is_none();
            if changes && app.audit().last().unwrap()["params"] == params {
                // What is deleted cannot be deleted a second time.
                continue;
            }
            let answer = client.call(tool, params.clone()).await;
            let result = structured(&answer);
            let case = format!("{tool} {params}: {result}");
            for schema in [schemas[tool].clone(), closed(&schemas[tool])] {
                let validator = validator(&schema);
                let errors: Vec<_> = validator
                    .iter_errors(result)
                    .map(|e| e.to_string())
                    .collect();
                assert_eq!(errors, Vec::<String>::new(), "{case}");
            }
        }
    }
}
