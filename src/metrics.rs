//! What the operator can measure: the names of all metrics, and the one place where they are
//! counted. No label has a value that a caller chooses. Until [`start`] nothing is counted.

mod kept;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use kept::Kept;

/// Names, units and descriptions, in the order of the README.
const COUNTERS: [(&str, &str); 10] = [
    (CALLS, "Calls by tool, door and outcome"),
    (RESPONSES, "HTTP responses by route and status"),
    (REFUSED, "Requests refused before authentication, by reason"),
    (AUTH_FAILURES, "Bearers that were refused, by reason"),
    (
        TOKEN_CACHE,
        "Bearers that were verified lately (hit) and that were verified anew (miss)",
    ),
    (
        DISCORD_REQUESTS,
        "Requests to Discord by route, status and retry",
    ),
    (
        DISCORD_LIMITED,
        "Requests held back by what is known of Discord's limits, and 429s by scope",
    ),
    (
        CLOSED,
        "Connections closed because they kept a full server, or one that shuts down, waiting",
    ),
    (PANICS, "Panics, each answered with a 500"),
    (AUDIT_FAILURES, "Audit lines that could not be written"),
];
const GAUGES: [(&str, &str); 8] = [
    (BUILD, "1, with the version"),
    (STARTED, "When the process started, in seconds since 1970"),
    (IN_FLIGHT, "Calls in flight"),
    (HELD_BACK, "1 while nothing is sent to Discord, by reason"),
    (
        INVALID,
        "Requests of the last ten minutes that Discord refused (401, 403, 429)",
    ),
    (AUDIT_HEALTHY, "1 while audit lines can be written"),
    (CONNECTIONS, "Open connections"),
    (DRAINING, "1 while the server shuts down"),
];
const HISTOGRAMS: [(&str, &str, &[f64]); 4] = [
    (CALL_SECONDS, "Duration of calls by tool and door", &SECONDS),
    (
        DISCORD_SECONDS,
        "Duration of requests to Discord by route",
        &SECONDS,
    ),
    (
        WAITED,
        "Time that requests waited for room in Discord's limits",
        &SECONDS,
    ),
    (
        AUDIT_SECONDS,
        "Time that an audit line took to be written",
        &SHORT,
    ),
];

const CALLS: &str = "discord_mcp_calls_total";
const RESPONSES: &str = "discord_mcp_http_responses_total";
const REFUSED: &str = "discord_mcp_refused_total";
const AUTH_FAILURES: &str = "discord_mcp_auth_failures_total";
const TOKEN_CACHE: &str = "discord_mcp_token_cache_total";
const DISCORD_REQUESTS: &str = "discord_mcp_discord_requests_total";
const DISCORD_LIMITED: &str = "discord_mcp_discord_rate_limited_total";
const CLOSED: &str = "discord_mcp_connections_closed_total";
const PANICS: &str = "discord_mcp_panics_total";
const AUDIT_FAILURES: &str = "discord_mcp_audit_failures_total";
const BUILD: &str = "discord_mcp_build_info";
const STARTED: &str = "discord_mcp_start_time_seconds";
const IN_FLIGHT: &str = "discord_mcp_calls_in_flight";
const HELD_BACK: &str = "discord_mcp_discord_held_back";
const INVALID: &str = "discord_mcp_discord_invalid_requests";
const AUDIT_HEALTHY: &str = "discord_mcp_audit_healthy";
const CONNECTIONS: &str = "discord_mcp_connections";
const DRAINING: &str = "discord_mcp_draining";
const CALL_SECONDS: &str = "discord_mcp_call_duration_seconds";
const DISCORD_SECONDS: &str = "discord_mcp_discord_request_duration_seconds";
const WAITED: &str = "discord_mcp_discord_wait_seconds";
const AUDIT_SECONDS: &str = "discord_mcp_audit_write_seconds";

/// Upper bounds of what waits for Discord.
const SECONDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];
/// Upper bounds of what waits for a disk.
const SHORT: [f64; 9] = [
    0.000_01, 0.000_05, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5,
];

/// What was counted, for whoever asks.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// What is not counted but read when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Calls in flight.
    pub in_flight: usize,
    /// Whether Discord's edge refuses this host.
    pub held_back_edge: bool,
    /// Whether Discord had to refuse too many requests.
    pub held_back_budget: bool,
    /// How many it refused in the last ten minutes.
    pub invalid_requests: u32,
    /// Whether audit lines can be written.
    pub audit_healthy: bool,
    /// Whether the server shuts down.
    pub draining: bool,
}

/// Starts counting, once in a process. `started` is in seconds since 1970.
///
/// # Errors
/// When something counts already.
pub fn start(started: f64) -> Result<Metrics, String> {
    let mut builder = PrometheusBuilder::new();
    for (name, _, buckets) in HISTOGRAMS {
        let name = Matcher::Full(name.to_owned());
        builder = builder
            .set_buckets_for_metric(name, buckets)
            .map_err(|error| error.to_string())?;
    }
    let handle = builder
        .install_recorder()
        .map_err(|error| error.to_string());
    let handle = handle.map_err(|_| "metrics are counted already".to_owned())?;
    for (name, text) in COUNTERS {
        describe_counter!(name, text);
    }
    for (name, text) in GAUGES {
        describe_gauge!(name, text);
    }
    for (name, text, _) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, text);
    }
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(STARTED).set(started);
    // What never happened is a zero, and not a gap in a graph.
    for name in [PANICS, AUDIT_FAILURES, CLOSED] {
        counter!(name).absolute(0);
    }
    for result in ["hit", "miss"] {
        counter!(TOKEN_CACHE, "result" => result).absolute(0);
    }
    gauge!(CONNECTIONS).set(0.0);
    COUNTING.store(true, Ordering::Relaxed);
    Ok(Metrics(handle))
}

