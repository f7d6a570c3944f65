//! How late the machine itself is: a task that wants to run every few milliseconds, and notes by how
//! much it was kept waiting. Times that were measured beside it are judged less that.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

const BEAT: Duration = Duration::from_millis(5);

/// The task; it ends when this is dropped.
pub struct Metronome {
    /// The beats that came late: when, and by how much.
    late: Arc<Mutex<Vec<(Instant, Duration)>>>,
    task: JoinHandle<()>,
}

impl Metronome {
    pub fn start() -> Self {
        let late: Arc<Mutex<Vec<_>>> = Arc::default();
        let noted = Arc::clone(&late);
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + BEAT;
                tokio::time::sleep(BEAT).await;
                let now = Instant::now();
                let by = now.saturating_duration_since(due);
                // A timer is a millisecond or two late by nature.
                if by > BEAT {
                    noted.lock().unwrap().push((now, by));
                }
            }
        });
        Self { late, task }
    }

    /// The longest that anything was kept waiting in this time.
    pub fn worst(&self, from: Instant, to: Instant) -> Duration {
        let late = self.late.lock().unwrap();
        let then = late
            .iter()
            .filter(|(at, by)| *at >= from && *at - *by <= to);
        then.map(|(_, by)| *by).max().unwrap_or_default()
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.task.abort();
    }
}
