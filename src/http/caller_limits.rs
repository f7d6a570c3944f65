//! Our own limits: how many requests each caller may make, whatever Discord allows.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// The number of callers above which those who have not called lately are forgotten.
const MANY: usize = 10_000;

/// The limits of all callers, by `sub`.
pub struct CallerLimits {
    limiter:
        RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>,
    per_minute: NonZeroU32,
    burst: NonZeroU32,
}

/// What the limits say of one request.
pub(super) struct Verdict {
    burst: u32,
    remaining: u32,
    reset: Duration,
    /// How long to wait, where there is no room.
    pub(super) wait: Option<Duration>,
}

impl CallerLimits {
    /// So many requests a minute for each caller, and up to `burst` of them at once.
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        Self {
            limiter: RateLimiter::hashmap(quota).with_middleware(),
            per_minute,
            burst,
        }
    }

    /// Counts a request of this caller.
    pub(super) fn check(&self, sub: &str) -> Verdict {
        if self.limiter.len() > MANY {
            self.limiter.retain_recent();
        }
        let (remaining, wait) = match self.limiter.check_key(&sub.to_owned()) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(not_yet) => (
                0,
                Some(not_yet.wait_time_from(DefaultClock::default().now())),
            ),
        };
        let used = self.burst.get().saturating_sub(remaining);
        let reset = Duration::from_secs(60) * used / self.per_minute.get();
        Verdict {
            burst: self.burst.get(),
            remaining,
            reset,
            wait,
        }
    }
}

impl Verdict {
    /// Tells the caller: how many requests fit at once, how many still do, and in how many seconds
    /// all of them will again.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let seconds = self.reset.as_millis().div_ceil(1_000);
        for (name, value) in [
            (LIMIT, u64::from(self.burst)),
            (REMAINING, u64::from(self.remaining)),
            (RESET, u64::try_from(seconds).unwrap_or(u64::MAX)),
        ] {
            headers.insert(name, value.into());
        }
    }
}
