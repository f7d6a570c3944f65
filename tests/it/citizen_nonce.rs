//! Every message goes out under a nonce that Discord is asked to enforce, so that trying again
//! cannot send it twice; and what a caller sends twice on purpose is sent twice.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::discord::Fault;
use crate::support::discord::seed::GENERAL;
use crate::support::operations::{CREATE, TEXT, send, sent};
use crate::support::{App, Mcp};

/// The bodies of the messages that arrived, each with a nonce that Discord takes and enforces.
#[track_caller]
fn bodies(app: &App) -> Vec<Value> {
    let seen = app.discord.requests();
    let sends = seen.iter().filter(|seen| seen.is_on(CREATE));
    let bodies: Vec<Value> = sends.map(|seen| seen.json()).collect();
    for body in &bodies {
        let nonce = body["nonce"].as_str().unwrap();
        assert!((1..=25).contains(&nonce.chars().count()), "{body}");
        assert_eq!(body["enforce_nonce"], true, "{body}");
    }
    bodies
}

fn nonces(bodies: &[Value]) -> HashSet<&str> {
    let nonces = bodies.iter().map(|body| body["nonce"].as_str().unwrap());
    nonces.collect()
}

#[tokio::test]
async fn each_message_has_a_nonce_of_its_own_and_each_of_its_attempts_the_same() {
    let app = App::start().await;
    let call = send();
    for _ in 0..3 {
        app.invoke(call.tool, call.params.clone()).await.result();
    }
    let answer = Mcp::modern(&app).call(call.tool, call.params.clone()).await;
    answer.result();
    assert_eq!(nonces(&bodies(&app)).len(), 4);
    assert_eq!(
        sent(&app),
        4,
        "the same text four times, as it was asked for"
    );

    app.discord.clear_requests();
    app.discord.fault(call.on(), 2, Fault::CutAfter);
    app.invoke(call.tool, call.params.clone()).await.result();
    let bodies = bodies(&app);
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(sent(&app), 5);
}

#[tokio::test]
async fn the_callers_key_is_the_nonce_and_outlives_the_call() {
    let app = App::start().await;
    let params = json!({"channel_id": GENERAL, "message": TEXT, "idempotency_key": "order-17"});
    // Three answers are lost: the call fails, and its message is there.
    app.discord.fault(send().on(), 3, Fault::CutAfter);
    let lost = app.invoke("send_message", params.clone()).await;
    assert_eq!((lost.status, sent(&app)), (502, 1));
    let again = app.invoke("send_message", params).await;
    assert_eq!(again.result()["message"]["content"], TEXT);
    assert_eq!(sent(&app), 1);
    let bodies = bodies(&app);
    assert_eq!(bodies.len(), 4);
    assert_eq!(nonces(&bodies), HashSet::from(["order-17"]));
}

#[tokio::test]
async fn the_parts_of_a_text_have_different_nonces_with_and_without_a_key() {
    let app = App::start().await;
    let text = format!("{}\n\n{}", "a".repeat(1900), "b".repeat(1900));
    let plain = json!({"channel_id": GENERAL, "message": text, "split": true});
    let mut keyed = plain.clone();
    keyed["idempotency_key"] = "a key of 25 characters ok".into();
    for params in [plain.clone(), plain, keyed.clone()] {
        app.invoke("send_message", params).await.result();
    }
    assert_eq!(nonces(&bodies(&app)).len(), 6);
    // Repeated under its key the text does not appear again.
    let messages = |app: &App| app.discord.with(|world| world.messages(GENERAL).len());
    let before = messages(&app);
    app.invoke("send_message", keyed).await.result();
    assert_eq!(messages(&app), before);
    assert_eq!(nonces(&bodies(&app)).len(), 6);
}
