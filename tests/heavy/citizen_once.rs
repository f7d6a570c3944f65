//! One `send_message` call never makes two messages: a thousand calls under each fault, counted at
//! the stand-in. And whoever is told of a failure while the message is there is warned of that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bots::{Bot, Reply, Words, call, recruit, spread};
use crate::chance::Chance;
use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, StandIn};
use crate::support::{App, operations};

const CALLS: usize = 1000;
const WORKERS: usize = 128;
const MILLISECOND: Duration = Duration::from_millis(1);

/// The faults, by name. Those that close the way for everybody are in [`closing`].
fn faults() -> Vec<(&'static str, Fault)> {
    let owned = |list: &[(&str, &str)]| {
        let list = list
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        list.collect::<Vec<_>>()
    };
    let odd = |value| {
        let names = [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset-after",
        ];
        owned(&names.map(|name| (name, value)))
    };
    let limited = |scope| Fault::RateLimited {
        retry_after: 0.05,
        scope,
    };
    let odd_429 = |value: &str| Fault::Respond {
        status: 429,
        headers: owned(&[("retry-after", value), ("x-ratelimit-reset-after", value)]),
        body: br#"{"message": "Slow down", "retry_after": 0.05, "global": false}"#.to_vec(),
    };
    let error = |status, code| Fault::Error {
        status,
        code,
        message: "As Discord words it",
    };
    vec![
        ("late before the effect", Fault::Delay(30 * MILLISECOND)),
        ("late after the effect", Fault::DelayAfter(30 * MILLISECOND)),
        ("429 user", limited("user")),
        ("429 shared", limited("shared")),
        ("429 global", limited("global")),
        ("429 with a negative header", odd_429("-1")),
        ("429 with a NaN header", odd_429("NaN")),
        ("500 page", Fault::Html(500)),
        ("502 page", Fault::Html(502)),
        ("502 page after the effect", Fault::HtmlAfter(502)),
        ("504 page after the effect", Fault::HtmlAfter(504)),
        ("503 of the API", error(503, 0)),
        ("400 of the API", error(400, 50035)),
        ("401 of the API", error(401, 0)),
        ("403 of the API", error(403, 50013)),
        ("404 of the API", error(404, 10003)),
        ("cut before the effect", Fault::CutBefore),
        ("cut after the effect", Fault::CutAfter),
        ("hanging", Fault::Hang),
        ("hanging after the effect", Fault::HangAfter),
        ("200 page", Fault::Html(200)),
        ("404 page", Fault::Html(404)),
        ("200 page after the effect", Fault::HtmlAfter(200)),
        ("redirect", Fault::Redirect("http://127.0.0.1:1/".into())),
        ("cut in the body", Fault::Truncated),
        ("JSON that breaks off", Fault::BadJson),
        ("negative headers", Fault::Headers(odd("-1"))),
        ("NaN headers", Fault::Headers(odd("NaN"))),
        ("huge headers", Fault::Headers(odd("99999999999999999999"))),
        ("headers of text", Fault::Headers(odd("soon"))),
        ("headers that stand twice", Fault::MoreHeaders(odd("0"))),
        ("slow body", Fault::SlowBody(100 * MILLISECOND)),
        (
            "body slower than the call",
            Fault::SlowBody(3000 * MILLISECOND),
        ),
        ("10 MB without effect", Fault::HugeBody(10 << 20)),
        ("10 MB after the effect", Fault::Padded(10 << 20)),
    ]
}

/// What Discord's edge says. Each call then needs a server that has not heard it yet.
fn closing() -> Vec<(&'static str, Fault)> {
    vec![
        ("403 page", Fault::Html(403)),
        ("429 page", Fault::EdgeLimited(1)),
    ]
}

/// What the calls under one fault came to.
#[derive(Default)]
struct Ledger {
    words: Words,
    /// Calls by what is wrong with their end.
    wrong: Vec<String>,
    messages: usize,
}

impl Ledger {
    /// Compares what the caller was told with what is in the channel.
    fn judge(&mut self, name: &str, text: &str, reply: &Reply, found: &[String]) {
        self.words.add(reply.word());
        self.messages += found.len();
        let told = reply.body["error"].to_string();
        let warned = told.contains("Read the channel before trying again");
        let fits = match found {
            [id] if reply.is_ok() => reply.body["result"]["message"]["id"] == **id,
            [_] => warned,
            [] => !reply.is_ok(),
            _ => false,
        };
        if !fits {
            self.wrong.push(format!(
                "{name}: {text} is there {} times: {}",
                found.len(),
                reply.body
            ));
        }
    }
}

