//! The parameters of `moderate_content`: how many ids, the reason, and what is refused.

use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::{Answer, App};

async fn moderate(app: &App, params: Value) -> Answer {
    let mut all = json!({"channel_id": VOICE});
    let params = params.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(params);
    app.invoke("moderate_content", all).await
}

/// Posts that many messages that are young enough for a bulk delete.
fn young(app: &App, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        (0..count)
            .map(|_| world.post(VOICE, ALICE, "spam"))
            .collect()
    })
}

/// Method and path below the channel of each request.
fn asked(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let prefix = format!("/api/v10/channels/{VOICE}/messages");
    requests
        .iter()
        .map(|seen| {
            format!(
                "{} {}",
                seen.method,
                seen.path.strip_prefix(&prefix).unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn a_hundred_go_in_one_call_and_one_more_is_refused() {
    let app = App::start().await;
    let mut ids = young(&app, 101);
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(
        (answer.status, answer.message()),
        (
            422,
            "`message_ids` must name 1 to 100 messages; it names 101"
        )
    );
    assert!(app.discord.requests().is_empty());

    let last = ids.pop().unwrap();
    ids.push(ids[0].clone());
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    ids.pop();
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    assert_eq!(asked(&app), ["GET ", "POST /bulk-delete"]);
    let left = app.discord.with(|world| {
        let left = world.channel(VOICE).unwrap().messages.keys();
        left.map(u64::to_string).collect::<Vec<_>>()
    });
    assert_eq!(left, [last]);
}

#[tokio::test]
async fn the_reason_reaches_the_servers_audit_log_in_any_script() {
    let app = App::start().await;
    let long = "世".repeat(512);
    for (reason, header) in [
        ("spam", "spam"),
        (
            "Größe & \"Ton\": 50 %\n世界 🌊",
            "Gr%C3%B6%C3%9Fe%20%26%20%22Ton%22%3A%2050%20%25%0A%E4%B8%96%E7%95%8C%20%F0%9F%8C%8A",
        ),
        (&*long, &*"%E4%B8%96".repeat(512)),
    ] {
        for ids in [young(&app, 1), young(&app, 2)] {
            app.discord.clear_requests();
            let answer = moderate(&app, json!({"message_ids": ids, "reason": reason})).await;
            assert_eq!(*answer.result(), json!({"deleted": ids}));
            let seen = app.discord.requests().pop().unwrap();
            assert_eq!(seen.header("x-audit-log-reason"), Some(header));
            let recorded = app
                .discord
                .with(|world| world.deletions.last().unwrap().reason.clone());
            assert_eq!(recorded.as_deref(), Some(reason));
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_sent() {
    let app = App::start().await;
    let id = "must be a Discord id: a string of decimal digits from 1 to 2^64-1";
    let table = [
        (json!({}), "`message_id` is required, or `message_ids` for several".to_owned()),
        (json!({"message_id": "1", "message_ids": ["2"]}), "`message_id` and `message_ids` exclude each other; give one".into()),
        (json!({"message_ids": []}), "`message_ids` must name 1 to 100 messages; it is empty".into()),
        (json!({"message_id": "x"}), format!("`message_id` {id}")),
        (json!({"message_ids": ["1", "0x2"]}), format!("`message_ids[1]` {id}")),
        (json!({"message_ids": ["1", 2]}), "`message_ids[1]` must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients".into()),
        (json!({"message_id": "1", "action": "ban"}), "`action` must be \"delete\"".into()),
        (json!({"message_id": "1", "action": true}), "`action` must be \"delete\"".into()),
        (json!({"message_id": "1", "reason": ""}), "`reason` must be 1 to 512 characters long; it has 0".into()),
        (json!({"message_id": "1", "reason": "x".repeat(513)}), "`reason` must be 1 to 512 characters long; it has 513".into()),
        (json!({"message_id": "1", "dry_run": "yes"}), "`dry_run` must be a boolean, not a string".into()),
        (json!({"message_id": "1", "delete": true}), "`delete` is not a parameter here; allowed: channel_id, message_id, message_ids, action, reason, dry_run".into()),
        (json!({"message_id": "1", "channel_id": 1}), "`channel_id` must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients".into()),
    ];
    for (params, message) in table {
        let answer = moderate(&app, params.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (422, "invalid_params", &*message),
            "{params}"
        );
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_null_stands_for_an_absent_option_and_the_one_action_can_be_named() {
    let app = App::start().await;
    for (name, value) in [
        ("action", json!("delete")),
        ("message_ids", json!(null)),
        ("reason", json!(null)),
        ("action", json!(null)),
        ("dry_run", json!(null)),
    ] {
        let id = young(&app, 1).remove(0);
        let answer = moderate(&app, json!({"message_id": id, name: value})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}
