//! `moderate_content`: what is deleted, how, and what is told of it. Where deleting fails is in
//! `moderate_failures.rs`, the rehearsal in `moderate_dry_run.rs`.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

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

/// Posts that many messages of that age, a second apart.
fn aged(app: &App, count: i64, age: Duration) -> Vec<String> {
    let oldest = OffsetDateTime::now_utc() - age;
    app.discord.with(|world| {
        (0..count)
            .map(|n| world.post_at(VOICE, ALICE, "old spam", oldest + Duration::seconds(n)))
            .collect()
    })
}

fn old(app: &App, count: i64) -> Vec<String> {
    aged(app, count, Duration::days(15))
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

/// What the world deleted: ids, and whether in bulk.
fn deleted(app: &App) -> Vec<(String, bool)> {
    app.discord.with(|world| {
        let deletions = world.deletions.iter();
        deletions.map(|d| (d.id.clone(), d.bulk)).collect()
    })
}

#[tokio::test]
async fn one_message_is_one_delete() {
    let app = App::start().await;
    for name in ["message_id", "message_ids"] {
        app.discord.clear_requests();
        let id = young(&app, 1).remove(0);
        let ids = if name == "message_id" {
            json!(id)
        } else {
            json!([id])
        };
        let answer = moderate(&app, json!({name: ids})).await;
        assert_eq!(*answer.result(), json!({"deleted": [id]}));
        assert_eq!(asked(&app), [format!("DELETE /{id}")]);
        let seen = app.discord.requests().remove(0);
        assert!(seen.body.is_empty());
        assert_eq!(seen.header("x-audit-log-reason"), None);
        assert_eq!(deleted(&app).last(), Some(&(id.clone(), false)));
        assert_eq!(app.audit().last().unwrap()["message_ids"], json!([id]));
    }
}

#[tokio::test]
async fn several_young_messages_go_in_bulk() {
    let app = App::start().await;
    let ids = young(&app, 4);
    let asked_for = json!([ids[2], ids[0], ids[3]]);
    let answer = moderate(&app, json!({"message_ids": asked_for})).await;
    let gone = [&*ids[0], &ids[2], &ids[3]];
    assert_eq!(*answer.result(), json!({"deleted": gone}));
    assert_eq!(asked(&app), ["GET ", "POST /bulk-delete"]);
    let requests = app.discord.requests();
    let after_newest = (ids[3].parse::<u64>().unwrap() + 1).to_string();
    assert_eq!(
        requests[0].query,
        [
            ("limit".into(), "100".into()),
            ("before".into(), after_newest)
        ]
    );
    let newest_first = [&*ids[3], &ids[2], &ids[0]];
    assert_eq!(requests[1].json(), json!({"messages": newest_first}));
    assert_eq!(deleted(&app), newest_first.map(|id| (id.to_owned(), true)));
    let left = app
        .discord
        .with(|world| world.message(VOICE, &ids[1]).is_some());
    assert!(left, "the message that was not named is still there");
    let touched = app.audit().last().unwrap()["message_ids"].clone();
    assert_eq!(touched, json!(newest_first));
}

#[tokio::test]
async fn old_messages_go_one_by_one_oldest_first() {
    let app = App::start().await;
    let ids = old(&app, 3);
    let asked_for = json!([ids[1], ids[2], ids[0]]);
    let answer = moderate(&app, json!({"message_ids": asked_for})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    let expected: Vec<_> = ids.iter().map(|id| format!("DELETE /{id}")).collect();
    assert_eq!(asked(&app), expected);
}

#[tokio::test]
async fn young_and_old_ones_go_in_one_call_each_in_its_way() {
    let app = App::start().await;
    let (old, young) = (old(&app, 2), young(&app, 3));
    let ids: Vec<_> = old.iter().chain(&young).cloned().collect();
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    assert_eq!(
        asked(&app),
        [
            "GET ".to_owned(),
            "POST /bulk-delete".to_owned(),
            format!("DELETE /{}", old[0]),
            format!("DELETE /{}", old[1]),
        ]
    );
    let newest_first = [&young[2], &young[1], &young[0]];
    assert_eq!(
        app.discord.requests()[1].json(),
        json!({"messages": newest_first})
    );
}

#[tokio::test]
async fn fourteen_days_less_a_minute_is_young() {
    let app = App::start().await;
    let limit = Duration::days(14) - Duration::minutes(1);
    for (age, bulk) in [
        (limit - Duration::seconds(30), true),
        (limit + Duration::seconds(15), false),
    ] {
        let ids = aged(&app, 2, age);
        let answer = moderate(&app, json!({"message_ids": ids})).await;
        assert_eq!(*answer.result(), json!({"deleted": ids}));
        let last = deleted(&app).pop().unwrap();
        assert_eq!(last.1, bulk, "{age}");
    }
}

#[tokio::test]
async fn a_single_young_one_among_old_ones_needs_no_bulk() {
    let app = App::start().await;
    let ids = [old(&app, 1), young(&app, 1)].concat();
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    let expected: Vec<_> = ids.iter().map(|id| format!("DELETE /{id}")).collect();
    assert_eq!(asked(&app), expected);
}

#[tokio::test]
async fn an_id_given_twice_counts_once() {
    let app = App::start().await;
    let ids = young(&app, 2);
    let twice = json!([ids[0], ids[1], ids[0], ids[1]]);
    let answer = moderate(&app, json!({"message_ids": twice})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    assert_eq!(
        app.discord.requests()[1].json(),
        json!({"messages": [ids[1], ids[0]]})
    );

    app.discord.clear_requests();
    let id = young(&app, 1).remove(0);
    let answer = moderate(&app, json!({"message_ids": [id, id, id]})).await;
    assert_eq!(*answer.result(), json!({"deleted": [id]}));
    assert_eq!(asked(&app), [format!("DELETE /{id}")]);
}

#[tokio::test]
async fn what_is_gone_already_is_told_apart() {
    let app = App::start().await;
    let (old, young) = (old(&app, 3), young(&app, 4));
    app.discord.with(|world| {
        let messages = &mut world.channel_mut(VOICE).messages;
        for id in [&old[1], &young[0], &young[2]] {
            messages.remove(&id.parse().unwrap());
        }
    });
    let ids: Vec<_> = old.iter().chain(&young).cloned().collect();
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    let expected = json!({
        "deleted": [old[0], old[2], young[1], young[3]],
        "already_gone": [old[1], young[0], young[2]],
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(
        app.discord.requests()[1].json(),
        json!({"messages": [young[3], young[1]]})
    );
}

#[tokio::test]
async fn a_second_call_finds_everything_gone() {
    let app = App::start().await;
    for ids in [young(&app, 1), young(&app, 3), old(&app, 2)] {
        let first = moderate(&app, json!({"message_ids": ids})).await;
        assert_eq!(*first.result(), json!({"deleted": ids}));
        let second = moderate(&app, json!({"message_ids": ids})).await;
        assert_eq!(
            (second.status, second.code(), second.message()),
            (
                404,
                "unknown_message",
                "Discord knows no such message in this channel; it may have been deleted"
            )
        );
    }
}

#[tokio::test]
async fn targets_pages_apart_are_looked_up_page_by_page() {
    let app = App::start().await;
    let all = young(&app, 260);
    let ids = [&all[0], &all[1], &all[259]];
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    assert_eq!(asked(&app), ["GET ", "GET ", "POST /bulk-delete"]);
}

#[tokio::test]
async fn targets_beyond_five_pages_are_deleted_one_by_one() {
    let app = App::start().await;
    let all = young(&app, 770);
    let ids: Vec<_> = all.iter().step_by(110).cloned().collect();
    assert_eq!(ids.len(), 7);
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    let (lone, bulk): (Vec<_>, Vec<_>) = deleted(&app).into_iter().partition(|(_, bulk)| !bulk);
    assert_eq!((lone.len(), bulk.len()), (2, 5));
    assert_eq!(
        asked(&app)[..6],
        ["GET ", "GET ", "GET ", "GET ", "GET ", "POST /bulk-delete"]
    );
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_no_proof_that_all_is_gone() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(VOICE).permissions.read_history = false);
    let ids = young(&app, 3);
    let answer = moderate(&app, json!({"message_ids": ids})).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
}
