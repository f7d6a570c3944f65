//! A page with one element that cannot be read: it costs that element, and no wrong word about what
//! is left.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::discord::{Fault, On};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");
const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");

fn rewrite(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::Rewrite(Arc::new(change))
}

fn fill(app: &App, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        (0..count)
            .map(|_| world.post(VOICE, ALICE, "tide"))
            .collect()
    })
}

#[tokio::test]
async fn one_element_that_is_no_message_costs_itself() {
    let app = App::start().await;
    let ids = fill(&app, 3);
    for odd in [
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!({"id": null}),
        json!({"id": "0", "content": "no id is zero"}),
    ] {
        let inserted = odd.clone();
        let fault = rewrite(move |page| {
            page.as_array_mut().unwrap().insert(1, inserted.clone());
        });
        app.discord.fault(LIST, 1, fault);
        let answer = app
            .invoke("get_messages", json!({"channel_id": VOICE}))
            .await;
        let messages = answer.result()["messages"].as_array().unwrap();
        let found: Vec<_> = messages.iter().map(|message| &message["id"]).collect();
        assert_eq!(found, [&ids[2], &ids[1], &ids[0]], "{odd}");
    }
}

#[tokio::test]
async fn what_a_json_parser_refuses_costs_one_field() {
    let app = App::start().await;
    for odd in [
        r#"{"id":"1","type":1e999}"#,
        r#"{"id":"1","content":"\ud800"}"#,
    ] {
        let body = format!(
            r#"[{{"id":"3","channel_id":"5","content":"kept"}},{odd},{{"id":"2","content":"too"}}]"#
        );
        let fault = Fault::Respond {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.into_bytes(),
        };
        app.discord.fault(LIST, 1, fault);
        let answer = app
            .invoke("get_messages", json!({"channel_id": VOICE}))
            .await;
        let messages = answer.result()["messages"].as_array().unwrap();
        let contents: Vec<_> = messages.iter().map(|m| &m["content"]).collect();
        let expected = [&json!("kept"), &json!(""), &json!("too")];
        assert_eq!(contents, expected, "{odd}");
    }
}

