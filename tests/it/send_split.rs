//! `send_message` with `split`: a long text as several messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::discord::seed::{ATTACHMENT_MESSAGE, GENERAL};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App, take_nonce};

const CREATE: On = On::Route("POST /channels/{channel_id}/messages");

async fn send(app: &App, message: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": GENERAL, "message": message, "split": true});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("send_message", params).await
}

/// Three paragraphs that are one message each.
fn three_paragraphs() -> [String; 3] {
    ["a", "b", "c"].map(|letter| letter.repeat(1500))
}

/// The bodies of the messages that were sent.
fn bodies(app: &App) -> Vec<Value> {
    let requests = app.discord.requests();
    let posts = requests.iter().filter(|seen| seen.method == "POST");
    posts.map(|seen| seen.json()).collect()
}

/// The ids in a result's `messages`.
fn ids(answer: &Answer) -> Vec<String> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Lets `times` messages pass before whatever fault is set next.
fn pass(app: &App, times: usize) {
    app.discord.fault(CREATE, times, Fault::Headers(Vec::new()));
}

#[tokio::test]
async fn a_text_that_fits_is_one_message_in_the_list() {
    let app = App::start().await;
    let answer = send(&app, "short", json!({})).await;
    let result = answer.result();
    assert_eq!(result["messages"].as_array().unwrap().len(), 1);
    assert_eq!(result["messages"][0]["content"], "short");
    assert_eq!(result["message"], json!(null));
    let id = &ids(&answer)[0];
    assert_eq!(
        result["jump_url"],
        format!("https://discord.com/channels/1234567890123456000/{GENERAL}/{id}")
    );
}

#[tokio::test]
async fn the_parts_go_out_in_order_with_the_same_options_and_only_the_first_replies() {
    let app = App::start().await;
    let parts = three_paragraphs();
    let options = json!({
        "reply_to": ATTACHMENT_MESSAGE, "silent": true, "mentions": {"everyone": true},
    });
    let answer = send(&app, &parts.join("\n\n"), options).await;
    let expected = parts.clone().map(|content| {
        json!({
            "content": content,
            "allowed_mentions": {"parse": ["everyone"], "replied_user": false},
            "flags": 4100,
        })
    });
    let mut expected = expected.to_vec();
    expected[0]["message_reference"] =
        json!({"message_id": ATTACHMENT_MESSAGE, "channel_id": GENERAL});
    let mut bodies = bodies(&app);
    let nonces: BTreeSet<_> = bodies.iter_mut().map(take_nonce).collect();
    assert_eq!(nonces.len(), 3);
    assert_eq!(bodies, expected);

    let messages = answer.result()["messages"].as_array().unwrap();
    let contents: Vec<_> = messages.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, parts.each_ref());
    assert_eq!(messages[0]["reply_to"], ATTACHMENT_MESSAGE);
    assert_eq!(messages[1]["reply_to"], json!(null));
    let ids = ids(&answer);
    assert!(ids.is_sorted_by_key(|id| id.parse::<u64>().unwrap()));
    assert_eq!(
        answer.result()["jump_url"],
        format!(
            "https://discord.com/channels/1234567890123456000/{GENERAL}/{}",
            ids[0]
        )
    );
    let touched: Vec<_> = app.audit().last().unwrap()["message_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(touched, ids);
}

#[tokio::test]
async fn a_code_fence_is_closed_at_a_cut_and_opened_again() {
    let app = App::start().await;
    let code: Vec<_> = (0..400).map(|n| format!("    let x{n} = {n};")).collect();
    let text = format!("Look:\n```rust\n{}\n```\nThat was it.", code.join("\n"));
    send(&app, &text, json!({})).await;
    let bodies = bodies(&app);
    assert!(bodies.len() > 3);
    let mut lines = Vec::new();
    for (at, body) in bodies.iter().enumerate() {
        let content = body["content"].as_str().unwrap();
        assert!(content.chars().count() <= 2000);
        assert_eq!(content.matches("```").count(), 2, "{content}");
        if at > 0 {
            assert!(content.starts_with("```rust\n    let x"), "{content}");
        }
        if at + 1 < bodies.len() {
            assert!(content.ends_with(";\n```"), "{content}");
        }
        lines.extend(
            content
                .lines()
                .filter(|line| line.contains("let"))
                .map(str::to_owned),
        );
    }
    assert_eq!(lines, code, "not a line is lost, doubled or cut");
    let last = bodies.last().unwrap()["content"].as_str().unwrap();
    assert!(last.ends_with("\n```\nThat was it."), "{last}");
}

