//! What a caller reads of Discord's rate limits: how long to wait, and never less than Discord said.

use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, On};
use crate::support::{App, assert_failure};

fn respond(status: u16, headers: &[(&str, &str)], body: Value) -> Fault {
    let headers = headers.iter();
    Fault::Respond {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_string().into_bytes(),
    }
}

fn limited(retry_after: f64, discord: Value) -> Value {
    json!({
        "code": "rate_limited",
        "message": "Discord asks for a pause",
        "hint": "Wait `retry_after` seconds before the next call.",
        "retry_after": retry_after,
        "discord": discord,
    })
}

#[tokio::test]
async fn a_rate_limit_of_any_scope_is_passed_on_at_once() {
    let app = App::start().await;
    for scope in ["user", "shared", "global"] {
        for (retry_after, header) in [(0.3, "1"), (1.0, "1"), (1.001, "2"), (64.57, "65")] {
            app.discord.clear_requests();
            let fault = Fault::RateLimited { retry_after, scope };
            app.discord.fault(On::Any, 1, fault);
            let params = json!({"channel_id": GENERAL, "message": "hi"});
            let answer = app.invoke("send_message", params).await;
            assert_failure(&answer, 429, limited(retry_after, json!({"status": 429})));
            assert_eq!(answer.header("retry-after"), Some(header));
            assert_eq!(app.discord.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_is_read_from_the_header_where_the_body_does_not_say() {
    let app = App::start().await;
    for (body, header, retry_after) in [
        (json!({}), Some("3"), 3.0),
        (json!("<html>"), Some("3"), 3.0),
        (json!({"retry_after": "x"}), Some("12"), 12.0),
        (json!({"retry_after": 0.5}), Some("3"), 0.5),
        (json!({}), None, 1.0),
        (json!({}), Some("soon"), 1.0),
        (json!({"retry_after": -4.0}), None, 1.0),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("retry-after", *value)).collect();
        app.discord
            .fault(On::Any, 1, respond(429, &headers, body.clone()));
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke("get_messages", params).await;
        assert_failure(&answer, 429, limited(retry_after, json!({"status": 429})));
    }
}

#[tokio::test]
async fn a_very_long_rate_limit_is_not_turned_into_a_short_one() {
    let app = App::start().await;
    for body in [json!({"retry_after": 172_800.5}), json!({})] {
        app.discord
            .fault(On::Any, 1, respond(429, &[("retry-after", "172801")], body));
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke("get_messages", params).await;
        let wait = answer.body["error"]["retry_after"].as_f64().unwrap();
        assert!(wait >= 86_400.0, "{}", answer.text);
    }
}
