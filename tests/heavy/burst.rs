//! A thousand calls at once on a Discord that takes a second: each is answered or shed, none hangs,
//! and afterwards the memory is what it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::bots::Words;
use crate::steady::{Steady, word};
use crate::support::raw::{Raw, call_of};
use crate::upstream;

const CALLS: usize = 1_000;
const TAKES: Duration = Duration::from_secs(1);
/// What MAX_CALLS is unless it is set.
const ROOM: usize = 256;
/// How soon half of those that are shed must know it.
const SHED: Duration = Duration::from_millis(50);
const BURSTS: usize = 3;
/// In MiB, what a burst may leave behind.
const BACK: f64 = 2.0;
/// How long memory takes to go back to the system: connections to Discord are looked over every
/// fifteen seconds, and closed when nobody has used them for as long.
const PAUSE: Duration = Duration::from_secs(35);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_are_answered_or_shed() {
    if !crate::wanted() {
        return;
    }
    let steady = Steady::start(TAKES, &[]).await;
    steady.run(64, 64, None).await;
    let fresh = settled(&steady).await;
    let (mut idle, mut medians) = (Vec::new(), Vec::new());
    for burst in 1..=BURSTS {
        let (words, shed, longest, peak) = strike(&steady).await;
        let rest = settled(&steady).await;
        idle.push(rest);
        println!(
            "burst {burst}: {CALLS} calls at once: {words}; shed after {:.1?} at the median, {:.1?} at the last; the last answer after {longest:.1?}\n\
             burst {burst}: resident {peak:.1} MiB meanwhile, {rest:.1} MiB afterwards, {fresh:.1} MiB before the first",
            shed[shed.len() / 2],
            shed.last().unwrap(),
        );
        assert_eq!(words.of("ok") + words.of("overloaded"), CALLS, "{words}");
        assert!(words.of("ok") >= ROOM, "{words}");
        assert!(longest < TAKES * 8, "{longest:?}");
        medians.push(shed[shed.len() / 2]);
    }
    assert!(medians.iter().all(|median| *median < SHED), "{medians:?}");
    let back = idle.iter().all(|rest| *rest <= fresh + BACK);
    assert!(back, "{fresh} MiB, then {idle:?}");
}

/// All at once, each on a connection of its own that is open already: what was said, how long those
/// waited that were shed, how long the last waited, and how much memory it took.
async fn strike(steady: &Steady) -> (Words, Vec<Duration>, Duration, f64) {
    let barrier = Arc::new(Barrier::new(CALLS));
    let mut tasks = JoinSet::new();
    for number in 0..CALLS {
        let bearer = &steady.bots[number % steady.bots.len()].bearer;
        let call = call_of(bearer, &format!("b{number}"), &upstream::call(0));
        let mut connection = Raw::open(&steady.server.url).await;
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            barrier.wait().await;
            let began = Instant::now();
            let answer = connection.ask(&call).await;
            (word(&answer.text).to_owned(), began.elapsed())
        });
    }
    let (mut words, mut shed, mut longest) = (Words::default(), Vec::new(), Duration::ZERO);
    let mut peak = 0.0_f64;
    while let Some(ended) = tasks.join_next().await {
        let (word, took) = ended.unwrap();
        words.add(&word);
        longest = longest.max(took);
        if word == "overloaded" {
            shed.push(took);
        }
        peak = peak.max(steady.resident());
    }
    shed.sort();
    (words, shed, longest, peak)
}

/// The memory once all is quiet.
async fn settled(steady: &Steady) -> f64 {
    tokio::time::sleep(PAUSE).await;
    steady.resident()
}
