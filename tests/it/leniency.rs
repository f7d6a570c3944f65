//! What Discord sends and nobody expected costs itself and nothing else: never the message, never
//! the call. Pages are in `leniency_pages.rs`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::seed::{ALICE, BOB, BOT_USER, FORUM, GENERAL, THREAD, VOICE};
use crate::support::discord::{Fault, On};

const GET_CHANNEL: On = On::Route("GET /channels/{channel_id}");
const CREATE: On = On::Route("POST /channels/{channel_id}/messages");

fn rewrite(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::Rewrite(Arc::new(change))
}

/// The one message of a channel, with these fields in place of its own; "(absent)" takes one away.
async fn read_with(app: &App, fields: Value) -> Value {
    app.discord.with(|world| {
        world.off_contract = true;
        world.channel_mut(VOICE).messages.clear();
        let id = world.post(VOICE, ALICE, "hello");
        let message = &mut world.message_mut(VOICE, &id).json;
        for (name, value) in fields.as_object().unwrap() {
            match value {
                Value::String(text) if text == "(absent)" => message.remove(name),
                _ => message.insert(name.clone(), value.clone()),
            };
        }
    });
    let answer = app
        .invoke("get_messages", json!({"channel_id": VOICE}))
        .await;
    let messages = answer.result()["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{fields}");
    messages[0].clone()
}

#[tokio::test]
async fn an_odd_field_of_a_message_costs_itself() {
    let app = App::start().await;
    let odd = [
        json!({"brand_new": {"deep": [1, {"er": null}]}, "another": 1e300}),
        json!({"attachments": null, "embeds": null, "reactions": null, "mentions": null}),
        json!({"attachments": "none", "embeds": 7, "reactions": {"👍": 3}}),
        json!({"attachments": [null, 7, "x", {"no": "id"}], "embeds": [[], {"title": 7}]}),
        json!({"reactions": [null, {"count": 3}, {"emoji": null, "count": 3}]}),
        json!({"edited_timestamp": "yesterday"}),
        json!({"edited_timestamp": 1_700_000_000}),
        json!({"timestamp": "(absent)"}),
        json!({"timestamp": null}),
        json!({"timestamp": "soon"}),
        json!({"type": null}),
        json!({"type": "text"}),
        json!({"type": 1e300}),
        json!({"flags": -1, "pinned": "yes"}),
        json!({"flags": !(1_u64 << 5)}),
        json!({"message_reference": "nothing"}),
        json!({"message_reference": {"message_id": 7}}),
        json!({"thread": "none"}),
        json!({"thread": {"id": "x"}}),
        json!({"components": [{"type": 9999}], "poll": [], "sticker_items": 4}),
    ];
    let plain = read_with(&app, json!({})).await;
    for fields in odd {
        let mut message = read_with(&app, fields.clone()).await;
        message["id"] = plain["id"].clone();
        message["timestamp"] = plain["timestamp"].clone();
        assert_eq!(message, plain, "{fields}");
    }
}

#[tokio::test]
async fn an_odd_part_of_a_list_costs_itself() {
    let app = App::start().await;
    let fields = json!({
        "attachments": [
            {"id": "5", "filename": null, "size": -1, "url": 7},
            {"id": "6", "filename": "b.txt", "size": u64::MAX, "content_type": ["x"]},
        ],
        "reactions": [
            {"emoji": {"name": null, "id": "1234567890123456990"}, "count": 3},
            {"emoji": {"name": "🎉", "id": null}, "count": -3},
        ],
        "embeds": [{"title": 7, "description": "kept", "fields": "odd"}],
    });
    let message = read_with(&app, fields).await;
    assert_eq!(
        message["attachments"],
        json!([{"id": "5"}, {"id": "6", "filename": "b.txt", "size": u64::MAX}])
    );
    assert_eq!(message["embeds"], json!([{"description": "kept"}]));
    assert_eq!(
        message["reactions"],
        json!([
            {"emoji": "1234567890123456990", "count": 3},
            {"emoji": "🎉", "count": 0},
        ])
    );
}

