//! The open connections: which of them wait for their client, and since when.
//!
//! A connection waits while its client sends a head or a body, reads an answer, or does nothing. It
//! works from the end of a request until the answer's last byte has left for the kernel. Whoever
//! waits can be closed to make room; whoever works cannot.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

/// One connection.
pub(super) struct Connection {
    opened: Instant,
    /// Milliseconds after it was opened, plus one, from which on it waits; 0 while it works.
    waits: AtomicU64,
    closing: AtomicBool,
    close: Notify,
}

/// A connection's place among the open ones, for as long as it lives.
pub(super) struct Open {
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        let connection = Arc::new(Connection {
            opened: Instant::now(),
            waits: AtomicU64::new(1),
            closing: AtomicBool::new(false),
            close: Notify::new(),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.all().insert(id, Arc::clone(&connection));
        crate::metrics::connected();
        Open {
            connection,
            connections: Arc::clone(self),
            id,
        }
    }

    /// Closes the connection that has waited longest for its client, if any waits.
    pub(super) fn make_room(&self) {
        let all = self.all();
        let waiting = all
            .values()
            .filter(|connection| !connection.closing.load(Ordering::Relaxed))
            .filter_map(|connection| Some((connection.waits_since()?, connection)));
        if let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) {
            longest.shut();
        }
    }

    /// Closes all that have waited that long.
    pub(super) fn close_waiting(&self, time: Duration) {
        for connection in self.all().values() {
            if connection
                .waits_since()
                .is_some_and(|since| since.elapsed() >= time)
            {
                connection.shut();
            }
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// The client has sent all that it has to say.
    pub(super) fn works(&self) {
        self.waits.store(0, Ordering::Relaxed);
    }

    fn waits(&self) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.waits.store(since.saturating_add(1), Ordering::Relaxed);
    }

    fn waits_since(&self) -> Option<Instant> {
        let since = self.waits.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.opened + Duration::from_millis(since))
    }

    fn shut(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.close.notify_one();
    }

    /// Waits until the connection is to be closed.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.all().remove(&self.id);
    }
}

/// The body of a request: at its end the connection begins to work.
pub(super) struct Asking<B> {
    body: B,
    connection: Arc<Connection>,
}

impl<B: Body> Asking<B> {
    pub(super) fn new(body: B, connection: &Arc<Connection>) -> Self {
        if body.is_end_stream() {
            connection.works();
        }
        let connection = Arc::clone(connection);
        Self { body, connection }
    }
}

impl<B: Body + Unpin> Body for Asking<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.connection.works();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer: when it is gone, the connection waits again.
pub(super) struct Answering<B> {
    body: B,
    connection: Arc<Connection>,
}

impl<B> Answering<B> {
    pub(super) fn new(body: B, connection: Arc<Connection>) -> Self {
        Self { body, connection }
    }
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answering<B> {
    fn drop(&mut self) {
        self.connection.waits();
    }
}
