//! A search that Discord's limits have no more room for answers with what it has, and with where to
//! go on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::discord::{Limits, Rule};
use crate::support::operations::{LIST, SEARCH};
use crate::support::{Answer, App};

/// A server whose Discord takes two requests on this route a minute, and a channel with that many
/// messages, each a result.
async fn app(route: &'static [&'static str], messages: usize) -> App {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        for number in 0..messages {
            world.post(VOICE, ALICE, &format!("tide {number}"));
        }
    });
    let window = Duration::from_secs(60);
    app.discord.enforce(Limits::new(&[Rule {
        routes: route,
        limit: 2,
        window,
    }]));
    app
}

async fn search(app: &App, mode: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": VOICE, "query": "tide", "mode": mode, "limit": 100});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

fn contents(answer: &Answer) -> Vec<String> {
    let messages = answer.result()["messages"].as_array().unwrap();
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    messages.iter().map(text).collect()
}

#[tokio::test]
async fn a_scan_keeps_what_it_read_when_there_is_no_room_for_more() {
    let app = app(&[LIST], 250).await;
    let words = json!({"query": "tide 4", "max_scan": 5000});
    let short = search(&app, "scan", words.clone()).await;
    // 249 down to 50 were read.
    assert_eq!(short.result()["scanned"], 200);
    assert_eq!(short.result()["complete"], false);
    assert_eq!(contents(&short), Vec::<String>::new());
    let before = short.result()["next_before"].as_str().unwrap().to_owned();

    app.discord.enforce(Limits::new(&[]));
    let again = search(&app, "scan", json!({"query": "tide 4", "before": before})).await;
    // What was learned of the limit holds on.
    assert_eq!((again.status, again.code()), (429, "rate_limited"));
    let statuses = app
        .discord
        .statuses(crate::support::discord::seed::BOT_TOKEN);
    assert_eq!(statuses.get(&429), None);
}

#[tokio::test]
async fn a_search_of_the_index_keeps_its_pages_when_there_is_no_room_for_more() {
    let app = app(&[SEARCH], 70).await;
    let short = search(&app, "index", json!({})).await;
    let expected: Vec<_> = (20..70)
        .rev()
        .map(|number| format!("tide {number}"))
        .collect();
    assert_eq!(contents(&short), expected);
    assert_eq!(short.result()["complete"], false);
    assert_eq!(short.result()["total_results"], 70);
    let last = &short.result()["messages"][49]["id"];
    assert_eq!(&short.result()["next_before"], last);

    let none = search(&app, "index", json!({})).await;
    assert_eq!((none.status, none.code()), (429, "rate_limited"));
}
