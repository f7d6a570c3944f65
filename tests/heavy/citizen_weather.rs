//! Ten thousand calls under random faults: each is answered within its deadline and recorded once,
//! and the server's memory does not grow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bots::{Words, call, recruit, spread};
use crate::callers::client;
use crate::chance::Chance;
use crate::ledger::{Ledger, intact};
use crate::metronome::Metronome;
use crate::support::discord::seed::{ALICE, ANNOUNCEMENTS, GENERAL, NSFW, QUIET, THREAD};
use crate::support::discord::{Fault, StandIn};
use crate::support::process::Process;
use crate::support::tokens;

/// In so many rounds; after the first one the memory is measured.
const ROUNDS: usize = 5;
const CALLS: usize = 2000;
const WORKERS: usize = 24;
const BOTS: usize = 150;
const DEADLINE: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(100);
/// How much more memory there may be after ten thousand calls than after the first two thousand.
const GROWTH: u64 = 24 << 10;

/// A fault for three requests in ten. None of the edge: they would silence all the others.
fn weather(chance: &mut Chance) -> Option<Fault> {
    if !chance.percent(30) {
        return None;
    }
    let scope = ["user", "shared", "global"][chance.below(3)];
    let seconds = chance.milliseconds(20, 4000).as_secs_f64();
    let odd = ["-1", "NaN", "inf", "99999999999999999999", "soon", ""][chance.below(6)];
    let names = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset-after",
        "retry-after",
    ];
    let odd = names.map(|name| (name.to_owned(), odd.to_owned())).to_vec();
    let error = |status, code| Fault::Error {
        status,
        code,
        message: "As Discord words it",
    };
    Some(match chance.below(40) {
        0..=3 => Fault::Delay(chance.milliseconds(1, 600)),
        4..=5 => Fault::DelayAfter(chance.milliseconds(1, 600)),
        6..=8 => Fault::RateLimited {
            retry_after: seconds,
            scope,
        },
        9..=11 => Fault::Html([500, 502, 503, 504, 520][chance.below(5)]),
        12..=13 => Fault::HtmlAfter(502),
        14 => error(503, 0),
        15 => error(500, 130_000),
        16..=18 => Fault::CutBefore,
        19..=21 => Fault::CutAfter,
        22 => Fault::Hang,
        23 => Fault::HangAfter,
        24 => Fault::Html(200),
        25 => Fault::Html(404),
        26 => Fault::Redirect("http://127.0.0.1:1/".into()),
        27..=28 => Fault::Truncated,
        29 => Fault::BadJson,
        30..=32 => Fault::Headers(odd),
        33 => Fault::MoreHeaders(odd),
        34..=35 => Fault::SlowBody(chance.milliseconds(10, 4000)),
        36 => Fault::HugeBody(10 << 20),
        37 => Fault::Padded(10 << 20),
        38 => error(403, [50001, 50013, 20][chance.below(3)]),
        // A token that is refused is lost for the rest of the test, so there are few of them.
        _ if chance.percent(20) => error(401, 0),
        _ => error(404, 10003),
    })
}

fn any(chance: &mut Chance, discord: &StandIn) -> (&'static str, Value) {
    let channel = [GENERAL, ANNOUNCEMENTS, NSFW, QUIET, THREAD][chance.below(5)];
    match chance.below(10) {
        0..=2 => ("get_messages", json!({"channel_id": channel, "limit": 20})),
        3..=4 => ("get_channel_info", json!({"channel_id": channel})),
        5..=6 => (
            "send_message",
            json!({"channel_id": channel, "message": "in all weathers"}),
        ),
        7 => (
            "search_messages",
            json!({"channel_id": channel, "query": "sensor", "max_scan": 300}),
        ),
        more => {
            let ids: Vec<String> = discord.with(|world| {
                (0..more - 7)
                    .map(|_| world.post(channel, ALICE, "to go"))
                    .collect()
            });
            (
                "moderate_content",
                json!({"channel_id": channel, "message_ids": ids}),
            )
        }
    }
}

