//! Messages that are more than a text, as an agent reads them: forwards, polls, stickers, components.
//! Quotes and thread starters are in `message_quotes.rs`, Discord's own notices in
//! `message_notices.rs`.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::World;
use crate::support::discord::forms::{
    button, container, file, gallery, link, menu, row, section, separator, text, thumbnail,
};
use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, DM, EMBED_MESSAGE, GENERAL, GUILD, VOICE,
};

/// What `get_messages` returns of the message that this makes in VOICE, without what every message
/// has: id, channel, author, timestamp.
async fn read(app: &App, make: impl FnOnce(&mut World) -> String) -> Value {
    let id = app.discord.with(make);
    let params = json!({"channel_id": VOICE, "limit": 1});
    let answer = app.invoke("get_messages", params).await;
    let mut message = answer.result()["messages"][0].clone();
    let fields = message.as_object_mut().unwrap();
    assert_eq!(fields.remove("id").unwrap(), id);
    assert_eq!(fields.remove("channel_id").unwrap(), VOICE);
    assert!(fields.remove("author").unwrap().is_object());
    assert!(fields.remove("timestamp").unwrap().is_string());
    message
}

#[tokio::test]
async fn a_forward_has_what_was_forwarded_and_where_from() {
    let app = App::start().await;
    let forward = |message| move |world: &mut World| world.forward(VOICE, BOB, GENERAL, message);
    let expected = json!({
        "content": "",
        "forwarded": {
            "from": {"guild_id": GUILD, "channel_id": GENERAL, "message_id": ATTACHMENT_MESSAGE},
            "content": "Wiring of buoy 3, as built.",
            "timestamp": "2026-11-02T18:03:29Z",
            "attachments": [{
                "id": "1566875412766785000",
                "filename": "buoy-3-wiring.png",
                "content_type": "image/png",
                "size": 79,
                "url": "https://cdn.discordapp.com/attachments/1234567890123456789/1566875412766785000/buoy-3-wiring.png?ex=6908&is=6907&hm=00ff",
            }],
        },
    });
    assert_eq!(read(&app, forward(ATTACHMENT_MESSAGE)).await, expected);
    let embed = read(&app, forward(EMBED_MESSAGE)).await;
    let expected = json!([{
        "title": "MS5837 underwater pressure sensor",
        "description": "30 bar, gel filled, I2C.",
        "url": "https://parts.example.com/ms5837",
    }]);
    assert_eq!(embed["forwarded"]["embeds"], expected);
}

#[tokio::test]
async fn a_forward_has_stickers_and_components_too() {
    let app = App::start().await;
    let message = read(&app, |world| {
        let sticker = json!([{"id": "749054660769218631", "name": "Wave", "format_type": 3}]);
        let buttons = vec![row(json!([button("Yes"), button("No")]))];
        let id = world.compose(VOICE, ALICE, "Shall we?", buttons);
        world
            .message_mut(VOICE, &id)
            .set(json!({"sticker_items": sticker}));
        world.forward(VOICE, BOB, VOICE, &id)
    })
    .await;
    let forwarded = &message["forwarded"];
    assert_eq!(forwarded["content"], "Shall we?");
    assert_eq!(forwarded["components"], "[Yes] [No]");
    let sticker = json!([{"id": "749054660769218631", "name": "Wave"}]);
    assert_eq!(forwarded["stickers"], sticker);
    assert_eq!(
        message["stickers"],
        json!(null),
        "it is not the forward's own"
    );
}

#[tokio::test]
async fn a_forward_from_a_direct_message_is_from_no_server() {
    let app = App::start().await;
    let message = read(&app, |world| {
        world.forward(VOICE, ALICE, DM, "1568007047683899395")
    })
    .await;
    let expected = json!({"channel_id": DM, "message_id": "1568007047683899395"});
    assert_eq!(message["forwarded"]["from"], expected);
    assert_eq!(message["reply_to"], json!(null));
}

#[tokio::test]
async fn of_a_forward_that_cannot_be_read_is_told_where_it_stands() {
    let app = App::start().await;
    let reference = json!({"type": 1, "channel_id": GENERAL, "message_id": ATTACHMENT_MESSAGE});
    let message = read(&app, |world| {
        world.write(VOICE, BOB, "", json!({"message_reference": reference}))
    })
    .await;
    let from = json!({"channel_id": GENERAL, "message_id": ATTACHMENT_MESSAGE});
    assert_eq!(message, json!({"content": "", "forwarded": {"from": from}}));
}

