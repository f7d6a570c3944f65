//! What the audit trail costs: `cargo bench --bench audit`, and with `-- cpu` the first half alone.
//!
//! CPU is user and system time of the whole process; a call that writes leaves an intent and an
//! outcome, one that reads an outcome alone, and both have their parameters redacted first. Each
//! figure is the median of several rounds. The trail is in `BENCH_DIR`, or in the folder for
//! temporary files, which should be on a real disk for the figures with `AUDIT_SYNC=on`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may stop where it stands, and prints its figures"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use discord_mcp_server::audit::{Audit, Content, ContentPolicy, Outcome, Subject, Touched};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
/// Calls of a round that counts CPU time, which the kernel tells in steps of ten milliseconds.
const CALLS: usize = 60_000;
/// How long a round of callers lasts.
const ROUND: Duration = Duration::from_secs(2);
/// What the trail may cost a call, and what may be left of the throughput.
const MOST_MICROSECONDS: f64 = 15.0;
const LEAST_RATIO: f64 = 0.5;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Write,
    Read,
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    wall: f64,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        println!("AUDIT_SYNC=off, microseconds a call, median of {ROUNDS} rounds of {CALLS} calls\n");
        println!("{:<44}{:>8}{:>8}", "", "CPU", "wall");
        for (name, kind, tasks) in [
            ("write (intent and outcome), 1 caller", Kind::Write, 1),
            // Callers who do nothing but write lines all wait for one lock, as in no server.
            ("write (intent and outcome), 16 callers", Kind::Write, 16),
            ("read (outcome), 1 caller", Kind::Read, 1),
            ("read (outcome), 16 callers", Kind::Read, 16),
        ] {
            let cost = cost(kind, tasks).await;
            let verdict = if cost.cpu < MOST_MICROSECONDS { "" } else { "  TOO MUCH" };
            println!("{name:<44}{:>8.1}{:>8.1}{verdict}", cost.cpu, cost.wall);
        }
        if std::env::args().any(|argument| argument == "cpu") {
            return;
        }
        let (sync, alone) = fdatasync();
        println!(
            "\none fdatasync of a new line on this disk: {sync:.0} microseconds, so at most {alone:.0} calls a \
             second one after the other"
        );
        println!("\n64 callers, writes, calls a second, median of {ROUNDS} rounds of {ROUND:?}\n");
        println!("{:<44}{:>8}{:>8}{:>8}", "", "off", "on", "on/off");
        for upstream in [1, 10, 20, 100] {
            let upstream = Duration::from_millis(upstream);
            let (off, on) = throughputs(upstream).await;
            let verdict = if on / off >= LEAST_RATIO { "" } else { "  TOO LITTLE" };
            println!(
                "{:<44}{off:>8.0}{on:>8.0}{:>8.2}{verdict}",
                format!("Discord answers after {upstream:?}"),
                on / off
            );
        }
    });
}

/// A trail in a folder that goes when it is dropped.
fn trail(sync: bool) -> (Arc<Audit>, TempDir) {
    let dir = folder();
    let content = Content::new(ContentPolicy::Full, None);
    let audit = Audit::open(&dir.path().join("audit.log"), sync, content).unwrap();
    (Arc::new(audit), dir)
}

fn folder() -> TempDir {
    match std::env::var_os("BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

fn params() -> Map<String, Value> {
    let text = "The quay is closed until Friday. See https://example.com/harbour/notice.html for \
                the times, and tell the crew.";
    let params = json!({"channel_id": "1234567890123456789", "message": text, "silent": true});
    params.as_object().unwrap().clone()
}

/// What `dispatch` does for the trail in one call, with `upstream` between intent and outcome.
async fn call(audit: &Audit, params: &Map<String, Value>, kind: Kind, upstream: Option<Duration>) {
    let write = kind == Kind::Write;
    let subject = Subject {
        call_id: uuid::Uuid::now_v7().to_string(),
        request_id: "0197f7c0-0000-7000-8000-000000000000".into(),
        door: "rest",
        user_id: "a-user@example.com".into(),
        jti: Some("0197f7c0-0000-7000-8000-000000000001".into()),
        client: Some([127, 0, 0, 1].into()),
        tool: Some(
            if write {
                "send_message"
            } else {
                "get_messages"
            }
            .into(),
        ),
    };
    let call = audit.prepare(subject, Some(params));
    if write {
        audit.intent(&call).await.unwrap();
    }
    if let Some(upstream) = upstream {
        tokio::time::sleep(upstream).await;
    }
    let outcome = Outcome {
        success: true,
        status: "ok",
        duration_ms: 87,
        requests: 1,
        touched: Touched::default(),
    };
    audit.outcome(&call, &outcome).await.unwrap();
}

/// The cost of a call with `tasks` callers at once.
async fn cost(kind: Kind, tasks: usize) -> Cost {
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        let (audit, _dir) = trail(false);
        let (cpu, began) = (cpu_time(), Instant::now());
        let mut callers = JoinSet::new();
        for _ in 0..tasks {
            let audit = Arc::clone(&audit);
            callers.spawn(async move {
                let params = params();
                for _ in 0..CALLS / tasks {
                    call(&audit, &params, kind, None).await;
                }
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / CALLS as f64;
        costs.push((each(cpu_time() - cpu), each(began.elapsed())));
    }
    Cost {
        cpu: median(costs.iter().map(|cost| cost.0)),
        wall: median(costs.iter().map(|cost| cost.1)),
    }
}

/// Calls a second of 64 callers, without and with `AUDIT_SYNC`, in turns, so that whatever else the
/// machine does falls on both.
async fn throughputs(upstream: Duration) -> (f64, f64) {
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        off.push(throughput(false, upstream).await);
        on.push(throughput(true, upstream).await);
    }
    (median(off.into_iter()), median(on.into_iter()))
}

async fn throughput(sync: bool, upstream: Duration) -> f64 {
    let (audit, _dir) = trail(sync);
    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..64 {
        let (audit, stop, calls) = (Arc::clone(&audit), Arc::clone(&stop), Arc::clone(&calls));
        callers.spawn(async move {
            let params = params();
            while !stop.load(Ordering::Relaxed) {
                call(&audit, &params, Kind::Write, Some(upstream)).await;
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(ROUND).await;
    let rate = calls.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    rate
}

/// How long one `fdatasync` takes after a line was appended, in microseconds, and how many calls of
/// two a second that allows where nobody shares them.
fn fdatasync() -> (f64, f64) {
    use std::io::Write as _;
    let dir = folder();
    let mut file = std::fs::File::create(dir.path().join("lines")).unwrap();
    let times = (0..200).map(|_| {
        file.write_all(&[b'x'; 600]).unwrap();
        let began = Instant::now();
        file.sync_data().unwrap();
        began.elapsed().as_secs_f64() * 1e6
    });
    let time = median(times);
    (time, 1e6 / (2.0 * time))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string(Path::new("/proc/self/stat")).unwrap();
    // The name of the process, in parentheses, may have spaces in it.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    // Fields 14 and 15 of proc(5), in hundredths of a second on every Linux there is.
    Duration::from_millis((ticks(12) + ticks(13)) * 10)
}
