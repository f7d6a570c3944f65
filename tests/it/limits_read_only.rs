//! `READ_ONLY=true`: tools that can change Discord are not listed, and a call of one is refused
//! before anything is asked of Discord, whatever the token allows. Reading goes on as ever.

use serde_json::{Value, json};

use crate::support::calls::{TOOLS, effective, params};
use crate::support::discord::StandIn;
use crate::support::discord::seed::{BOT_MESSAGE, GENERAL};
use crate::support::mcp::{LEGACY, MODERN, error_text};
use crate::support::process::binary;
use crate::support::stdio::{Stdio, called, end_well, initialize, legacy, modern, outcomes};
use crate::support::{App, Mcp, assert_failure, tokens};

const READ_ONLY: &[(&str, &str)] = &[("READ_ONLY", "true")];
const MESSAGE: &str = "This server is read-only";
const READERS: [&str; 3] = ["get_messages", "get_channel_info", "search_messages"];

fn names(tools: &Value) -> Vec<&str> {
    let tools = tools.as_array().unwrap().iter();
    tools.map(|tool| tool["name"].as_str().unwrap()).collect()
}

/// The calls that could change something, and those that only look like it.
fn writes(discord: &StandIn) -> Vec<(&'static str, Value)> {
    let dry_run = json!({"channel_id": GENERAL, "message_id": BOT_MESSAGE, "dry_run": true});
    vec![
        ("send_message", params("send_message", GENERAL)),
        (
            "moderate_content",
            effective(discord, "moderate_content", GENERAL),
        ),
        ("moderate_content", dry_run),
    ]
}

