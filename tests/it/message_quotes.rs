//! What a message answers in a few words, and what a thread was started from.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::World;
use crate::support::discord::forms::text;
use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, GENERAL, GUILD, THREAD, THREAD_STARTER_MESSAGE, VOICE,
};

const STARTER: &str = "1567255041566441473";

/// The newest message of VOICE.
async fn newest(app: &App) -> Value {
    let params = json!({"channel_id": VOICE, "limit": 1});
    let answer = app.invoke("get_messages", params).await;
    answer.result()["messages"][0].clone()
}

/// Answers a message of VOICE.
fn answer(world: &mut World, message: &str, kind: u64) {
    let reference =
        json!({"type": 0, "guild_id": GUILD, "channel_id": VOICE, "message_id": message});
    let fields = json!({"type": kind, "message_reference": reference});
    world.write(VOICE, ALICE, "Indeed.", fields);
}

/// The quote above an answer to the message that this makes in VOICE.
async fn quote(app: &App, make: impl FnOnce(&mut World) -> String) -> Value {
    app.discord.with(|world| {
        let id = make(world);
        answer(world, &id, 19);
    });
    newest(app).await["quote"].clone()
}

#[tokio::test]
async fn a_reply_quotes_at_most_a_hundred_characters_on_one_line() {
    let app = App::start().await;
    let whole = "é".repeat(100);
    let table = [
        ("Short.".to_owned(), "Short.".to_owned()),
        ("Two\n\n\tlines".to_owned(), "Two lines".to_owned()),
        (whole.clone(), whole),
        ("é".repeat(101), format!("{}…", "é".repeat(99))),
        ("hid\u{200b}den\u{202e}".to_owned(), "hidden".to_owned()),
    ];
    for (said, expected) in table {
        let quote = quote(&app, |world| world.post(VOICE, BOB, &said)).await;
        assert_eq!(quote, json!({"author": "Bob", "text": expected}));
    }
}

#[tokio::test]
async fn a_reply_to_what_has_no_text_quotes_what_it_has() {
    let app = App::start().await;
    type Make = fn(&mut World) -> String;
    let table: [(Make, Value); 5] = [
        (
            |world| world.forward(VOICE, BOB, GENERAL, ATTACHMENT_MESSAGE),
            json!("Wiring of buoy 3, as built."),
        ),
        (
            |world| world.ask(VOICE, BOB, "Which night?", &[("Tuesday", 1)]),
            json!("Which night?"),
        ),
        (
            |world| world.stick(VOICE, BOB, &[("5", "Wave")]),
            json!("Wave"),
        ),
        (
            |world| world.compose(VOICE, BOB, "", vec![text("# Tides")]),
            json!("# Tides"),
        ),
        (|world| world.post(VOICE, BOB, ""), json!(null)),
    ];
    for (make, expected) in table {
        let quote = quote(&app, make).await;
        assert_eq!(quote["author"], "Bob");
        assert_eq!(quote["text"], expected);
    }
    let file = app.discord.with(|world| {
        let file = world.message(GENERAL, ATTACHMENT_MESSAGE).unwrap();
        file.json["attachments"].clone()
    });
    let quote = quote(&app, |world| {
        world.write(VOICE, BOB, "", json!({"attachments": file}))
    })
    .await;
    assert_eq!(quote["text"], "buoy-3-wiring.png");
}

#[tokio::test]
async fn only_what_answers_a_message_quotes_it() {
    let app = App::start().await;
    for (kind, quoted) in [(19, true), (23, true), (0, false), (6, false)] {
        app.discord.with(|world| {
            let id = world.post(VOICE, BOB, "The tide turns.");
            answer(world, &id, kind);
        });
        let message = newest(&app).await;
        assert_eq!(message["quote"].is_object(), quoted, "{kind}");
        assert_eq!(message["reply_to"].is_string(), kind == 19, "{kind}");
    }
}

#[tokio::test]
async fn an_odd_answered_message_costs_the_quote_and_no_more() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let reference = json!({"channel_id": VOICE, "message_id": "5", "guild_id": 7});
    for odd in [json!(null), json!(7), json!([]), json!("none")] {
        let fields = json!({
            "type": 0, "message_reference": reference, "referenced_message": odd,
        });
        app.discord.with(|world| {
            let id = world.write(VOICE, ALICE, "Indeed.", fields);
            // Set afterwards: the stand-in looks up what a reply refers to.
            world.message_mut(VOICE, &id).set(json!({"type": 19_u64}));
        });
        let message = newest(&app).await;
        assert_eq!(message["reply_to"], "5", "{odd}");
        assert_eq!(message["quote"], json!(null), "{odd}");
    }
}

#[tokio::test]
async fn a_thread_begins_with_the_message_it_was_started_from() {
    let app = App::start().await;
    app.discord.with(|world| {
        let fields = json!({"sticker_items": [{"id": "5", "name": "Wave", "format_type": 1}]});
        world
            .message_mut(GENERAL, THREAD_STARTER_MESSAGE)
            .set(fields);
    });
    let params = json!({"channel_id": THREAD, "around": STARTER, "limit": 1});
    let answer = app.invoke("get_messages", params.clone()).await;
    let message = &answer.result()["messages"][0];
    let expected = json!({
        "from": {"guild_id": GUILD, "channel_id": GENERAL, "message_id": THREAD_STARTER_MESSAGE},
        "author": {"id": ALICE, "username": "alice.m", "display_name": "Alice"},
        "content": "Let us collect ideas for the enclosure in a thread.",
        "timestamp": "2026-11-03T19:10:54Z",
        "stickers": [{"id": "5", "name": "Wave"}],
    });
    assert_eq!(message["starter"], expected);
    app.discord.with(|world| {
        let id = THREAD_STARTER_MESSAGE.parse().unwrap();
        world.channel_mut(GENERAL).messages.remove(&id);
    });
    let answer = app.invoke("get_messages", params).await;
    let message = &answer.result()["messages"][0];
    let expected = json!({"from": expected["from"]});
    assert_eq!(message["starter"], expected, "it is gone, and was there");
}

#[tokio::test]
async fn a_notice_of_a_new_thread_leads_to_it() {
    let app = App::start().await;
    app.discord.with(|world| {
        let reference = json!({"type": 0, "guild_id": GUILD, "channel_id": THREAD});
        let fields = json!({"message_reference": reference});
        world.notice(VOICE, BOB, 18, "Enclosure ideas", fields);
    });
    let message = newest(&app).await;
    assert_eq!(message["thread_id"], THREAD);
    assert_eq!(
        message["system"],
        "Bob started the thread “Enclosure ideas”."
    );
}
