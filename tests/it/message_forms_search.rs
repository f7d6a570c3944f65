//! Messages that are more than a text are found by what they say, and are not blank.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::World;
use crate::support::discord::forms::{button, row, text};
use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, EMBED_MESSAGE, GENERAL, LINK_MESSAGE, THREAD, VOICE,
};

/// The ids that a scan of the channel finds.
async fn scan(app: &App, channel: &str, query: &str, more: Value) -> Vec<String> {
    let mut params = json!({"channel_id": channel, "query": query, "mode": "scan"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    let answer = app.invoke("search_messages", params).await;
    let messages = answer.result()["messages"].as_array().unwrap();
    let ids = messages.iter().map(|message| message["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_scan_reads_forwards_polls_components_and_starters() {
    let app = App::start().await;
    let [forward, poll, components, buttons] = app.discord.with(|world| {
        [
            world.forward(VOICE, BOB, GENERAL, ATTACHMENT_MESSAGE),
            world.ask(VOICE, BOB, "Which Night?", &[("Tuesday", 3), ("Never", 0)]),
            world.compose(VOICE, BOB, "", vec![text("High Tide at four")]),
            world.compose(VOICE, BOB, "Well?", vec![row(json!([button("Postpone")]))]),
        ]
    });
    let table = [
        ("WIRING of buoy", &forward),
        ("which night", &poll),
        ("tuesday", &poll),
        ("high tide", &components),
        ("postpone", &buttons),
        ("well?", &buttons),
    ];
    for (query, expected) in table {
        let found = scan(&app, VOICE, query, json!({})).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), [expected], "{query}");
    }
    let starter = scan(&app, THREAD, "collect ideas", json!({})).await;
    assert_eq!(starter, ["1567255041566441473"]);
}

#[tokio::test]
async fn a_scan_reads_no_quotes_and_no_notices() {
    let app = App::start().await;
    let answered = scan(&app, GENERAL, "wiring of buoy", json!({})).await;
    assert_eq!(
        answered,
        [ATTACHMENT_MESSAGE],
        "not the reply that quotes it"
    );
    let joined = scan(&app, GENERAL, "joined the server", json!({})).await;
    assert_eq!(joined, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_forward_has_counts_as_had() {
    let app = App::start().await;
    let forward = |message| {
        app.discord
            .with(|world| world.forward(VOICE, BOB, GENERAL, message))
    };
    let (file, embed) = (forward(ATTACHMENT_MESSAGE), forward(EMBED_MESSAGE));
    let link = forward(LINK_MESSAGE);
    let video = app.discord.with(|world| {
        let id = world.forward(VOICE, BOB, GENERAL, ATTACHMENT_MESSAGE);
        let snapshot = &mut world.message_mut(VOICE, &id).json["message_snapshots"][0];
        snapshot["message"]["attachments"][0]["content_type"] = "video/mp4".into();
        id
    });
    let hidden = app.discord.with(|world| {
        let button = crate::support::discord::forms::link("The page", "https://example.com/");
        world.compose(VOICE, BOB, "There", vec![row(json!([button]))])
    });
    // Every one of them has a t.
    let table = [
        ("file", vec![&video, &file]),
        ("image", vec![&file]),
        ("video", vec![&video]),
        ("embed", vec![&embed]),
        ("link", vec![&hidden, &link, &embed]),
    ];
    for (has, expected) in table {
        let found = scan(&app, VOICE, "t", json!({"has": has})).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{has}");
    }
}

#[tokio::test]
async fn what_is_more_than_a_text_is_not_blank() {
    let app = App::start().await;
    type Make = fn(&mut World) -> String;
    let table: [(&str, Make, bool); 6] = [
        ("nothing", |world| world.post(VOICE, BOB, ""), true),
        (
            "a sticker",
            |world| world.stick(VOICE, BOB, &[("5", "Wave")]),
            false,
        ),
        (
            "a poll",
            |world| world.ask(VOICE, BOB, "Well?", &[("Yes", 1)]),
            false,
        ),
        (
            "components",
            |world| world.compose(VOICE, BOB, "", vec![text("Tides")]),
            false,
        ),
        (
            "a forward",
            |world| world.forward(VOICE, BOB, GENERAL, ATTACHMENT_MESSAGE),
            false,
        ),
        (
            "a forward of which nothing is left",
            |world| {
                let id = world.post(VOICE, BOB, "");
                world.forward(VOICE, BOB, VOICE, &id)
            },
            true,
        ),
    ];
    for (what, make, blank) in table {
        app.discord.with(|world| {
            world.channel_mut(VOICE).messages.clear();
            make(world);
        });
        let answer = app
            .invoke("get_messages", json!({"channel_id": VOICE}))
            .await;
        assert_eq!(answer.result()["hint"].is_string(), blank, "{what}");
    }
}

#[tokio::test]
async fn without_the_intent_they_are_blank_again() {
    let app = App::start().await;
    app.discord.with(|world| {
        world.message_content_intent = false;
        world.channel_mut(VOICE).messages.clear();
        world.forward(VOICE, ALICE, GENERAL, ATTACHMENT_MESSAGE);
        world.ask(VOICE, ALICE, "Well?", &[("Yes", 1)]);
        world.compose(VOICE, ALICE, "", vec![text("Tides")]);
    });
    let answer = app
        .invoke("get_messages", json!({"channel_id": VOICE}))
        .await;
    let hint = answer.result()["hint"].as_str().unwrap();
    assert!(hint.contains("Message Content intent"), "{hint}");
    let oldest = &answer.result()["messages"][2];
    assert_eq!(
        oldest["forwarded"]["from"]["message_id"],
        ATTACHMENT_MESSAGE
    );
}
