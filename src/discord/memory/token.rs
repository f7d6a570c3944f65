//! What is remembered of one bot token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::bucket::Bucket;
use super::lock;
use super::pace::Pace;
use crate::discord::catalogue::Catalogue;
use crate::discord::headers::RateHeaders;
use crate::error::Error;

/// Calls of one bot at once: a quarter of what the process takes on by default, so that one bot's
/// storm leaves room for others.
const CALLS: usize = 64;
/// How many more of them may wait for a place, and how long.
const WAITING: usize = 64;
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a call waits for another's answer to know whether Discord takes the token.
const TRIAL: Duration = Duration::from_secs(1);
/// How long a token that Discord does not know is refused without asking again: each time counts
/// against this host's address.
const DEAD_FOR: Duration = Duration::from_secs(600);
/// How long a refusal for want of a permission is believed. Short, because somebody may be giving
/// the permission right now.
const DENIED_FOR: Duration = Duration::from_secs(15);
/// How many of those are remembered.
const DENIALS: usize = 1_000;

/// The memory of one bot token.
pub(crate) struct Token {
    buckets: Mutex<Buckets>,
    pace: Mutex<Pace>,
    dead: Mutex<Option<Instant>>,
    /// Whether Discord has taken the token, and who tries it until then.
    proved: AtomicBool,
    trial: Arc<tokio::sync::Mutex<()>>,
    /// By what was asked.
    denied: Mutex<HashMap<String, (Error, Instant)>>,
    calls: Arc<Semaphore>,
    waiting: AtomicUsize,
    used: Mutex<Instant>,
    /// The bot's servers and their channels.
    pub(crate) catalogue: Catalogue,
}

/// The buckets, by route and by the name that Discord gave them for a channel or guild.
#[derive(Default)]
struct Buckets {
    by_route: HashMap<String, Known>,
    by_name: HashMap<String, Arc<Bucket>>,
}

/// The bucket of a route, with the name that Discord last gave it.
#[derive(Default)]
struct Known {
    bucket: Arc<Bucket>,
    name: String,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            buckets: Mutex::default(),
            pace: Mutex::default(),
            dead: Mutex::default(),
            proved: AtomicBool::new(false),
            trial: Arc::default(),
            denied: Mutex::default(),
            calls: Arc::new(Semaphore::new(CALLS)),
            waiting: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
            catalogue: Catalogue::default(),
        }
    }
}

