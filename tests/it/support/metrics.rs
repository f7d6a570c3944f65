//! Every metric of the server, with its labels and, where there are few, their values. A test holds
//! it to the server; the dashboard and the alerts are held to it.

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
    /// Why a bearer was refused, or an error code that needs no bearer.
    Refusal,
    /// An HTTP status, or `none`.
    Status,
    /// Bounded by the program, and too many to write down here.
    Any,
}

impl Values {
    pub fn has(self, value: &str) -> bool {
        let is_code = || Code::ALL.iter().any(|code| code.as_str() == value);
        match self {
            Self::Of(values) => values.contains(&value),
            Self::Outcome => value == "ok" || is_code(),
            Self::Refusal => REJECTIONS.contains(&value) || is_code(),
            Self::Status => value == "none" || value.parse::<u16>().is_ok(),
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

impl Metric {
    /// The metric that a sample or a selector of this name is of.
    pub fn of(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| {
            let end = name.strip_prefix(metric.name);
            match metric.kind {
                Kind::Histogram => {
                    end.is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
                }
                Kind::Counter | Kind::Gauge => end == Some(""),
            }
        })
    }

    /// The values that one of its labels may have.
    pub fn label(&self, name: &str) -> Option<Values> {
        let found = self.labels.iter().find(|(label, _)| *label == name);
        let is_bound = name == "le" && self.kind == Kind::Histogram;
        found
            .map(|(_, values)| *values)
            .or(is_bound.then_some(Values::Any))
    }
}

use Kind::{Counter, Gauge, Histogram};
use Values::{Any, Of, Outcome, Refusal, Status};

/// Why a bearer is refused.
pub const REJECTIONS: [&str; 18] = [
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
];

type Label = (&'static str, Values);

const TOOLS: [&str; 6] = [
    "send_message",
    "get_messages",
    "get_channel_info",
    "search_messages",
    "moderate_content",
    "other",
];
const TOOL: Label = ("tool", Of(&TOOLS));
const DOOR: Label = ("door", Of(&["rest", "mcp", "stdio"]));
const OUTCOME: Label = ("status", Outcome);
const ROUTE: Label = ("route", Any);
const STATUS: Label = ("status", Status);
const RETRY: Label = ("retry", Of(&["0", "1", "2"]));
const REJECTION: Label = ("reason", Of(&REJECTIONS));
const REFUSAL: Label = ("reason", Refusal);
const RESULT: Label = ("result", Of(&["hit", "miss"]));
const KIND: Label = ("kind", Of(&["held", "user", "global", "shared"]));
const HELD: Label = ("reason", Of(&["edge", "budget"]));
const VERSION: Label = ("version", Any);

const fn metric(name: &'static str, kind: Kind, labels: &'static [Label]) -> Metric {
    Metric { name, kind, labels }
}

#[rustfmt::skip]
pub const METRICS: [Metric; 22] = [
    metric("discord_mcp_calls_total", Counter, &[TOOL, DOOR, OUTCOME]),
    metric("discord_mcp_call_duration_seconds", Histogram, &[TOOL, DOOR]),
    metric("discord_mcp_calls_in_flight", Gauge, &[]),
    metric("discord_mcp_http_responses_total", Counter, &[ROUTE, STATUS]),
    metric("discord_mcp_refused_total", Counter, &[REFUSAL]),
    metric("discord_mcp_auth_failures_total", Counter, &[REJECTION]),
    metric("discord_mcp_token_cache_total", Counter, &[RESULT]),
    metric("discord_mcp_discord_requests_total", Counter, &[ROUTE, STATUS, RETRY]),
    metric("discord_mcp_discord_request_duration_seconds", Histogram, &[ROUTE]),
    metric("discord_mcp_discord_wait_seconds", Histogram, &[]),
    metric("discord_mcp_discord_rate_limited_total", Counter, &[KIND]),
    metric("discord_mcp_discord_held_back", Gauge, &[HELD]),
    metric("discord_mcp_discord_invalid_requests", Gauge, &[]),
    metric("discord_mcp_audit_write_seconds", Histogram, &[]),
    metric("discord_mcp_audit_failures_total", Counter, &[]),
    metric("discord_mcp_audit_healthy", Gauge, &[]),
    metric("discord_mcp_connections", Gauge, &[]),
    metric("discord_mcp_connections_closed_total", Counter, &[]),
    metric("discord_mcp_panics_total", Counter, &[]),
    metric("discord_mcp_build_info", Gauge, &[VERSION]),
    metric("discord_mcp_start_time_seconds", Gauge, &[]),
    metric("discord_mcp_draining", Gauge, &[]),
];
