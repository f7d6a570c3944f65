//! One of Discord's buckets: so many requests in a window, first come, first served.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lock;
use crate::discord::fault::NoPlace;
use crate::discord::headers::RateHeaders;

/// How much later than Discord said a window is taken to begin: its clock is not ours.
const SLACK: Duration = Duration::from_millis(10);
/// By how much the end of one and the same window may seem to move.
const JITTER: Duration = Duration::from_millis(250);

/// A bucket of one bot.
#[derive(Default)]
pub(crate) struct Bucket {
    state: Mutex<State>,
    /// Whoever has it is the next to go; it is given in the order of coming.
    turn: tokio::sync::Mutex<()>,
    /// How many wait for it, or have it.
    waiting: AtomicU32,
    /// Told of whenever an answer came.
    answered: Notify,
}

/// What is known of the bucket. Before anything is, one request at a time finds out.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    limits: Limits,
    remaining: u32,
    /// When the next window begins; `None` while the first answer of this one is awaited.
    reset: Option<Instant>,
    in_flight: u32,
    /// The longest time to this window's end that was seen: how long a window is, as far as is known.
    length: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Limits {
    #[default]
    Unknown,
    /// Discord answered and told of none.
    Untold,
    Told(u32),
}

/// What a request may do now.
enum Next {
    Go,
    WaitUntil(Instant),
    WaitForAnswer,
}

impl State {
    fn next(&mut self, now: Instant) -> Next {
        let Limits::Told(limit) = self.limits else {
            return self.next_unlimited(now);
        };
        if self.reset.is_some_and(|reset| reset <= now) {
            // What is still in flight may count in the new window.
            (self.reset, self.remaining) = (None, limit.saturating_sub(self.in_flight));
        }
        match self.reset {
            _ if self.remaining > 0 => {
                self.remaining -= 1;
                self.in_flight += 1;
                Next::Go
            }
            Some(reset) => Next::WaitUntil(reset),
            None if self.in_flight > 0 => Next::WaitForAnswer,
            None => {
                self.in_flight += 1;
                Next::Go
            }
        }
    }

    fn next_unlimited(&mut self, now: Instant) -> Next {
        match self.reset {
            Some(reset) if reset > now => Next::WaitUntil(reset),
            _ if self.limits == Limits::Unknown && self.in_flight > 0 => Next::WaitForAnswer,
            _ => {
                self.reset = None;
                self.in_flight += 1;
                Next::Go
            }
        }
    }

    /// How long a request will wait that comes after `ahead` others.
    fn estimate(&self, now: Instant, ahead: u32) -> Duration {
        let Limits::Told(limit) = self.limits else {
            return self
                .reset
                .map_or(Duration::ZERO, |reset| reset.saturating_duration_since(now));
        };
        let until_reset = self
            .reset
            .map_or(Duration::ZERO, |reset| reset.saturating_duration_since(now));
        match ahead.checked_sub(self.remaining) {
            None => Duration::ZERO,
            Some(_) if until_reset.is_zero() && self.reset.is_some() => {
                self.length * (ahead / limit)
            }
            Some(over) => until_reset + self.length * (over / limit),
        }
    }

    /// Why a request has waited in vain.
    fn no_place(&self, now: Instant) -> NoPlace {
        if self.limits == Limits::Unknown {
            return NoPlace::Silence;
        }
        let wait = self.estimate(now, self.remaining);
        NoPlace::For(wait.max(Duration::from_secs(1)))
    }

    fn learn(&mut self, now: Instant, headers: &RateHeaders) {
        let Some(window) = headers.window else {
            if self.limits == Limits::Unknown {
                self.limits = Limits::Untold;
            }
            return;
        };
        let reset = now + window.reset_after + SLACK;
        let same_limit = self.limits == Limits::Told(window.limit);
        self.limits = Limits::Told(window.limit);
        match self.reset {
            // The same window: of two views the narrower one.
            Some(known) if reset <= known + JITTER => {
                self.remaining = self.remaining.min(window.remaining);
                self.reset = Some(known.min(reset));
                let is_another = reset + JITTER < known;
                self.length = if is_another {
                    window.reset_after
                } else {
                    self.length.max(window.reset_after)
                };
            }
            known => {
                // In a window that began here, what left has been counted, whichever answer comes first.
                self.remaining = if known.is_none() && same_limit {
                    self.remaining.min(window.remaining)
                } else {
                    window.remaining.saturating_sub(self.in_flight)
                };
                self.reset = Some(reset);
                self.length = window.reset_after;
            }
        }
    }
}

