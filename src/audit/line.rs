//! A line as bytes: JSON, safe for every reader of text, with the time at which it is written.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use super::record::{Outcome, Record};
use crate::discord::Timestamp;

/// Room for nearly every record.
const USUAL_LENGTH: usize = 1_024;

/// A line, and what it is in its call.
pub(super) struct Line {
    /// The record, not sealed yet.
    pub(super) bytes: Vec<u8>,
    pub(super) call: Arc<Record>,
    pub(super) stage: Stage,
}

/// What a line is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The call is about to change Discord.
    Intent,
    /// It has ended.
    Outcome,
}

/// A call's line at this stage.
pub(super) fn of_call(
    stage: Stage,
    call: &Arc<Record>,
    outcome: Option<&Outcome>,
) -> io::Result<Line> {
    let object = call
        .object
        .as_ref()
        .map_err(|error| io::Error::other(error.to_string()))?;
    let fields = object.strip_suffix(b"}").unwrap_or(object);
    let mut bytes = Vec::with_capacity(object.len() + USUAL_LENGTH / 2);
    bytes.extend_from_slice(b"{\"ts\":\"");
    bytes.extend_from_slice(&now());
    bytes.extend_from_slice(b"\",\"stage\":\"");
    bytes.extend_from_slice(match stage {
        Stage::Intent => b"intent",
        Stage::Outcome => b"outcome",
    });
    bytes.extend_from_slice(b"\",");
    bytes.extend_from_slice(fields.strip_prefix(b"{").unwrap_or(fields));
    if let Some(outcome) = outcome {
        let begins = bytes.len();
        serde_json::to_writer(&mut bytes, outcome)?;
        if let Some(brace) = bytes.get_mut(begins) {
            *brace = b',';
        }
    } else {
        bytes.push(b'}');
    }
    let call = Arc::clone(call);
    Ok(Line { bytes, call, stage })
}

/// A record as JSON, on one line for every reader of text.
pub(super) fn encode(record: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL_LENGTH);
    serde_json::to_writer(&mut bytes, record)?;
    if !bytes.is_ascii() || bytes.contains(&0x7F) {
        escape_line_separators(&mut bytes);
    }
    Ok(bytes)
}

/// Escapes what JSON allows raw in a string and readers of text take for the end of a line, for a
/// command to a terminal, or for nothing at all: C1 controls, U+2028 and U+2029, bidirectional and
/// zero-width characters. Outside of strings JSON has none of them.
fn escape_line_separators(line: &mut Vec<u8>) {
    let disturbs = |letter: char| matches!(letter, '\u{7F}'..='\u{9F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    if let Ok(text) = std::str::from_utf8(line)
        && text.contains(disturbs)
    {
        let mut escaped = String::with_capacity(text.len() + 16);
        for letter in text.chars() {
            if disturbs(letter) {
                escaped += &format!("\\u{:04x}", u32::from(letter));
            } else {
                escaped.push(letter);
            }
        }
        *line = escaped.into_bytes();
    }
}

/// RFC 3339 in UTC with microseconds, always of the same length.
fn now() -> [u8; 27] {
    rfc3339(OffsetDateTime::now_utc())
}

/// Digit by digit: the form of two lines a call, which a formatter takes a microsecond for.
fn rfc3339(time: OffsetDateTime) -> [u8; 27] {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let second = Timestamp::of(time);
    let second = second.as_str().trim_end_matches('Z').bytes();
    text.iter_mut()
        .zip(second)
        .for_each(|(to, from)| *to = from);
    let mut micros = time.microsecond();
    for digit in text.iter_mut().rev().skip(1).take(6) {
        *digit = b'0' + (micros % 10) as u8;
        micros /= 10;
    }
    text
}

/// The same as a text.
pub(super) fn stamp() -> String {
    String::from_utf8_lossy(&now()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{datetime, format_description};

    use super::*;

    proptest! {
        #[test]
        fn a_time_stands_there_as_the_library_would_write_it(micros in 0..253_402_300_800_000_000_i128) {
            let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
            let time = OffsetDateTime::from_unix_timestamp_nanos(micros * 1_000)?;
            prop_assert_eq!(rfc3339(time).to_vec(), time.format(&form)?.into_bytes());
        }
    }

    #[test]
    fn zeros_are_written() {
        let time = datetime!(2026-01-02 03:04:05.000006 UTC);
        assert_eq!(&rfc3339(time), b"2026-01-02T03:04:05.000006Z");
    }
}
