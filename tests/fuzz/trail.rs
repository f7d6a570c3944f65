//! Whole trails, and what a start finds at the end of one: read without a panic, and mended without
//! touching a whole line. Files make this a slow target.
//!
//! The first byte says what the rest is: a trail, in pieces that the target seals or leaves as they
//! are, or what a caller sends, to be recorded.
#![no_main]

mod files;

use discord_mcp_server::audit::Subject;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let [mode, rest @ ..] = data else { return };
    if mode & 1 == 0 {
        files::survives_a_start(&files::of(rest));
    } else {
        let text = String::from_utf8_lossy(rest);
        let mut parts = text.split('\n').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let subject = Subject {
            call_id: next(),
            request_id: next(),
            door: "rest",
            user_id: next(),
            jti: Some(next()),
            client: None,
            tool: Some(next()),
        };
        files::keeps(subject, &params(&next()), mode & 4 == 0);
    }
});

/// Parameters no deeper than those of a body that was read.
fn params(text: &str) -> Value {
    let body = format!("{{\"params\":{text}}}");
    let mut body: Value = serde_json::from_str(&body).unwrap_or_default();
    body["params"].take()
}