impl Bucket {
    /// A place in the bucket, where there is one now and nobody waits for it.
    pub(crate) fn enter_at_once(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let _turn = self.turn.try_lock().ok()?;
        let next = lock(&self.state).next(now);
        matches!(next, Next::Go).then(|| Place {
            bucket: Arc::clone(self),
            open: true,
        })
    }

    /// Waits for a place in the bucket, until `deadline` at most.
    ///
    /// # Errors
    /// At once, where the wait would be too long: how long it would be.
    pub(crate) async fn enter(self: &Arc<Self>, deadline: Instant) -> Result<Place, NoPlace> {
        let queue = Queued::new(&self.waiting);
        let estimate = lock(&self.state).estimate(Instant::now(), queue.ahead);
        if Instant::now() >= deadline {
            return Err(NoPlace::Silence);
        }
        if Instant::now() + estimate > deadline {
            return Err(NoPlace::For(estimate));
        }
        let waited = tokio::time::timeout_at(deadline, async {
            let _turn = self.turn.lock().await;
            loop {
                let answered = self.answered.notified();
                let next = lock(&self.state).next(Instant::now());
                match next {
                    Next::Go => return Ok(()),
                    Next::WaitUntil(reset) if reset > deadline => {
                        let wait = reset.saturating_duration_since(Instant::now());
                        return Err(NoPlace::For(wait));
                    }
                    Next::WaitUntil(reset) => {
                        tokio::select! {
                            () = tokio::time::sleep_until(reset) => {}
                            () = answered => {}
                        }
                    }
                    Next::WaitForAnswer => answered.await,
                }
            }
        });
        match waited.await {
            Ok(Ok(())) => Ok(Place {
                bucket: Arc::clone(self),
                open: true,
            }),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(lock(&self.state).no_place(Instant::now())),
        }
    }

    /// An answer came that tells of the bucket, for a request that had no place in it.
    pub(super) fn told(&self, headers: &RateHeaders) {
        lock(&self.state).learn(Instant::now(), headers);
        self.answered.notify_waiters();
    }

    /// Whether nobody is in it or waits for it.
    pub(super) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.in_flight == 0
            && self.waiting.load(Ordering::Relaxed) == 0
            && state.reset.is_none_or(|reset| reset <= Instant::now())
    }
}

/// A place in the queue, given up when the call goes.
struct Queued<'a> {
    waiting: &'a AtomicU32,
    ahead: u32,
}

impl<'a> Queued<'a> {
    fn new(waiting: &'a AtomicU32) -> Self {
        Self {
            waiting,
            ahead: waiting.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of one request in a bucket. Dropped, the request counts as one that got no answer.
pub(crate) struct Place {
    bucket: Arc<Bucket>,
    open: bool,
}

impl Place {
    /// An answer came that tells of the bucket.
    pub(crate) fn answered(mut self, headers: &RateHeaders) {
        self.leave(|state| state.learn(Instant::now(), headers));
    }

    /// A 429 came that is about this bucket.
    pub(crate) fn refused(mut self, headers: &RateHeaders, wait: Duration) {
        self.leave(|state| {
            let now = Instant::now();
            state.learn(now, headers);
            state.remaining = 0;
            let reset = now + wait + SLACK;
            state.reset = Some(state.reset.map_or(reset, |known| known.max(reset)));
        });
    }

    /// The request was not sent.
    pub(crate) fn unused(mut self) {
        self.leave(|state| state.remaining = state.remaining.saturating_add(1));
    }

    fn leave(&mut self, note: impl FnOnce(&mut State)) {
        let mut state = lock(&self.bucket.state);
        state.in_flight = state.in_flight.saturating_sub(1);
        note(&mut state);
        drop(state);
        self.open = false;
        self.bucket.answered.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.open {
            self.leave(|_| {});
        }
    }
}
