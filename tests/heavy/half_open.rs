//! Ten thousand clients that begin and do not go on, again and again for a minute, beside fifty good
//! calls a second: the good ones do not notice.

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::bots::Bot;
use crate::steady::Steady;
use crate::support::raw::{HALF_HEAD, Raw, call_of};
use crate::upstream;

const HALF_OPEN: usize = 10_000;
const TIME: Duration = Duration::from_secs(60);
/// Good calls a second.
const RATE: u64 = 50;
const P99: Duration = Duration::from_millis(250);
/// How long a half-open connection may last.
const LIFE: Duration = Duration::from_secs(6);
/// How often each client opens a connection: as often as a server that has room for all closes them.
const AGAIN: Duration = Duration::from_secs(5);
/// Connections of one source address; each has a port.
const SOURCE: usize = 2_500;
/// Descriptors that are needed: the half-open ones, the good ones, and this process's own.
const DESCRIPTORS: usize = HALF_OPEN + 2_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Good {
    /// A connection for each call.
    New,
    /// Connections that are kept from one call to the next.
    Kept,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_calls_do_not_notice_half_open_connections() {
    if crate::wanted() {
        beside(Good::New, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_calls_on_kept_connections_do_not_notice_half_open_ones() {
    if crate::wanted() {
        beside(Good::Kept, &[]).await;
    }
}

/// A server that takes on all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_calls_do_not_notice_half_open_connections_that_are_all_held() {
    if crate::wanted() {
        beside(Good::New, &[("MAX_CONNECTIONS", "15000")]).await;
    }
}

/// What became of the half-open connections.
#[derive(Default)]
struct Fates {
    stop: AtomicBool,
    opened: AtomicUsize,
    /// Attempts for which this machine had no port or descriptor, or whose server did not answer.
    failed: AtomicUsize,
    open: AtomicUsize,
    lives: Mutex<Vec<Duration>>,
}

async fn beside(good: Good, variables: &[(&str, &str)]) {
    let half_open = raise_descriptors();
    let steady = Steady::start(Duration::from_millis(5), variables).await;
    let mut before = calls(&steady, good, Duration::from_secs(5)).await;
    let fates = Arc::new(Fates::default());
    let mut clients = JoinSet::new();
    for number in 0..half_open {
        let (fates, url) = (Arc::clone(&fates), steady.server.url.clone());
        clients.spawn(open_and_wait(number, url, fates));
    }
    let patience = Instant::now();
    while fates.opened.load(Ordering::Relaxed) < half_open {
        assert!(patience.elapsed() < TIME, "they never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut beside = calls(&steady, good, TIME).await;
    let open = fates.open.load(Ordering::Relaxed);
    fates.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let mut lives = std::mem::take(&mut *fates.lives.lock().unwrap());
    lives.sort();
    println!(
        "half open: {good:?} {variables:?}: {half_open} clients, {} connections opened, {} could not be, {open} open at the end\n\
         half open: each closed after {:.1?} at the median, {:.1?} at most\n\
         half open: good calls before {}, beside them {}",
        fates.opened.load(Ordering::Relaxed),
        fates.failed.load(Ordering::Relaxed),
        at(&lives, 50),
        at(&lives, 100),
        before.tell(),
        beside.tell(),
    );
    let unanswered = beside.unanswered.len();
    assert_eq!(unanswered, 0, "{:?}", beside.unanswered.first());
    assert!(beside.at(99) < P99, "{:?}", beside.at(99));
    assert!(at(&lives, 100) < LIFE, "{:?}", at(&lives, 100));
    assert!(lives.len() >= half_open, "{}", lives.len());
}

/// Lets this process, and the server that it starts, have enough descriptors. How many half-open
/// connections there can be.
fn raise_descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut numbers = line
        .unwrap()
        .split_whitespace()
        .filter_map(|word| word.parse().ok());
    let (soft, hard): (usize, usize) = (numbers.next().unwrap(), numbers.next().unwrap());
    if soft >= DESCRIPTORS {
        return HALF_OPEN;
    }
    let most = hard.min(DESCRIPTORS);
    let raised = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={most}:{hard}"))
        .status();
    let soft = if raised.is_ok_and(|status| status.success()) {
        most
    } else {
        soft
    };
    let half_open = HALF_OPEN.min(soft.saturating_sub(DESCRIPTORS - HALF_OPEN));
    if half_open < HALF_OPEN {
        println!("half open: only {half_open}: this machine allows {hard} descriptors");
    }
    half_open
}

/// Opens half a request again and again, and waits each time until the server closes it, who may have
/// no room for so many.
async fn open_and_wait(number: usize, url: String, fates: Arc<Fates>) {
    let source = u8::try_from(2 + number / SOURCE).unwrap();
    // They come one after the other, and so they go on.
    let first = Instant::now() + AGAIN.mul_f64(number as f64 / HALF_OPEN as f64);
    let mut clock = tokio::time::interval_at(first.into(), AGAIN);
    while !fates.stop.load(Ordering::Relaxed) {
        clock.tick().await;
        let opened = Raw::open_from(IpAddr::from([127, 0, 0, source]), &url).await;
        let Ok(mut client) = opened else {
            fates.failed.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let began = Instant::now();
        // One in four says nothing at all.
        if !number.is_multiple_of(4) {
            client.try_send(HALF_HEAD).await.ok();
        }
        fates.opened.fetch_add(1, Ordering::Relaxed);
        fates.open.fetch_add(1, Ordering::Relaxed);
        assert_eq!(client.rest().await, "");
        fates.open.fetch_sub(1, Ordering::Relaxed);
        fates.lives.lock().unwrap().push(began.elapsed());
    }
}

/// How good calls went.
struct Went {
    /// From the first packet of a connection, where it is new, to the end of the answer.
    took: Vec<Duration>,
    /// What was wrong with the others.
    unanswered: Vec<String>,
}

impl Went {
    fn at(&mut self, percent: usize) -> Duration {
        self.took.sort();
        at(&self.took, percent)
    }

    fn tell(&mut self) -> String {
        let (good, bad) = (self.took.len(), self.unanswered.len());
        let [half, most, all] = [50, 99, 100].map(|percent| self.at(percent));
        format!("{good} answered and {bad} not, p50 {half:.1?}, p99 {most:.1?}, max {all:.1?}")
    }
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * percent / 100)
        .copied()
        .unwrap_or_default()
}

/// Makes good calls at the rate for that long.
async fn calls(steady: &Steady, good: Good, time: Duration) -> Went {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut clock = tokio::time::interval(Duration::from_millis(1000 / RATE));
    let (began, mut tasks, mut number) = (Instant::now(), JoinSet::new(), 0);
    while began.elapsed() < time {
        clock.tick().await;
        number += 1;
        let bot = steady.bots[number % steady.bots.len()].clone();
        let (http, url) = (http.clone(), steady.server.url.clone());
        tasks.spawn(async move {
            let began = Instant::now();
            let answered = async {
                match good {
                    Good::New => on_a_new_connection(&url, &bot, number).await,
                    Good::Kept => on_a_kept_connection(&http, &url, &bot, number).await,
                }
            };
            let answered = tokio::time::timeout(Duration::from_secs(20), answered).await;
            let answered = answered.unwrap_or_else(|_| Err("no answer in 20 s".to_owned()));
            answered.map(|()| began.elapsed())
        });
    }
    let mut went = Went {
        took: Vec::new(),
        unanswered: Vec::new(),
    };
    while let Some(ended) = tasks.join_next().await {
        match ended.unwrap() {
            Ok(took) => went.took.push(took),
            Err(why) => went.unanswered.push(why),
        }
    }
    went
}

async fn on_a_new_connection(url: &str, bot: &Bot, number: usize) -> Result<(), String> {
    let opened = Raw::open_from(IpAddr::from([127, 0, 0, 1]), url).await;
    let mut client = opened.map_err(|error| error.to_string())?;
    let call = call_of(&bot.bearer, &format!("g{number}"), &upstream::call(number));
    let call = call.replace("host: ", "connection: close\r\nhost: ");
    client
        .try_send(&call)
        .await
        .map_err(|error| error.to_string())?;
    let answer = client.rest().await;
    match answer.starts_with("HTTP/1.1 200 OK\r\n") {
        true => Ok(()),
        false => Err(answer),
    }
}

async fn on_a_kept_connection(
    http: &reqwest::Client,
    url: &str,
    bot: &Bot,
    number: usize,
) -> Result<(), String> {
    let request = http
        .post(format!("{url}/mcp/v1/tools/invoke"))
        .bearer_auth(&bot.bearer)
        .header("content-type", "application/json")
        .body(upstream::call(number));
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    match status {
        200 => Ok(()),
        _ => Err(text),
    }
}
