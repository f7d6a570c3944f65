//! Parameters that no sane client sends: each is refused by name, none is a 500, nothing of it reaches
//! Discord, and each leaves exactly one line in the audit log. Ids are in `bad_ids`, what is no JSON
//! at all in `bad_bodies`.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::{App, tokens};

/// Signed once: a signature costs more than all the rest of a refused call.
fn token() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(tokens::token)
}

/// Calls with params that must be refused with exactly this message and one audit line, and
/// without a request to Discord.
pub async fn refused(app: &App, tool: &str, params: Value, message: &str) {
    // Only the last line is parsed: there are hundreds of calls.
    let lines = |log: &str| log.bytes().filter(|&byte| byte == b'\n').count();
    let before = lines(&std::fs::read_to_string(&app.audit_log).unwrap());
    let answer = app.invoke_as(token(), tool, params.clone()).await;
    let got = (answer.status, answer.code(), answer.message());
    assert_eq!(got, (422, "invalid_params", message), "{tool} {params}");
    let log = std::fs::read_to_string(&app.audit_log).unwrap();
    assert_eq!(lines(&log), before + 1, "{tool} {params}");
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let got = (&line["stage"], &line["status"], &line["tool"]);
    let expected = (&json!("outcome"), &json!("invalid_params"), &json!(tool));
    assert_eq!(got, expected);
    assert!(app.discord.requests().is_empty(), "{tool} {params}");
}

#[tokio::test]
async fn an_unknown_parameter_is_named_with_what_is_allowed() {
    let app = App::start().await;
    let send = "channel_id, content, message, reply_to, thread_name, title, tags, files, mentions, silent, link_previews, split, idempotency_key";
    let search = "channel_id, query, limit, author_id, before, after, has, mode, max_scan";
    let moderate = "channel_id, message_id, message_ids, action, reason, dry_run";
    for (tool, good, misspelt, allowed) in [
        ("send_message", json!({"message": "hi"}), "reply_too", send),
        (
            "get_messages",
            json!({}),
            "limt",
            "channel_id, limit, before, after, around, include_images, include_text",
        ),
        (
            "get_channel_info",
            json!({}),
            "Channel_id",
            "channel_id, threads, threads_before, permissions",
        ),
        ("search_messages", json!({"query": "x"}), "max-scan", search),
        (
            "moderate_content",
            json!({"message_id": "1"}),
            "dryRun",
            moderate,
        ),
    ] {
        for value in [json!(true), json!(null), json!({"deep": [1]})] {
            let mut params = good.clone();
            params["channel_id"] = json!(GENERAL);
            params[misspelt] = value;
            let message = format!("`{misspelt}` is not a parameter here; allowed: {allowed}");
            refused(&app, tool, params, &message).await;
        }
    }
    let inner = json!({"channel_id": GENERAL, "message": "hi", "mentions": {"user": []}});
    let message =
        "`mentions.user` is not a parameter here; allowed: users, roles, everyone, replied_user";
    refused(&app, "send_message", inner, message).await;
}

#[tokio::test]
async fn what_may_be_a_secret_in_the_wrong_place_is_never_repeated() {
    let app = App::start().await;
    let jwt = tokens::token();
    let allowed = "is not a parameter here; allowed: channel_id, limit, before, after, around, include_images, include_text";
    for secret in [
        BOT_TOKEN,
        &jwt,
        &"k".repeat(41),
        "pass word",
        "<script>",
        "ключ",
        "",
    ] {
        let mut params = json!({"channel_id": GENERAL});
        params[secret] = json!(1);
        let message = format!("`(an unprintable name)` {allowed}");
        refused(&app, "get_messages", params, &message).await;
        let wrong = json!({"channel_id": secret, "before": secret});
        let answer = app.invoke("get_messages", wrong.clone()).await;
        assert_eq!(answer.code(), "invalid_params");
        let unknown = app.invoke(secret, wrong).await;
        assert_eq!(unknown.code(), "unknown_tool");
        for text in [answer.text, unknown.text] {
            assert!(secret.is_empty() || !text.contains(secret), "{text}");
        }
    }
    let log = std::fs::read_to_string(&app.audit_log).unwrap();
    for secret in [BOT_TOKEN, &jwt] {
        assert!(!log.contains(secret));
    }
}

