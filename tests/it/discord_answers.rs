//! Answers of Discord that are none: limits, failures, silence, too much.

use serde_json::json;

use crate::support::App;
use crate::support::discord::seed::{ALICE, DM, GENERAL, VOICE};
use crate::support::discord::{Fault, On};

#[tokio::test]
async fn a_rate_limit_is_passed_on_at_once_and_never_waited_for() {
    let app = App::start().await;
    let json = "application/json";
    let limited = |kind: &str, retry_after: Option<&str>, body: &str| {
        let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
        headers.extend(retry_after.map(|wait| ("retry-after".to_owned(), wait.to_owned())));
        Fault::Respond {
            status: 429,
            headers,
            body: body.as_bytes().to_vec(),
        }
    };
    let table = [
        (
            limited(json, Some("9"), r#"{"retry_after": 8.031, "global": true}"#),
            8.031,
            "9",
        ),
        (
            limited(json, Some("9"), r#"{"message": "limited"}"#),
            9.0,
            "9",
        ),
        (
            limited("text/html", Some("40"), "<html>1015</html>"),
            40.0,
            "40",
        ),
        (limited("text/html", None, "<html>1015</html>"), 1.0, "1"),
        (
            limited(json, Some("soon"), r#"{"retry_after": -5}"#),
            1.0,
            "1",
        ),
        (limited(json, None, r#"{"retry_after": 1e300}"#), 1.0, "1"),
        (limited(json, None, r#"{"retry_after": 0.001}"#), 0.001, "1"),
    ];
    for (fault, wait, header) in table {
        app.discord.clear_requests();
        app.discord.fault(On::Any, 1, fault);
        let answer = app
            .invoke("get_messages", json!({"channel_id": GENERAL}))
            .await;
        assert_eq!((answer.status, answer.code()), (429, "rate_limited"));
        assert_eq!(answer.body["error"]["retry_after"], wait);
        assert_eq!(answer.header("retry-after"), Some(header));
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
        app.discord.fault(On::Any, 1, Fault::HugeBody(size));
        let answer = app
            .invoke("get_messages", json!({"channel_id": GENERAL}))
            .await;
        assert_eq!((answer.status, answer.message()), (status, message));
    }
}

#[tokio::test]
async fn a_read_that_fails_says_nothing_of_changes() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    let table = [
        (Fault::Hang, 504, "Discord did not answer in time"),
        (Fault::CutBefore, 502, "The connection to Discord broke"),
        (Fault::Truncated, 502, "The connection to Discord broke"),
        (Fault::BadJson, 502, "Discord's answer could not be read"),
        (Fault::Html(403), 502, "Discord's edge refused the request"),
        (Fault::Html(503), 502, "Discord failed"),
    ];
    for (fault, status, message) in table {
        app.discord.fault(On::Any, 1, fault);
        let answer = app
            .invoke("get_channel_info", json!({"channel_id": DM}))
            .await;
        assert_eq!((answer.status, answer.message()), (status, message));
        assert!(!answer.text.contains("change"), "{}", answer.text);
    }
    app.discord
        .with(|world| world.post(VOICE, ALICE, "still there"));
    let answer = app
        .invoke("get_messages", json!({"channel_id": VOICE}))
        .await;
    assert_eq!(answer.result()["messages"][0]["content"], "still there");
}
