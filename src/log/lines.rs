//! Lines on their way out: a thread writes what has come together, so that neither a slow reader nor
//! each single line keeps the server waiting.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How much may wait. What comes beyond it is dropped, whole lines at a time.
const WAITING_LIMIT: usize = 1 << 20;
/// How long lines are let come together.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the end of the process waits for a reader who has stopped to read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Waits, when it is dropped, until what is waiting has been written, a second at most.
pub struct LogGuard(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether nothing more will come.
    ended: bool,
    /// Whether all of it was written.
    written: bool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Lines for `sink`, from a thread of its own.
    ///
    /// # Errors
    /// Where there can be no thread.
    pub(super) fn to(mut sink: impl Write + Send + 'static) -> io::Result<(Self, LogGuard)> {
        let shared = Arc::new(Shared::default());
        let lines = Self(Arc::clone(&shared));
        let guard = LogGuard(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || {
                let (mut bytes, mut ended) = (Vec::new(), false);
                while !ended {
                    let waiting = shared.waiting();
                    let waiting = (shared.more)
                        .wait_while(waiting, |waiting| {
                            waiting.bytes.is_empty() && !waiting.ended
                        })
                        .unwrap_or_else(PoisonError::into_inner);
                    let (mut waiting, _) = (shared.more)
                        .wait_timeout_while(waiting, PAUSE, |waiting| !waiting.ended)
                        .unwrap_or_else(PoisonError::into_inner);
                    std::mem::swap(&mut waiting.bytes, &mut bytes);
                    ended = waiting.ended;
                    drop(waiting);
                    // Where not even the log can be written, there is nowhere to say so.
                    sink.write_all(&bytes).and_then(|()| sink.flush()).ok();
                    bytes.clear();
                }
                shared.waiting().written = true;
                shared.more.notify_all();
            })?;
        Ok((lines, guard))
    }
}

impl Write for Lines {
    /// Takes a whole line: the formatter writes each at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting();
        let first = waiting.bytes.is_empty();
        if waiting.bytes.len() + line.len() <= WAITING_LIMIT {
            waiting.bytes.extend_from_slice(line);
        }
        drop(waiting);
        if first {
            self.0.more.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.ended = true;
        self.0.more.notify_all();
        let written = |waiting: &mut Waiting| !waiting.written;
        drop(self.0.more.wait_timeout_while(waiting, PATIENCE, written));
    }
}