/// Nothing reached Discord, and the trail has one refusal for each of these calls.
fn assert_refused_and_recorded(app: &App, door: &str, calls: &[(&str, Value)]) {
    assert!(app.discord.requests().is_empty());
    let lines = app.audit();
    let got: Vec<_> = lines
        .iter()
        .map(|line| {
            json!([
                line["stage"],
                line["door"],
                line["tool"],
                line["params"],
                line["status"]
            ])
        })
        .collect();
    let expected: Vec<_> = calls
        .iter()
        .map(|(tool, params)| json!(["outcome", door, tool, params, "not_allowed"]))
        .collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn writes_are_refused_over_rest() {
    let app = App::with(READ_ONLY).await;
    let calls = writes(&app.discord);
    for (tool, params) in calls.clone() {
        let answer = app.invoke(tool, params).await;
        let error = json!({"code": "not_allowed", "message": MESSAGE});
        assert_failure(&answer, 403, error);
    }
    assert_refused_and_recorded(&app, "rest", &calls);
}

#[tokio::test]
async fn writes_are_refused_over_mcp_and_nobody_is_asked_to_confirm_them() {
    for version in [MODERN, LEGACY[2]] {
        let app = App::with(READ_ONLY).await;
        let client = Mcp::legacy(&app, version).can_ask();
        let calls = writes(&app.discord);
        for (tool, params) in calls.clone() {
            let answer = client.call(tool, params).await;
            assert_eq!(error_text(&answer), format!("not_allowed: {MESSAGE}"));
        }
        assert_refused_and_recorded(&app, "mcp", &calls);
    }
}

#[tokio::test]
async fn reading_goes_on() {
    let app = App::with(READ_ONLY).await;
    let client = Mcp::modern(&app);
    for tool in READERS {
        app.invoke(tool, params(tool, GENERAL)).await.result();
        let answer = client.call(tool, params(tool, GENERAL)).await;
        assert_eq!(answer.result()["isError"], false, "{}", answer.text);
    }
    let uri = json!({"uri": format!("discord://channels/{GENERAL}")});
    client.send("resources/read", uri).await.result();
    let prompt = json!({"name": "summarize_channel", "arguments": {"channel_id": GENERAL}});
    client.send("prompts/get", prompt).await.result();
}

/// A token for writing alone has nothing to use here; one for all scopes has what reads.
#[tokio::test]
async fn what_is_listed_is_what_can_be_called() {
    let app = App::with(READ_ONLY).await;
    for (scope, listed) in [
        (json!(null), &READERS[..]),
        (json!("discord:read"), &READERS),
        (json!("discord:write discord:moderate"), &[]),
    ] {
        let token = tokens::token_with(json!({"scope": scope}));
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_eq!(names(&answer.result()["tools"]), listed, "{scope}");
        for version in [MODERN, LEGACY[0], LEGACY[3]] {
            let client = Mcp::legacy(&app, version).token(&token);
            let answer = client.send("tools/list", json!({})).await;
            assert_eq!(names(&answer.result()["tools"]), listed, "{scope}");
            let answer = client.send("prompts/list", json!({})).await;
            let prompts = names(&answer.result()["prompts"]).len();
            assert_eq!(prompts, if listed.is_empty() { 0 } else { 3 }, "{scope}");
        }
    }
}

/// It can only narrow: what the token does not cover stays out of its reach.
#[tokio::test]
async fn it_gives_nothing_that_the_token_does_not_have() {
    let app = App::with(READ_ONLY).await;
    let token = tokens::token_with(json!({"scope": "discord:write"}));
    for tool in READERS {
        let answer = app.invoke_as(&token, tool, params(tool, GENERAL)).await;
        assert_eq!(answer.code(), "insufficient_scope", "{tool}");
    }
}

#[tokio::test]
async fn it_is_off_unless_it_says_true() {
    for variables in [&[("READ_ONLY", "false")][..], &[("READ_ONLY", "")], &[]] {
        let app = App::with(variables).await;
        let answer = app.get("/mcp/v1/tools", Some(&tokens::token())).await;
        let all = TOOLS.map(|(tool, _)| tool);
        assert_eq!(names(&answer.result()["tools"]), all);
        let answer = app.invoke("send_message", params("send_message", GENERAL));
        answer.await.result();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_over_standard_input_and_output() {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), READ_ONLY);
    client.ask(&initialize(LEGACY[3]));
    let list = client.ask(&legacy(1, "tools/list", json!({})));
    assert_eq!(names(&list["result"]["tools"]), READERS);
    let list = client.ask(&modern(2, "tools/list", json!({}), true));
    assert_eq!(names(&list["result"]["tools"]), READERS);
    for (at, (tool, params)) in (3..).zip(writes(&discord)) {
        let answer = client.ask(&modern(at, "tools/call", called(tool, &params), true));
        let text = &answer["result"]["content"][0]["text"];
        assert_eq!(*text, format!("not_allowed: {MESSAGE}"), "{answer}");
    }
    let ended = end_well(client, &discord);
    assert_eq!(outcomes(&ended.audit), ["not_allowed"; 3]);
    assert!(discord.requests().is_empty());
}

/// A limit that is misspelt would be no limit, so the start ends with one line that names it.
#[test]
fn limits_that_cannot_be_read_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let ids = [
        "general",
        "0",
        "-1",
        "+5",
        "1.5",
        "0x10",
        "18446744073709551616",
        "12 34",
        "12;34",
        "#12",
        "<#12>",
        ",",
        "12,general",
        "١٢",
    ];
    let switches = ["1", "yes", "TRUE", "on", "true,", "read"];
    let rows = ["ALLOWED_CHANNELS", "ALLOWED_GUILDS"].map(|variable| (variable, &ids[..]));
    for (variable, values) in rows.into_iter().chain([("READ_ONLY", &switches[..])]) {
        for value in values {
            // This command ends at once even where the limit is taken.
            let output = binary(dir.path(), &[(variable, value)])
                .arg("stdio")
                .output();
            let output = output.unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{variable}={value} {told}");
            let expected = format!("error: {variable}={value:?} cannot be used: ");
            assert!(told.starts_with(&expected), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }
}
