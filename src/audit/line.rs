//! A line as bytes: JSON, safe for every reader of text, with the time at which it is written.

use std::io;
use std::sync::Arc;

use serde::Serialize;

use super::record::{Outcome, Record};
use crate::timestamp::Precise;

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
    bytes.extend_from_slice(Precise::now().as_str().as_bytes());
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

/// The time that it is, as lines have it.
pub(super) fn stamp() -> String {
    Precise::now().as_str().to_owned()
}
