//! How many requests of a thread are under way at once, where Discord answers soon: a crowd shares the
//! connections there are, and few answers are in memory at once.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::boxed::boxed;

/// How many requests are new before the next waits for one of them to end.
pub(super) const CROWD: usize = 16;
/// How long a request is new, and how long the next waits at most: where Discord is slow, nobody
/// waits for those that it keeps waiting.
const NEW: Duration = Duration::from_millis(50);

/// The new requests of a thread.
pub(super) struct Crowd {
    free: Arc<Semaphore>,
    /// Those that have a place, oldest first. Only who waits for one looks how old they are, so that
    /// a request takes no timer.
    new: Mutex<VecDeque<New>>,
}

struct New {
    request: Arc<()>,
    began: Instant,
    _permit: OwnedSemaphorePermit,
}

/// One of the new requests, until it has ended or is no longer new.
pub(super) struct Member {
    crowd: Arc<Crowd>,
    request: Arc<()>,
}

impl Crowd {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(CROWD)),
            new: Mutex::default(),
        })
    }

    /// A place. `None` after as long as a request is new: then this one goes without.
    pub(super) async fn join(self: &Arc<Self>) -> Option<Member> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(self.admit(permit)),
            Err(_) => boxed(|| self.wait()).await,
        }
    }

    async fn wait(self: &Arc<Self>) -> Option<Member> {
        let mut now = Instant::now();
        let until = now + NEW;
        let mut free = pin!(Arc::clone(&self.free).acquire_owned());
        while now < until {
            let oldest = self.forget_old(now);
            let next = oldest.map_or(until, |oldest| until.min(oldest + NEW));
            if let Ok(permit) = timeout_at(next, &mut free).await {
                return Some(self.admit(permit.ok()?));
            }
            now = Instant::now();
        }
        None
    }

    fn admit(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Member {
        let member = Member {
            crowd: Arc::clone(self),
            request: Arc::default(),
        };
        self.places().push_back(New {
            request: Arc::clone(&member.request),
            began: Instant::now(),
            _permit: permit,
        });
        member
    }

    /// Gives the places of requests that are no longer new to others. When the oldest began that is.
    fn forget_old(&self, now: Instant) -> Option<Instant> {
        let mut places = self.places();
        while let Some(oldest) = places.front() {
            if now < oldest.began + NEW {
                return Some(oldest.began);
            }
            places.pop_front();
        }
        None
    }

    fn places(&self) -> MutexGuard<'_, VecDeque<New>> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut places = self.crowd.places();
        let at = places
            .iter()
            .position(|new| Arc::ptr_eq(&new.request, &self.request));
        at.and_then(|at| places.remove(at));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;

    /// So many that there is no place left.
    async fn gathered(crowd: &Arc<Crowd>) -> Vec<Member> {
        let mut members = Vec::new();
        for _ in 0..CROWD {
            members.push(crowd.join().await.unwrap());
        }
        members
    }

    #[tokio::test]
    async fn a_place_is_free_when_a_request_has_ended() {
        let crowd = Crowd::new();
        let mut members = gathered(&crowd).await;
        let next = timeout_at(Instant::now() + NEW / 10, crowd.join());
        assert!(next.await.is_err());
        let first = pin!(crowd.join());
        let ending = async {
            tokio::task::yield_now().await;
            members.pop();
        };
        let (next, ()) = tokio::join!(first, ending);
        assert!(next.is_some());
    }

    #[tokio::test]
    async fn nobody_waits_for_requests_that_are_no_longer_new() {
        let crowd = Crowd::new();
        let old = gathered(&crowd).await;
        tokio::time::sleep(NEW / 2).await;
        // The first waits until they are old, and the others have their places at once.
        let new = gathered(&crowd).await;
        assert!(timeout_at(Instant::now(), crowd.join()).await.is_err());
        // Those who have no place any more free none.
        drop(old);
        assert!(timeout_at(Instant::now(), crowd.join()).await.is_err());
        drop(new);
        assert_eq!(crowd.free.available_permits(), CROWD);
        assert!(crowd.places().is_empty());
    }

    #[tokio::test]
    async fn who_finds_no_place_in_time_goes_without() {
        let crowd = Crowd::new();
        let _old = gathered(&crowd).await;
        tokio::time::sleep(NEW / 2).await;
        let all = async |number: usize| {
            let waiting = (0..number).map(|_| crowd.join());
            let found = futures_util::future::join_all(waiting).await;
            let with: Vec<_> = found.into_iter().flatten().collect();
            with.len()
        };
        assert_eq!(all(2 * CROWD).await, CROWD);
    }
}
