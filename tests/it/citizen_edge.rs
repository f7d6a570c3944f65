//! When Discord's edge, and not its API, refuses this host, nothing more is sent by anybody for a
//! while, and the operator sees it: an address that goes on asking is blocked for all its bots.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{OTHER_BOT_TOKEN, OTHER_CHANNEL};
use crate::support::discord::{Fault, On};
use crate::support::mcp::error_text;
use crate::support::operations::{read, send};
use crate::support::{Answer, App, Mcp, assert_failure, tokens};

const CLOSED: &str = "Discord's edge refuses this server; no request is sent for a while";

/// The refusal while nothing is sent. Somewhat less than `seconds` are left.
#[track_caller]
fn assert_closed(answer: &Answer, seconds: f64) {
    let wait = answer.body["error"]["retry_after"].as_f64().unwrap();
    assert!((seconds - 5.0..=seconds).contains(&wait), "{}", answer.text);
    let error = json!({"code": "overloaded", "message": CLOSED, "retry_after": wait});
    assert_failure(answer, 503, error);
}

async fn neighbour(app: &App) -> Answer {
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN, "sub": "neighbour"}));
    let params = json!({"channel_id": OTHER_CHANNEL});
    app.invoke_as(&other, "get_messages", params).await
}

fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter();
    Fault::Respond {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_refusal_of_the_edge_closes_the_way_for_everybody() {
    let cases = [
        (Fault::Html(403), 60.0),
        (Fault::Html(429), 60.0),
        (Fault::EdgeLimited(5), 60.0),
        (Fault::EdgeLimited(120), 120.0),
        (Fault::EdgeLimited(9_000), 600.0),
        (Fault::EdgeLimited(10_000_000_000), 600.0),
        (
            raw(429, &[("retry-after", "soon")], "error code: 1015"),
            60.0,
        ),
        (raw(403, &[], ""), 60.0),
    ];
    let cases = cases.map(|(fault, seconds)| async move {
        let app = App::start().await;
        assert_eq!(app.get("/readyz", None).await.status, 200);
        app.discord.fault(On::Any, 1, fault);
        let first = app.invoke("get_messages", read().params).await;
        assert!(first.status >= 429, "{}", first.text);
        assert_eq!(app.discord.requests().len(), 1, "it is not tried again");

        let began = Instant::now();
        assert_closed(&neighbour(&app).await, seconds);
        assert_closed(&app.invoke("send_message", send().params).await, seconds);
        let answer = Mcp::modern(&app).call("get_messages", read().params).await;
        assert!(error_text(&answer).contains(CLOSED), "{}", answer.text);
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(app.discord.requests().len(), 1, "nothing is sent");

        let ready = app.get("/readyz", None).await;
        assert_eq!(ready.status, 503);
        assert!(
            ready.body["failing"]
                .as_array()
                .unwrap()
                .contains(&json!("discord")),
            "{}",
            ready.text
        );
        assert_eq!(app.get("/healthz", None).await.status, 200);
        let outcome = app.audit().pop().unwrap();
        assert_eq!(
            (&outcome["status"], outcome.get("requests")),
            (&json!("overloaded"), None)
        );
    });
    join_all(cases).await;
}

#[tokio::test]
async fn what_the_api_itself_says_closes_nothing_however_odd_its_json() {
    let cases = [
        json!({"message": "Missing Access", "code": 50001}),
        json!({"message": "no code at all"}),
        json!({"message": "a code of another type", "code": "50001"}),
        json!({"code": null, "retry_after": "1.5", "global": "no"}),
        json!({"code": -1, "errors": 7}),
        json!({}),
    ];
    let cases = cases.map(|body| async move {
        let app = App::start().await;
        for status in [403, 429] {
            let mut body = body.clone();
            if status == 429 && body["retry_after"].is_null() {
                body["retry_after"] = json!(0.05);
            }
            let kind = [("content-type", "application/json")];
            app.discord
                .fault(On::Any, 1, raw(status, &kind, &body.to_string()));
            app.invoke("get_messages", read().params).await;
            assert_eq!(neighbour(&app).await.status, 200, "{status} {body}");
            assert_eq!(
                app.get("/readyz", None).await.status,
                200,
                "{status} {body}"
            );
        }
    });
    join_all(cases).await;
}

#[tokio::test]
async fn pages_of_other_kinds_close_nothing() {
    let cases = [200, 400, 404, 500, 502, 503, 520].map(|status| async move {
        let app = App::start().await;
        app.discord.fault(On::Any, 3, Fault::Html(status));
        let answer = app.invoke("get_messages", read().params).await;
        assert_ne!(answer.status, 200);
        app.discord.clear_faults();
        assert_eq!(neighbour(&app).await.status, 200, "{status}");
        assert_eq!(app.get("/readyz", None).await.status, 200, "{status}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn the_call_that_met_the_edge_says_so() {
    let limited = |retry_after: f64| {
        json!({
            "code": "rate_limited",
            "message": "Discord asks for a pause",
            "hint": "Wait `retry_after` seconds before the next call.",
            "retry_after": retry_after,
            "discord": {"status": 429},
        })
    };
    let told: [(Fault, u16, Value); 3] = [
        (
            Fault::Html(403),
            502,
            json!({
                "code": "discord_error",
                "message": "Discord's edge refused the request",
                "hint": "The address of this server may be blocked; wait before trying again.",
                "retry_after": 60.0,
                "discord": {"status": 403},
            }),
        ),
        (Fault::EdgeLimited(90), 429, limited(90.0)),
        // Sooner nothing is sent, whatever the edge says.
        (Fault::EdgeLimited(5), 429, limited(60.0)),
    ];
    for (fault, status, error) in told {
        let app = App::start().await;
        app.discord.fault(On::Any, 1, fault);
        let answer = app.invoke("send_message", send().params).await;
        assert_failure(&answer, status, error);
    }
}