#[tokio::test]
async fn what_is_not_utf_8_costs_a_character() {
    let not_utf_8 = |byte| if byte == b'?' { 0xFF } else { byte };
    let app = App::start().await;
    let message = format!(r#"{{"id":"3","channel_id":"{VOICE}","content":"tide?"}}"#);
    let list = (LIST, json!({"channel_id": VOICE}), format!("[{message}]"));
    let search = (
        SEARCH,
        json!({"channel_id": VOICE, "query": "tide", "mode": "index"}),
        format!(r#"{{"messages":[[{message}]],"odd":"?"}}"#),
    );
    for (tool, (on, params, body)) in [("get_messages", list), ("search_messages", search)] {
        let fault = Fault::Respond {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.bytes().map(not_utf_8).collect(),
        };
        app.discord.fault(on, 1, fault);
        let answer = app.invoke(tool, params).await;
        let messages = answer.result()["messages"].as_array().unwrap();
        let contents: Vec<_> = messages.iter().map(|m| &m["content"]).collect();
        assert_eq!(contents, [&json!("tide\u{fffd}")], "{tool}");
    }
}

/// Takes the id of the third message away, so that it cannot be read.
fn unreadable_third() -> Fault {
    rewrite(|page| page[2]["id"] = json!(null))
}

#[tokio::test]
async fn an_unreadable_message_is_not_the_end_of_a_page() {
    let app = App::start().await;
    let ids = fill(&app, 12);
    app.discord.fault(LIST, 1, unreadable_third());
    let params = json!({"channel_id": VOICE, "limit": 5});
    let answer = app.invoke("get_messages", params).await;
    assert_eq!(answer.result()["has_more"], true);
    assert!(answer.result()["next_before"].is_string());
    assert_eq!(answer.result()["messages"][0]["id"], *ids[11]);
}

#[tokio::test]
async fn an_unreadable_message_is_not_the_end_of_a_scan() {
    let app = App::start().await;
    fill(&app, 150);
    app.discord.fault(LIST, 1, unreadable_third());
    let params = json!({"channel_id": VOICE, "query": "tide", "mode": "scan", "limit": 100});
    let mut params_on = params.clone();
    let first = app.invoke("search_messages", params).await;
    assert_eq!(
        first.result()["complete"],
        false,
        "50 older ones are unseen"
    );
    params_on["before"] = first.result()["next_before"].clone();
    let rest = app.invoke("search_messages", params_on).await;
    let count =
        |answer: &crate::support::Answer| answer.result()["messages"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&rest), 149);
}

#[tokio::test]
async fn an_unreadable_message_makes_no_other_message_count_as_gone() {
    let app = App::start().await;
    let ids = fill(&app, 150);
    app.discord.fault(LIST, 1, unreadable_third());
    let targets = [&ids[0], &ids[149]];
    let params = json!({"channel_id": VOICE, "message_ids": targets});
    let answer = app.invoke("moderate_content", params).await;
    assert_eq!(*answer.result(), json!({"deleted": targets}));
    let left = app
        .discord
        .with(|world| world.channel(VOICE).unwrap().messages.len());
    assert_eq!(left, 148);
}

#[tokio::test]
async fn a_target_that_cannot_be_read_does_not_count_as_gone() {
    let app = App::start().await;
    let ids = fill(&app, 5);
    app.discord.fault(LIST, 1, unreadable_third());
    let targets = [&ids[1], &ids[2], &ids[3]];
    let params = json!({"channel_id": VOICE, "message_ids": targets});
    let answer = app.invoke("moderate_content", params).await;
    assert_eq!(*answer.result(), json!({"deleted": targets}));
}

#[tokio::test]
async fn an_odd_hit_of_a_search_costs_itself() {
    let app = App::start().await;
    let ids = fill(&app, 3);
    let fault = rewrite(|body| {
        let hits = body["messages"].as_array_mut().unwrap();
        for odd in [json!(null), json!([]), json!([null, 7]), json!({"id": "1"})] {
            hits.insert(1, odd);
        }
        body["threads"] = json!("none");
        body["doing_deep_historical_index"] = json!(null);
    });
    app.discord.fault(SEARCH, 1, fault);
    let params = json!({"channel_id": VOICE, "query": "tide", "mode": "index"});
    let answer = app.invoke("search_messages", params).await;
    let messages = answer.result()["messages"].as_array().unwrap();
    let found: Vec<_> = messages.iter().map(|message| &message["id"]).collect();
    assert_eq!(found, [&ids[2], &ids[1], &ids[0]]);
}

#[tokio::test]
async fn an_odd_count_of_a_search_costs_the_count() {
    let app = App::start().await;
    fill(&app, 3);
    for odd in [json!("three"), json!(null), json!(-1), json!(3.5)] {
        let count = odd.clone();
        let fault = rewrite(move |body| body["total_results"] = count.clone());
        app.discord.fault(SEARCH, 1, fault);
        let params = json!({"channel_id": VOICE, "query": "tide", "mode": "index"});
        let answer = app.invoke("search_messages", params).await;
        assert_eq!(answer.status, 200, "{odd}: {}", answer.text);
        assert_eq!(answer.result()["messages"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_whole_answer_of_another_form_is_an_error_and_not_an_empty_page() {
    let app = App::start().await;
    for odd in [
        json!(null),
        json!({}),
        json!("text"),
        json!({"messages": []}),
    ] {
        let whole = odd.clone();
        app.discord
            .fault(LIST, 1, rewrite(move |page| *page = whole.clone()));
        let answer = app
            .invoke("get_messages", json!({"channel_id": VOICE}))
            .await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (
                502,
                &json!({
                    "code": "discord_error",
                    "message": "Discord's answer could not be read",
                    "hint": "Try again in a moment.",
                    "discord": {"status": 200},
                })
            ),
            "{odd}"
        );
    }
}
