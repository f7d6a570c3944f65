//! The chain: each line carries its number, the hash of the line before, and its own hash.
//!
//! ```text
//! {"seq":2,"prev":"<hash of line 1>", … ,"hash":"<SHA-256 of all that stands before it>"}
//! ```
//!
//! A line that was edited does not fit its own hash; one that was taken out, put in, moved or
//! doubled does not fit its neighbours. Who can write the file can forge the whole chain from some
//! line on, and can cut off its end: both show only against a head that was kept elsewhere.

use aws_lc_rs::digest::{SHA256, digest};

use crate::hex;

/// A SHA-256 in lower-case hex.
pub type Hash = String;

/// What stands before the first line.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How every line begins.
pub const BEGINNING: &[u8] = b"{\"seq\":";
const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const HEX: usize = 64;

/// A line as it stands in the file, with its newline, and its hash.
pub struct Sealed {
    /// The bytes.
    pub line: Vec<u8>,
    /// The hash, which the next line names.
    pub hash: Hash,
}

/// What a sealed line says of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number of the line.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: Hash,
    /// The hash of this line.
    pub hash: Hash,
}

/// Seals a record, a JSON object with at least one field, as line `seq` after the one with the
/// hash `prev`.
pub fn seal(seq: u64, prev: &str, record: &[u8]) -> Sealed {
    let mut line = Vec::with_capacity(record.len() + 192);
    let hash = seal_onto(&mut line, seq, prev, record);
    Sealed { line, hash }
}

/// The same, at the end of other lines. Returns the hash.
pub(super) fn seal_onto(lines: &mut Vec<u8>, seq: u64, prev: &str, record: &[u8]) -> Hash {
    let fields = record.strip_prefix(b"{").unwrap_or(record);
    let fields = fields.strip_suffix(b"}").unwrap_or(fields);
    let begins = lines.len();
    lines.extend_from_slice(BEGINNING);
    lines.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
    lines.extend_from_slice(PREV);
    lines.extend_from_slice(prev.as_bytes());
    lines.extend_from_slice(b"\",");
    lines.extend_from_slice(fields);
    let hash = sha256(lines.get(begins..).unwrap_or_default());
    lines.extend_from_slice(HASH);
    lines.extend_from_slice(hash.as_bytes());
    lines.extend_from_slice(b"\"}\n");
    hash
}

/// Reads the seal of a line without its newline. `None` where it is not a sealed line, or does not
/// fit its own hash.
pub fn open(line: &[u8]) -> Option<Link> {
    let rest = line.strip_prefix(BEGINNING)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let seq: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let (prev, rest) = rest.strip_prefix(PREV)?.split_at_checked(HEX)?;
    let rest = rest.strip_prefix(b"\",")?;
    let seal = HASH.len() + HEX + 2;
    // Only as sealing writes it: no zeros before the number, and a field at least.
    if seq.to_string().len() != digits || rest.len() <= seal {
        return None;
    }
    let (body, seal) = line.split_at_checked(line.len().checked_sub(seal)?)?;
    let (hash, end) = seal.strip_prefix(HASH)?.split_at_checked(HEX)?;
    let fits = end == b"\"}" && sha256(body).as_bytes() == hash;
    fits.then(|| {
        Some(Link {
            seq,
            prev: hex(prev)?,
            hash: hex(hash)?,
        })
    })?
}

fn hex(text: &[u8]) -> Option<Hash> {
    let lower = text
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    lower.then(|| String::from_utf8_lossy(text).into_owned())
}

fn sha256(bytes: &[u8]) -> Hash {
    hex::encode(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]
mod tests {
    use super::{GENESIS, open, seal, sha256};

    #[test]
    fn what_was_sealed_opens_and_any_other_byte_does_not() {
        let sealed = seal(7, GENESIS, br#"{"stage":"outcome","params":{"a":"}\"x"}}"#);
        let line = sealed.line.strip_suffix(b"\n").unwrap();
        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(
            (value["seq"].as_u64(), value["prev"].as_str()),
            (Some(7), Some(GENESIS))
        );
        let link = open(line).unwrap();
        assert_eq!((link.seq, link.hash), (7, sealed.hash));
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut flipped = line.to_vec();
                flipped[at] ^= 1 << bit;
                assert_eq!(open(&flipped), None, "byte {at} bit {bit}");
            }
            assert_eq!(open(&line[..at]), None);
        }
    }

    #[test]
    fn a_line_that_sealing_does_not_write_does_not_open() {
        let fields = r#","stage":"outcome""#;
        let opens = |number: &str, fields: &str| {
            let body = format!(r#"{{"seq":{number},"prev":"{GENESIS}"{fields}"#);
            let hash = sha256(body.as_bytes());
            open(format!(r#"{body},"hash":"{hash}"}}"#).as_bytes()).is_some()
        };
        assert!(opens("7", fields) && opens("0", fields));
        for number in ["07", "00", "+7", "-7", "7.0", "", "18446744073709551616"] {
            assert!(!opens(number, fields), "{number}");
        }
        assert!(!opens("7", ""));
    }
}