#[tokio::test]
async fn a_message_without_its_main_fields_is_still_a_message() {
    let app = App::start().await;
    let unknown = json!({"username": "unknown"});
    for author in [json!("(absent)"), json!(null), json!([]), json!({"id": 7})] {
        let message = read_with(&app, json!({"author": author})).await;
        assert_eq!(message["author"], unknown, "{author}");
        assert_eq!(message["content"], "hello");
    }
    for content in [json!("(absent)"), json!(null), json!(["hello"])] {
        let message = read_with(&app, json!({"content": content})).await;
        assert_eq!(message["content"], "", "{content}");
        assert_eq!(message["author"]["username"], "alice.m");
    }
    let message = read_with(&app, json!({"type": 4_000_000_000_u64})).await;
    assert_eq!(message["type"], "unknown(4000000000)");
    assert_eq!(message["content"], "hello");
}

#[tokio::test]
async fn a_message_without_a_channel_is_of_the_channel_that_was_asked_for() {
    let app = App::start().await;
    for odd in [json!("(absent)"), json!(7)] {
        let message = read_with(&app, json!({"channel_id": odd})).await;
        assert_eq!(message["channel_id"], VOICE, "{odd}");
    }
}

#[tokio::test]
async fn an_odd_field_of_an_author_costs_itself() {
    let app = App::start().await;
    for (field, value) in [
        ("global_name", json!(7)),
        ("bot", json!(null)),
        ("bot", json!("no")),
        ("discriminator", json!({})),
    ] {
        let mut author = json!({"id": BOB, "username": "bob_solders"});
        author[field] = value;
        let message = read_with(&app, json!({"author": author})).await;
        assert_eq!(
            message["author"],
            json!({"id": BOB, "username": "bob_solders"}),
            "{field}"
        );
    }
}

#[tokio::test]
async fn an_odd_field_of_a_channel_costs_itself() {
    let app = App::start().await;
    let changes = [
        (GENERAL, "position", json!("first")),
        (GENERAL, "topic", json!(7)),
        (GENERAL, "nsfw", json!(null)),
        (GENERAL, "rate_limit_per_user", json!(-5)),
        (GENERAL, "parent_id", json!(0)),
        (GENERAL, "last_message_id", json!({})),
        (GENERAL, "recipients", json!([null, {"username": 7}])),
        (GENERAL, "flags", json!("none")),
        (GENERAL, "brand_new", json!({"deep": [null]})),
        (THREAD, "thread_metadata", json!("open")),
        (THREAD, "thread_metadata", json!({"archived": "no"})),
        (THREAD, "message_count", json!(1e300)),
        (THREAD, "applied_tags", json!([7, null, "5"])),
        (FORUM, "available_tags", json!([null, {"id": "5"}, 7])),
        (FORUM, "available_tags", json!(null)),
    ];
    for (channel, field, value) in changes {
        let changed = value.clone();
        let fault = rewrite(move |channel| channel[field] = changed.clone());
        app.discord.fault(GET_CHANNEL, 1, fault);
        let params = json!({"channel_id": channel});
        let answer = app.invoke("get_channel_info", params).await;
        assert_eq!(answer.status, 200, "{field} {value}: {}", answer.text);
        assert_eq!(answer.result()["id"], channel);
        assert!(answer.result()["name"].is_string(), "{field}");
        assert_eq!(answer.result()["guild_id"], "1234567890123456000");
    }
    for (value, word) in [(json!("text"), "unknown"), (json!(null), "unknown")] {
        let fault = rewrite(move |channel| channel["type"] = value.clone());
        app.discord.fault(GET_CHANNEL, 1, fault);
        let params = json!({"channel_id": GENERAL});
        let answer = app.invoke("get_channel_info", params).await;
        assert_eq!(answer.result()["type"], word);
    }
}

#[tokio::test]
async fn an_odd_answer_to_a_send_is_still_the_message() {
    let app = App::start().await;
    let fault = rewrite(|message| {
        message["author"] = json!(null);
        message["embeds"] = json!(null);
        message["type"] = json!("reply");
    });
    app.discord.fault(CREATE, 1, fault);
    let params = json!({"channel_id": VOICE, "message": "hello"});
    let answer = app.invoke("send_message", params).await;
    assert_eq!(answer.result()["message"]["content"], "hello");
    assert_eq!(
        answer.result()["message"]["author"],
        json!({"username": "unknown"})
    );
    let there = app.discord.with(|world| {
        let messages = &world.channel(VOICE).unwrap().messages;
        messages
            .values()
            .next_back()
            .unwrap()
            .author_id()
            .to_owned()
    });
    assert_eq!(there, BOT_USER);
}
