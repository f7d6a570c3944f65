//! The request that a call comes with, as the server log and the trail know it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The id of a request, ours or the caller's, and the trace that it belongs to. Clones are the same
/// request.
#[derive(Clone)]
pub struct RequestId(Arc<Request>);

struct Request {
    id: String,
    trace_id: Option<String>,
    client: Option<IpAddr>,
    told: AtomicBool,
}

impl RequestId {
    /// A request under this id, from this address.
    pub fn new(id: String, trace_id: Option<String>, client: Option<IpAddr>) -> Self {
        Self(Arc::new(Request {
            id,
            trace_id,
            client,
            told: AtomicBool::new(false),
        }))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0.id
    }

    /// The id of the trace, where the caller named one.
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// The address of who makes the request.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// Notes that the server log has, or shall have, no other line of this request. Whether it had
    /// none before.
    pub fn tell(&self) -> bool {
        !self.0.told.swap(true, Ordering::Relaxed)
    }
}

/// The trace id of a `traceparent` header: 32 hexadecimal digits, not all zero.
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let whole = hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && some(trace) && some(parent);
    (known && whole).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn only_a_whole_traceparent_has_a_trace_id() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = "00f067aa0ba902b7";
        assert_eq!(trace_id(&format!("00-{trace}-{parent}-01")), Some(trace));
        // A later version may have more behind it.
        assert_eq!(trace_id(&format!("cc-{trace}-{parent}-01-x")), Some(trace));
        for wrong in [
            String::new(),
            trace.to_owned(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-01-x"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}0-{parent}-01"),
        ] {
            assert_eq!(trace_id(&wrong), None, "{wrong}");
        }
    }
}
