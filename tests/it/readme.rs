//! The README's commands and answers are true.

use discord_mcp_server::error::Code;
use serde_json::Value;

use crate::support::{App, tokens};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The fenced blocks of the README, with their language, in order.
fn blocks() -> Vec<(String, String)> {
    let readme = readme();
    let fences: Vec<_> = readme.split("```").collect();
    (fences.iter().skip(1).step_by(2))
        .map(|block| block.split_once('\n').unwrap())
        .map(|(language, text)| (language.to_owned(), text.to_owned()))
        .collect()
}

/// Takes out what differs from call to call: the id and time of a new message, and of the request.
fn settled(mut body: Value) -> Value {
    body["request_id"] = Value::Null;
    if body["result"]["jump_url"].is_string() {
        let result = &mut body["result"];
        let url = result["jump_url"].as_str().unwrap();
        let (channel, id) = url.rsplit_once('/').unwrap();
        assert_eq!(result["message"]["id"], id);
        result["jump_url"] = channel.into();
        result["message"]["id"] = Value::Null;
        result["message"]["timestamp"] = Value::Null;
    }
    body
}

#[tokio::test]
async fn every_curl_answers_200_with_what_the_readme_shows() {
    let app = App::start().await;
    let blocks = blocks();
    let mut tools = Vec::new();
    for pair in blocks.windows(2) {
        let [(_, command), (_, shown)] = pair else {
            unreachable!()
        };
        if !command.starts_with("curl ") {
            continue;
        }
        assert!(command.contains("http://localhost:8000/mcp/v1/tools/invoke"));
        let body = command
            .split_once("-d '")
            .unwrap()
            .1
            .split_once('\'')
            .unwrap()
            .0;
        let answer = app.post(&tokens::token(), body.to_owned()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let shown: Value = serde_json::from_str(shown).unwrap();
        assert_eq!(settled(answer.body), settled(shown), "{body}");
        let call: Value = serde_json::from_str(body).unwrap();
        tools.push(call["method"].as_str().unwrap().to_owned());
    }
    tools.sort();
    tools.dedup();
    let all = [
        "get_channel_info",
        "get_messages",
        "moderate_content",
        "search_messages",
        "send_message",
    ];
    assert_eq!(tools, all);
}

#[test]
fn the_error_table_has_every_code_with_its_status() {
    let readme = readme();
    for code in Code::ALL {
        let row = readme
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{}`", code.as_str())));
        let row = row.unwrap_or_else(|| panic!("{} is not in the README", code.as_str()));
        assert!(
            row.contains(&format!("| {} |", code.status().as_u16())),
            "{row}"
        );
    }
}
