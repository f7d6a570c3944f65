//! The limits of channels and servers hold on every way to a channel: resources, prompts,
//! completions, the index of a search, and MCP over standard input and output.

use serde_json::{Value, json};

use crate::limits::{OUR_CHANNELS, OUR_SERVERS, TOKEN_CHANNELS, TOKEN_SERVERS};
use crate::support::calls::{effective, look_ups};
use crate::support::discord::StandIn;
use crate::support::discord::seed::{CATEGORY, DM, GENERAL, GUILD, OTHER_GUILD, QUIET, THREAD};
use crate::support::mcp::{LEGACY, MODERN, assert_rpc_error, error_text};
use crate::support::stdio::{Stdio, called, end_well, modern, outcomes};
use crate::support::{App, Mcp, tokens};

/// Every way to read a channel that is no call of a tool, and the tool behind it.
fn ways(channel: &str) -> [(&'static str, Value, &'static str); 5] {
    let uri = format!("discord://channels/{channel}");
    let prompt = |name: &str, more: Value| {
        let mut arguments = json!({"channel_id": channel});
        if let (Some(all), Some(more)) = (arguments.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        json!({"name": name, "arguments": arguments})
    };
    let (summarize, review) = ("summarize_channel", "review_for_moderation");
    [
        ("resources/read", json!({"uri": uri}), "get_channel_info"),
        (
            "resources/read",
            json!({"uri": format!("{uri}/messages")}),
            "get_messages",
        ),
        ("prompts/get", prompt(summarize, json!({})), "get_messages"),
        ("prompts/get", prompt(review, json!({})), "get_messages"),
        (
            "prompts/get",
            prompt("find_discussion", json!({"topic": "sensor"})),
            "search_messages",
        ),
    ]
}

type Limits = (&'static [(&'static str, &'static str)], Value);

/// Limits, a channel, and the message of the refusal, if it is one.
fn rows() -> Vec<(Limits, &'static str, Option<&'static str>)> {
    let token = |claims: Value| -> Limits { (&[], claims) };
    vec![
        (token(json!({"channels": [GENERAL]})), GENERAL, None),
        (token(json!({"channels": [GENERAL]})), THREAD, None),
        (token(json!({"channels": [THREAD]})), THREAD, None),
        (token(json!({"guilds": [GUILD]})), THREAD, None),
        (
            token(json!({"channels": [GENERAL]})),
            QUIET,
            Some(TOKEN_CHANNELS),
        ),
        (
            token(json!({"channels": [CATEGORY]})),
            GENERAL,
            Some(TOKEN_CHANNELS),
        ),
        (
            token(json!({"channels": []})),
            GENERAL,
            Some(TOKEN_CHANNELS),
        ),
        (token(json!({"guilds": [GUILD]})), DM, Some(TOKEN_SERVERS)),
        ((&[("ALLOWED_CHANNELS", GENERAL)], json!({})), THREAD, None),
        (
            (&[("ALLOWED_CHANNELS", GENERAL)], json!({})),
            QUIET,
            Some(OUR_CHANNELS),
        ),
        (
            (&[("ALLOWED_GUILDS", OTHER_GUILD)], json!({})),
            GENERAL,
            Some(OUR_SERVERS),
        ),
        (
            (
                &[("ALLOWED_CHANNELS", QUIET)],
                json!({"channels": [GENERAL]}),
            ),
            GENERAL,
            Some(OUR_CHANNELS),
        ),
    ]
}

#[tokio::test]
async fn resources_and_prompts_go_no_further_than_tools() {
    for ((variables, claims), channel, refusal) in rows() {
        for version in [MODERN, LEGACY[3]] {
            let app = App::with(variables).await;
            let token = tokens::token_with(claims.clone());
            let client = Mcp::legacy(&app, version).token(&token);
            for (method, params, tool) in ways(channel) {
                app.discord.clear_requests();
                let answer = client.send(method, params.clone()).await;
                let what = format!("{params} {claims} {variables:?}");
                let line = app.audit().pop().unwrap();
                let status = refusal.map_or("ok", |_| "not_allowed");
                let got = json!([line["tool"], line["status"], line["channel_id"]]);
                assert_eq!(got, json!([tool, status, channel]), "{what}");
                let Some(message) = refusal else {
                    answer.result();
                    continue;
                };
                let data = json!({"code": "not_allowed", "message": message});
                let error = json!({"code": -32600, "message": message, "data": data});
                assert_rpc_error(&answer, 200, error);
                let sent = app.discord.requests().len();
                assert_eq!(sent, look_ups(&app.discord, channel), "{what}");
            }
        }
    }
}

/// Whose deletion would be refused is not asked first; and who says yes is refused no later.
#[tokio::test]
async fn nobody_is_asked_to_confirm_a_deletion_that_is_out_of_bounds() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"channels": [GENERAL]}));
    let client = Mcp::modern(&app).token(&token).can_ask();
    let delete = |channel| effective(&app.discord, "moderate_content", channel);
    let refused = client.call("moderate_content", delete(QUIET)).await;
    let expected = format!("not_allowed: {TOKEN_CHANNELS}");
    assert_eq!(error_text(&refused), expected);
    let stages: Vec<_> = app
        .audit()
        .iter()
        .map(|line| line["stage"].clone())
        .collect();
    assert_eq!(stages, ["outcome"]);
    assert_eq!(look_ups(&app.discord, QUIET), 1);

    app.discord.clear_requests();
    let mut params = json!({"name": "moderate_content", "arguments": delete(THREAD)});
    let asked = client.send("tools/call", params.clone()).await;
    assert_eq!(asked.result()["resultType"], "input_required");
    params["requestState"] = asked.result()["requestState"].clone();
    let yes = json!({"action": "accept", "content": {"confirm": true}});
    params["inputResponses"] = json!({"confirm": yes});
    let done = client.send("tools/call", params).await;
    assert_eq!(done.result()["isError"], false, "{}", done.text);
    // One look-up for the question and the deed.
    let requests = app.discord.requests();
    let methods: Vec<_> = requests.iter().map(|seen| &*seen.method).collect();
    assert_eq!(methods, ["GET", "DELETE"]);
}

