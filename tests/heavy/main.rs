//! What takes minutes, kills processes or mounts file systems. Each test asks for itself:
//!
//! ```sh
//! RUN_HEAVY_TESTS=1 cargo test --test heavy -- --nocapture --test-threads=1
//! ```
//!
//! Figures of time and memory are worth something with `--release`.
//!
//! Everything is on loopback, bounded in count and time, and leaves nothing behind. The figures are
//! printed. What happens at random moments follows from a seed, which is printed too; `HEAVY_SEED`
//! chooses one.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may stop where it stands, and these print their figures"
)]

mod bots;
mod burst;
mod callers;
mod catalogue;
mod chance;
mod citizen_budget;
mod citizen_neighbours;
mod citizen_once;
mod citizen_silence;
mod citizen_throughput;
mod citizen_weather;
mod disk_full;
mod flat;
mod half_open;
mod hangups;
mod kills;
mod ledger;
mod metronome;
mod rotation;
mod slow_readers;
mod soak;
mod steady;
mod stop;
mod tamper;
mod upstream;

#[allow(dead_code, unused_imports, reason = "shared with the other tests")]
#[path = "../it/support/mod.rs"]
mod support;

/// Whether the heavy tests were asked for. Says so where they were not.
fn wanted() -> bool {
    let wanted = std::env::var("RUN_HEAVY_TESTS").is_ok_and(|value| value == "1");
    if !wanted {
        println!("skipped: set RUN_HEAVY_TESTS=1");
    }
    wanted
}
