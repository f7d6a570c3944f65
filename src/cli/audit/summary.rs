//! The trail in numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Counts of outcomes.
#[derive(Default)]
pub(super) struct Summary {
    calls: BTreeMap<(String, String), Count>,
    failures: BTreeMap<String, u64>,
    durations: Vec<u64>,
}

#[derive(Default)]
struct Count {
    calls: u64,
    failed: u64,
}

impl Summary {
    /// Counts a line, if it is an outcome.
    pub(super) fn add(&mut self, entry: &Value) {
        let text = |name: &str| {
            entry
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("-")
                .to_owned()
        };
        if text("stage") != "outcome" {
            return;
        }
        let failed = entry.get("success") != Some(&Value::Bool(true));
        let count = self
            .calls
            .entry((text("user_id"), text("tool")))
            .or_default();
        count.calls += 1;
        count.failed += u64::from(failed);
        if failed {
            *self.failures.entry(text("status")).or_default() += 1;
        }
        self.durations
            .extend(entry.get("duration_ms").and_then(Value::as_u64));
    }

    /// The numbers, for people or as one JSON object.
    pub(super) fn to_text(&self, as_json: bool) -> String {
        let mut durations = self.durations.clone();
        durations.sort_unstable();
        let percentile = |percent: usize| {
            durations
                .get((durations.len() * percent).div_ceil(100).saturating_sub(1))
                .copied()
                .unwrap_or(0)
        };
        let [p50, p90, p99] = [50, 90, 99].map(percentile);
        let longest = durations.last().copied().unwrap_or(0);
        let calls: u64 = self.calls.values().map(|count| count.calls).sum();
        let failed: u64 = self.calls.values().map(|count| count.failed).sum();
        if as_json {
            let rows: Vec<_> = self.calls.iter().map(|((user, tool), count)| json!({"user_id": user, "tool": tool, "calls": count.calls, "failed": count.failed})).collect();
            let summary = json!({"calls": calls, "failed": failed, "by_user_and_tool": rows, "failures": self.failures, "duration_ms": {"p50": p50, "p90": p90, "p99": p99, "max": longest}});
            return format!("{summary}\n");
        }
        let mut text = format!(
            "{calls} calls, {failed} failed; milliseconds: p50 {p50}, p90 {p90}, p99 {p99}, max {longest}\n\n{:<24} {:<18} {:>8} {:>8}\n",
            "USER", "TOOL", "CALLS", "FAILED"
        );
        for ((user, tool), count) in &self.calls {
            text += &format!(
                "{:<24} {:<18} {:>8} {:>8}\n",
                super::printable(user),
                super::printable(tool),
                count.calls,
                count.failed
            );
        }
        if !self.failures.is_empty() {
            text += &format!("\n{:<43} {:>8}\n", "FAILURE", "CALLS");
            for (status, count) in &self.failures {
                text += &format!("{:<43} {count:>8}\n", super::printable(status));
            }
        }
        text
    }
}
