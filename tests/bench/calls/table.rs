//! The figures, in a table.

use std::time::Duration;

use super::load::Seen;
use super::plan::{JUDGED, Plan, Tool};

/// What a tool costs with so many callers.
pub struct Row {
    tool: Tool,
    callers: usize,
    /// Microseconds of CPU a call, of the server and of the floor, round by round.
    cpu: Vec<(f64, f64)>,
    /// Calls a second, of both.
    rates: Vec<(f64, f64)>,
    latencies: Vec<u32>,
}

impl Row {
    pub fn new(tool: Tool, callers: usize) -> Self {
        Self {
            tool,
            callers,
            cpu: Vec::new(),
            rates: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// Adds a round of each.
    pub fn add(&mut self, (ours, cpu): (Seen, f64), (floor, floor_cpu): (Seen, f64)) {
        self.cpu.push((cpu, floor_cpu));
        self.rates.push((ours.rate, floor.rate));
        self.latencies.extend(ours.latencies);
    }

    pub fn print(&mut self) {
        self.latencies.sort_unstable();
        let quantile =
            |part: usize| f64::from(self.latencies[(self.latencies.len() - 1) * part / 100]) / 1e3;
        let ratio = median(self.cpu.iter().map(|(ours, floor)| ours / floor));
        let too_much = self.callers == JUDGED && self.tool.most.is_some_and(|most| ratio > most);
        println!(
            "{:<18}{:>8}{:>9.0}{:>9.0}{:>8.2}{:>10.0}{:>10.0}{:>9.2}{:>9.2}{}",
            self.tool.name,
            self.callers,
            median(self.cpu.iter().map(|both| both.0)),
            median(self.cpu.iter().map(|both| both.1)),
            ratio,
            median(self.rates.iter().map(|both| both.0)),
            median(self.rates.iter().map(|both| both.1)),
            quantile(50),
            quantile(99),
            if too_much { "  TOO MUCH" } else { "" }
        );
    }
}

pub fn head(plan: &Plan, round: Duration) {
    println!(
        "\nmedian of {} rounds of {round:?} each, of {} with {JUDGED} callers, server and floor in turns; CPU in \
         microseconds a call, p50 and p99 in milliseconds\n",
        plan.rounds(1),
        plan.rounds(JUDGED),
    );
    println!(
        "{:<18}{:>8}{:>9}{:>9}{:>8}{:>10}{:>10}{:>9}{:>9}",
        "tool", "callers", "CPU", "floor", "ratio", "calls/s", "floor", "p50", "p99"
    );
}

/// How throughput goes on where there are more callers than [`JUDGED`].
#[derive(Default)]
pub struct Growth {
    /// Calls a second, of the server and of the floor, round by round.
    few: Vec<(f64, f64)>,
    many: Vec<(f64, f64)>,
    callers: usize,
}

impl Growth {
    /// Adds a round of each.
    pub fn add(&mut self, callers: usize, ours: f64, floor: f64) {
        if callers == JUDGED {
            self.few.push((ours, floor));
        } else {
            self.many.push((ours, floor));
            self.callers = callers;
        }
    }

    pub fn print(&self) {
        let rounds = || self.many.iter().zip(&self.few);
        println!(
            "{:<18}calls/s with {} callers, of those with {JUDGED}: {:.2}, the floor's {:.2}",
            "",
            self.callers,
            median(rounds().map(|(many, few)| many.0 / few.0)),
            median(rounds().map(|(many, few)| many.1 / few.1)),
        );
    }
}

/// What is not measured by the call.
pub struct Rest {
    /// KiB.
    pub idle: u64,
    pub peak: u64,
    pub after: u64,
    /// Milliseconds.
    pub start: f64,
    /// Bytes.
    pub binary: u64,
}

pub fn rest(rest: &Rest) {
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!();
    for (name, value, unit, most) in [
        ("memory, idle at start", mib(rest.idle), "MiB", Some(15.0)),
        (
            "memory, at most, under load",
            mib(rest.peak),
            "MiB",
            Some(40.0),
        ),
        ("memory, idle after load", mib(rest.after), "MiB", None),
        ("from start to first answer", rest.start, "ms", Some(50.0)),
        ("binary", mib(rest.binary / 1024), "MiB", Some(20.0)),
    ] {
        let too_much = most.is_some_and(|most| value >= most);
        let verdict = if too_much { "  TOO MUCH" } else { "" };
        println!("{name:<30}{value:>8.1} {unit}{verdict}");
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