/// The index covers a whole server, so the channel is named to it.
#[tokio::test]
async fn a_search_by_the_index_asks_for_the_allowed_channel_alone() {
    let app = App::with(&[("ALLOWED_CHANNELS", GENERAL)]).await;
    for channel in [GENERAL, THREAD] {
        app.discord.clear_requests();
        let params = json!({"channel_id": channel, "query": "sensor", "mode": "index"});
        app.invoke("search_messages", params).await.result();
        let requests = app.discord.requests();
        let searches: Vec<_> = requests
            .iter()
            .filter(|seen| seen.path.ends_with("/messages/search"))
            .collect();
        assert_eq!(searches.len(), 1);
        let named = searches[0].query.iter();
        let named: Vec<_> = named
            .filter(|(name, _)| name == "channel_id")
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(named, [channel]);
    }
}

/// Limits on places change nothing in what is listed; what a scope covers does.
#[tokio::test]
async fn lists_are_the_same_under_limits_of_places() {
    let free = App::start().await;
    let bound = App::with(&[("ALLOWED_CHANNELS", GENERAL), ("ALLOWED_GUILDS", GUILD)]).await;
    let token = tokens::token_with(json!({"channels": [QUIET], "guilds": [OTHER_GUILD]}));
    for method in ["tools/list", "prompts/list", "resources/templates/list"] {
        let all = Mcp::modern(&free).send(method, json!({})).await;
        let client = Mcp::modern(&bound).token(&token);
        let answer = client.send(method, json!({})).await;
        assert_eq!(answer.result(), all.result(), "{method}");
    }
    let all = free.get("/mcp/v1/tools", Some(&tokens::token())).await;
    let answer = bound.get("/mcp/v1/tools", Some(&token)).await;
    assert_eq!(answer.result(), all.result());
    assert!(bound.discord.requests().is_empty());
}

/// A completion offers what can be reached: no channel that the operator does not allow.
#[tokio::test]
async fn completions_offer_no_channel_that_the_operator_forbids() {
    let app = App::with(&[("ALLOWED_CHANNELS", &[GENERAL, DM].join(","))]).await;
    let reference = json!({"type": "ref/prompt", "name": "summarize_channel"});
    let argument = json!({"name": "channel_id", "value": ""});
    let params = json!({"ref": reference, "argument": argument});
    for (claims, offered) in [
        (json!({"channels": [QUIET, GENERAL]}), json!([GENERAL])),
        (json!({"channels": [QUIET]}), json!([])),
    ] {
        let client = Mcp::modern(&app).token(&tokens::token_with(claims));
        let answer = client.send("completion/complete", params.clone()).await;
        assert_eq!(answer.result()["completion"]["values"], offered);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_over_standard_input_and_output() {
    for ((variables, claims), channel, refusal) in rows() {
        let discord = StandIn::start().await;
        let token = tokens::token_with(claims);
        let mut client = Stdio::start(&discord, &token, variables);
        let mut expected = Vec::new();
        for (at, (method, params, _)) in (1..).zip(ways(channel)) {
            let answer = client.ask(&modern(at, method, params, false));
            let message = &answer["error"]["message"];
            assert_eq!(message.as_str(), refusal, "{answer}");
            expected.push(refusal.map_or("ok", |_| "not_allowed"));
        }
        let info = called("get_channel_info", &json!({"channel_id": channel}));
        let answer = client.ask(&modern(99, "tools/call", info, false));
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        if let Some(message) = refusal {
            assert_eq!(text, format!("not_allowed: {message}"));
        }
        assert_eq!(answer["result"]["isError"], refusal.is_some(), "{answer}");
        expected.push(refusal.map_or("ok", |_| "not_allowed"));
        let ended = end_well(client, &discord);
        assert_eq!(outcomes(&ended.audit), expected);
    }
}
