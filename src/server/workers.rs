//! Threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on its thread with all that its requests do, the connections to Discord that
//! they use included: to pass work from core to core for each of its steps costs a fifth of a call.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// How many steps a thread takes before it looks whether there is more to read. With more than the
/// runtime's 61, calls under way come to their end before others begin, and need less memory.
const STEPS: u32 = 512;

/// Where connections are served.
pub struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    serving: Arc<AtomicUsize>,
    /// Dropped, it ends the thread, and what is left to do there with it.
    _stop: oneshot::Sender<()>,
}

impl Workers {
    /// The runtime of whoever accepts the connections.
    pub const fn here() -> Self {
        Self(Vec::new())
    }

    /// So many threads of their own.
    ///
    /// # Errors
    /// Where the system has no more threads or descriptors to give.
    pub fn start(count: NonZero<usize>) -> io::Result<Self> {
        let workers = (0..count.get()).map(Worker::start);
        workers.collect::<io::Result<_>>().map(Self)
    }

    /// Runs what serves a connection, where the fewest are served.
    pub(super) fn spawn(&self, serve: impl Future<Output = ()> + Send + 'static) {
        let busy = |worker: &&Worker| worker.serving.load(Ordering::Relaxed);
        let Some(worker) = self.0.iter().min_by_key(busy) else {
            tokio::spawn(serve);
            return;
        };
        let place = Place::new(&worker.serving);
        worker.runtime.spawn(async move {
            let _place = place;
            serve.await;
        });
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .event_interval(STEPS)
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let worker = Self {
            runtime: runtime.handle().clone(),
            serving: Arc::default(),
            _stop: stop,
        };
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || runtime.block_on(stopped).ok())?;
        Ok(worker)
    }
}

/// The place of a connection that is being served, given up however that ends.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn new(serving: &Arc<AtomicUsize>) -> Self {
        serving.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(serving))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_goes_to_the_thread_that_has_least_and_ends_with_it() {
        struct Ended(mpsc::Sender<String>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.send("ended".to_owned()).ok();
            }
        }
        let (told, heard) = mpsc::channel();
        let workers = Workers::start(NonZero::new(2).unwrap()).unwrap();
        let names: Vec<_> = (0..4)
            .map(|_| {
                let ended = Ended(told.clone());
                workers.spawn(async move {
                    let thread = std::thread::current();
                    let name = thread.name().unwrap_or_default().to_owned();
                    ended.0.send(name).ok();
                    std::future::pending::<()>().await;
                    drop(ended);
                });
                heard.recv().unwrap()
            })
            .collect();
        assert_eq!(names, ["worker-0", "worker-1", "worker-0", "worker-1"]);
        drop(workers);
        assert_eq!(heard.recv().unwrap(), "ended");
        assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), ["ended"; 3]);
    }
}
