//! `search_messages` in forum and media channels by the index, and from there to the posts.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ARCHIVED_POST, FORUM, GENERAL, HEADLESS_POST, MEDIA_POST, OLDEST_POST, POST, PRIVATE_THREAD,
    THREAD,
};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App, tokens};

const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");

/// What has a sensor in it in [`FORUM`], newest first, and the post it stands in.
const SENSORS: [(&str, &str); 5] = [
    ("1567967273015059249", POST),
    ("1567516453031116808", HEADLESS_POST),
    (POST, POST),
    (ARCHIVED_POST, ARCHIVED_POST),
    ("1562378089508462801", OLDEST_POST),
];

async fn search(app: &App, channel: &str, query: &str, mode: &str) -> Answer {
    let params = json!({"channel_id": channel, "query": query, "mode": mode});
    app.invoke("search_messages", params).await
}

fn found(answer: &Answer) -> Vec<(&str, &str)> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| {
            let text = |field: &str| message[field].as_str().unwrap();
            (text("id"), text("channel_id"))
        })
        .collect()
}

/// The last part of each request's path.
fn asked(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    requests.iter().map(|seen| last(&seen.path)).collect()
}

/// Changes what the index answers.
fn rewrite(app: &App, change: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.discord
        .fault(SEARCH, 1, Fault::Rewrite(Arc::new(change)));
}

#[tokio::test]
async fn the_index_is_asked_for_the_forum_and_answers_with_its_posts() {
    let app = App::start().await;
    for mode in ["index", "auto"] {
        app.discord.clear_requests();
        let answer = search(&app, FORUM, "sensor", mode).await;
        assert_eq!(found(&answer), SENSORS);
        let mut rest = answer.result().clone();
        rest.as_object_mut().unwrap().remove("messages");
        let expected = json!({"mode": "index", "complete": true, "total_results": 5});
        assert_eq!(rest, expected);
        let request = app.discord.requests().pop().unwrap();
        assert_eq!(
            &*request.raw_query,
            "content=sensor&channel_id=1234567890123456805&sort_by=timestamp&sort_order=desc&include_nsfw=true&limit=10"
        );
    }
    assert_eq!(asked(&app), ["search"], "the server is looked up once");
}

#[tokio::test]
async fn a_token_limited_to_the_forum_finds_what_its_posts_hold() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"channels": [FORUM]}));
    let params = json!({"channel_id": FORUM, "query": "sensor"});
    let answer = app.invoke_as(&token, "search_messages", params).await;
    assert_eq!(found(&answer), SENSORS);
}

/// What a token is limited to must not depend on what an answer of Discord holds besides.
#[tokio::test]
async fn threads_of_other_channels_are_left_out() {
    let app = App::start().await;
    rewrite(&app, |body| {
        let mut hits = body["messages"].as_array().unwrap().clone();
        for (at, (channel, id)) in [(MEDIA_POST, "3"), (GENERAL, "2"), (THREAD, "1")]
            .into_iter()
            .enumerate()
        {
            let mut stray = hits[0].clone();
            stray[0]["channel_id"] = json!(channel);
            stray[0]["id"] = json!(id);
            hits.insert(2 * at, stray);
        }
        body["messages"] = json!(hits);
        let threads = body["threads"].as_array_mut().unwrap();
        let mut listed = threads[0].clone();
        listed["id"] = json!(THREAD);
        listed["parent_id"] = json!(GENERAL);
        threads.push(listed);
    });
    let answer = search(&app, FORUM, "sensor", "index").await;
    assert_eq!(found(&answer), SENSORS);
    assert_eq!(answer.result()["complete"], true);
    // Where the list of threads tells, nothing is looked up.
    assert_eq!(asked(&app), [FORUM, "search", MEDIA_POST, GENERAL]);
}

/// <https://github.com/discord/discord-api-docs/issues/8234>
#[tokio::test]
async fn threads_that_the_index_does_not_list_are_looked_up_once() {
    let app = App::start().await;
    for requests in [
        &[
            FORUM,
            "search",
            POST,
            HEADLESS_POST,
            ARCHIVED_POST,
            OLDEST_POST,
        ][..],
        &["search"],
    ] {
        app.discord.clear_requests();
        rewrite(&app, |body| {
            body.as_object_mut().unwrap().remove("threads");
        });
        let answer = search(&app, FORUM, "sensor", "index").await;
        assert_eq!(found(&answer), SENSORS);
        assert_eq!(answer.result()["complete"], true);
        assert_eq!(asked(&app), requests);
    }
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_left_out_and_told() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(POST).permissions.view = false);
    rewrite(&app, |body| {
        let hits = body["messages"].as_array_mut().unwrap();
        for (number, hit) in hits.iter_mut().enumerate() {
            let channel = [POST.into(), format!("{}", 100 + number)][number.min(1)].clone();
            hit[0]["channel_id"] = json!(channel);
        }
        for number in 0..20 {
            let mut hit = hits[0].clone();
            hit[0]["channel_id"] = json!(format!("{}", 200 + number));
            hit[0]["id"] = json!(format!("{}", 300 + number));
            hits.push(hit);
        }
        body["threads"] = json!(null);
    });
    let answer = search(&app, FORUM, "sensor", "index").await;
    assert_eq!(found(&answer), []);
    assert_eq!(answer.result()["complete"], false);
    assert_eq!(asked(&app).len(), 2 + 10, "look-ups are bounded");
}

/// A thread of a text channel is found by the index where Discord counts it to the channel.
#[tokio::test]
async fn the_index_may_answer_with_threads_of_a_text_channel() {
    let app = App::start().await;
    let thread = app
        .discord
        .with(|world| world.channel_mut(PRIVATE_THREAD).json.clone());
    rewrite(&app, move |body| {
        let hits = body["messages"].as_array_mut().unwrap();
        hits.truncate(1);
        hits[0][0]["channel_id"] = json!(PRIVATE_THREAD);
        body["threads"] = json!([thread]);
        body["total_results"] = json!(1);
    });
    let answer = search(&app, GENERAL, "sensor", "index").await;
    assert_eq!(found(&answer), [("1568166375099334681", PRIVATE_THREAD)]);
}

#[tokio::test]
async fn without_an_index_the_posts_are_read_instead() {
    let app = App::start().await;
    app.discord.with(|world| world.not_indexed(usize::MAX, 0));
    let answer = search(&app, FORUM, "SENSOR", "auto").await;
    assert_eq!(found(&answer), SENSORS);
    let mut rest = answer.result().clone();
    rest.as_object_mut().unwrap().remove("messages");
    let expected = json!({
        "mode": "scan",
        "fallback": "Discord is still building the index",
        "scanned": 10,
        "complete": true,
    });
    assert_eq!(rest, expected);
    let expected = [
        FORUM, "search", "search", "search", "active", "public", "messages", "messages",
        "messages", "messages",
    ];
    assert_eq!(asked(&app), expected);

    app.discord.with(|world| world.not_indexed(1, 40));
    let answer = search(&app, FORUM, "sensor", "index").await;
    assert_eq!((answer.status, answer.code()), (502, "discord_error"));
}