#[tokio::test]
async fn a_poll_has_its_question_and_its_answers_with_counts() {
    let app = App::start().await;
    let answers = [("Tuesday", 3), ("Thursday", 12), ("Never", 0)];
    let message = read(&app, |world| {
        world.ask(VOICE, ALICE, "Which night?", &answers)
    })
    .await;
    let expected = json!({
        "content": "",
        "poll": {
            "question": "Which night?",
            "answers": [
                {"text": "Tuesday", "count": 3},
                {"text": "Thursday", "count": 12},
                {"text": "Never", "count": 0},
            ],
            "expiry": "2026-11-08T12:00:00Z",
        },
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_poll_says_whether_it_is_over_and_how_many_answers_one_can_give() {
    let app = App::start().await;
    let message = read(&app, |world| {
        let id = world.ask(VOICE, ALICE, "Toppings?", &[("Olives", 1), ("Corn", 2)]);
        let poll = &mut world.message_mut(VOICE, &id).json["poll"];
        poll["allow_multiselect"] = true.into();
        poll["results"]["is_finalized"] = true.into();
        poll["answers"][0]["poll_media"]["emoji"] = json!({"id": null, "name": "🫒"});
        let custom = json!({"id": "1234567890123456990", "name": "buoy"});
        poll["answers"][1]["poll_media"] = json!({"emoji": custom});
        id
    })
    .await;
    let expected = json!({
        "question": "Toppings?",
        "answers": [
            {"text": "Olives", "emoji": "🫒", "count": 1},
            {"emoji": "buoy", "count": 2},
        ],
        "multiselect": true,
        "expiry": "2026-11-08T12:00:00Z",
        "finished": true,
    });
    assert_eq!(message["poll"], expected);
}

#[tokio::test]
async fn votes_that_discord_does_not_tell_of_are_unknown_and_not_none() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let unknown = json!([{"text": "Yes"}, {"text": "No"}]);
    let partly = json!([{"text": "Yes", "count": 4}, {"text": "No"}]);
    let table = [
        (json!(null), &unknown),
        (json!({}), &unknown),
        (json!({"answer_counts": "many"}), &unknown),
        (
            json!({"answer_counts": [{"id": 1, "count": 4}, {"id": 2, "count": -1}]}),
            &partly,
        ),
        (
            json!({"answer_counts": [{"id": 1, "count": 4}, null]}),
            &partly,
        ),
    ];
    for (results, expected) in table {
        let message = read(&app, |world| {
            let id = world.ask(VOICE, ALICE, "Well?", &[("Yes", 4), ("No", 0)]);
            world.message_mut(VOICE, &id).json["poll"]["results"] = results.clone();
            id
        })
        .await;
        assert_eq!(message["poll"]["answers"], *expected, "{results}");
    }
}

#[tokio::test]
async fn stickers_have_their_ids_and_names() {
    let app = App::start().await;
    let stickers = [
        ("749054660769218631", "Wave"),
        ("1234567890123456991", "Foghorn"),
    ];
    let message = read(&app, |world| world.stick(VOICE, ALICE, &stickers)).await;
    let expected = json!({
        "content": "",
        "stickers": [
            {"id": "749054660769218631", "name": "Wave"},
            {"id": "1234567890123456991", "name": "Foghorn"},
        ],
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn components_below_a_text_are_read_row_by_row() {
    let app = App::start().await;
    let mut bare = button("");
    bare.as_object_mut().unwrap().remove("label");
    bare["emoji"] = json!({"name": "🔔"});
    let rows = vec![
        row(json!([
            button("Accept"),
            link("Rules", "https://example.com/r"),
            bare
        ])),
        row(json!([menu(3, "Choose a role")])),
        row(json!([menu(5, "Choose a person")])),
        row(json!([menu(8, "Choose a channel")])),
    ];
    let message = read(&app, |world| world.compose(VOICE, ALICE, "Welcome", rows)).await;
    assert_eq!(message["content"], "Welcome");
    assert_eq!(
        message["components"],
        "[Accept] [Rules](https://example.com/r) [🔔]\n\
         [menu: Choose a role]\n[menu: Choose a person]\n[menu: Choose a channel]"
    );
}

#[tokio::test]
async fn components_in_place_of_a_text_are_read_in_their_order() {
    let app = App::start().await;
    let inside = json!([
        text("# Tides\nHigh at **04:12**"),
        section(
            json!([text("Left"), text("of a picture")]),
            thumbnail(json!("A crane"))
        ),
        section(json!([text("Left of a button")]), button("More")),
        separator(),
        gallery(&[json!("The quay"), json!(null), json!("Two\nboats")]),
        file("tides.csv"),
        row(json!([button("Again"), button("Stop")])),
    ]);
    let all = vec![text("Before"), container(inside), thumbnailless_section()];
    let message = read(&app, |world| world.compose(VOICE, ALICE, "", all)).await;
    let expected = "Before\n\
        # Tides\nHigh at **04:12**\n\
        Left\nof a picture\n[image: A crane]\n\
        Left of a button\n[More]\n\
        [image: The quay]\n[image: Two boats]\n\
        [file: tides.csv]\n\
        [Again] [Stop]\n\
        Last";
    assert_eq!(message, json!({"content": "", "components": expected}));
}

/// A section whose picture has no description.
fn thumbnailless_section() -> Value {
    section(json!([text("Last")]), thumbnail(json!(null)))
}

#[tokio::test]
async fn a_message_has_none_of_these_fields_without_need() {
    let app = App::start().await;
    let plain = read(&app, |world| world.post(VOICE, ALICE, "plain")).await;
    assert_eq!(plain, json!({"content": "plain"}));
    let empty =
        json!({"components": [], "sticker_items": [], "poll": null, "message_snapshots": []});
    app.discord.with(|world| world.off_contract = true);
    let message = read(&app, |world| world.write(VOICE, ALICE, "plain", empty)).await;
    assert_eq!(message, plain);
}
