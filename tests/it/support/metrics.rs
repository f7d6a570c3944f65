//! Every metric of the server, with its labels and, where there are few, their values.

use discord_mcp_server::error::Code;

/// What a metric counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Has `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// The values that a label may have.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// These and no others.
    Of(&'static [&'static str]),
    /// `ok` or an error code.
    Outcome,
    /// Bounded by the program, and too many to write down here.
    Any,
}

impl Values {
    pub fn has(self, value: &str) -> bool {
        match self {
            Self::Of(values) => values.contains(&value),
            Self::Outcome => value == "ok" || Code::ALL.iter().any(|code| code.as_str() == value),
            Self::Any => true,
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [(&'static str, Values)],
}

use Kind::{Counter, Gauge, Histogram};
use Values::{Any, Of, Outcome};

const TOOL: (&str, Values) = (
    "tool",
    Of(&[
        "send_message",
        "get_messages",
        "get_channel_info",
        "search_messages",
        "moderate_content",
        "other",
    ]),
);
const DOOR: (&str, Values) = ("door", Of(&["rest", "mcp", "stdio"]));
const REASON: (&str, Values) = (
    "reason",
    Of(&[
        "no_bearer",
        "several_headers",
        "oversized",
        "malformed",
        "forbidden_header",
        "wrong_algorithm",
        "unknown_key",
        "bad_signature",
        "bad_claims",
        "wrong_issuer",
        "wrong_audience",
        "expired",
        "not_yet_valid",
        "lives_too_long",
        "revoked",
        "not_sealed",
        "unknown_sealing_key",
        "unsealable",
    ]),
);
const REFUSAL: (&str, Values) = (
    "reason",
    Of(&[
        "payload_too_large",
        "request_timeout",
        "overloaded",
        "host_not_allowed",
        "origin_not_allowed",
    ]),
);

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [(&'static str, Values)],
) -> Metric {
    Metric { name, kind, labels }
}

pub const METRICS: [Metric; 19] = [
    metric("discord_mcp_build_info", Gauge, &[("version", Any)]),
    metric(
        "discord_mcp_calls_total",
        Counter,
        &[TOOL, DOOR, ("status", Outcome)],
    ),
    metric(
        "discord_mcp_call_duration_seconds",
        Histogram,
        &[TOOL, DOOR],
    ),
    metric("discord_mcp_calls_in_flight", Gauge, &[]),
    metric(
        "discord_mcp_http_responses_total",
        Counter,
        &[("route", Any), ("status", Any)],
    ),
    metric("discord_mcp_refused_total", Counter, &[REFUSAL]),
    metric("discord_mcp_auth_failures_total", Counter, &[REASON]),
    metric(
        "discord_mcp_token_cache_total",
        Counter,
        &[("result", Of(&["hit", "miss"]))],
    ),
    metric(
        "discord_mcp_discord_requests_total",
        Counter,
        &[
            ("route", Any),
            ("status", Any),
            ("retry", Of(&["0", "1", "2"])),
        ],
    ),
    metric(
        "discord_mcp_discord_request_duration_seconds",
        Histogram,
        &[("route", Any)],
    ),
    metric("discord_mcp_discord_wait_seconds", Histogram, &[]),
    metric(
        "discord_mcp_discord_rate_limited_total",
        Counter,
        &[("kind", Of(&["held", "user", "global", "shared"]))],
    ),
    metric(
        "discord_mcp_discord_held_back",
        Gauge,
        &[("reason", Of(&["edge", "budget"]))],
    ),
    metric("discord_mcp_discord_invalid_requests", Gauge, &[]),
    metric("discord_mcp_audit_write_seconds", Histogram, &[]),
    metric("discord_mcp_audit_healthy", Gauge, &[]),
    metric("discord_mcp_connections", Gauge, &[]),
    metric(
        "discord_mcp_connections_closed_total",
        Counter,
        &[("reason", Of(&["full", "drain"]))],
    ),
    metric("discord_mcp_panics_total", Counter, &[]),
];
