//! What comes with messages is bounded in count, bytes and time, and what does not fit is named.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::attached::{File, png, post, post_good, read, skipped};
use crate::support::discord::cdn::{Served, Then};
use crate::support::discord::seed::VOICE;
use crate::support::{App, Mcp};

const MIB: usize = 1 << 20;

fn pairs(skipped: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(id, reason): &(&str, &str)| ((*id).to_owned(), (*reason).to_owned());
    skipped.iter().map(owned).collect()
}

/// The bytes of each picture in a result, by the length of its base64.
fn sizes(result: &Value) -> Vec<(String, usize)> {
    let images = result["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            let data = image["data"].as_str().unwrap();
            let padding = data.bytes().rev().take_while(|&byte| byte == b'=').count();
            let id = image["attachment_id"].as_str().unwrap();
            (id.to_owned(), data.len() / 4 * 3 - padding)
        })
        .collect()
}

#[tokio::test]
async fn a_picture_of_4_mib_is_shown_and_a_larger_one_is_not_asked_for() {
    let app = App::start().await;
    post_good(&app, 1, "a.png", "image/png", &png(4 * MIB));
    post_good(&app, 2, "a.png", "image/png", &png(4 * MIB + 1));
    let result = read(&app, json!({"include_images": 2})).await;
    assert_eq!(sizes(&result), [("1".to_owned(), 4 * MIB)]);
    assert_eq!(skipped(&result), pairs(&[("2", "too_large")]));
    assert_eq!(app.discord.cdn().connections(), 1);
}

#[tokio::test]
async fn all_pictures_of_a_call_have_8_mib_together_and_the_newest_have_them_first() {
    let app = App::start().await;
    post_good(&app, 1, "a.png", "image/png", &png(MIB));
    post_good(&app, 2, "a.png", "image/png", &png(MIB + 1));
    post_good(&app, 3, "a.png", "image/png", &png(3 * MIB));
    post_good(&app, 4, "a.png", "image/png", &png(4 * MIB));
    let result = read(&app, json!({"include_images": 10})).await;
    let shown = [("4", 4 * MIB), ("3", 3 * MIB), ("1", MIB)];
    assert_eq!(
        sizes(&result),
        shown.map(|(id, size)| (id.to_owned(), size))
    );
    assert_eq!(skipped(&result), pairs(&[("2", "no_room")]));
    assert_eq!(app.discord.cdn().connections(), 3);
    // Over MCP they travel once, and whole.
    let params = json!({"channel_id": VOICE, "include_images": 10});
    let answer = Mcp::modern(&app).call("get_messages", params).await;
    let content = answer.result()["content"].as_array().unwrap();
    let lengths: Vec<_> = content
        .iter()
        .filter_map(|block| block["data"].as_str().map(str::len))
        .collect();
    assert_eq!(lengths, shown.map(|(_, size)| size.div_ceil(3) * 4));
}

#[tokio::test]
async fn a_picture_of_unknown_size_is_cut_off_at_4_mib() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let file = File::new(1, "a.png", "image/png", 0).set("size", Value::Null);
    let endless = Served::file("image/png", &png(MIB))
        .without("content-length")
        .then(Then::Again);
    app.discord.cdn().serve(&file.path(), endless);
    post(&app, &[file]);
    let result = read(&app, json!({"include_images": 1})).await;
    assert_eq!(skipped(&result), pairs(&[("1", "too_large")]));
}

