//! `send_message`: what reaches Discord, what comes back, and what is refused before anything is
//! sent. What becomes of it there is in `send_outcomes.rs`, texts in several parts in
//! `send_split.rs`.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, BOT_USER, CARLA, GENERAL, ROLE_CREW,
};
use crate::support::{Answer, App, take_nonce};

/// Sends with these parameters beside `channel_id` and `message`.
async fn send(app: &App, more: Value) -> Answer {
    let mut params = json!({"channel_id": GENERAL, "message": "hello from the quay"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("send_message", params).await
}

/// When the stand-in made this message, in the form of results.
fn sent_at(app: &App, channel: &str, id: &str) -> String {
    let stamp = app.discord.with(|world| {
        let message = world.message(channel, id).unwrap();
        message.json["timestamp"].as_str().unwrap().to_owned()
    });
    format!("{}Z", &stamp[..19])
}

#[tokio::test]
async fn a_message_goes_out_as_asked_and_comes_back_with_its_link() {
    let app = App::start().await;
    let answer = send(&app, json!({})).await;
    let id = answer.result()["message"]["id"].as_str().unwrap();
    let expected = json!({
        "message": {
            "id": id,
            "channel_id": GENERAL,
            "author": {"id": BOT_USER, "username": "harbour-bot", "bot": true},
            "content": "hello from the quay",
            "timestamp": sent_at(&app, GENERAL, id),
        },
        "jump_url": format!("https://discord.com/channels/1234567890123456000/1234567890123456789/{id}"),
    });
    assert_eq!(*answer.result(), expected);

    let requests = app.discord.requests();
    let lines: Vec<_> = requests
        .iter()
        .map(|seen| (&*seen.method, &*seen.path, &*seen.raw_query))
        .collect();
    assert_eq!(
        lines,
        [
            ("POST", "/api/v10/channels/1234567890123456789/messages", ""),
            ("GET", "/api/v10/channels/1234567890123456789", ""),
        ]
    );
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let mut body = requests[0].json();
    take_nonce(&mut body);
    assert_eq!(
        body,
        json!({
            "content": "hello from the quay",
            "allowed_mentions": {"parse": [], "replied_user": false},
            "flags": 4,
        })
    );
}

#[tokio::test]
async fn every_option_becomes_its_field_and_no_other() {
    let app = App::start().await;
    let quiet = json!({"parse": [], "replied_user": false});
    let reference = json!({"message_id": ATTACHMENT_MESSAGE, "channel_id": GENERAL});
    let table = [
        (
            json!({"mentions": "none"}),
            json!({"allowed_mentions": quiet}),
        ),
        (json!({"mentions": {}}), json!({"allowed_mentions": quiet})),
        (
            json!({"mentions": {"users": [CARLA, BOB, CARLA], "roles": [ROLE_CREW, ROLE_CREW]}}),
            json!({"allowed_mentions": {
                "parse": [], "users": [BOB, CARLA], "roles": [ROLE_CREW], "replied_user": false,
            }}),
        ),
        (
            json!({"mentions": {"everyone": true}}),
            json!({"allowed_mentions": {"parse": ["everyone"], "replied_user": false}}),
        ),
        (
            json!({"mentions": {"users": [ALICE], "everyone": true, "replied_user": false}}),
            json!({"allowed_mentions": {
                "parse": ["everyone"], "users": [ALICE], "replied_user": false,
            }}),
        ),
        (
            json!({"reply_to": ATTACHMENT_MESSAGE}),
            json!({"message_reference": reference}),
        ),
        (
            json!({"reply_to": ATTACHMENT_MESSAGE, "mentions": {"replied_user": true}}),
            json!({
                "message_reference": reference,
                "allowed_mentions": {"parse": [], "replied_user": true},
            }),
        ),
        (json!({"silent": true}), json!({"flags": 4100})),
        (json!({"link_previews": true}), json!({"flags": 0})),
        (
            json!({"silent": true, "link_previews": true}),
            json!({"flags": 4096}),
        ),
        (
            json!({"silent": false, "link_previews": false, "split": false}),
            json!({}),
        ),
        (
            json!({"idempotency_key": "nightly-report-2026-11-22"}),
            json!({"nonce": "nightly-report-2026-11-22", "enforce_nonce": true}),
        ),
    ];
    for (params, changed) in table {
        app.discord.clear_requests();
        let answer = send(&app, params.clone()).await;
        assert_eq!(answer.status, 200, "{params}: {}", answer.text);
        let mut expected =
            json!({"content": "hello from the quay", "allowed_mentions": quiet, "flags": 4});
        for (name, value) in changed.as_object().unwrap() {
            expected[name] = value.clone();
        }
        let mut body = app.discord.requests()[0].json();
        if params.get("idempotency_key").is_none() {
            take_nonce(&mut body);
        }
        assert_eq!(body, expected, "{params}");
    }
}

#[tokio::test]
async fn a_null_stands_for_an_absent_option() {
    let app = App::start().await;
    for name in [
        "reply_to",
        "mentions",
        "silent",
        "link_previews",
        "split",
        "idempotency_key",
    ] {
        let answer = send(&app, json!({name: null})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn only_those_named_are_notified() {
    let app = App::start().await;
    let text = format!("<@{BOB}> <@{CARLA}> <@&{ROLE_CREW}> @everyone");
    let table = [
        (json!("none"), vec![], vec![], false),
        (json!({"users": [BOB]}), vec![BOB], vec![], false),
        (
            json!({"roles": [ROLE_CREW]}),
            vec![],
            vec![ROLE_CREW],
            false,
        ),
        (json!({"everyone": true}), vec![], vec![], true),
    ];
    for (mentions, users, roles, everyone) in table {
        let answer = send(&app, json!({"message": text, "mentions": mentions})).await;
        let id = answer.result()["message"]["id"].as_str().unwrap();
        let message = app
            .discord
            .with(|world| world.message(GENERAL, id).unwrap().json.clone());
        let notified: Vec<_> = message["mentions"].as_array().unwrap().iter().collect();
        let notified: Vec<_> = notified.iter().map(|user| &user["id"]).collect();
        assert_eq!(notified, users, "{mentions}");
        assert_eq!(message["mention_roles"], json!(roles), "{mentions}");
        assert_eq!(message["mention_everyone"], everyone, "{mentions}");
    }
}

#[tokio::test]
async fn a_reply_names_what_it_answers_and_notifies_its_author_only_when_told() {
    let app = App::start().await;
    for (told, expected) in [(false, json!([])), (true, json!([BOB]))] {
        let mentions = json!({"replied_user": told});
        let params = json!({"reply_to": ATTACHMENT_MESSAGE, "mentions": mentions});
        let answer = send(&app, params).await;
        let message = &answer.result()["message"];
        assert_eq!(message["reply_to"], ATTACHMENT_MESSAGE);
        assert_eq!(message["type"], json!(null));
        let id = message["id"].as_str().unwrap();
        let notified = app.discord.with(|world| {
            let users = world.message(GENERAL, id).unwrap().json["mentions"].clone();
            let users = users.as_array().unwrap().clone();
            users
                .iter()
                .map(|user| user["id"].clone())
                .collect::<Value>()
        });
        assert_eq!(notified, expected);
    }
}

#[tokio::test]
async fn content_is_another_name_for_message_and_both_are_refused() {
    let app = App::start().await;
    let params = json!({"channel_id": GENERAL, "content": "under its other name"});
    let answer = app.invoke("send_message", params).await;
    assert_eq!(
        answer.result()["message"]["content"],
        "under its other name"
    );

    app.discord.clear_requests();
    let answer = send(&app, json!({"content": "twice"})).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "invalid_params",
            "message": "`message` is given twice, once under its other name",
        })
    );
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn the_limit_of_2000_counts_characters_and_not_bytes() {
    let app = App::start().await;
    let answer = send(&app, json!({"message": "🌊".repeat(2000)})).await;
    assert_eq!(answer.result()["message"]["content"], "🌊".repeat(2000));
    let answer = send(&app, json!({"message": "🌊".repeat(2001)})).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.body["error"],
        json!({
            "code": "invalid_params",
            "message": "`message` must be 1 to 2000 characters long; it has 2001",
            "hint": "Shorten it, or pass `split: true` to send it as several messages.",
        })
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_sent() {
    let app = App::start().await;
    let id = "must be a Discord id: a string of decimal digits from 1 to 2^64-1";
    let number = "must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients";
    let rule = "must be \"none\" or an object with `users`, `roles`, `everyone` and `replied_user`";
    let many: Vec<_> = (1..=101).map(|id| id.to_string()).collect();
    let table = [
        (json!({"message": null}), "`message` is required".into()),
        (json!({"message": 7}), "`message` must be a string, not a number".into()),
        (json!({"message": " \n\t "}), "`message` must not be blank".into()),
        (json!({"channel_id": null}), "`channel_id` must be a Discord id, a string of decimal digits, not null".into()),
        (json!({"channel_id": 1234567890123456789u64}), format!("`channel_id` {number}")),
        (json!({"channel_id": "0"}), "`channel_id` must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general".into()),
        (json!({"channel_id": "18446744073709551616"}), "`channel_id` must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general".into()),
        (json!({"reply_to": "+5"}), format!("`reply_to` {id}")),
        (json!({"reply_to": 5}), format!("`reply_to` {number}")),
        (json!({"mentions": "all"}), format!("`mentions` {rule}")),
        (json!({"mentions": true}), format!("`mentions` {rule}, not a boolean")),
        (json!({"mentions": [BOB]}), format!("`mentions` {rule}, not an array")),
        (json!({"mentions": {"user": [BOB]}}), "`mentions.user` is not a parameter here; allowed: users, roles, everyone, replied_user".into()),
        (json!({"mentions": {"users": [BOB, "bob"]}}), format!("`mentions.users[1]` {id}")),
        (json!({"mentions": {"roles": [ROLE_CREW, 7]}}), format!("`mentions.roles[1]` {number}")),
        (json!({"mentions": {"everyone": "yes"}}), "`mentions.everyone` must be a boolean, not a string".into()),
        (json!({"mentions": {"users": many}}), "`mentions` may name at most 100 users and 100 roles".into()),
        (json!({"mentions": {"roles": many}}), "`mentions` may name at most 100 users and 100 roles".into()),
        (json!({"mentions": {"replied_user": true}}), "`mentions.replied_user` needs `reply_to`".into()),
        (json!({"silent": "yes"}), "`silent` must be a boolean, not a string".into()),
        (json!({"link_previews": 1}), "`link_previews` must be a boolean, not a number".into()),
        (json!({"split": {}}), "`split` must be a boolean, not an object".into()),
        (json!({"idempotency_key": ""}), "`idempotency_key` must be 1 to 25 characters long; it has 0".into()),
        (json!({"idempotency_key": "x".repeat(26)}), "`idempotency_key` must be 1 to 25 characters long; it has 26".into()),
        (json!({"tts": true}), "`tts` is not a parameter here; allowed: channel_id, content, message, reply_to, thread_name, title, tags, files, mentions, silent, link_previews, split, idempotency_key".into()),
    ];
    for (params, message) in table {
        let answer = send(&app, params.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (422, "invalid_params", &*message),
            "{params}"
        );
    }
    for (params, message) in [
        (json!({"channel_id": GENERAL}), "`message` is required"),
        (json!({"message": "x"}), "`channel_id` is required"),
    ] {
        let answer = app.invoke("send_message", params).await;
        assert_eq!((answer.status, answer.message()), (422, message));
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_list_is_called_an_array_as_json_calls_it() {
    let app = App::start().await;
    let answer = send(&app, json!({"mentions": {"users": BOB}})).await;
    assert_eq!(
        (answer.status, answer.message()),
        (422, "`mentions.users` must be an array, not a string")
    );
}
