//! The audit trail: one JSON object a line, and the only writer of `audit.log`.
//!
//! A line is with the kernel, or with `AUDIT_SYNC` on the disk, before the thing it tells of goes
//! on: an intent before anything is sent to Discord, an outcome before the caller is answered.
//! Each line is chained to the one before ([`chain`]); what a stop left unfinished is mended at the
//! next start.

pub mod chain;
mod content;
mod durable;
mod record;
mod recover;
mod redact;
pub mod verify;
mod writer;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

pub use content::{Content, ContentPolicy};
use durable::Durable;
use record::{CallLine, Pending};
pub use record::{Outcome, Subject, Touched};
pub use redact::holds_secret;
pub use writer::TAKEN;
use writer::{Writer, encode, now};

/// The trail.
pub struct Audit {
    writer: Arc<Mutex<Writer>>,
    durable: Option<Durable>,
    content: Content,
    healthy: AtomicBool,
}

impl Audit {
    /// Opens the trail for appending, by this process alone; a new file can be read by its owner
    /// alone. With `sync`, lines are safe from a loss of power before the call goes on.
    ///
    /// # Errors
    /// When the file cannot be opened or mended, or another process writes to it.
    pub fn open(path: &Path, sync: bool, content: Content) -> io::Result<Self> {
        let writer = Arc::new(Mutex::new(Writer::open(path)?));
        let durable = if sync {
            Some(Durable::start(Arc::clone(&writer))?)
        } else {
            None
        };
        Ok(Self {
            writer,
            durable,
            content,
            healthy: AtomicBool::new(true),
        })
    }

    /// Parameters as the trail may keep them: without secrets, and with as much of what people
    /// wrote as the operator wants.
    pub fn params(&self, params: &Map<String, Value>) -> Value {
        self.content.apply(redact::redacted(params))
    }

    /// Records that a call is about to change Discord.
    ///
    /// # Errors
    /// When the line could not be written whole; then nothing may be sent.
    pub async fn intent(&self, subject: &Subject) -> io::Result<()> {
        let line = CallLine {
            ts: now(),
            stage: "intent",
            subject,
            outcome: None,
        };
        let pending = Pending::from(subject);
        self.record(&line, |writer| writer.begun(pending)).await
    }

    /// Records how a call ended.
    ///
    /// # Errors
    /// When the line could not be written whole.
    pub async fn outcome(&self, subject: &Subject, outcome: &Outcome) -> io::Result<()> {
        let line = CallLine {
            ts: now(),
            stage: "outcome",
            subject,
            outcome: Some(outcome),
        };
        self.record(&line, |writer| writer.ended(&subject.call_id))
            .await
    }

    /// Whether lines can be written. After a failure this tries, so that the answer is true again
    /// as soon as the disk is.
    pub fn is_healthy(&self) -> bool {
        if !self.healthy.load(Ordering::Relaxed) {
            let recovered = self.writer().probe().is_ok();
            self.healthy.store(recovered, Ordering::Relaxed);
        }
        self.healthy.load(Ordering::Relaxed)
    }

    /// Goes on in the file that now stands at the path, as after a rotation. Where that fails, the
    /// next line tries again.
    pub fn reopen(&self) {
        match self.writer().reopen() {
            Ok(()) => tracing::info!("the audit log was opened again"),
            Err(error) => tracing::error!(%error, "the audit log cannot be opened again"),
        }
    }

    /// Puts the head of the chain into the server log.
    pub fn tell_head(&self) {
        self.writer().tell_head();
    }

    async fn record(
        &self,
        line: &impl Serialize,
        then: impl FnOnce(&mut Writer),
    ) -> io::Result<()> {
        // What can be done before the one writer is needed is done before.
        let record = encode(line)?;
        let written = {
            let mut writer = self.writer();
            let written = writer.record(&record);
            if written.is_ok() {
                then(&mut writer);
            }
            written
        };
        let safe = match (written, &self.durable) {
            (Ok(seq), Some(durable)) => durable.wait_for(seq).await,
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error),
        };
        if let Err(error) = &safe {
            tracing::error!(%error, "the audit log cannot be written");
        }
        self.healthy.store(safe.is_ok(), Ordering::Relaxed);
        safe
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
