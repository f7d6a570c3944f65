//! Against a stand-in that enforces real limits, 32 concurrent callers of one bot get nearly all
//! that the limits allow, and hardly ever a 429.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bots::{Words, call, recruit};
use crate::support::App;
use crate::support::discord::seed::{
    ANNOUNCEMENTS, GENERAL, NSFW, PRIVATE_THREAD, QUIET, STAGE, THREAD, VOICE,
};
use crate::support::discord::{Limits, Rule};
use crate::support::operations::{CHANNEL, CREATE, LIST};

const CALLERS: usize = 32;
const TIME: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
/// What this server sends of one bot in a second, of Discord's fifty.
const PACE: f64 = 45.0;

const RULES: [Rule; 3] = [
    Rule {
        routes: &[CREATE],
        limit: 5,
        window: Duration::from_secs(5),
    },
    Rule {
        routes: &[LIST],
        limit: 10,
        window: SECOND,
    },
    Rule {
        routes: &[CHANNEL],
        limit: 5,
        window: SECOND,
    },
];

/// Some callers who do the same, in the same bucket.
struct Group {
    callers: usize,
    tool: &'static str,
    route: &'static str,
    channel: &'static str,
}

impl Group {
    fn params(&self) -> Value {
        match self.tool {
            "send_message" => json!({"channel_id": self.channel, "message": "busy"}),
            _ => json!({"channel_id": self.channel}),
        }
    }

    /// Requests a second that its bucket allows.
    fn allowed(&self) -> f64 {
        let rule = RULES
            .iter()
            .find(|rule| rule.routes.contains(&self.route))
            .unwrap();
        f64::from(rule.limit) / rule.window.as_secs_f64()
    }
}

fn readers(callers: usize, channel: &'static str) -> Group {
    Group {
        callers,
        tool: "get_messages",
        route: LIST,
        channel,
    }
}

fn writers(callers: usize, channel: &'static str) -> Group {
    Group {
        callers,
        tool: "send_message",
        route: CREATE,
        channel,
    }
}

/// Calls for as long as [`TIME`], and compares what Discord answered with what it would have.
async fn run(name: &str, groups: Vec<Group>) {
    let callers: usize = groups.iter().map(|group| group.callers).sum();
    assert_eq!(callers, CALLERS);
    let app = App::start().await;
    let bot = recruit(&app.discord, 1).remove(0);
    // Where the channels are is known, so that messages need no look-up for their links.
    for group in groups.iter().filter(|group| group.route == CREATE) {
        let params = json!({"channel_id": group.channel});
        let reply = call(
            &app.client,
            &app.url,
            &bot.bearer,
            "get_channel_info",
            params,
        )
        .await;
        assert!(reply.is_ok());
    }
    tokio::time::sleep(SECOND).await;
    app.discord.enforce(Limits::new(&RULES));
    let before: usize = app.discord.statuses(&bot.discord_token).values().sum();

    let (stop, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let mut tasks = JoinSet::new();
    for group in &groups {
        for _ in 0..group.callers {
            let (http, url, bearer) = (app.client.clone(), app.url.clone(), bot.bearer.clone());
            let (tool, params, stop) = (group.tool, group.params(), Arc::clone(&stop));
            tasks.spawn(async move {
                let mut words = Words::default();
                while !stop.load(Ordering::Relaxed) {
                    let reply = call(&http, &url, &bearer, tool, params.clone()).await;
                    words.add(reply.word());
                }
                (words.of("ok"), words.sum())
            });
        }
    }
    tokio::time::sleep(TIME).await;
    let statuses = app.discord.statuses(&bot.discord_token);
    let took = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (mut good, mut calls) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        let (ok, all) = ended.unwrap();
        (good, calls) = (good + ok, calls + all);
    }

    let per_second: f64 = groups.iter().map(Group::allowed).sum();
    let allowed = per_second.min(PACE) * took.as_secs_f64();
    let answered = statuses.values().sum::<usize>() - before;
    let of = |statuses: &BTreeMap<u16, usize>, status| statuses.get(&status).copied().unwrap_or(0);
    let (worked, refused) = (of(&statuses, 200) - before, of(&statuses, 429));
    let share = worked as f64 / allowed;
    let refusals = refused as f64 / answered as f64;
    println!(
        "throughput: {name}: {CALLERS} callers, {took:.1?}: {worked} of {allowed:.0} that the limits allow ({:.1} %)\n\
         throughput: {name}: {answered} requests, {refused} answered 429 ({:.2} %); {good} of {calls} calls good",
        share * 100.0,
        refusals * 100.0,
    );
    assert!(share >= 0.95, "{name}: {share:.3} of what the limits allow");
    assert!(
        refusals < 0.01,
        "{name}: {refusals:.4} of the requests met a 429"
    );
    assert_eq!(
        good, calls,
        "{name}: every call fits into its half a minute"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_bot_gets_what_its_buckets_allow() {
    if !crate::wanted() {
        return;
    }
    let info = Group {
        callers: 5,
        tool: "get_channel_info",
        route: CHANNEL,
        channel: NSFW,
    };
    let groups = vec![
        writers(6, GENERAL),
        writers(6, ANNOUNCEMENTS),
        readers(5, GENERAL),
        readers(5, ANNOUNCEMENTS),
        readers(5, NSFW),
        info,
    ];
    run("buckets", groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_bot_gets_what_its_pace_allows() {
    if !crate::wanted() {
        return;
    }
    let channels = [
        GENERAL,
        ANNOUNCEMENTS,
        VOICE,
        STAGE,
        NSFW,
        QUIET,
        THREAD,
        PRIVATE_THREAD,
    ];
    run("pace", channels.map(|channel| readers(4, channel)).into()).await;
}