/// The ids of the messages in the channel, by their text.
fn messages(discord: &StandIn) -> HashMap<String, Vec<String>> {
    discord.with(|world| {
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        for message in world.messages(GENERAL) {
            let ids = found.entry(message.content().to_owned()).or_default();
            ids.push(message.id().to_owned());
        }
        found
    })
}

/// Lets each bot's first sends meet these faults, as long as there are any for it.
fn strike(discord: &StandIn, mut strikes: HashMap<String, Vec<Fault>>) {
    strikes.values_mut().for_each(|faults| faults.reverse());
    let strikes = Mutex::new(strikes);
    discord.weather(move |seen| {
        let token = seen.header("authorization")?.strip_prefix("Bot ")?;
        let sends = seen.is_on(operations::CREATE);
        sends.then(|| strikes.lock().unwrap().get_mut(token)?.pop())?
    });
}

/// A thousand calls, each of a bot of its own, whose first attempts meet what `faults` chooses.
async fn thousand(name: &str, mut faults: impl FnMut() -> Vec<Fault>) -> Ledger {
    let began = Instant::now();
    let app = App::with(&[("CALL_DEADLINE", "1500ms")]).await;
    app.discord.with(|world| world.off_contract = true);
    let bots = Arc::new(recruit(&app.discord, CALLS));
    let strikes = bots.iter().map(|bot| (bot.discord_token.clone(), faults()));
    strike(&app.discord, strikes.collect());
    let replies: Arc<Mutex<Vec<(String, Reply)>>> = Arc::default();
    let (http, url) = (app.client.clone(), app.url.clone());
    let (results, callers) = (Arc::clone(&replies), Arc::clone(&bots));
    spread(WORKERS, CALLS, move |at| {
        let (http, url, results, callers) = (
            http.clone(),
            url.clone(),
            Arc::clone(&results),
            Arc::clone(&callers),
        );
        async move {
            let text = format!("once {at}");
            let params = json!({"channel_id": GENERAL, "message": text});
            let reply = call(&http, &url, &callers[at].bearer, "send_message", params).await;
            results.lock().unwrap().push((text, reply));
        }
    })
    .await;
    let there = messages(&app.discord);
    let mut ledger = Ledger::default();
    for (text, reply) in replies.lock().unwrap().iter() {
        let found = there.get(text).map_or(&[][..], Vec::as_slice);
        ledger.judge(name, text, reply, found);
    }
    println!(
        "once: {name}: {CALLS} calls, {} requests, {} messages: {} in {:.1?}",
        operations::requests(&app, operations::CREATE),
        ledger.messages,
        ledger.words,
        began.elapsed(),
    );
    assert_eq!(ledger.words.sum(), CALLS);
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_never_makes_two_messages() {
    if !crate::wanted() {
        return;
    }
    let mut chance = Chance::of("once");
    let mut wrong = Vec::new();
    for (name, fault) in faults() {
        // The first attempt alone, the first two, or all three.
        let ledger = thousand(name, || vec![fault.clone(); 1 + chance.below(3)]).await;
        wrong.extend(ledger.wrong);
    }
    let all = faults();
    let any = || {
        (0..3)
            .map(|_| all[chance.below(all.len())].1.clone())
            .collect()
    };
    let ledger = thousand("any three of them", any).await;
    wrong.extend(ledger.wrong);
    println!(
        "once: {} calls, {} ended wrongly",
        (all.len() + 1) * CALLS,
        wrong.len()
    );
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_that_meets_the_edge() {
    if !crate::wanted() {
        return;
    }
    for (name, fault) in closing() {
        let (began, ledger) = (Instant::now(), Arc::new(Mutex::new(Ledger::default())));
        let shared = Arc::clone(&ledger);
        spread(8, CALLS, move |at| {
            let (ledger, fault) = (Arc::clone(&shared), fault.clone());
            async move {
                let app = App::start().await;
                let bot: Bot = recruit(&app.discord, 1).remove(0);
                // One send in two comes through and meets the edge at its second request alone.
                let faults = if at % 2 == 0 {
                    vec![fault]
                } else {
                    vec![Fault::HtmlAfter(502), fault]
                };
                strike(&app.discord, HashMap::from([(bot.discord_token, faults)]));
                let params = json!({"channel_id": GENERAL, "message": "once"});
                let reply = call(&app.client, &app.url, &bot.bearer, "send_message", params).await;
                let there = messages(&app.discord);
                let found = there.get("once").map_or(&[][..], Vec::as_slice);
                ledger.lock().unwrap().judge(name, "once", &reply, found);
                app.stop().await;
            }
        })
        .await;
        let ledger = ledger.lock().unwrap();
        println!(
            "once: {name}: {CALLS} calls, {} messages: {} in {:.1?}",
            ledger.messages,
            ledger.words,
            began.elapsed(),
        );
        assert_eq!(ledger.wrong, Vec::<String>::new());
    }
}
