//! The audit trail: one JSON object a line, and the only writer of `audit.log`.
//!
//! A line is on its way to the disk before the thing it tells of goes on: an intent before
//! anything is sent to Discord, an outcome before the caller is answered.

mod redact;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::discord::{ChannelId, GuildId, MessageId};
pub use redact::redacted;

/// What every line of one call says.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The call, by an id that is ours and unique.
    pub call_id: String,
    /// The request, by the id that the caller knows.
    pub request_id: String,
    /// The way in: `rest` or `mcp`.
    pub door: &'static str,
    /// The token's `sub`.
    pub user_id: String,
    /// The token's `jti`.
    pub jti: Option<String>,
    /// The caller's address.
    pub client: Option<IpAddr>,
    /// The tool, or null where the request did not get as far as naming one.
    pub tool: Option<String>,
    /// The parameters, redacted.
    pub params: Value,
}

/// How a call ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether it did what was asked.
    pub success: bool,
    /// `ok`, or the code of the error.
    pub status: &'static str,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What the call touched.
    #[serde(flatten)]
    pub touched: Touched,
}

/// The ids that a call touched.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Touched {
    /// The guild, where the call learned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// The messages that were sent or deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub message_ids: Vec<MessageId>,
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    stage: &'static str,
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    outcome: Option<&'a Outcome>,
}

/// The writer of the trail: synchronous, so that a line that was accepted is with the kernel and
/// survives the process.
pub struct Audit {
    file: Mutex<File>,
    healthy: AtomicBool,
}

impl Audit {
    /// Opens the trail for appending; a new file can be read by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file: Mutex::new(file),
            healthy: AtomicBool::new(true),
        })
    }

    /// Records that a call is about to change Discord.
    ///
    /// # Errors
    /// When the line could not be written whole; then nothing may be sent.
    pub fn intent(&self, subject: &Subject) -> io::Result<()> {
        self.write("intent", subject, None)
    }

    /// Records how a call ended.
    ///
    /// # Errors
    /// When the line could not be written whole.
    pub fn outcome(&self, subject: &Subject, outcome: &Outcome) -> io::Result<()> {
        self.write("outcome", subject, Some(outcome))
    }

    /// Whether the last line could be written.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    fn write(
        &self,
        stage: &'static str,
        subject: &Subject,
        outcome: Option<&Outcome>,
    ) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line {
            ts: now(),
            stage,
            subject,
            outcome,
        })?;
        escape_line_separators(&mut line);
        line.push(b'\n');
        // One write of one whole line: with O_APPEND the kernel puts it after all others.
        let written = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&line);
        if let Err(error) = &written {
            tracing::error!(%error, "the audit log cannot be written");
        }
        self.healthy.store(written.is_ok(), Ordering::Relaxed);
        written
    }
}

/// Escapes what JSON allows raw in a string and many readers of text take for the end of a line:
/// U+0085, U+2028 and U+2029. Outside of strings JSON has none of them.
fn escape_line_separators(line: &mut Vec<u8>) {
    if let Ok(text) = std::str::from_utf8(line)
        && text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
    {
        let text = text
            .replace('\u{85}', "\\u0085")
            .replace('\u{2028}', "\\u2028");
        *line = text.replace('\u{2029}', "\\u2029").into_bytes();
    }
}

/// RFC 3339 in UTC with microseconds, always of the same length.
fn now() -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    OffsetDateTime::now_utc().format(&form).unwrap_or_default()
}
