//! `moderate_content` with `dry_run`: the rehearsal that deletes nothing.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::support::discord::seed::{ALICE, BOB, BOT_USER, GENERAL, VOICE};
use crate::support::discord::{Fault, On};
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

#[tokio::test]
async fn a_dry_run_fetches_what_would_be_deleted_and_deletes_nothing() {
    let app = App::start().await;
    let young = young(&app, 2);
    let old = app.discord.with(|world| {
        let at = OffsetDateTime::now_utc() - Duration::days(15);
        world.post_at(VOICE, ALICE, "old spam", at)
    });
    app.discord.with(|world| {
        world
            .channel_mut(VOICE)
            .messages
            .remove(&young[0].parse().unwrap());
    });
    let ids = [&young[1], &old, &young[0]];
    let answer = moderate(
        &app,
        json!({"message_ids": ids, "dry_run": true, "reason": "spam"}),
    )
    .await;
    let result = answer.result();
    let would: Vec<_> = result["would_delete"].as_array().unwrap().iter().collect();
    let found: Vec<_> = would.iter().map(|message| &message["id"]).collect();
    assert_eq!(found, [&old, &young[1]], "oldest first");
    assert_eq!(would[0]["content"], "old spam");
    assert_eq!(would[0]["author"]["id"], ALICE);
    assert_eq!(result["already_gone"], json!([young[0]]));
    assert_eq!(result["failed"], json!(null));
    assert!(
        app.discord
            .requests()
            .iter()
            .all(|seen| seen.method == "GET")
    );
    assert!(app.discord.with(|world| world.deletions.is_empty()));
    let stages: Vec<_> = app
        .audit()
        .iter()
        .map(|line| line["stage"].clone())
        .collect();
    assert_eq!(
        stages,
        ["outcome"],
        "nothing can change, so there is no intent"
    );
}

#[tokio::test]
async fn a_dry_run_of_one_message_is_one_request() {
    let app = App::start().await;
    let id = "1567153876551991306";
    let params = json!({"channel_id": GENERAL, "message_id": id, "dry_run": true});
    let answer = moderate(&app, params).await;
    let expected = json!({
                "would_delete": [{
            "id": id,
            "channel_id": GENERAL,
            "author": {"id": "1110000000000000003", "username": "carla"},
            "content": "Build nights: Tuesdays and Thursdays, 19:00, boat shed. Bring your own iron.",
            "timestamp": "2026-11-03T12:30:00Z",
            "pinned": true,
        }],
    });
    assert_eq!(*answer.result(), expected);
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (&*requests[0].method, &*requests[0].path),
        (
            "GET",
            "/api/v10/channels/1234567890123456789/messages/1567153876551991306"
        )
    );

    let answer = moderate(&app, json!({"message_id": "5", "dry_run": true})).await;
    let expected = json!({"already_gone": ["5"], "would_delete": []});
    assert_eq!(*answer.result(), expected);
}

/// Notices of Discord such as a rename cannot be deleted, and the rehearsal knows it.
#[tokio::test]
async fn a_dry_run_promises_no_delete_that_would_fail() {
    let app = App::start().await;
    let ids = young(&app, 2);
    app.discord.with(|world| {
        world
            .message_mut(VOICE, &ids[0])
            .set(json!({"type": 4}))
            .json
            .len()
    });
    let answer = moderate(&app, json!({"message_ids": ids, "dry_run": true})).await;
    let would = answer.result()["would_delete"].as_array().unwrap();
    let would: Vec<_> = would.iter().map(|message| &message["id"]).collect();
    assert_eq!(would, [&ids[1]]);
    assert_eq!(
        answer.result()["failed"],
        json!([{
            "id": ids[0],
            "code": "invalid_params",
            "message": "`message_id` is one of Discord's own notices, which cannot be deleted",
        }])
    );
}

#[tokio::test]
async fn a_dry_run_where_nothing_can_be_read_fails_for_that_reason() {
    let app = App::start().await;
    app.discord.with(|world| {
        world.post(VOICE, BOT_USER, "own");
        world.post(VOICE, BOB, "of another");
        world.channel_mut(VOICE).permissions.view = false;
    });
    for ids in [json!(["5", "6"]), json!(["5"])] {
        let answer = moderate(&app, json!({"message_ids": ids, "dry_run": true})).await;
        assert_eq!((answer.status, answer.code()), (403, "missing_permission"));
    }
    assert_eq!(app.discord.requests().len(), 2);

    let app = App::start().await;
    app.discord.fault(On::Any, usize::MAX, Fault::Html(502));
    for ids in [json!(["5", "6"]), json!(["5"])] {
        let answer = moderate(&app, json!({"message_ids": ids, "dry_run": true})).await;
        assert_eq!((answer.status, answer.code()), (502, "discord_error"));
    }
    assert_eq!(app.discord.requests().len(), 6);
}
