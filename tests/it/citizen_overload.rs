//! One bot has 64 calls in flight and no more; the next waits a second at most. Its storm takes
//! nothing from the others.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::Fault;
use crate::support::discord::seed::{GENERAL, OTHER_BOT_TOKEN, OTHER_CHANNEL};
use crate::support::operations::LIST;
use crate::support::{Answer, App, assert_failure, tokens, until};

/// Calls of one bot at once.
const PLACES: usize = 64;

fn overloaded() -> Value {
    json!({
        "code": "overloaded",
        "message": "This bot has as many calls in flight as one may have; nothing was done",
        "retry_after": 1.0,
    })
}

async fn list(app: &App) -> Answer {
    app.invoke("get_messages", json!({"channel_id": GENERAL}))
        .await
}

async fn neighbour(app: &App) -> Answer {
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN, "sub": "neighbour"}));
    let params = json!({"channel_id": OTHER_CHANNEL});
    app.invoke_as(&other, "get_messages", params).await
}

/// A server whose first bot gets no answers, so that its calls stay in flight.
async fn silent() -> App {
    let app = App::with(&[("CALL_DEADLINE", "2200ms")]).await;
    app.discord.weather(|seen| {
        let silent = seen.is_on(LIST) && seen.path.contains(GENERAL);
        silent.then_some(Fault::Hang)
    });
    app
}

#[tokio::test]
async fn a_bots_storm_is_bounded_and_its_neighbour_does_not_feel_it() {
    let app = silent().await;
    let storm = join_all((0..PLACES).map(|_| list(&app)));
    let rest = async {
        until("the storm has come", || !app.discord.requests().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        // One more waits a second for a place, in vain.
        let began = Instant::now();
        let (refused, neighbours) = tokio::join!(list(&app), async {
            let mut slowest = Duration::ZERO;
            for _ in 0..10 {
                let began = Instant::now();
                assert_eq!(neighbour(&app).await.status, 200);
                slowest = slowest.max(began.elapsed());
            }
            slowest
        });
        assert_failure(&refused, 503, overloaded());
        assert_eq!(refused.header("retry-after"), Some("1"));
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(1), "{took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(neighbours < Duration::from_secs(1), "{neighbours:?}");
    };
    let (answers, ()) = tokio::join!(storm, rest);
    for answer in answers {
        assert_ne!(answer.status, 200);
    }
    // The places are free again.
    app.discord.clear_faults();
    assert_eq!(list(&app).await.status, 200);
    let outcomes = app.audit();
    let shed = outcomes
        .iter()
        .filter(|line| line["status"] == "overloaded");
    assert_eq!(shed.count(), 1);
}

#[tokio::test]
async fn a_place_that_comes_free_in_time_is_taken() {
    let app = App::start().await;
    list(&app).await.result();
    app.discord.weather(|seen| {
        let slow = seen.is_on(LIST);
        slow.then_some(Fault::Delay(Duration::from_millis(300)))
    });
    let calls = (0..PLACES + 10).map(|_| list(&app));
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}
