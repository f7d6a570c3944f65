//! A pause that Discord asks for is waited for where it fits into the call, and told at once, with
//! its length, where it does not. What Discord has told once it is not asked again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{ANNOUNCEMENTS, OTHER_BOT_TOKEN, OTHER_CHANNEL};
use crate::support::discord::{Fault, On};
use crate::support::operations::{read, send, sent};
use crate::support::{Answer, App, assert_failure, tokens};

const WAIT: &str = "Wait `retry_after` seconds before the next call.";

fn limited(retry_after: f64, scope: &'static str) -> Fault {
    Fault::RateLimited { retry_after, scope }
}

/// What Discord said.
fn told(retry_after: f64) -> Value {
    json!({
        "code": "rate_limited",
        "message": "Discord asks for a pause",
        "hint": WAIT,
        "retry_after": retry_after,
        "discord": {"status": 429},
    })
}

/// What is known without asking. The wait is somewhat shorter than `most`, since time has passed.
#[track_caller]
fn assert_known(answer: &Answer, most: f64) {
    let wait = answer.body["error"]["retry_after"].as_f64().unwrap();
    assert!((most - 2.0..=most + 0.1).contains(&wait), "{}", answer.text);
    let message = "Discord's limits have no room for this call in time; nothing was sent";
    let error = json!({
        "code": "rate_limited",
        "message": message,
        "hint": WAIT,
        "retry_after": wait,
    });
    assert_failure(answer, 429, error);
    let header = format!("{:.0}", wait.ceil());
    assert_eq!(answer.header("retry-after"), Some(&*header));
}

#[tokio::test]
async fn a_pause_that_fits_is_waited_for() {
    let cases = ["user", "shared", "global"].map(|scope| async move {
        let app = App::start().await;
        for call in [read(), send()] {
            app.discord.fault(call.on(), 1, limited(0.4, scope));
            let began = Instant::now();
            let answer = app.invoke(call.tool, call.params.clone()).await;
            let took = began.elapsed();
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(call.requests(&app), 2);
            assert!(took >= Duration::from_millis(400), "{took:?}");
            assert!(took < Duration::from_millis(1400), "{took:?}");
        }
        assert_eq!(sent(&app), 1);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_pause_that_does_not_fit_is_told_at_once_and_not_asked_about_again() {
    let cases = ["user", "shared", "global"].map(|scope| async move {
        let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
        app.discord.fault(read().on(), 1, limited(64.57, scope));
        let began = Instant::now();
        let answer = app.invoke("get_messages", read().params).await;
        assert_failure(&answer, 429, told(64.57));
        assert_eq!(answer.header("retry-after"), Some("65"));
        let answer = app.invoke("get_messages", read().params).await;
        assert_known(&answer, 64.57);
        assert!(began.elapsed() < Duration::from_millis(900), "it waited");
        assert_eq!(app.discord.requests().len(), 1, "{scope}");
        let lines = app.audit();
        assert_eq!(
            (&lines[0]["requests"], &lines[0]["status"]),
            (&json!(1), &json!("rate_limited"))
        );
        assert_eq!(
            (lines[1].get("requests"), &lines[1]["status"]),
            (None, &json!("rate_limited"))
        );

        // A limit of the route stops that route in that channel; a global one stops the bot.
        let elsewhere = json!({"channel_id": ANNOUNCEMENTS});
        let others = [
            app.invoke("get_messages", elsewhere).await,
            app.invoke("get_channel_info", read().params).await,
            app.invoke("send_message", send().params).await,
        ];
        for answer in others {
            match scope {
                "global" => assert_known(&answer, 64.57),
                _ => assert_eq!(answer.status, 200, "{scope}: {}", answer.text),
            }
        }
        // And no other bot.
        let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
        let params = json!({"channel_id": OTHER_CHANNEL});
        let answer = app.invoke_as(&other, "get_messages", params).await;
        assert_eq!(answer.status, 200, "{scope}: {}", answer.text);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_global_pause_holds_back_the_other_calls_of_the_bot() {
    let app = App::start().await;
    // Both routes are known, so that nothing waits but for the pause.
    app.invoke("get_channel_info", read().params).await.result();
    app.discord.fault(read().on(), 1, limited(0.6, "global"));
    let began = Instant::now();
    let first = app.invoke("get_messages", read().params);
    let second = async {
        while read().requests(&app) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The answer is on its way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = app.invoke("get_channel_info", read().params).await;
        (answer, began.elapsed())
    };
    let (first, (second, took)) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (200, 200));
    assert!(took >= Duration::from_millis(600), "{took:?}");
}

#[tokio::test]
async fn waits_end_with_the_deadline() {
    let app = App::with(&[("CALL_DEADLINE", "700ms")]).await;
    app.discord
        .fault(On::Any, usize::MAX, limited(0.45, "user"));
    let began = Instant::now();
    let answer = app.invoke("get_messages", read().params).await;
    let took = began.elapsed();
    // The second pause would not have ended in time.
    assert_failure(&answer, 429, told(0.45));
    assert_eq!(app.discord.requests().len(), 2);
    assert!(took >= Duration::from_millis(450), "{took:?}");
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[tokio::test]
async fn nothing_is_sent_for_a_send_that_has_no_room() {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    app.discord.fault(send().on(), 1, limited(30.0, "user"));
    let answer = app.invoke("send_message", send().params).await;
    assert_failure(&answer, 429, told(30.0));
    let answer = app.invoke("send_message", send().params).await;
    assert_known(&answer, 30.0);
    assert_eq!((send().requests(&app), sent(&app)), (1, 0));
}
