//! `send_message` and what comes of it: repeats under a key, and the link to the message.

use serde_json::{Value, json};

use crate::support::discord::seed::{DM, GENERAL, THREAD};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const GET_CHANNEL: On = On::Route("GET /channels/{channel_id}");

async fn send_to(app: &App, channel: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "message": "hello from the quay"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("send_message", params).await
}

fn messages_in(app: &App, channel: &str) -> usize {
    app.discord
        .with(|world| world.channel(channel).unwrap().messages.len())
}

#[tokio::test]
async fn a_repeat_under_the_same_key_returns_the_first_message() {
    let app = App::start().await;
    let before = messages_in(&app, GENERAL);
    let first = send_to(&app, GENERAL, json!({"idempotency_key": "report-7"})).await;
    let repeat = send_to(&app, GENERAL, json!({"idempotency_key": "report-7"})).await;
    assert_eq!(repeat.result(), first.result());
    assert_eq!(messages_in(&app, GENERAL), before + 1);

    let other = send_to(&app, GENERAL, json!({"idempotency_key": "report-8"})).await;
    assert_ne!(
        other.result()["message"]["id"],
        first.result()["message"]["id"]
    );
    assert_eq!(messages_in(&app, GENERAL), before + 2);
}

#[tokio::test]
async fn the_link_names_the_server_or_that_there_is_none() {
    let app = App::start().await;
    for (channel, guild) in [
        (GENERAL, "1234567890123456000"),
        (THREAD, "1234567890123456000"),
        (DM, "@me"),
    ] {
        let answer = send_to(&app, channel, json!({})).await;
        let id = answer.result()["message"]["id"].as_str().unwrap();
        assert_eq!(
            answer.result()["jump_url"],
            format!("https://discord.com/channels/{guild}/{channel}/{id}")
        );
    }
}

#[tokio::test]
async fn the_server_of_a_channel_is_looked_up_once() {
    let app = App::start().await;
    for channel in [GENERAL, DM] {
        app.discord.clear_requests();
        for _ in 0..3 {
            let answer = send_to(&app, channel, json!({})).await;
            assert!(answer.result()["jump_url"].is_string());
        }
        let methods: Vec<_> = app
            .discord
            .requests()
            .into_iter()
            .map(|r| r.method)
            .collect();
        assert_eq!(methods, ["POST", "GET", "POST", "POST"], "{channel}");
    }
}

#[tokio::test]
async fn a_failed_look_up_of_the_server_costs_the_link_and_nothing_else() {
    let app = App::start().await;
    let failing = Fault::Error {
        status: 500,
        code: 0,
        message: "500: Internal Server Error",
    };
    app.discord.fault(GET_CHANNEL, 3, failing);
    let answer = send_to(&app, GENERAL, json!({})).await;
    assert!(answer.result()["message"]["id"].is_string());
    assert_eq!(answer.result()["jump_url"], json!(null));
    assert_eq!(app.discord.requests().len(), 4);

    // The next call looks again.
    let answer = send_to(&app, GENERAL, json!({})).await;
    assert!(answer.result()["jump_url"].is_string());
}

#[tokio::test]
async fn a_look_up_that_never_answers_costs_the_link_and_nothing_else() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    app.discord.fault(GET_CHANNEL, usize::MAX, Fault::Hang);
    let before = messages_in(&app, GENERAL);
    let answer = send_to(&app, GENERAL, json!({})).await;
    assert_eq!(messages_in(&app, GENERAL), before + 1);
    assert!(answer.result()["message"]["id"].is_string());
    assert_eq!(answer.result()["jump_url"], json!(null));
}
