//! Completions of the arguments of prompts and resource templates.

use serde_json::{Value, json};

use crate::support::discord::seed::{GENERAL, QUIET};
use crate::support::mcp::{LEGACY, MODERN, assert_rpc_error};
use crate::support::{App, Mcp, tokens};

/// What completes this value of this argument.
async fn completed(client: &Mcp, reference: &Value, argument: &str, value: &str) -> Value {
    let params = json!({"ref": reference, "argument": {"name": argument, "value": value}});
    let answer = client.send("completion/complete", params).await;
    answer.result()["completion"].clone()
}

#[tokio::test]
async fn channel_ids_complete_from_those_the_token_is_limited_to() {
    let app = App::start().await;
    let limited = tokens::token_with(json!({"channels": [QUIET, GENERAL, "77"]}));
    let references = [
        json!({"type": "ref/resource", "uri": "discord://channels/{channel_id}"}),
        json!({"type": "ref/resource", "uri": "discord://channels/{channel_id}/messages"}),
        json!({"type": "ref/prompt", "name": "summarize_channel"}),
        json!({"type": "ref/prompt", "name": "find_discussion"}),
    ];
    for version in [MODERN, LEGACY[1]] {
        for reference in &references {
            let client = Mcp::legacy(&app, version).token(&limited);
            for (value, values) in [
                ("", json!([GENERAL, QUIET, "77"])),
                ("1234", json!([GENERAL, QUIET])),
                ("12345678901234568", json!([QUIET])),
                ("77", json!(["77"])),
                ("5", json!([])),
            ] {
                let total = values.as_array().unwrap().len();
                let expected = json!({"values": values, "total": total, "hasMore": false});
                let got = completed(&client, reference, "channel_id", value).await;
                assert_eq!(got, expected, "{reference} {value}");
            }
        }
    }
    let client = Mcp::modern(&app).token(&limited);
    let got = completed(&client, &references[3], "topic", "an").await;
    assert_eq!(got, json!({"values": [], "total": 0, "hasMore": false}));
    assert!(app.discord.requests().is_empty());
}

/// A completion has at most 100 values; `total` and `hasMore` say what was left out.
#[tokio::test]
async fn a_completion_that_is_cut_off_says_so() {
    let app = App::start().await;
    let many: Vec<String> = (901..=1030).map(|id| id.to_string()).collect();
    let wide = tokens::token_with(json!({"channels": many}));
    let client = Mcp::modern(&app).token(&wide);
    let template = json!({"type": "ref/resource", "uri": "discord://channels/{channel_id}"});
    let got = completed(&client, &template, "channel_id", "").await;
    assert_eq!(got["values"].as_array().unwrap().len(), 100);
    let left_out = (&got["total"], &got["hasMore"]);
    assert_eq!(left_out, (&json!(130), &json!(true)));
}

#[tokio::test]
async fn a_completion_of_nothing_known_is_refused() {
    let app = App::start().await;
    let prompt = |name: &str| json!({"type": "ref/prompt", "name": name});
    let resource = |uri: &str| json!({"type": "ref/resource", "uri": uri});
    for (reference, argument) in [
        (prompt("no_such_prompt"), "channel_id"),
        (prompt("summarize_channel"), "topic"),
        (prompt("find_discussion"), ""),
        (resource("discord://guilds/{guild_id}"), "guild_id"),
        (resource("discord://channels/1"), "channel_id"),
        (resource("discord://channels/{channel_id}"), "limit"),
    ] {
        let argument = json!({"name": argument, "value": ""});
        let params = json!({"ref": reference, "argument": argument});
        let answer = Mcp::modern(&app).send("completion/complete", params).await;
        let message = "There is no such prompt, resource template or argument";
        assert_rpc_error(&answer, 200, json!({"code": -32602, "message": message}));
    }
}
