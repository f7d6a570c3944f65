//! Discord's buckets are learned from its headers: what is used up is waited for and not asked for,
//! in the order of coming, each bucket by itself. The stand-in counts, as Discord does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::discord::seed::{
    ANNOUNCEMENTS, BOT_TOKEN, BOT_USER, GENERAL, NSFW, OTHER_BOT_TOKEN, OTHER_CHANNEL,
};
use crate::support::discord::{Fault, Limits, On, Rule};
use crate::support::operations::{CHANNEL, CREATE, LIST, read};
use crate::support::{Answer, App, tokens};

const LONG: Duration = Duration::from_secs(60);

fn rule(routes: &'static [&'static str], limit: u32, milliseconds: u64) -> Limits {
    let window = Duration::from_millis(milliseconds);
    Limits::new(&[Rule {
        routes,
        limit,
        window,
    }])
}

async fn list(app: &App, channel: &str) -> Answer {
    let params = json!({"channel_id": channel});
    app.invoke("get_messages", params).await
}

#[track_caller]
fn assert_no_429(app: &App, token: &str) {
    let statuses = app.discord.statuses(token);
    assert_eq!(statuses.get(&429), None, "{statuses:?}");
}

#[tokio::test]
async fn what_is_used_up_is_waited_for_and_not_asked_for() {
    let app = App::start().await;
    app.discord.enforce(rule(&[LIST], 2, 300));
    let began = Instant::now();
    let calls = (0..7).map(|_| list(&app, GENERAL));
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // Seven need four windows, and the fourth begins after the third.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    assert!(took < Duration::from_millis(1800), "{took:?}");
    let all = BTreeMap::from([(200, 7)]);
    assert_eq!(app.discord.statuses(BOT_TOKEN), all);
}

#[tokio::test]
async fn buckets_are_apart_by_channel_by_route_and_by_bot() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    app.discord.enforce(rule(&[LIST], 1, 60_000));
    assert_eq!(list(&app, GENERAL).await.status, 200);
    let began = Instant::now();
    let refused = list(&app, GENERAL).await;
    assert_eq!((refused.status, refused.code()), (429, "rate_limited"));
    let wait = refused.body["error"]["retry_after"].as_f64().unwrap();
    assert!((58.0..=60.1).contains(&wait), "{}", refused.text);
    assert!(began.elapsed() < Duration::from_millis(500), "it waited");

    assert_eq!(list(&app, ANNOUNCEMENTS).await.status, 200);
    let info = app.invoke("get_channel_info", read().params).await;
    assert_eq!(info.status, 200);
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
    let params = json!({"channel_id": OTHER_CHANNEL});
    let other = app.invoke_as(&other, "get_messages", params).await;
    assert_eq!(other.status, 200);
    assert_no_429(&app, BOT_TOKEN);
    // Another token of ours with the same bot is the same bot.
    let another = tokens::token_with(json!({"sub": "somebody-else", "jti": "another"}));
    let refused = app.invoke_as(&another, "get_messages", read().params).await;
    assert_eq!(refused.code(), "rate_limited");
    assert_no_429(&app, BOT_TOKEN);
}

#[tokio::test]
async fn routes_that_name_one_bucket_share_what_is_left() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    app.discord.enforce(rule(&[LIST, CHANNEL], 2, 60_000));
    let info = || app.invoke("get_channel_info", read().params);
    assert_eq!(list(&app, GENERAL).await.status, 200);
    assert_eq!(info().await.status, 200);
    // Both are used up, which the first route has not been told by an answer of its own.
    assert_eq!(list(&app, GENERAL).await.code(), "rate_limited");
    assert_eq!(info().await.code(), "rate_limited");
    assert_no_429(&app, BOT_TOKEN);
    // One name in two channels is two buckets.
    assert_eq!(list(&app, NSFW).await.status, 200);
}

#[tokio::test]
async fn who_comes_first_goes_first() {
    let app = App::start().await;
    app.discord.enforce(rule(&[CREATE], 1, 120));
    let calls = (0..6).map(|at| {
        let app = &app;
        async move {
            tokio::time::sleep(Duration::from_millis(25 * at)).await;
            let params = json!({"channel_id": GENERAL, "message": format!("turn {at}")});
            app.invoke("send_message", params).await
        }
    });
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let order: Vec<String> = app.discord.with(|world| {
        let messages = world.messages(GENERAL).into_iter();
        let ours = messages.filter(|message| message.author_id() == BOT_USER);
        let texts = ours.map(|message| message.content().to_owned());
        texts.filter(|text| text.starts_with("turn")).collect()
    });
    let expected: Vec<_> = (0..6).map(|at| format!("turn {at}")).collect();
    assert_eq!(order, expected);
    assert_no_429(&app, BOT_TOKEN);
}

#[tokio::test]
async fn a_bot_sends_45_requests_a_second_and_no_more() {
    let app = App::start().await;
    // No limit is enforced, nor told of: what holds back is our own pace.
    app.discord.enforce(Limits::new(&[]).global(usize::MAX));
    // The routes are known, so that each of them takes many at once.
    for channel in [GENERAL, ANNOUNCEMENTS, NSFW] {
        list(&app, channel).await.result();
    }
    let began = Instant::now();
    let calls = (0..60).map(|at| list(&app, [GENERAL, ANNOUNCEMENTS, NSFW][at % 3]));
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(900), "60 at once: {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_route_without_limits_is_not_held_back() {
    let app = App::start().await;
    app.discord.enforce(Limits::new(&[]));
    assert_eq!(list(&app, GENERAL).await.status, 200);
    // From the first answer on, as many at a time as come.
    let slow = Fault::Delay(Duration::from_millis(250));
    app.discord.fault(On::Route(LIST), usize::MAX, slow);
    let began = Instant::now();
    let calls = (0..20).map(|_| list(&app, GENERAL));
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "one at a time");
}

#[tokio::test]
async fn of_a_bucket_that_is_not_known_yet_one_request_finds_out() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    let slow = Fault::DelayAfter(Duration::from_millis(150));
    app.discord.fault(On::Route(LIST), usize::MAX, slow);
    app.discord
        .enforce(rule(&[LIST], 3, LONG.as_millis() as u64));
    let calls = (0..10).map(|_| list(&app, GENERAL));
    let answers = join_all(calls).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 3);
    assert_no_429(&app, BOT_TOKEN);
}
