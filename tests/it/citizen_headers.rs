//! Headers that cannot be read count as headers that are not there: nothing that Discord, or what
//! stands before it, writes into them stops a bot, and nothing is waited for that was not asked.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::App;
use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::discord::{Fault, Limits, On, Rule};
use crate::support::operations::{LIST, read};

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET_AFTER: &str = "x-ratelimit-reset-after";
const RESET: &str = "x-ratelimit-reset";
const BUCKET: &str = "x-ratelimit-bucket";

fn headers(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = list
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// An empty bucket for a long time, if it could be believed.
fn empty(limit: &str, reset_after: &str) -> Vec<(String, String)> {
    headers(&[(LIMIT, limit), (REMAINING, "0"), (RESET_AFTER, reset_after)])
}

#[tokio::test]
async fn odd_headers_stop_nobody() {
    let mut cases = Vec::new();
    for odd in [
        "-1",
        "NaN",
        "",
        "lots",
        "99999999999999999999",
        "1e9",
        "0x5",
        "5 5",
        "½",
        "0",
    ] {
        cases.push(empty(odd, "60"));
    }
    for odd in [
        "-5",
        "NaN",
        "inf",
        "-inf",
        "1e300",
        "soon",
        "",
        "60s",
        "99999999999",
        "½",
    ] {
        cases.push(empty("5", odd));
    }
    for odd in [
        "-3",
        "NaN",
        "none",
        "",
        "99999999999999999999",
        "4294967296",
    ] {
        cases.push(headers(&[
            (LIMIT, "5"),
            (REMAINING, odd),
            (RESET_AFTER, "60"),
        ]));
    }
    // These can be read, and leave nothing to wait for.
    cases.push(headers(&[
        (LIMIT, "5"),
        (REMAINING, "4294967295"),
        (RESET_AFTER, "60"),
    ]));
    cases.push(headers(&[
        (LIMIT, "1"),
        (REMAINING, "50"),
        (RESET_AFTER, "60"),
    ]));
    cases.push(headers(&[
        (LIMIT, "5"),
        (REMAINING, "0"),
        (RESET_AFTER, "0"),
    ]));
    cases.push(headers(&[
        (RESET, "99999999999"),
        (BUCKET, ""),
        ("x-ratelimit-scope", "galaxy"),
    ]));
    cases.push(headers(&[
        ("retry-after", "60"),
        ("x-ratelimit-global", "perhaps"),
    ]));
    // A few for each server, so that the pace of one bot holds back none of them.
    let servers = cases.chunks(8).map(|cases| async move {
        let app = App::start().await;
        let began = Instant::now();
        for case in cases {
            let fault = Fault::Headers(case.clone());
            app.discord.fault(On::Route(LIST), 1, fault);
            // The first has the headers, the others come after them.
            for _ in 0..3 {
                let answer = app.invoke("get_messages", read().params).await;
                assert_eq!(answer.status, 200, "{case:?}: {}", answer.text);
            }
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}: {cases:?}");
        assert_eq!(read().requests(&app), cases.len() * 3);
    });
    join_all(servers).await;
}

#[tokio::test]
async fn a_header_that_stands_twice_says_nothing() {
    let app = App::start().await;
    for twice in [LIMIT, REMAINING, RESET_AFTER] {
        let mut sent = empty("5", "60");
        let (name, value) = sent.iter().find(|(name, _)| name == twice).unwrap().clone();
        sent.push((name, value));
        let fault = Fault::Respond {
            status: 200,
            headers: sent,
            body: b"[]".to_vec(),
        };
        app.discord.fault(On::Route(LIST), 1, fault);
        for _ in 0..3 {
            let answer = app.invoke("get_messages", read().params).await;
            assert_eq!(answer.status, 200, "{twice}: {}", answer.text);
        }
    }
    // Where each stands once, they are believed.
    let fault = Fault::Headers(empty("5", "60"));
    app.discord.fault(On::Route(LIST), 1, fault);
    app.invoke("get_messages", read().params).await.result();
    let answer = app.invoke("get_messages", read().params).await;
    assert_eq!(answer.code(), "rate_limited");
}

#[tokio::test]
async fn a_429_with_headers_that_cannot_be_read_is_waited_for_as_its_body_says() {
    let date = "Fri, 31 Dec 1999 23:59:59 GMT";
    let cases = ["-1", "NaN", "inf", "soon", "", "1e300", date].map(|odd| async move {
        let app = App::start().await;
        let fault = Fault::Respond {
            status: 429,
            headers: headers(&[("retry-after", odd), (RESET_AFTER, odd), (LIMIT, odd)]),
            body: json!({"message": "Slow down", "retry_after": 0.3, "global": false})
                .to_string()
                .into_bytes(),
        };
        app.discord.fault(On::Route(LIST), 1, fault);
        let began = Instant::now();
        let answer = app.invoke("get_messages", read().params).await;
        assert_eq!(answer.status, 200, "{odd}: {}", answer.text);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(300), "{odd}: {took:?}");
        assert!(took < Duration::from_secs(3), "{odd}: {took:?}");
        assert_eq!(read().requests(&app), 2);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_long_window_of_the_past_does_not_make_later_waits_look_long() {
    let app = App::start().await;
    // Once the window is an hour long, with room in it; from then on it is a fifth of a second.
    let hour = headers(&[(LIMIT, "5"), (REMAINING, "4"), (RESET_AFTER, "3600")]);
    app.discord.fault(On::Route(LIST), 1, Fault::Headers(hour));
    app.invoke("get_messages", read().params).await.result();
    app.discord.enforce(Limits::new(&[Rule {
        routes: &[LIST],
        limit: 5,
        window: Duration::from_millis(200),
    }]));
    app.invoke("get_messages", read().params).await.result();
    let calls = (0..12).map(|_| app.invoke("get_messages", json!({"channel_id": GENERAL})));
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(app.discord.statuses(BOT_TOKEN).get(&429), None);
}
