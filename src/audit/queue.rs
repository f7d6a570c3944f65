//! Lines on their way to the writer. What calls of one thread have ready at the same time goes to the
//! file together: one look whether it is still there, one write. A busy server pays for both once for
//! several calls, and each line is still with the kernel before its call goes on.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thread_local::ThreadLocal;

use super::line::Line;
use super::writer::Writer;

/// The lines that wait, those of each thread by themselves: no thread is woken for another's.
#[derive(Default)]
pub(super) struct Queue(ThreadLocal<Mutex<Arc<Batch>>>);

/// Lines that are written together.
#[derive(Default)]
struct Batch(Mutex<State>);

enum State {
    Waiting(Vec<Line>),
    /// What became of each, until its call has asked.
    Written(Vec<Option<io::Result<u64>>>),
}

/// A line's place among those that are written together.
pub(super) struct Ticket {
    batch: Arc<Batch>,
    at: usize,
}

impl Queue {
    /// Puts a line to those of this thread that wait.
    pub(super) fn add(&self, line: Line) -> Ticket {
        let mut current = lock(self.0.get_or_default());
        let at = current.add(line).unwrap_or_else(|line| {
            // The last ones have been written.
            *current = Arc::default();
            current.add(line).unwrap_or_default()
        });
        Ticket {
            batch: Arc::clone(&current),
            at,
        }
    }
}

impl Batch {
    /// Adds a line, or gives it back where the others have been written.
    fn add(&self, line: Line) -> Result<usize, Line> {
        match &mut *lock(&self.0) {
            State::Waiting(lines) => {
                lines.push(line);
                Ok(lines.len() - 1)
            }
            State::Written(_) => Err(line),
        }
    }
}

impl Ticket {
    /// The number that the line was written under, or why it was not; `None` while it waits.
    pub(super) fn written(&self) -> Option<io::Result<u64>> {
        match &mut *lock(&self.batch.0) {
            State::Waiting(_) => None,
            State::Written(results) => results.get_mut(self.at)?.take(),
        }
    }

    /// Writes the line, with all that wait beside it, unless another call has done that.
    pub(super) fn write(self, writer: &mut Writer) -> io::Result<u64> {
        let mut state = lock(&self.batch.0);
        if let State::Waiting(lines) = &mut *state {
            let results = writer.write(std::mem::take(lines));
            *state = State::Written(results.into_iter().map(Some).collect());
        }
        drop(state);
        let lost = || Err(io::Error::other("a line was lost on its way"));
        self.written().unwrap_or_else(lost)
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
