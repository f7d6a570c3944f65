//! The open connections: which of them wait for their client, and since when.
//!
//! A connection works from the end of a request until its answer has been handed to the kernel. Else
//! it waits: for the head or the body of a request, for the client to read, or for nothing at all.
//! Whoever waits can be closed to make room, and is closed after a while; whoever works is not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long a client may take for the TLS handshake, and to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a kept connection may be idle: longer than proxies keep theirs, so that none sends a
/// request on one that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a client may read nothing of an answer that the kernel takes no more of.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How often connections are looked over for those.
const LOOK_OVER: Duration = Duration::from_millis(250);
/// Who was accepted or answered a moment ago does not keep the server waiting yet: a request may be
/// there that nobody has read.
const MOMENT: Duration = Duration::from_millis(20);
/// Of a full server's connections one in so many is closed at once, so that not each newcomer waits
/// until another has gone.
const ROOM: usize = 32;

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

/// What a connection does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for the next request, or for the last answer to be read.
    Idle,
    /// It waits for the head of a request.
    Head,
    /// It waits for the body. The router bounds how long.
    Body,
    /// It works.
    Work,
}

/// One connection.
pub(super) struct Connection {
    opened: Instant,
    phase: AtomicU8,
    /// When the phase began, or the client last read, in milliseconds after it was opened.
    since: AtomicU64,
    /// Whether the client began the next request while this one was at work.
    ahead: AtomicBool,
    /// Whether a request was answered on it.
    answered: AtomicBool,
    /// Whether the kernel takes no more of an answer.
    stuck: AtomicBool,
    /// Whether it is to be closed, unless it works by now.
    unwanted: AtomicBool,
    /// Notified when it may have to be closed.
    looked_at: Notify,
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
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(0),
            ahead: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            unwanted: AtomicBool::new(false),
            looked_at: Notify::new(),
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

    /// Closes those that have waited longest for their clients: one in [`ROOM`], and one at least, if
    /// any waits. Those that never came to an answer go first, so that who only comes pushes nobody out
    /// who has called; but those that did go first where they are more than half of all, so that who has
    /// called once keeps nobody out who needs time to begin.
    pub(super) fn make_room(&self) {
        let (all, now) = (self.all(), Instant::now());
        let wanted = |connection: &&Arc<Connection>| !connection.unwanted.load(Ordering::SeqCst);
        let waiting = (all.values().filter(wanted))
            .filter_map(|connection| Some((connection.waits_since()?, connection)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= MOMENT);
        let answered = |connection: &Connection| connection.answered.load(Ordering::SeqCst);
        let (mut known, mut new): (Vec<_>, Vec<_>) =
            waiting.partition(|(_, connection)| answered(connection));
        for waiting in [&mut known, &mut new] {
            waiting.sort_by_key(|(since, _)| *since);
        }
        let order = if known.len() > all.len() / 2 {
            [known, new]
        } else {
            [new, known]
        };
        let longest = order.into_iter().flatten();
        for (_, longest) in longest.take((all.len() / ROOM).max(1)) {
            longest.dismiss();
        }
    }

    /// Closes, for ever, those whose clients have kept them waiting longer than any may. One look at
    /// all of them costs less than a timer for each, which every request would set anew.
    pub(super) async fn look_over(&self) {
        loop {
            tokio::time::sleep(LOOK_OVER).await;
            let now = Instant::now();
            let all = self.all();
            let overdue = all.values().filter(|connection| connection.is_overdue(now));
            overdue.for_each(|connection| connection.looked_at.notify_one());
        }
    }

    /// Closes all that have waited that long.
    pub(super) fn close_waiting(&self, time: Duration) {
        for connection in self.all().values() {
            let since = connection.waits_since();
            if since.is_some_and(|since| since.elapsed() >= time) {
                connection.dismiss();
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// The client has sent something.
    pub(super) fn heard(&self) {
        if self.phase() == Phase::Idle as u8 {
            self.enter(Phase::Head);
        } else if self.phase() == Phase::Work as u8 {
            self.ahead.store(true, Ordering::SeqCst);
        }
    }

    /// A request has begun.
    pub(super) fn has_head(&self) {
        self.enter(Phase::Body);
    }

    /// The client has sent all that it has to say.
    pub(super) fn works(&self) {
        // Since when is of no interest: it does not wait.
        self.phase.store(Phase::Work as u8, Ordering::SeqCst);
    }

    /// The answer has left, but for what the kernel does not take yet.
    pub(super) fn has_answered(&self) {
        self.answered.store(true, Ordering::SeqCst);
        let ahead = self.ahead.swap(false, Ordering::SeqCst);
        self.enter(if ahead { Phase::Head } else { Phase::Idle });
    }

    /// The kernel took some of an answer, or takes no more for now.
    pub(super) fn wrote(&self, some: bool) {
        let waits = [Phase::Idle as u8, Phase::Head as u8].contains(&self.phase());
        if some && waits {
            self.since.store(self.now(), Ordering::SeqCst);
        }
        self.stuck.store(!some, Ordering::SeqCst);
    }

    /// Waits until the connection is to be closed: its client has kept it waiting too long, or room
    /// is needed. That never happens while it works.
    pub(super) async fn is_to_be_closed(&self) {
        loop {
            self.looked_at.notified().await;
            let since = self.waits_since();
            // What has come since may not have been read: the network is looked at once more.
            tokio::task::yield_now().await;
            let unwanted = self.unwanted.swap(false, Ordering::SeqCst);
            if since.is_none() || since != self.waits_since() {
                continue;
            }
            if unwanted {
                return crate::metrics::closed();
            }
            if self.is_overdue(Instant::now()) {
                return;
            }
        }
    }

    fn enter(&self, phase: Phase) {
        self.since.store(self.now(), Ordering::SeqCst);
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::SeqCst)
    }

    /// Whether its client has kept it waiting longer than any may.
    fn is_overdue(&self, now: Instant) -> bool {
        let patience = match self.phase() {
            // The router bounds how long.
            phase if phase == Phase::Body as u8 => return false,
            _ if self.stuck.load(Ordering::SeqCst) => READ_TIMEOUT,
            phase if phase == Phase::Head as u8 => HEAD_TIMEOUT,
            _ => IDLE_TIMEOUT,
        };
        let since = self.waits_since();
        since.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }

    fn waits_since(&self) -> Option<Instant> {
        let since = self.opened + Duration::from_millis(self.since.load(Ordering::SeqCst));
        (self.phase() != Phase::Work as u8).then_some(since)
    }

    fn dismiss(&self) {
        self.unwanted.store(true, Ordering::SeqCst);
        self.looked_at.notify_one();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.all().remove(&self.id);
        crate::metrics::disconnected();
    }
}