#[tokio::test]
async fn a_text_is_cut_at_the_byte_limit_between_two_characters() {
    let app = App::start().await;
    let text = "größer";
    post_good(&app, 1, "a.txt", "text/plain", text.as_bytes());
    for (bytes, shown, truncated) in [
        (1, "g", json!(true)),
        (2, "gr", json!(true)),
        (3, "gr", json!(true)),
        (4, "grö", json!(true)),
        (5, "grö", json!(true)),
        (6, "größ", json!(true)),
        (7, "größe", json!(true)),
        (8, text, Value::Null),
        (9, text, Value::Null),
        (65_536, text, Value::Null),
    ] {
        let result = read(&app, json!({"include_text": bytes})).await;
        let file = &result["texts"][0];
        assert_eq!(
            (&file["text"], &file["truncated"]),
            (&json!(shown), &truncated)
        );
    }
    let params = json!({"channel_id": VOICE, "include_text": 4});
    let answer = Mcp::modern(&app).call("get_messages", params).await;
    let text = answer.result()["content"][0]["text"].as_str().unwrap();
    assert!(
        text.ends_with("instructions:\n  grö\n  (there is more)\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_text_without_end_is_read_to_the_limit_and_no_further() {
    let app = App::start().await;
    let file = File::new(1, "a.log", "text/plain", 25 * MIB);
    let endless = Served::file("text/plain", b"tick\n")
        .length(25 * MIB)
        .then(Then::Again);
    app.discord.cdn().serve(&file.path(), endless);
    post(&app, &[file]);
    let result = read(&app, json!({"include_text": 65_536})).await;
    let text = result["texts"][0]["text"].as_str().unwrap();
    assert_eq!(
        (text.len(), text.trim_start_matches("tick\n")),
        (65_536, "t")
    );
    assert_eq!(result["texts"][0]["truncated"], true);
}

#[tokio::test]
async fn all_texts_of_a_call_share_the_limit_and_there_are_at_most_ten() {
    let app = App::start().await;
    for id in 1..=12 {
        post_good(&app, id, "a.txt", "text/plain", b"12345");
    }
    let result = read(&app, json!({"limit": 4, "include_text": 12})).await;
    let texts = result["texts"].as_array().unwrap().iter();
    let texts: Vec<_> = texts
        .map(|file| (file["attachment_id"].clone(), file["text"].clone()))
        .collect();
    let expected = [("12", "12345"), ("11", "12345"), ("10", "12")];
    assert_eq!(texts, expected.map(|(id, text)| (json!(id), json!(text))));
    assert_eq!(skipped(&result), pairs(&[("9", "no_room")]));
    assert_eq!(app.discord.cdn().connections(), 3);

    let result = read(&app, json!({"limit": 100, "include_text": 1000})).await;
    assert_eq!(result["texts"].as_array().unwrap().len(), 10);
    assert_eq!(skipped(&result), []);
}

#[tokio::test]
async fn a_slow_cdn_costs_its_files_and_the_call_keeps_its_deadline() {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    let cdn = app.discord.cdn();
    let files = [1, 2, 3].map(|id| File::new(id, "a.png", "image/png", 64));
    let good = Served::file("image/png", &png(64));
    let half = Served::file("image/png", &png(32)).length(64);
    cdn.serve(&files[0].path(), half.then(Then::Wait));
    cdn.serve(&files[1].path(), good);
    let nothing = Served::file("image/png", b"").length(64);
    cdn.serve(&files[2].path(), nothing.then(Then::Wait));
    let text = File::new(5, "a.txt", "text/plain", 64);
    let slow = Served::file("text/plain", b"half of it").length(64);
    cdn.serve(&text.path(), slow.then(Then::Wait));
    let [a, b, c] = files;
    post(&app, &[a, b, c, text]);
    let started = Instant::now();
    let result = read(&app, json!({"include_images": 10, "include_text": 999})).await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(result["messages"][0]["content"], "look");
    assert_eq!(sizes(&result), [("2".to_owned(), 64)]);
    let late = [("1", "too_late"), ("3", "too_late"), ("5", "too_late")];
    assert_eq!(skipped(&result), pairs(&late));
    let line = app.audit().pop().unwrap();
    assert_eq!(
        (&line["status"], &line["params"]["include_images"]),
        (&json!("ok"), &json!(10))
    );
}

#[tokio::test]
async fn what_was_skipped_is_told_in_words_too() {
    let app = App::start().await;
    let message = post(&app, &[File::new(1, "a.png", "image/png", 5 * MIB)]);
    let params = json!({"channel_id": VOICE, "include_images": 1});
    let answer = Mcp::modern(&app).call("get_messages", params).await;
    let content = answer.result()["content"].as_array().unwrap();
    let text = content[0]["text"].as_str().unwrap();
    assert_eq!(content.len(), 1);
    assert!(text.contains(&message));
    assert!(
        text.ends_with("\nNot fetched: attachment 1 (too_large)\n"),
        "{text}"
    );
}
