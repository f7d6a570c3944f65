//! The outcome of a call says how many requests to Discord it took, those that were tried again
//! included.

use serde_json::{Value, json};

use crate::support::discord::Fault;
use crate::support::discord::seed::{ALICE, GENERAL};
use crate::support::operations::{all, bulk, info, read, send};
use crate::support::{App, Mcp};

/// The `requests` of the last outcome; null where there are none.
fn last(app: &App) -> Value {
    let line = app.audit().pop().unwrap();
    assert_eq!(line["stage"], "outcome");
    line["requests"].clone()
}

#[tokio::test]
async fn a_call_counts_what_it_sent() {
    let app = App::start().await;
    app.invoke("get_channel_info", info().params).await.result();
    assert_eq!(last(&app), 1);
    // The channel is known now, so a message takes no look-up for its link.
    app.invoke("send_message", send().params).await.result();
    assert_eq!(last(&app), 1);
    let deletion = bulk(&app);
    app.invoke(deletion.tool, deletion.params).await.result();
    assert_eq!(last(&app), 2);

    app.discord.with(|world| {
        for at in 0..250 {
            world.post(GENERAL, ALICE, &format!("message {at}"));
        }
    });
    let scan = json!({"channel_id": GENERAL, "query": "nowhere", "mode": "scan", "max_scan": 200});
    app.invoke("search_messages", scan).await.result();
    assert_eq!(last(&app), 2);
}

#[tokio::test]
async fn each_attempt_counts_at_both_doors() {
    let app = App::start().await;
    for door in ["rest", "mcp"] {
        for failures in 0..=2 {
            app.discord.fault(read().on(), failures, Fault::Html(503));
            if door == "rest" {
                app.invoke("get_messages", read().params).await.result();
            } else {
                let answer = Mcp::modern(&app).call("get_messages", read().params).await;
                assert_eq!(answer.result()["isError"], false);
            }
            assert_eq!(last(&app), failures + 1, "{door}");
        }
    }
}

#[tokio::test]
async fn a_call_that_sent_nothing_says_nothing() {
    let app = App::start().await;
    for call in all(&app) {
        app.invoke(call.tool, json!({"channel_id": "x"})).await;
        assert_eq!(last(&app), Value::Null, "{call:?}");
    }
    assert!(app.discord.requests().is_empty());
}
