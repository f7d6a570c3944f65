//! The audit trail: one JSON object a line, and the only writer of `audit.log`.
//!
//! A line is with the kernel, or with `AUDIT_SYNC` on the disk, before the thing it tells of goes
//! on: an intent before anything is sent to Discord, an outcome before the caller is answered.
//! Each line is chained to the one before ([`chain`]); what a stop left unfinished is mended at the
//! next start.

pub mod chain;
mod content;
mod durable;
mod line;
mod medium;
mod queue;
mod record;
mod recover;
mod redact;
pub mod verify;
mod writer;

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard};

pub use content::{Content, ContentPolicy};
use durable::Durable;
use line::{Line, Stage};
use queue::Queue;
use record::CallObject;
pub use record::{Outcome, Record, Subject, Touched};
pub use redact::holds_secret;
pub use writer::TAKEN;
use writer::Writer;

/// How often a call looks whether the writer is free before it lets other calls go first, and how
/// often it does that before it stands in line.
const LOOKS: usize = 40;
const TRIES: usize = 6;

/// The trail.
pub struct Audit {
    /// Whoever waits for it leaves its thread to others.
    writer: Arc<Mutex<Writer>>,
    queue: Queue,
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
            queue: Queue::default(),
            durable,
            content,
            healthy: AtomicBool::new(true),
        })
    }

    /// A call as its lines will tell of it: its parameters without secrets, and with as much of
    /// what people wrote as the operator wants.
    pub fn prepare(&self, subject: Subject, params: Option<&Map<String, Value>>) -> Arc<Record> {
        let params = params.map(|params| self.params(params));
        let object = line::encode(&CallObject {
            subject: &subject,
            params: params.as_deref(),
        });
        Arc::new(Record { subject, object })
    }

    /// Parameters as the trail may keep them.
    pub fn params<'a>(&self, params: &'a Map<String, Value>) -> Cow<'a, Map<String, Value>> {
        self.content.apply(redact::redacted(params))
    }

    /// Records that a call is about to change Discord.
    ///
    /// # Errors
    /// When the line could not be written whole; then nothing may be sent.
    pub async fn intent(&self, call: &Arc<Record>) -> io::Result<()> {
        self.record(Stage::Intent, call, None).await
    }

    /// Records how a call ended. Where that fails and an intent of the call stands, the line is
    /// kept, and is the first to be written when lines can be written again.
    ///
    /// # Errors
    /// When the line could not be written whole.
    pub async fn outcome(&self, call: &Arc<Record>, outcome: &Outcome) -> io::Result<()> {
        self.record(Stage::Outcome, call, Some(outcome)).await
    }

    async fn record(
        &self,
        stage: Stage,
        call: &Arc<Record>,
        outcome: Option<&Outcome>,
    ) -> io::Result<()> {
        let began = Instant::now();
        // What can be done before the one writer is needed is done before.
        let written = match line::of_call(stage, call, outcome) {
            Ok(line) => self.write(line).await,
            Err(error) => Err(error),
        };
        self.safe(began, written).await
    }

    /// Writes a line, and returns its number.
    async fn write(&self, line: Line) -> io::Result<u64> {
        let ticket = self.queue.add(line);
        // Calls that are about to have a line, too, come first; whoever is the first to go on then
        // writes for all of them.
        tokio::task::yield_now().await;
        if let Some(written) = ticket.written() {
            return written;
        }
        let mut writer = self.writer().await;
        ticket.write(&mut writer)
    }

    /// Whether lines can be written. After a failure this tries, so that the answer is true again
    /// as soon as the disk is.
    pub async fn is_healthy(&self) -> bool {
        if !self.healthy.load(Ordering::Relaxed) {
            let recovered = self.writer.lock().await.probe().is_ok();
            self.healthy.store(recovered, Ordering::Relaxed);
        }
        self.healthy.load(Ordering::Relaxed)
    }

    /// Goes on in the file that now stands at the path, as after a rotation. Where that fails, the
    /// next line tries again.
    pub async fn reopen(&self) {
        match self.writer.lock().await.reopen() {
            Ok(()) => tracing::info!("the audit log was opened again"),
            Err(error) => tracing::error!(%error, "the audit log cannot be opened again"),
        }
    }

    /// Puts the head of the chain into the server log.
    pub async fn tell_head(&self) {
        self.writer.lock().await.tell_head();
    }

    /// The writer, once it is free. Another thread has it for a few microseconds, which are better
    /// spent on other calls than on being woken; only who has no luck stands in line.
    async fn writer(&self) -> MutexGuard<'_, Writer> {
        for _ in 0..TRIES {
            for _ in 0..LOOKS {
                if let Ok(writer) = self.writer.try_lock() {
                    return writer;
                }
                std::hint::spin_loop();
            }
            tokio::task::yield_now().await;
        }
        self.writer.lock().await
    }

    /// Waits until a line that was written is as safe as it must be, and notes how that went.
    async fn safe(&self, began: Instant, written: io::Result<u64>) -> io::Result<()> {
        let safe = match (written, &self.durable) {
            (Ok(seq), Some(durable)) => durable.wait_for(seq).await,
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error),
        };
        if let Err(error) = &safe {
            tracing::error!(%error, "the audit log cannot be written");
        }
        self.healthy.store(safe.is_ok(), Ordering::Relaxed);
        crate::metrics::audit_line(began.elapsed(), safe.is_ok());
        safe
    }
}