/// What the clients saw.
#[derive(Default)]
struct Seen {
    words: Words,
    times: Vec<Duration>,
    /// Answers that came after the deadline: when they were asked for, how late they were, what they
    /// said.
    late: Vec<(Instant, Duration, String)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_in_time_and_is_recorded_once_in_all_weathers() {
    if !crate::wanted() {
        return;
    }
    let (began, chance) = (Instant::now(), Arc::new(Mutex::new(Chance::of("weather"))));
    let discord = StandIn::start().await;
    discord.with(|world| world.off_contract = true);
    let bots = Arc::new(recruit(&discord, BOTS));
    let sky = Mutex::new(chance.lock().unwrap().branch());
    discord.weather(move |_| weather(&mut sky.lock().unwrap()));
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let server = Process::start(
        dir.path(),
        &[
            ("DISCORD_API_BASE", base.as_str()),
            ("CALL_DEADLINE", "2s"),
            ("RATE_LIMIT_PER_MINUTE", "100000"),
            ("RATE_LIMIT_BURST", "100000"),
            ("RUST_LOG", "error"),
        ],
    );

    let metronome = Metronome::start();
    let (seen, http) = (Arc::new(Mutex::new(Seen::default())), client());
    let mut memory = vec![server.resident()];
    for _ in 0..ROUNDS {
        let (seen, http, url) = (Arc::clone(&seen), http.clone(), server.url.clone());
        let (bots, world, chance) = (Arc::clone(&bots), discord.clone(), Arc::clone(&chance));
        spread(WORKERS, CALLS, move |_| {
            let (seen, http, url) = (Arc::clone(&seen), http.clone(), url.clone());
            let (bot, (tool, params)) = {
                let mut chance = chance.lock().unwrap();
                let bot = bots[chance.below(bots.len())].bearer.clone();
                (bot, any(&mut chance, &world))
            };
            async move {
                let asked = Instant::now();
                let reply = call(&http, &url, &bot, tool, params).await;
                let mut seen = seen.lock().unwrap();
                seen.words.add(reply.word());
                seen.times.push(reply.took);
                if let Some(late) = reply.took.checked_sub(DEADLINE) {
                    let what = format!("{tool}: {}", reply.body["error"]);
                    seen.late.push((asked, late, what));
                }
            }
        })
        .await;
        memory.push(server.resident());
        // What the stand-in remembers of requests is of no use here.
        discord.clear_requests();
    }

    let (status, output) = server.stop();
    assert!(status.success(), "{output}");
    let log = dir.path().join("audit.log");
    let ledger = Ledger::read(&[&log]);
    let outcomes = ledger.outcomes.values().flatten();
    let longest = outcomes
        .map(|line| line["duration_ms"].as_u64().unwrap())
        .max();
    let mut seen = seen.lock().unwrap();
    seen.times.sort_unstable();
    let time = |part: f64| seen.times[((seen.times.len() - 1) as f64 * part) as usize];
    let faults: BTreeMap<u16, usize> = bots.iter().fold(BTreeMap::new(), |mut sum, bot| {
        for (status, count) in discord.statuses(&bot.discord_token) {
            *sum.entry(status).or_default() += count;
        }
        sum
    });
    println!(
        "weather: {} calls in {:.1?}: {}\n\
         weather: half within {:.1?}, 99 of 100 within {:.1?}, all within {:.1?}\n\
         weather: the longest by the server's own clock {} ms\n\
         weather: answers of the stand-in by status: {faults:?}\n\
         weather: resident KiB at the start and after each {CALLS} calls: {memory:?}\n\
         weather: the trail has {} outcomes, {} intents",
        seen.words.sum(),
        began.elapsed(),
        seen.words,
        time(0.5),
        time(0.99),
        time(1.0),
        longest.unwrap(),
        ledger.outcome_count(),
        ledger.intents.len(),
    );
    // What kept the metronome waiting kept the server waiting, and then the client.
    let own = |asked: Instant, late: Duration| {
        let machine = metronome.worst(asked, asked + DEADLINE + late);
        late.saturating_sub(2 * machine)
    };
    let late = seen
        .late
        .iter()
        .map(|(asked, late, what)| (own(*asked, *late), what));
    let late: Vec<_> = late.filter(|(late, _)| *late > LATE).collect();
    let by_the_clock = seen.late.iter().filter(|(_, late, _)| *late > LATE).count();
    println!(
        "weather: {by_the_clock} answers more than {LATE:?} after the deadline by the clock, {} of them not for want of a processor",
        late.len()
    );
    assert_eq!(late, Vec::<(Duration, &String)>::new());
    assert_eq!(seen.words.sum(), ROUNDS * CALLS);
    assert_eq!(ledger.outcome_count(), ROUNDS * CALLS);
    assert_eq!(ledger.unpaired(), Vec::<String>::new());
    assert_eq!(intact(&[&log]), ledger.lines as u64);
    assert_eq!(seen.words.of("internal"), 0);
    let (first, last) = (memory[1], memory[ROUNDS]);
    assert!(last <= first + GROWTH, "{first} KiB grew to {last} KiB");
    // The test is worth something only where it was neither all sunshine nor all storm.
    assert!(seen.words.of("ok") >= CALLS, "{}", seen.words);
    assert!(
        seen.words.sum() - seen.words.of("ok") >= CALLS / 2,
        "{}",
        seen.words
    );
}