impl Token {
    /// A place among the calls of this bot. `None` where there is none, even after a second.
    pub(crate) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() {
            return Some(permit);
        }
        let waiting = Waiting::new(&self.waiting);
        if waiting.others >= WAITING {
            return None;
        }
        let place = Arc::clone(&self.calls).acquire_owned();
        tokio::time::timeout(PATIENCE, place).await.ok()?.ok()
    }

    /// The bucket in which requests of this route count, as far as is known.
    pub(crate) fn bucket(&self, route: &str) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        if let Some(known) = buckets.by_route.get(route) {
            return Arc::clone(&known.bucket);
        }
        let known = buckets.by_route.entry(route.to_owned()).or_default();
        Arc::clone(&known.bucket)
    }

    /// Notes by which name Discord calls a route's bucket. Routes with one name, of one channel or
    /// guild, share their bucket from then on.
    pub(crate) fn name_bucket(&self, route: &str, major: &str, headers: &RateHeaders) {
        let Some(name) = &headers.bucket else { return };
        let mut buckets = lock(&self.buckets);
        let Buckets { by_route, by_name } = &mut *buckets;
        let Some(known) = by_route.get_mut(route).filter(|known| known.name != *name) else {
            return;
        };
        let shared = by_name
            .entry(format!("{name}/{major}"))
            .or_insert_with(|| Arc::clone(&known.bucket));
        // The answer came for a place in the bucket that the route had until now.
        if !Arc::ptr_eq(shared, &known.bucket) {
            shared.told(headers);
        }
        known.bucket = Arc::clone(shared);
        known.name.clone_from(name);
    }

    /// Whether the bot's pace allows a request now, which is then counted.
    pub(crate) fn keeps_pace(&self, now: Instant) -> bool {
        lock(&self.pace).take_now(now)
    }

    /// Waits until the bot's pace allows a request.
    ///
    /// # Errors
    /// At once, where that is beyond `deadline`: how long it would be.
    pub(crate) async fn keep_pace(&self, deadline: Instant) -> Result<(), Duration> {
        loop {
            let at = lock(&self.pace).take(Instant::now(), deadline)?;
            if at <= Instant::now() {
                return Ok(());
            }
            tokio::time::sleep_until(at).await;
            // Discord may have asked for a pause meanwhile: then all who waited line up anew.
            if lock(&self.pace).paused_until(Instant::now()).is_none() {
                return Ok(());
            }
        }
    }

    /// Lets nothing of this bot leave for so long.
    pub(crate) fn pause(&self, wait: Duration) {
        lock(&self.pace).pause(Instant::now() + wait);
    }

    /// The turn to try a token that Discord has not taken yet: one request at a time, since each
    /// with a token that it does not know counts against this host's address. `None` where it has,
    /// or where the one before hangs: such a token is refused at once.
    ///
    /// # Errors
    /// Where the turn does not come before `deadline`.
    pub(crate) async fn trial(
        &self,
        deadline: Instant,
    ) -> Result<Option<OwnedMutexGuard<()>>, tokio::time::error::Elapsed> {
        if self.proved.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let turn = tokio::time::timeout(TRIAL, Arc::clone(&self.trial).lock_owned());
        let turn = tokio::time::timeout_at(deadline, turn).await?;
        Ok(turn.ok().filter(|_| !self.proved.load(Ordering::Relaxed)))
    }

    /// Whether Discord has taken the token.
    pub(crate) fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }

    /// Notes that Discord has taken the token.
    pub(crate) fn proved(&self) {
        self.proved.store(true, Ordering::Relaxed);
    }

    /// Notes that Discord does not know the token.
    pub(crate) fn died(&self) {
        self.proved.store(false, Ordering::Relaxed);
        *lock(&self.dead) = Some(Instant::now() + DEAD_FOR);
    }

    /// Whether Discord did not know the token a short time ago.
    pub(crate) fn is_dead(&self) -> bool {
        lock(&self.dead).is_some_and(|until| until > Instant::now())
    }

    /// Notes that the bot may not do this.
    pub(crate) fn deny(&self, what: String, error: Error) {
        let now = Instant::now();
        let mut denied = lock(&self.denied);
        if denied.len() >= DENIALS {
            denied.retain(|_, (_, until)| *until > now);
        }
        if denied.len() < DENIALS {
            denied.insert(what, (error, now + DENIED_FOR));
        }
    }

    /// What Discord said when the bot tried this a short time ago.
    pub(crate) fn denial(&self, what: &str) -> Option<Error> {
        let denied = lock(&self.denied);
        let (error, until) = denied.get(what)?;
        (*until > Instant::now()).then(|| error.clone())
    }

    pub(super) fn used(&self, now: Instant) {
        *lock(&self.used) = now;
    }

    /// Forgets what is over. Whether nothing has used the token for so long.
    pub(super) fn sweep(&self, idle: Duration) -> bool {
        let now = Instant::now();
        lock(&self.denied).retain(|_, (_, until)| *until > now);
        self.catalogue.sweep();
        let mut buckets = lock(&self.buckets);
        buckets.by_route.retain(|_, known| !known.bucket.is_idle());
        buckets.by_name.retain(|_, bucket| !bucket.is_idle());
        lock(&self.used).elapsed() >= idle
    }
}

/// One who waits for a place among the calls.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    others: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self {
            count,
            others: count.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
