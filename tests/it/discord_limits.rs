//! What a caller reads of Discord's rate limits: how long to wait, and never less than Discord said.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
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

fn hi() -> Value {
    json!({"channel_id": GENERAL, "message": "hi"})
}

#[tokio::test]
async fn a_rate_limit_of_any_scope_that_fits_is_waited_for() {
    let runs = ["user", "shared", "global"].map(|scope| async move {
        let app = App::start().await;
        let retry_after = 0.3;
        let fault = Fault::RateLimited { retry_after, scope };
        app.discord.fault(On::Any, 1, fault);
        let begun = Instant::now();
        let answer = app.invoke("send_message", hi()).await;
        assert!(begun.elapsed() >= Duration::from_millis(300), "{scope}");
        assert_eq!(answer.result()["message"]["content"], "hi");
        let requests = app.discord.requests();
        let methods: Vec<_> = requests.iter().map(|seen| &*seen.method).collect();
        assert_eq!(methods, ["POST", "POST", "GET"], "{scope}");
        assert_eq!(requests[0].body, requests[1].body);
        assert_eq!(app.audit().pop().unwrap()["requests"], 3);
    });
    join_all(runs).await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_twice_and_then_passed_on() {
    let app = App::start().await;
    let fault = Fault::RateLimited {
        retry_after: 0.2,
        scope: "user",
    };
    app.discord.fault(On::Any, usize::MAX, fault);
    let answer = app.invoke("send_message", hi()).await;
    assert_failure(&answer, 429, limited(0.2, json!({"status": 429})));
    assert_eq!(app.discord.requests().len(), 3);
}

#[tokio::test]
async fn a_rate_limit_of_any_scope_that_does_not_fit_is_passed_on_at_once() {
    let app = App::start().await;
    let begun = Instant::now();
    for scope in ["user", "shared", "global"] {
        for (retry_after, header) in [(40.0, "40"), (40.001, "41"), (64.57, "65")] {
            app.discord.clear_requests();
            let fault = Fault::RateLimited { retry_after, scope };
            app.discord.fault(On::Any, 1, fault);
            let token = app.fresh_token();
            let answer = app.invoke_as(&token, "send_message", hi()).await;
            assert_failure(&answer, 429, limited(retry_after, json!({"status": 429})));
            assert_eq!(answer.header("retry-after"), Some(header));

            // From now on the server knows it without asking.
            let answer = app.invoke_as(&token, "send_message", hi()).await;
            assert_eq!((answer.status, answer.code()), (429, "rate_limited"));
            let message = "Discord's limits have no room for this call in time; nothing was sent";
            assert_eq!(answer.message(), message);
            let wait = answer.body["error"]["retry_after"].as_f64().unwrap();
            let least = retry_after - begun.elapsed().as_secs_f64();
            // Discord's clock is not ours, so a little is added.
            assert!((least..=retry_after + 0.05).contains(&wait), "{wait}");
            assert_eq!(app.discord.requests().len(), 1);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_rate_limit_is_read_from_the_header_where_the_body_does_not_say() {
    // None of these waits fits.
    let app = App::with(&[("CALL_DEADLINE", "900ms")]).await;
    for (body, header, retry_after) in [
        (json!({}), Some("3"), 3.0),
        (json!({"retry_after": "x"}), Some("12"), 12.0),
        (
            json!({"retry_after": null, "global": "no"}),
            Some("12"),
            12.0,
        ),
        (json!({"retry_after": 0.9}), Some("3"), 0.9),
        (json!({}), None, 1.0),
        (json!({}), Some("soon"), 1.0),
        (json!({"retry_after": -4.0}), None, 1.0),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("retry-after", *value)).collect();
        app.discord
            .fault(On::Any, 1, respond(429, &headers, body.clone()));
        let params = json!({"channel_id": GENERAL});
        let token = app.fresh_token();
        let answer = app.invoke_as(&token, "get_messages", params).await;
        assert_failure(&answer, 429, limited(retry_after, json!({"status": 429})));
    }
}

#[tokio::test]
async fn a_very_long_rate_limit_is_not_turned_into_a_short_one() {
    let app = App::start().await;
    for (body, retry_after) in [
        (json!({"retry_after": 172_800.5}), 172_800.5),
        (json!({}), 172_801.0),
    ] {
        let token = app.fresh_token();
        app.discord
            .fault(On::Any, 1, respond(429, &[("retry-after", "172801")], body));
        let get = || app.invoke_as(&token, "get_messages", json!({"channel_id": GENERAL}));
        let answer = get().await;
        assert_failure(&answer, 429, limited(retry_after, json!({"status": 429})));
        let wait = get().await.body["error"]["retry_after"].as_f64().unwrap();
        assert!((172_700.0..172_802.0).contains(&wait), "{wait}");
    }
}
