//! Answers of Discord that are none: limits, failures, silence, too much.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::App;
use crate::support::discord::seed::{DM, GENERAL};
use crate::support::discord::{Fault, On};

/// A 429 of the kind `kind`, with this `retry-after` if there is one.
fn limited(kind: &str, retry_after: Option<&str>, body: &str) -> Fault {
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    headers.extend(retry_after.map(|wait| ("retry-after".to_owned(), wait.to_owned())));
    Fault::Respond {
        status: 429,
        headers,
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_rate_limit_that_does_not_fit_is_passed_on_at_once() {
    let app = App::with(&[("CALL_DEADLINE", "900ms")]).await;
    let table = [
        (
            Some("9"),
            r#"{"retry_after": 8.031, "global": true}"#,
            8.031,
            "9",
        ),
        (Some("9"), r#"{"message": "limited"}"#, 9.0, "9"),
        (Some("soon"), r#"{"retry_after": -5}"#, 1.0, "1"),
        (None, r#"{"retry_after": 1e300}"#, 1.0, "1"),
        (None, r#"{"retry_after": 0.901}"#, 0.901, "1"),
    ];
    for (said, body, wait, header) in table {
        let fault = limited("application/json", said, body);
        app.discord.clear_requests();
        app.discord.fault(On::Any, 1, fault);
        let token = app.fresh_token();
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke_as(&token, "get_messages", params).await;
        assert_eq!((answer.status, answer.code()), (429, "rate_limited"));
        assert_eq!(answer.body["error"]["retry_after"], wait);
        assert_eq!(answer.header("retry-after"), Some(header));
        assert_eq!(app.discord.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_rate_limit_of_the_edge_says_how_long_nothing_is_sent_after_it() {
    // A text in JSON is none of the API's answers either.
    for (kind, said, body, wait) in [
        ("text/html", Some("40"), "<html>1015</html>", 60),
        ("text/html", None, "<html>1015</html>", 60),
        ("text/html", Some("90"), "<html>1015</html>", 90),
        ("application/json", Some("3"), r#""1015""#, 60),
    ] {
        let app = App::start().await;
        app.discord.fault(On::Any, 1, limited(kind, said, body));
        let get = || app.invoke("get_messages", json!({"channel_id": GENERAL}));
        let answer = get().await;
        assert_eq!((answer.status, answer.code()), (429, "rate_limited"));
        assert_eq!(answer.body["error"]["retry_after"], f64::from(wait));
        assert_eq!(answer.header("retry-after"), Some(&*wait.to_string()));
        let answer = get().await;
        assert_eq!((answer.status, answer.code()), (503, "overloaded"));
        let left = answer.body["error"]["retry_after"].as_f64().unwrap();
        assert!((30.0..=f64::from(wait)).contains(&left), "{left}");
        assert_eq!(app.discord.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_more_than_8_mib_is_not_read() {
    let app = App::start().await;
    let limit = 8 << 20;
    for (size, status, message) in [
        (limit, 200, "(no error)"),
        (limit + 1, 502, "Discord's answer is larger than 8 MiB"),
        (4 * limit, 502, "Discord's answer is larger than 8 MiB"),
    ] {
        app.discord.clear_requests();
        app.discord.fault(On::Any, 1, Fault::HugeBody(size));
        let answer = app
            .invoke("get_messages", json!({"channel_id": GENERAL}))
            .await;
        assert_eq!((answer.status, answer.message()), (status, message));
        assert_eq!(app.discord.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_read_that_fails_says_nothing_of_changes_and_the_next_one_is_well() {
    let runs = [
        (Fault::Hang, 1, 504, "Discord did not answer in time"),
        (Fault::CutBefore, 3, 502, "The connection to Discord broke"),
        (Fault::Truncated, 3, 502, "The connection to Discord broke"),
        (Fault::BadJson, 1, 502, "Discord's answer could not be read"),
        (Fault::Html(503), 3, 502, "Discord failed"),
    ]
    .map(|(fault, requests, status, message)| async move {
        let deadline = if status == 504 { "1s" } else { "30s" };
        let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
        app.discord.fault(On::Any, usize::MAX, fault);
        let params = json!({"channel_id": DM});
        let answer = app.invoke("get_channel_info", params.clone()).await;
        assert_eq!((answer.status, answer.message()), (status, message));
        assert!(!answer.text.contains("change"), "{}", answer.text);
        assert_eq!(app.discord.requests().len(), requests, "{message}");
        app.discord.clear_faults();
        let answer = app.invoke("get_channel_info", params).await;
        assert_eq!(answer.result()["id"], DM);
    });
    join_all(runs).await;
}
