//! Audit lines: read without a panic, and never taken for more than they are.
//!
//! The first byte says what the rest is: a line, or a record to be sealed.
#![no_main]

use aws_lc_rs::digest::{SHA256, digest};
use discord_mcp_server::audit::chain::{self, GENESIS};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let [mode, rest @ ..] = data else { return };
    if mode & 1 == 0 {
        is_canonical(rest);
        // Nobody finds a hash by chance: the same line with the one that it needs.
        let hash = digest(&SHA256, rest);
        let hex: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        is_canonical(&[rest, format!(",\"hash\":\"{hex}\"}}").as_bytes()].concat());
    } else {
        let Ok(Value::Object(record)) = serde_json::from_slice(rest) else {
            return;
        };
        if !record.is_empty() {
            opens(
                &serde_json::to_vec(&record).unwrap(),
                u64::from(*mode) << 40,
            );
        }
    }
});

/// A line that opens is the one that sealing its content makes.
fn is_canonical(line: &[u8]) {
    let Some(link) = chain::open(line) else {
        return;
    };
    let beginning = format!("{{\"seq\":{},\"prev\":\"{}\",", link.seq, link.prev);
    let end = format!(",\"hash\":\"{}\"}}", link.hash);
    let fields = line
        .strip_prefix(beginning.as_bytes())
        .and_then(|rest| rest.strip_suffix(end.as_bytes()));
    let fields = fields.expect("a line of another form opens");
    let record = [&b"{"[..], fields, b"}"].concat();
    let sealed = chain::seal(link.seq, &link.prev, &record);
    assert_eq!(sealed.line, [line, b"\n"].concat());
    assert_eq!(sealed.hash, link.hash);
}

/// A record that is sealed opens, as the line and with the place that it was given.
fn opens(record: &[u8], seq: u64) {
    let sealed = chain::seal(seq, GENESIS, record);
    let line = sealed.line.strip_suffix(b"\n").unwrap();
    let link = chain::open(line).expect("a sealed line opens");
    assert_eq!(
        (link.seq, &*link.prev, link.hash),
        (seq, GENESIS, sealed.hash)
    );
    assert!(serde_json::from_slice::<Value>(line).is_ok());
    is_canonical(line);
}
