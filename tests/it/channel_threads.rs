//! What a channel has besides itself: its threads, listed, and what the bot can do there.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ARCHIVED_POST, ARCHIVED_THREAD, DM, FORUM, GENERAL, GUILD, HEADLESS_POST, OLDEST_POST, POST,
    THREAD,
};
use crate::support::{Answer, App, assert_failure};

async fn info(app: &App, channel: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel});
    params
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.invoke("get_channel_info", params).await
}

fn ids(answer: &Answer) -> Vec<&str> {
    let threads = answer.result()["threads"].as_array().unwrap();
    threads
        .iter()
        .map(|thread| thread["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn threads_are_listed_active_archived_or_all() {
    let app = App::start().await;
    let active = info(&app, FORUM, json!({"threads": "active"})).await;
    assert_eq!(ids(&active), [HEADLESS_POST, POST]);
    assert_eq!(active.result()["id"], FORUM);
    let archived = info(&app, FORUM, json!({"threads": "archived"})).await;
    assert_eq!(ids(&archived), [ARCHIVED_POST, OLDEST_POST]);
    let first = &archived.result()["threads"][0];
    assert_eq!(
        (&first["archived"], first["name"].is_string()),
        (&json!(true), true)
    );
    assert!(
        first["created_at"].is_string() && first["message_count"].is_number(),
        "{first}"
    );
    let all = info(&app, FORUM, json!({"threads": "all"})).await;
    assert_eq!(ids(&all), [HEADLESS_POST, POST, ARCHIVED_POST, OLDEST_POST]);
    // Of this channel alone, and none that the bot cannot see.
    let here = info(&app, GENERAL, json!({"threads": "all"})).await;
    assert!(ids(&here).contains(&THREAD) && ids(&here).contains(&ARCHIVED_THREAD));
    assert!(!ids(&here).contains(&POST));
    let none = info(&app, GENERAL, json!({})).await;
    assert_eq!(none.result().get("threads"), None);
}

#[tokio::test]
async fn archived_threads_have_pages() {
    let app = App::start().await;
    let all = info(&app, FORUM, json!({"threads": "archived"})).await;
    let time = "2026-10-20T00:00:00Z";
    let older = info(
        &app,
        FORUM,
        json!({"threads": "archived", "threads_before": time}),
    )
    .await;
    assert!(ids(&older).len() < ids(&all).len() || ids(&older) == ids(&all));
    let wrong = info(
        &app,
        FORUM,
        json!({"threads": "all", "threads_before": time}),
    )
    .await;
    let message = "`threads_before` needs `threads` \"archived\"";
    assert_failure(
        &wrong,
        422,
        json!({"code": "invalid_params", "message": message}),
    );
    let wrong = info(&app, DM, json!({"threads": "all"})).await;
    let message = "`threads` is for channels of a server; a direct message has none";
    assert_failure(
        &wrong,
        422,
        json!({"code": "invalid_params", "message": message}),
    );
}

#[tokio::test]
async fn what_the_bot_can_do_is_said_where_it_is_asked_for() {
    let app = App::start().await;
    let asked = || json!({"permissions": true});
    let can = info(&app, GENERAL, asked()).await;
    assert_eq!(can.result()["can"], json!(["view", "read_history", "send"]));
    assert_eq!(app.discord.requests().len(), 3);
    // The server and the membership are remembered; an overwrite of the channel counts at once.
    app.discord.with(|world| {
        let everyone = json!({"id": GUILD, "type": 0, "allow": "274877906944", "deny": "2048"});
        world.channel_mut(GENERAL).json["permission_overwrites"] = json!([everyone]);
    });
    app.discord.clear_requests();
    let can = info(&app, GENERAL, asked()).await;
    assert_eq!(
        can.result()["can"],
        json!(["view", "read_history", "send_in_threads"])
    );
    assert_eq!(app.discord.requests().len(), 1);
    // In a thread its channel's overwrites count.
    let can = info(&app, THREAD, asked()).await;
    let words = can.result()["can"].as_array().unwrap().clone();
    assert!(words.contains(&json!("send_in_threads")), "{words:?}");
    let can = info(&app, DM, asked()).await;
    assert!(
        can.result()["can"]
            .as_array()
            .unwrap()
            .contains(&json!("send"))
    );
    let none = info(&app, GENERAL, json!({})).await;
    assert_eq!(none.result().get("can"), None);
    assert_eq!(app.discord.violations(), Vec::<String>::new());
}