impl Metrics {
    /// All of them, in Prometheus's text format.
    pub fn render(&self, now: Now) -> String {
        let flag = |set: bool| f64::from(u8::from(set));
        #[allow(
            clippy::cast_precision_loss,
            reason = "there are never so many calls in flight"
        )]
        gauge!(IN_FLIGHT).set(now.in_flight as f64);
        gauge!(HELD_BACK, "reason" => "edge").set(flag(now.held_back_edge));
        gauge!(HELD_BACK, "reason" => "budget").set(flag(now.held_back_budget));
        gauge!(INVALID).set(f64::from(now.invalid_requests));
        gauge!(AUDIT_HEALTHY).set(flag(now.audit_healthy));
        gauge!(DRAINING).set(flag(now.draining));
        self.0.render()
    }

    /// Puts what was measured into its buckets: without this, now and then, it would pile up while
    /// nobody asks.
    pub fn tidy_up(&self) {
        self.0.run_upkeep();
    }
}

/// Whether anything is counted. A handle that was made before would count nothing for ever.
static COUNTING: AtomicBool = AtomicBool::new(false);

fn counting() -> bool {
    COUNTING.load(Ordering::Relaxed)
}

/// A call has ended. `tool` is one of the five or `other`.
pub(crate) fn call(tool: &'static str, door: &'static str, status: &'static str, took: Duration) {
    thread_local! {
        static KEPT: Kept<[&str; 3], (Counter, Histogram)> = const { Kept::new() };
    }
    if !counting() {
        return;
    }
    let make = |&[tool, door, status]: &[&'static str; 3]| {
        let counter = counter!(CALLS, "tool" => tool, "door" => door, "status" => status);
        (
            counter,
            histogram!(CALL_SECONDS, "tool" => tool, "door" => door),
        )
    };
    KEPT.with(|kept| {
        kept.with([tool, door, status], make, |(calls, seconds)| {
            calls.increment(1);
            seconds.record(took);
        });
    });
}

/// A request was answered. `route` is a name of ours.
pub(crate) fn response(route: &'static str, status: u16) {
    thread_local! {
        static KEPT: Kept<(&str, u16), Counter> = const { Kept::new() };
    }
    if !counting() {
        return;
    }
    let make = |&(route, status): &(&'static str, u16)| counter!(RESPONSES, "route" => route, "status" => status.to_string());
    KEPT.with(|kept| kept.with((route, status), make, |responses| responses.increment(1)));
}

/// A request was refused before anybody was authenticated.
pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

/// A bearer was refused.
pub(crate) fn auth_failure(reason: &'static str) {
    counter!(AUTH_FAILURES, "reason" => reason).increment(1);
}

/// A bearer was looked for among those that were verified lately.
pub(crate) fn bearer(known: bool) {
    thread_local! {
        static KEPT: Kept<bool, Counter> = const { Kept::new() };
    }
    if !counting() {
        return;
    }
    let make = |&known: &bool| {
        let result = if known { "hit" } else { "miss" };
        counter!(TOKEN_CACHE, "result" => result)
    };
    KEPT.with(|kept| kept.with(known, make, |bearers| bearers.increment(1)));
}

/// A request to Discord was answered with this status, or not at all. `route` is a name of ours.
pub(crate) fn discord_request(route: &str, status: Option<u16>, retry: u32, took: Duration) {
    thread_local! {
        static KEPT: Kept<(String, Option<u16>, u32), (Counter, Histogram)> = const { Kept::new() };
    }
    if !counting() {
        return;
    }
    let make = |(route, status, retry): &(String, Option<u16>, u32)| {
        let route = route.clone();
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let retry = retry.to_string();
        let counter = counter!(DISCORD_REQUESTS, "route" => route.clone(), "status" => status, "retry" => retry);
        (counter, histogram!(DISCORD_SECONDS, "route" => route))
    };
    KEPT.with(|kept| {
        kept.with(
            (route.to_owned(), status, retry),
            make,
            |(requests, seconds)| {
                requests.increment(1);
                seconds.record(took);
            },
        );
    });
}

/// A request waited for room in Discord's limits.
pub(crate) fn waited(time: Duration) {
    thread_local! {
        static KEPT: Kept<(), Histogram> = const { Kept::new() };
    }
    if counting() {
        let make = |&(): &()| histogram!(WAITED);
        KEPT.with(|kept| kept.with((), make, |waits| waits.record(time)));
    }
}

/// A request met a limit: `held` before it was sent, or a 429 of the scope `user`, `global` or
/// `shared`.
pub(crate) fn rate_limited(kind: &'static str) {
    counter!(DISCORD_LIMITED, "kind" => kind).increment(1);
}

/// An audit line was written, or not.
pub(crate) fn audit_line(took: Duration, written: bool) {
    thread_local! {
        static KEPT: Kept<(), Histogram> = const { Kept::new() };
    }
    if counting() {
        let make = |&(): &()| histogram!(AUDIT_SECONDS);
        KEPT.with(|kept| kept.with((), make, |lines| lines.record(took)));
    }
    if !written {
        counter!(AUDIT_FAILURES).increment(1);
    }
}

/// A connection was accepted.
pub(crate) fn connected() {
    gauge!(CONNECTIONS).increment(1.0);
}

/// A connection has ended.
pub(crate) fn disconnected() {
    gauge!(CONNECTIONS).decrement(1.0);
}

/// The server closes a connection whose room it needs.
pub(crate) fn closed() {
    counter!(CLOSED).increment(1);
}

/// Something panicked.
pub(crate) fn panicked() {
    counter!(PANICS).increment(1);
}
