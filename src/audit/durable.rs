//! Group commit: one `fdatasync` for all the lines that were written while the last one ran.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::{Mutex, watch};

use super::medium::sync;
use super::writer::Writer;

/// How far the lines are safe from a loss of power.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The last line that is safe.
    safe: u64,
    /// The last line that a failed attempt was to make safe. Up to here nothing more is promised:
    /// after a failure the kernel may have dropped the pages, and a later success says nothing of
    /// them.
    failed: u64,
}

/// A thread that makes lines safe, and those who wait for it.
pub(super) struct Durable {
    wake: SyncSender<()>,
    progress: watch::Receiver<Progress>,
}

impl Durable {
    /// Starts the thread. It ends when this is dropped.
    pub(super) fn start(writer: Arc<Mutex<Writer>>) -> io::Result<Self> {
        // One token is enough: the thread makes everything safe that stands there when it looks.
        let (wake, woken) = sync_channel(1);
        let (tell, progress) = watch::channel(Progress::default());
        let work = move || make_safe(&writer, &woken, &tell);
        std::thread::Builder::new()
            .name("audit-sync".into())
            .spawn(work)?;
        Ok(Self { wake, progress })
    }

    /// Waits until line `seq` is safe.
    ///
    /// # Errors
    /// When the attempt that was to make it safe failed.
    pub(super) async fn wait_for(&self, seq: u64) -> io::Result<()> {
        // A full channel means that the thread is about to look anyway.
        self.wake.try_send(()).ok();
        let mut progress = self.progress.clone();
        let reached = progress
            .wait_for(|progress| progress.safe >= seq || progress.failed >= seq)
            .await;
        match reached.map(|progress| progress.failed < seq) {
            Ok(true) => Ok(()),
            Ok(false) => Err(io::Error::other("fdatasync failed")),
            Err(_) => Err(io::Error::other("the thread of fdatasync has ended")),
        }
    }
}

fn make_safe(writer: &Mutex<Writer>, woken: &Receiver<()>, tell: &watch::Sender<Progress>) {
    while woken.recv().is_ok() {
        let (seq, file) = writer.blocking_lock().position();
        let synced = sync(&file);
        if let Err(error) = &synced {
            tracing::error!(%error, "the audit log cannot be made safe from a loss of power");
        }
        tell.send_modify(|progress| match synced {
            Ok(()) => progress.safe = progress.safe.max(seq),
            Err(_) => progress.failed = progress.failed.max(seq),
        });
    }
}
