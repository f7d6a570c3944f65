//! What a call costs: `cargo bench --bench calls`, about six minutes. Names of tools and
//! numbers of callers choose some of them, `rounds=N` another number of rounds:
//!
//! ```sh
//! cargo bench --bench calls -- get_channel_info 16 rounds=9
//! ```
//!
//! The server, a Discord that answers at once, and the floor are processes of their own; this one
//! makes the calls. The floor is a bare route that does what nobody can do without ([`floor`]).
//! Server and floor are measured in turns, in short rounds, so that whatever else the machine does
//! falls on both, and each figure is the median of its rounds. How throughput goes on is measured in
//! rounds of their own, few callers and many in turns. CPU is user and system time of the
//! process, all threads; it holds on a machine that has others to serve, where times do not.
//!
//! Files are in `BENCH_DIR`, or in the folder for temporary files. The server runs with its defaults
//! but for the limits of what one caller may do; `RUST_LOG` is passed on. `BENCH_SERVER` names the
//! file of another build of the server.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may stop where it stands, and prints its figures"
)]

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;

#[path = "calls/bearers.rs"]
mod bearers;
#[path = "calls/floor.rs"]
mod floor;
#[path = "calls/forms.rs"]
mod forms;
#[path = "calls/lean.rs"]
mod lean;
#[path = "calls/load.rs"]
mod load;
#[path = "calls/plan.rs"]
mod plan;
#[path = "calls/processes.rs"]
mod processes;
#[path = "calls/table.rs"]
mod table;
#[path = "calls/upstream.rs"]
mod upstream;

use load::{Callers, Requests, Seen};
use plan::Plan;
use processes::Process;
use table::{Growth, Row, median};

/// How long a round lasts. CPU time is counted in steps of ten milliseconds.
const ROUND: Duration = Duration::from_millis(600);
/// How often the server is started to see how long that takes.
const STARTS: usize = 9;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["upstream"] => part(upstream::serve),
        ["floor", discord, known, lines] => part(|listener| {
            floor::serve(
                listener,
                discord.to_owned(),
                Path::new(known),
                Path::new(lines),
            )
        }),
        _ => bench(&Plan::of(&arguments)),
    }
}

/// Serves as a part of the bench, until whoever started it is gone.
fn part<F: Future<Output = ()>>(serve: impl FnOnce(TcpListener) -> F) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        serve(listener).await;
    });
}

fn bench(plan: &Plan) {
    let dir = match std::env::var_os("BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let dir: TempDir = dir.unwrap();
    let dir = dir.path();
    let bearers = bearers::mint(&dir.join("keys"), &dir.join("known"));
    let upstream = Process::part(&["upstream"]);
    let discord = format!("http://{}", upstream.address);
    let text = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let floor = Process::part(&["floor", &discord, &text("known"), &text("lines")]);
    let variables = [
        ("DISCORD_API_BASE", &*discord),
        ("RATE_LIMIT_PER_MINUTE", "100000"),
        ("RATE_LIMIT_BURST", "100000"),
        ("MAX_CALLS", "1024"),
    ];
    let starts = (0..STARTS).map(|_| processes::start_time(dir, &variables));
    let start = median(starts.map(|time| time.as_secs_f64() * 1e3));
    let server = Process::server(dir, &variables);
    std::thread::sleep(Duration::from_millis(200));
    let idle = server.resident();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for tool in &plan.tools {
            let requests = Requests::new(&bearers, &tool.body());
            // Each bot's first request finds out about its limits, while others wait for it.
            let mut first = Callers::connect(server.address, 1, &requests).await;
            first.call_times(requests.len()).await;
        }
        server.forget_peak();
        table::head(plan, ROUND);
        for tool in &plan.tools {
            let requests = Requests::new(&bearers, &tool.body());
            for &callers in &plan.callers {
                let mut row = Row::new(*tool, callers);
                for _ in 0..plan.rounds(callers) {
                    let ours = round(&server, callers, &requests).await;
                    let floor = round(&floor, callers, &requests).await;
                    row.add(ours, floor);
                }
                row.print();
            }
            // Few and many in turns, so that the machine is the same for both.
            let Some(few_and_many) = plan.growth() else {
                continue;
            };
            let mut growth = Growth::default();
            for _ in 0..plan.rounds(few_and_many[1]) {
                for callers in few_and_many {
                    let ours = round(&server, callers, &requests).await.0;
                    let floor = round(&floor, callers, &requests).await.0;
                    growth.add(callers, ours.rate, floor.rate);
                }
            }
            growth.print();
        }
    });
    let peak = server.peak();
    std::thread::sleep(Duration::from_secs(6));
    table::rest(&table::Rest {
        idle,
        peak,
        after: server.resident(),
        start,
        binary: std::fs::metadata(processes::binary()).unwrap().len(),
    });
}

/// What callers saw in a round, and what it cost the process, in microseconds a call.
async fn round(process: &Process, callers: usize, requests: &Arc<Requests>) -> (Seen, f64) {
    let mut callers = Callers::connect(process.address, callers, requests).await;
    let before = process.cpu();
    let seen = callers.call_for(ROUND).await;
    let cpu = process.cpu() - before;
    let each = cpu.as_secs_f64() * 1e6 / seen.latencies.len() as f64;
    (seen, each)
}
