//! The pace of one bot over all its routes: Discord allows fifty requests a second.
//! <https://discord.com/developers/docs/topics/rate-limits#global-rate-limit>

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Requests in any second: fewer than Discord allows, since its seconds are not ours.
const A_SECOND: usize = 45;
/// How many of them at once; the others follow evenly, so that what delays some of them on their way
/// does not bring them together with those that come after.
const AT_ONCE: usize = 20;
const SECOND: Duration = Duration::from_millis(1_005);

/// When the last requests left, or will.
#[derive(Debug, Default)]
pub(super) struct Pace {
    times: VecDeque<Instant>,
    paused: Option<Instant>,
}

impl Pace {
    /// The time at which a request may leave, which is then taken.
    ///
    /// # Errors
    /// How long it would have to wait, where that is beyond `deadline`; nothing is taken then.
    pub(super) fn take(&mut self, now: Instant, deadline: Instant) -> Result<Instant, Duration> {
        let at = self.next(now);
        if at > deadline {
            return Err(at.saturating_duration_since(now));
        }
        self.leaves(at);
        Ok(at)
    }

    /// Whether a request may leave now, which it then does.
    pub(super) fn take_now(&mut self, now: Instant) -> bool {
        let may = self.next(now) <= now;
        if may {
            self.leaves(now);
        }
        may
    }

    /// When the next request may leave.
    fn next(&self, now: Instant) -> Instant {
        let oldest = self.times.front().filter(|_| self.times.len() >= A_SECOND);
        let paced = oldest.map_or(now, |&oldest| oldest + SECOND);
        let twentieth = self.times.iter().nth_back(AT_ONCE - 1);
        let spaced = match self.times.back() {
            Some(&last) if twentieth.is_some_and(|&at| at + SECOND > now) => last + SECOND / 45,
            _ => now,
        };
        now.max(paced).max(spaced).max(self.paused.unwrap_or(now))
    }

    fn leaves(&mut self, at: Instant) {
        if self.times.len() >= A_SECOND {
            self.times.pop_front();
        }
        self.times.push_back(at);
    }

    /// Until when nothing may leave, where Discord has said so.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused.filter(|&paused| paused > now)
    }

    /// Lets nothing leave until then.
    pub(super) fn pause(&mut self, until: Instant) {
        self.paused = Some(self.paused.map_or(until, |paused| paused.max(until)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_45_requests_whenever_they_come() {
        let start = Instant::now();
        let far = start + Duration::from_secs(3600);
        let mut pace = Pace::default();
        let times: Vec<_> = (0..500_u64)
            .map(|at| {
                pace.take(start + Duration::from_millis(at * 7), far)
                    .unwrap()
            })
            .collect();
        for (at, time) in times.iter().enumerate().skip(A_SECOND) {
            assert!(
                time.duration_since(times.get(at - A_SECOND).copied().unwrap())
                    >= Duration::from_secs(1)
            );
        }
        // And not fewer than there may be.
        let last = times.last().unwrap().duration_since(start);
        assert!(last <= SECOND * 500_u32.div_ceil(45), "{last:?}");
    }

    #[test]
    fn a_request_leaves_now_exactly_where_it_need_not_wait() {
        let start = Instant::now();
        let (mut pace, mut left) = (Pace::default(), 0);
        for now in (0..3_000_u64).map(|at| start + Duration::from_millis(at)) {
            let due = pace.next(now);
            assert_eq!(pace.take_now(now), due <= now);
            left += usize::from(due <= now);
        }
        // As many as three seconds allow, but for the milliseconds in which nobody asked.
        assert!((130..=135).contains(&left), "{left}");
    }

    #[test]
    fn what_does_not_fit_takes_nothing_and_says_how_long_it_would_be() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.pause(now + Duration::from_secs(5));
        let soon = now + Duration::from_secs(1);
        assert_eq!(pace.take(now, soon), Err(Duration::from_secs(5)));
        assert!(pace.times.is_empty());
    }
}