#[tokio::test]
async fn numbers_are_whole_and_within_their_bounds() {
    let app = App::start().await;
    let query = json!({"channel_id": GENERAL, "query": "sensor", "mode": "scan"});
    for (tool, params, name, max) in [
        ("get_messages", json!({"channel_id": GENERAL}), "limit", 100),
        ("search_messages", query.clone(), "limit", 100),
        ("search_messages", query, "max_scan", 5000),
    ] {
        let with = |value: Value| {
            let mut params = params.clone();
            params[name] = value;
            params
        };
        let bounds = format!("`{name}` must be a whole number from 1 to {max}");
        let outside = [
            json!(0),
            json!(max + 1),
            json!(-1),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1.5),
            json!(0.99),
            json!(-1.0),
            json!(1e99),
            json!(-1e99),
            json!(4_294_967_297_u64),
        ];
        for value in outside {
            refused(&app, tool, with(value), &bounds).await;
        }
        for (value, kind) in [
            (json!("10"), "a string"),
            (json!(true), "a boolean"),
            (json!([10]), "an array"),
            (json!({}), "an object"),
        ] {
            let message = format!("`{name}` must be a whole number, not {kind}");
            refused(&app, tool, with(value), &message).await;
        }
        for value in [json!(1), json!(max), json!(10.0)] {
            let answer = app.invoke(tool, with(value.clone())).await;
            assert_eq!(answer.status, 200, "{tool} {name} {value}: {}", answer.text);
        }
        app.discord.clear_requests();
    }
}

#[tokio::test]
async fn switches_words_and_texts_have_their_types() {
    let app = App::start().await;
    let has = r#"must be "link", "embed", "file", "image" or "video""#;
    let mode = r#"must be "auto", "index" or "scan""#;
    let mentions =
        r#"must be "none" or an object with `users`, `roles`, `everyone` and `replied_user`"#;
    let send = json!({"message": "hi"});
    let search = json!({"query": "x"});
    let delete = json!({"message_id": "1"});
    for (tool, good, name, value, problem) in [
        (
            "send_message",
            &send,
            "message",
            json!(7),
            "must be a string, not a number",
        ),
        ("send_message", &send, "message", json!(null), "is required"),
        (
            "send_message",
            &send,
            "silent",
            json!("true"),
            "must be a boolean, not a string",
        ),
        (
            "send_message",
            &send,
            "split",
            json!(1),
            "must be a boolean, not a number",
        ),
        (
            "send_message",
            &send,
            "link_previews",
            json!([]),
            "must be a boolean, not an array",
        ),
        ("send_message", &send, "mentions", json!("all"), mentions),
        (
            "send_message",
            &send,
            "idempotency_key",
            json!("x".repeat(26)),
            "must be 1 to 25 characters long; it has 26",
        ),
        (
            "send_message",
            &send,
            "content",
            json!("hi"),
            "is given twice, once under its other name",
        ),
        (
            "search_messages",
            &search,
            "query",
            json!(""),
            "must be 1 to 1024 characters long; it has 0",
        ),
        (
            "search_messages",
            &search,
            "query",
            json!("é".repeat(1025)),
            "must be 1 to 1024 characters long; it has 1025",
        ),
        (
            "search_messages",
            &search,
            "query",
            json!(" \n "),
            "must not be blank",
        ),
        ("search_messages", &search, "has", json!("poll"), has),
        ("search_messages", &search, "has", json!(["link"]), has),
        ("search_messages", &search, "mode", json!("Scan"), mode),
        ("search_messages", &search, "mode", json!(0), mode),
        (
            "moderate_content",
            &delete,
            "action",
            json!("ban"),
            r#"must be "delete""#,
        ),
        (
            "moderate_content",
            &delete,
            "dry_run",
            json!("yes"),
            "must be a boolean, not a string",
        ),
        (
            "moderate_content",
            &delete,
            "reason",
            json!("x".repeat(513)),
            "must be 1 to 512 characters long; it has 513",
        ),
    ] {
        let mut params = good.clone();
        params["channel_id"] = json!(GENERAL);
        params[name] = value;
        // Fields are read in the order of their names, so the second of two is `message`.
        let named = if name == "content" { "message" } else { name };
        refused(&app, tool, params, &format!("`{named}` {problem}")).await;
    }
}
