//! Every id parameter of every tool refuses everything that is not an id, and required parameters
//! are required; texts are counted as Discord counts them.

use serde_json::{Value, json};

use crate::bad_input::refused;
use crate::support::App;
use crate::support::discord::seed::GENERAL;

/// Not the digits of a 64-bit number above zero, written as Discord writes it.
const NOT_DIGITS: [&str; 18] = [
    "0",
    "00",
    "007",
    "+5",
    "-1",
    " 5",
    "5 ",
    "5\n",
    "",
    "1e3",
    "5.0",
    "0x10",
    "1_000",
    "18446744073709551616",
    "99999999999999999999999",
    "１２",
    "٣",
    "<#1234567890123456789>",
];

const CHANNEL: &str = "must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general";

/// Every parameter that takes an id alone: tool, the good params beside it, path.
const IDS: [(&str, &str, &str); 11] = [
    ("send_message", r#"{"message": "hi"}"#, "channel_id"),
    ("send_message", r#"{"message": "hi"}"#, "reply_to"),
    ("send_message", r#"{"message": "hi"}"#, "mentions.users[0]"),
    ("send_message", r#"{"message": "hi"}"#, "mentions.roles[0]"),
    ("get_messages", "{}", "channel_id"),
    ("get_channel_info", "{}", "channel_id"),
    ("search_messages", r#"{"query": "x"}"#, "channel_id"),
    ("search_messages", r#"{"query": "x"}"#, "author_id"),
    ("moderate_content", r#"{"message_id": "1"}"#, "channel_id"),
    ("moderate_content", "{}", "message_id"),
    ("moderate_content", "{}", "message_ids[0]"),
];

/// Every parameter that takes an id or a time.
const MOMENTS: [(&str, &str, &str); 5] = [
    ("get_messages", "{}", "before"),
    ("get_messages", "{}", "after"),
    ("get_messages", "{}", "around"),
    ("search_messages", r#"{"query": "x"}"#, "before"),
    ("search_messages", r#"{"query": "x"}"#, "after"),
];

/// The good params with this value at the path.
fn with(good: &str, path: &str, value: Value) -> Value {
    let mut params: Value = serde_json::from_str(good).unwrap();
    if path != "channel_id" {
        params["channel_id"] = json!(GENERAL);
    }
    match path {
        "mentions.users[0]" => params["mentions"] = json!({"users": [value]}),
        "mentions.roles[0]" => params["mentions"] = json!({"roles": [value]}),
        "message_ids[0]" => params["message_ids"] = json!([value]),
        _ => params[path] = value,
    }
    params
}

#[tokio::test]
async fn every_id_refuses_what_is_not_one() {
    let app = App::start().await;
    let digits = "must be a Discord id: a string of decimal digits from 1 to 2^64-1";
    let quotes = "must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients";
    let kind = |kind: &str| format!("must be a Discord id, a string of decimal digits, not {kind}");
    for (tool, good, path) in IDS {
        let mut cases: Vec<(Value, String)> = NOT_DIGITS
            .iter()
            // A mention stands for a channel.
            .filter(|text| path != "channel_id" || !text.starts_with("<#"))
            .map(|text| {
                (
                    json!(text),
                    if path == "channel_id" {
                        CHANNEL
                    } else {
                        digits
                    }
                    .to_owned(),
                )
            })
            .collect();
        cases.push((json!(5), quotes.to_owned()));
        cases.push((json!(1_234_567_890_123_456_789_u64), quotes.to_owned()));
        cases.push((json!(0), quotes.to_owned()));
        cases.push((json!(-1), kind("a number")));
        cases.push((json!(1.5), kind("a number")));
        cases.push((json!(18_446_744_073_709_551_616.0), kind("a number")));
        cases.push((json!(true), kind("a boolean")));
        cases.push((json!([]), kind("an array")));
        cases.push((json!([GENERAL]), kind("an array")));
        cases.push((json!({}), kind("an object")));
        // Where an id is an option, null says that there is none.
        if !matches!(path, "reply_to" | "author_id" | "message_id") {
            cases.push((json!(null), kind("null")));
        }
        for (value, problem) in cases {
            let params = with(good, path, value);
            refused(&app, tool, params, &format!("`{path}` {problem}")).await;
        }
    }
}

#[tokio::test]
async fn every_moment_refuses_what_is_neither_id_nor_time() {
    let app = App::start().await;
    let neither =
        "must be a message id, or an RFC 3339 time from 2015 on such as 2026-11-02T09:00:00Z";
    let kind = |kind: &str| {
        format!(
            "must be a string: a message id, or an RFC 3339 time such as 2026-11-02T09:00:00Z, not {kind}"
        )
    };
    let not_times = [
        "yesterday",
        "2026-11-02",
        "2026-11-02T09:00:00",
        "2026-13-02T09:00:00Z",
        "2026-11-02T25:00:00Z",
        "2014-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "1762074000.5",
    ];
    for (tool, good, path) in MOMENTS {
        let texts = NOT_DIGITS.iter().chain(&not_times);
        let mut cases: Vec<(Value, String)> = texts
            .map(|text| (json!(text), neither.to_owned()))
            .collect();
        cases.push((json!(5), kind("a number")));
        cases.push((json!(-1), kind("a number")));
        cases.push((json!(1.5), kind("a number")));
        cases.push((json!(false), kind("a boolean")));
        cases.push((json!([]), kind("an array")));
        cases.push((json!({}), kind("an object")));
        for (value, problem) in cases {
            let params = with(good, path, value);
            refused(&app, tool, params, &format!("`{path}` {problem}")).await;
        }
    }
}

#[tokio::test]
async fn required_parameters_are_required_and_contradictions_refused() {
    let app = App::start().await;
    let one_of_two = "`message_id` is required, or `message_ids` for several";
    let too_many: Vec<_> = (1..=101).map(|id: u32| id.to_string()).collect();
    let users: Vec<_> = too_many.clone();
    for (tool, params, message) in [
        (
            "send_message",
            json!({"message": "hi"}),
            "`channel_id` is required",
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL}),
            "`message` is required",
        ),
        ("get_messages", json!({}), "`channel_id` is required"),
        ("get_channel_info", json!({}), "`channel_id` is required"),
        (
            "search_messages",
            json!({"channel_id": GENERAL}),
            "`query` is required",
        ),
        (
            "search_messages",
            json!({"query": "x"}),
            "`channel_id` is required",
        ),
        (
            "moderate_content",
            json!({"message_id": "1"}),
            "`channel_id` is required",
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL}),
            one_of_two,
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_id": null}),
            one_of_two,
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_id": "1", "message_ids": ["2"]}),
            "`message_id` and `message_ids` exclude each other; give one",
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_ids": []}),
            "`message_ids` must name 1 to 100 messages; it is empty",
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_ids": too_many}),
            "`message_ids` must name 1 to 100 messages; it names 101",
        ),
        (
            "get_messages",
            json!({"channel_id": GENERAL, "before": "5", "around": "6"}),
            "`before`, `after` and `around` exclude each other; give at most one",
        ),
        (
            "search_messages",
            json!({"channel_id": GENERAL, "query": "x", "before": "5", "after": "5"}),
            "`after` must be earlier than `before`",
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi", "mentions": {"users": users}}),
            "`mentions` may name at most 100 users and 100 roles",
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi", "mentions": {"replied_user": true}}),
            "`mentions.replied_user` needs `reply_to`",
        ),
    ] {
        refused(&app, tool, params, message).await;
    }
}

#[tokio::test]
async fn a_message_has_1_to_2000_code_points() {
    let app = App::start().await;
    let send = |text: &str| json!({"channel_id": GENERAL, "message": text});
    for (text, length) in [
        (String::new(), 0),
        ("a".repeat(2001), 2001),
        ("😀".repeat(2001), 2001),
        ("e\u{301}".repeat(1001), 2002),
        ("a".repeat(20_001), 20_001),
    ] {
        let message = format!("`message` must be 1 to 2000 characters long; it has {length}");
        refused(&app, "send_message", send(&text), &message).await;
    }
    for blank in [" ", "\n\t \u{3000}"] {
        refused(
            &app,
            "send_message",
            send(blank),
            "`message` must not be blank",
        )
        .await;
    }
    for text in [
        "a".to_owned(),
        "a".repeat(2000),
        "😀".repeat(2000),
        "e\u{301}".repeat(1000),
        // A family of three, joined: five code points.
        "👨\u{200d}👩\u{200d}👧".repeat(400),
    ] {
        let answer = app.invoke("send_message", send(&text)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.result()["message"]["content"], *text);
    }
}