#[tokio::test]
async fn the_limit_with_split_is_20000_characters() {
    let app = App::start().await;
    let answer = send(&app, &"word ".repeat(4000), json!({})).await;
    let ids = ids(&answer);
    assert_eq!(ids.len(), bodies(&app).len());
    assert!((11..=12).contains(&ids.len()), "{}", ids.len());

    app.discord.clear_requests();
    let answer = send(&app, &"x".repeat(20_001), json!({})).await;
    assert_eq!(
        (answer.status, answer.message()),
        (
            422,
            "`message` must be 1 to 20000 characters long; it has 20001"
        )
    );
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn every_part_has_its_own_nonce_and_a_repeat_sends_nothing_twice() {
    let app = App::start().await;
    let text = three_paragraphs().join("\n\n");
    let key = "k".repeat(25);
    let first = send(&app, &text, json!({"idempotency_key": key})).await;
    let nonces: Vec<_> = bodies(&app)
        .iter()
        .map(|body| {
            assert_eq!(body["enforce_nonce"], true);
            body["nonce"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(nonces.len(), 3);
    assert_eq!(nonces[0], key);
    for (at, nonce) in nonces.iter().enumerate() {
        assert!((1..=25).contains(&nonce.chars().count()), "{nonce}");
        assert!(!nonces[..at].contains(nonce), "{nonce}");
    }
    let there = app
        .discord
        .with(|world| world.channel(GENERAL).unwrap().messages.len());
    let repeat = send(&app, &text, json!({"idempotency_key": key})).await;
    assert_eq!(repeat.result(), first.result());
    let now = app
        .discord
        .with(|world| world.channel(GENERAL).unwrap().messages.len());
    assert_eq!(now, there);
}

#[tokio::test]
async fn a_failure_in_the_middle_tells_what_was_sent() {
    let app = App::start().await;
    pass(&app, 2);
    let limit = Fault::RateLimited {
        retry_after: 63.0,
        scope: "user",
    };
    app.discord.fault(CREATE, 1, limit);
    let answer = send(&app, &three_paragraphs().join("\n\n"), json!({})).await;
    let sent: Vec<_> = app.discord.with(|world| {
        let messages = &world.channel(GENERAL).unwrap().messages;
        messages.keys().rev().take(2).copied().collect()
    });
    assert_eq!(answer.status, 429);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "rate_limited",
            "message": "Discord asks for a pause",
            "hint": format!("2 of 3 parts were sent, as messages {}, {}; send only the rest.", sent[1], sent[0]),
            "retry_after": 63.0,
            "discord": {"status": 429},
        })
    );
    let line = app.audit().last().unwrap().clone();
    assert_eq!(line["success"], false);
    assert_eq!(
        line["message_ids"],
        json!([sent[1].to_string(), sent[0].to_string()])
    );
}

#[tokio::test]
async fn a_failure_of_the_first_part_is_an_ordinary_failure() {
    let app = App::start().await;
    let fault = Fault::Error {
        status: 403,
        code: 50013,
        message: "Missing Permissions",
    };
    app.discord.fault(CREATE, 1, fault);
    let answer = send(&app, &three_paragraphs().join("\n\n"), json!({})).await;
    assert_eq!((answer.status, answer.code()), (403, "missing_permission"));
    assert!(!answer.text.contains("parts"), "{}", answer.text);
    assert_eq!(app.discord.requests().len(), 1);
}

#[tokio::test]
async fn a_deadline_in_the_middle_tells_what_was_sent() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    pass(&app, 1);
    app.discord.fault(CREATE, 1, Fault::Hang);
    let answer = send(&app, &three_paragraphs().join("\n\n"), json!({})).await;
    let first = app.discord.with(|world| {
        let messages = &world.channel(GENERAL).unwrap().messages;
        messages.keys().next_back().copied().unwrap()
    });
    assert_eq!((answer.status, answer.code()), (504, "discord_timeout"));
    let hint = answer.body["error"]["hint"].as_str().unwrap();
    assert!(
        hint.starts_with(&format!("1 of 3 parts were sent, as messages {first};")),
        "{hint}"
    );
}
