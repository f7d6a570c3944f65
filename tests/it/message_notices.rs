//! What Discord itself writes, in words.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::seed::{ALICE, BOB, CARLA, GENERAL, GUILD, PINNED_MESSAGE, VOICE};

/// What the notice says and the type it has.
async fn notice(app: &App, kind: u64, content: &str, fields: Value) -> (Value, Value) {
    app.discord
        .with(|world| world.notice(VOICE, ALICE, kind, content, fields));
    let params = json!({"channel_id": VOICE, "limit": 1});
    let answer = app.invoke("get_messages", params).await;
    let message = &answer.result()["messages"][0];
    assert_eq!(message["content"], content, "{kind}");
    (message["system"].clone(), message["type"].clone())
}

fn user(app: &App, id: &str) -> Value {
    app.discord.with(|world| world.users[id].clone())
}

/// An embed of the kind in which notices keep their facts.
fn facts(kind: &str, facts: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = (facts.iter())
        .map(|(name, value)| json!({"name": name, "value": value, "inline": false}))
        .collect();
    json!({"embeds": [{"type": kind, "fields": fields}]})
}

#[tokio::test]
async fn each_notice_is_a_sentence() {
    let app = App::start().await;
    let (alice, bob) = (user(&app, ALICE), user(&app, BOB));
    let pinned = json!({"type": 0, "channel_id": GENERAL, "message_id": PINNED_MESSAGE});
    let renewal = |renewal: bool, months: u64| {
        json!({"role_subscription_data": {
            "role_subscription_listing_id": "5", "tier_name": "Crew",
            "total_months_subscribed": months, "is_renewal": renewal,
        }})
    };
    let none = || json!({});
    let table = [
        (1, "", json!({"mentions": [bob]}), "Alice added Bob."),
        (1, "", json!({"mentions": [alice]}), "Alice joined."),
        (2, "", json!({"mentions": [bob]}), "Alice removed Bob."),
        (2, "", json!({"mentions": [alice]}), "Alice left."),
        (3, "", none(), "Alice started a call."),
        (
            3,
            "",
            json!({"call": {"participants": [ALICE], "ended_timestamp": "2026-11-06T09:00:01.5Z"}}),
            "Alice started a call, which ended at 2026-11-06T09:00:01Z.",
        ),
        (
            4,
            "dock",
            none(),
            "Alice changed the channel's name to “dock”.",
        ),
        (5, "", none(), "Alice changed the channel's icon."),
        (6, "", none(), "Alice pinned a message."),
        (
            6,
            "",
            json!({"message_reference": pinned}),
            "Alice pinned message 1567153876551991306.",
        ),
        (7, "", none(), "Alice joined the server."),
        (8, "", none(), "Alice boosted the server."),
        (8, "1", none(), "Alice boosted the server."),
        (8, "3", none(), "Alice boosted the server 3 times."),
        (
            9,
            "",
            none(),
            "Alice boosted the server, which reached level 1.",
        ),
        (
            11,
            "2",
            none(),
            "Alice boosted the server, which reached level 3.",
        ),
        (
            12,
            "Quay #news",
            none(),
            "Alice had the announcements of “Quay #news” sent to this channel.",
        ),
        (
            14,
            "",
            none(),
            "The server was taken off Server Discovery: it misses the requirements.",
        ),
        (15, "", none(), "The server is in Server Discovery again."),
        (
            16,
            "",
            none(),
            "The server has missed the requirements of Server Discovery for a week.",
        ),
        (
            17,
            "",
            none(),
            "The server has missed the requirements of Server Discovery for three weeks.",
        ),
        (18, "Masts", none(), "Alice started the thread “Masts”."),
        (
            21,
            "",
            none(),
            "This thread was started from an earlier message.",
        ),
        (
            22,
            "",
            none(),
            "Discord suggests inviting people to this server.",
        ),
        (24, "", none(), "AutoMod acted on a message of Alice."),
        (
            24,
            "",
            facts("auto_moderation_message", &[("rule_name", "No links")]),
            "AutoMod applied “No links” to a message of Alice.",
        ),
        (25, "", none(), "Alice subscribed to a role."),
        (25, "", renewal(false, 0), "Alice joined “Crew”."),
        (
            25,
            "",
            renewal(true, 1),
            "Alice renewed “Crew” (1 month so far).",
        ),
        (
            25,
            "",
            renewal(true, 7),
            "Alice renewed “Crew” (7 months so far).",
        ),
        (26, "", none(), "An app offers something for money."),
        (27, "Tides", none(), "Alice started the stage “Tides”."),
        (28, "Tides", none(), "Alice ended the stage “Tides”."),
        (29, "", none(), "Alice is now a speaker."),
        (
            31,
            "Storms",
            none(),
            "Alice changed the stage's topic to “Storms”.",
        ),
        (32, "", none(), "Alice subscribed to an app for the server."),
        (
            36,
            "2026-11-06T09:00:00.000000+00:00",
            none(),
            "Alice turned security actions on until 2026-11-06T09:00:00Z.",
        ),
        (36, "", none(), "Alice turned security actions on."),
        (37, "", none(), "Alice turned security actions off."),
        (38, "", none(), "Alice reported a raid."),
        (39, "", none(), "Alice reported a false alarm of a raid."),
        (46, "", none(), "A poll ended."),
        (55, "", none(), "Alice made streams here HD."),
    ];
    for (kind, content, fields, expected) in table {
        let (said, word) = notice(&app, kind, content, fields).await;
        assert_eq!(said, expected, "{kind}");
        assert!(word.is_string(), "{kind}");
    }
}

#[tokio::test]
async fn the_end_of_a_poll_names_the_winner() {
    let app = App::start().await;
    let question = ("poll_question_text", "Which night?");
    let table: [(&[(&str, &str)], &str); 4] = [
        (
            &[
                question,
                ("victor_answer_votes", "5"),
                ("total_votes", "9"),
                ("victor_answer_id", "2"),
                ("victor_answer_text", "Thursday"),
            ],
            "The poll “Which night?” ended: “Thursday” won with 5 of 9 votes.",
        ),
        (
            &[question, ("victor_answer_votes", "4"), ("total_votes", "8")],
            "The poll “Which night?” ended without a winner; votes: 8.",
        ),
        (
            &[question, ("victor_answer_emoji_name", "🌊")],
            "The poll “Which night?” ended: “🌊” won.",
        ),
        (&[question], "The poll “Which night?” ended."),
    ];
    for (known, expected) in table {
        let (said, word) = notice(&app, 46, "", facts("poll_result", known)).await;
        assert_eq!(said, expected);
        assert_eq!(word, "poll_result");
    }
}

#[tokio::test]
async fn an_answer_to_a_command_says_who_gave_it() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let (bob, carla) = (user(&app, BOB), user(&app, CARLA));
    let old = json!({"id": "5", "type": 2, "name": "tide today", "user": bob});
    let new = json!({"id": "5", "type": 2, "user": carla});
    let table = [
        (
            20,
            json!({"interaction": old}),
            json!("Bob used /tide today."),
        ),
        (
            23,
            json!({"interaction": old}),
            json!("Bob used “tide today”."),
        ),
        (
            20,
            json!({"interaction_metadata": new}),
            json!("carla used a command."),
        ),
        (20, json!({"interaction": {"name": "tide"}}), json!(null)),
        (
            20,
            json!({"interaction": 7, "interaction_metadata": []}),
            json!(null),
        ),
        (20, json!({}), json!(null)),
    ];
    for (kind, fields, expected) in table {
        let (said, _) = notice(&app, kind, "High at 04:12.", fields.clone()).await;
        assert_eq!(said, expected, "{fields}");
    }
}

#[tokio::test]
async fn purchases_name_what_was_bought() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let product = json!({"guild_product_purchase": {"product_name": "Tide table"}});
    let table = [
        (
            44,
            json!({"purchase_notification": product}),
            "Alice bought “Tide table”.",
        ),
        (
            44,
            json!({"purchase_notification": {"type": 0}}),
            "Alice bought something.",
        ),
        (44, json!({}), "Alice bought something."),
        (
            32,
            json!({"application": {"name": "Tides+"}}),
            "Alice subscribed to “Tides+” for the server.",
        ),
    ];
    for (kind, fields, expected) in table {
        let (said, _) = notice(&app, kind, "", fields.clone()).await;
        assert_eq!(said, expected, "{fields}");
    }
}

#[tokio::test]
async fn what_people_write_and_what_is_not_known_is_no_notice() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    for kind in [0, 19, 13, 30, 9999] {
        let (said, _) = notice(&app, kind, "hello", json!({})).await;
        assert_eq!(said, json!(null), "{kind}");
    }
}

#[tokio::test]
async fn names_in_a_notice_are_one_visible_line_and_short() {
    let app = App::start().await;
    app.discord.with(|world| {
        let alice = world.users.get_mut(ALICE).unwrap();
        alice["global_name"] = json!("Al\u{202e}\nice");
    });
    let content = format!("a\u{200b}b\n\tc {}", "long ".repeat(60));
    app.discord
        .with(|world| world.notice(VOICE, ALICE, 4, &content, json!({})));
    let params = json!({"channel_id": VOICE, "limit": 1});
    let answer = app.invoke("get_messages", params).await;
    let said = answer.result()["messages"][0]["system"].as_str().unwrap();
    let expected = format!(
        "Al ice changed the channel's name to “ab c {}long…”.",
        "long ".repeat(18)
    );
    assert_eq!(said, expected);
    let title = said.split(['“', '”']).nth(1).unwrap();
    assert!(title.chars().count() <= 100, "{title}");
}

#[tokio::test]
async fn odd_facts_cost_themselves() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    for odd in [
        json!(null),
        json!(7),
        json!([]),
        json!({}),
        json!([null, 7]),
        json!("x"),
    ] {
        let fields = json!({
            "mentions": odd, "call": odd, "interaction": odd, "interaction_metadata": odd,
            "role_subscription_data": odd, "application": odd, "purchase_notification": odd,
            "message_reference": odd, "embeds": [{"fields": odd}],
        });
        for (kind, expected) in [
            (1, "Alice joined."),
            (3, "Alice started a call."),
            (6, "Alice pinned a message."),
            (24, "AutoMod acted on a message of Alice."),
            (46, "A poll ended."),
        ] {
            let (said, _) = notice(&app, kind, "", fields.clone()).await;
            assert_eq!(said, expected, "{kind}: {odd}");
        }
        for kind in [25, 32, 44] {
            let (said, _) = notice(&app, kind, "", fields.clone()).await;
            assert!(
                said.as_str().unwrap().starts_with("Alice "),
                "{kind}: {odd}"
            );
        }
        let guild = json!({"type": 0, "guild_id": GUILD, "channel_id": odd});
        let fields = json!({"message_reference": guild});
        let (said, _) = notice(&app, 18, "Masts", fields).await;
        assert_eq!(said, "Alice started the thread “Masts”.");
    }
}
