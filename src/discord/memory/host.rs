//! How Discord takes this host: it blocks addresses that send too many requests it has to refuse.
//! <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::lock;
use crate::error::{Code, Error};

/// The time in which Discord counts, and how finely it is counted here.
const COUNTED: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_secs(10);
/// Refused requests at which the operator is warned, and at which nothing more is sent. Discord
/// blocks at 10,000; another server may share the address.
const WARN_AT: u32 = 1_000;
const STOP_AT: u32 = 5_000;
/// How long nothing is sent after Discord's edge refused a request.
const BREAK: Duration = Duration::from_secs(60);
const LONGEST_BREAK: Duration = COUNTED;

/// What is counted, and what is held back, for all bots alike.
#[derive(Default)]
pub(crate) struct Host {
    state: Mutex<State>,
    /// Whether anything is counted or held back: most often not, and then no request has to take
    /// turns with all others to find that out.
    troubled: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Refused requests, by the step in which they were.
    refused: VecDeque<(Instant, u32)>,
    warned: bool,
    open_until: Option<Instant>,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// Discord's edge refused this host.
    Edge,
    /// Discord had to refuse too many requests.
    Budget,
}

impl State {
    fn count(&mut self, now: Instant) -> u32 {
        while let Some((began, _)) = self.refused.front()
            && now.saturating_duration_since(*began) >= COUNTED
        {
            self.refused.pop_front();
        }
        self.refused.iter().map(|(_, count)| count).sum()
    }

    /// Why nothing may be sent, and for how long.
    fn held_back(&mut self, now: Instant) -> Option<(HeldBack, Duration)> {
        if let Some(until) = self.open_until.filter(|&until| until > now) {
            return Some((HeldBack::Edge, until - now));
        }
        let mut count = self.count(now);
        if count < STOP_AT {
            return None;
        }
        // Until enough of them are older than what Discord counts.
        let mut wait = Duration::ZERO;
        for (began, refused) in &self.refused {
            wait = (*began + COUNTED).saturating_duration_since(now);
            count -= refused;
            if count < STOP_AT {
                break;
            }
        }
        Some((HeldBack::Budget, wait))
    }

    fn refused(&mut self, now: Instant) {
        match self.refused.back_mut() {
            Some((began, count)) if now.saturating_duration_since(*began) < STEP => *count += 1,
            _ => self.refused.push_back((now, 1)),
        }
        let count = self.count(now);
        if count < WARN_AT {
            self.warned = false;
        } else if !self.warned {
            self.warned = true;
            tracing::warn!(
                count,
                "Discord had to refuse many requests in ten minutes; at 5000 this server pauses, at 10000 Discord blocks its address"
            );
        }
        if count == STOP_AT {
            tracing::error!(
                count,
                "nothing is sent to Discord for a while: it had to refuse too many requests"
            );
        }
    }

    fn edge_refused(&mut self, now: Instant, wait: Option<Duration>) -> Duration {
        let wait = wait.unwrap_or(BREAK).clamp(BREAK, LONGEST_BREAK);
        let until = now + wait;
        self.open_until = Some(self.open_until.map_or(until, |known| known.max(until)));
        tracing::error!(
            seconds = wait.as_secs(),
            "Discord's edge refuses this host; nothing is sent for a while"
        );
        wait
    }
}

impl Host {
    /// Whether anything may be sent.
    ///
    /// # Errors
    /// `overloaded`, with the time after which to try again.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut state = lock(&self.state);
        let Some((why, wait)) = state.held_back(Instant::now()) else {
            // Under the lock, so that no refusal is overlooked that is counted meanwhile.
            self.troubled
                .store(!state.refused.is_empty(), Ordering::Release);
            return Ok(());
        };
        let text = match why {
            HeldBack::Edge => "Discord's edge refuses this server; no request is sent for a while",
            HeldBack::Budget => {
                "Discord has refused too many requests of this server; it pauses so as not to be blocked"
            }
        };
        Err(Error::new(Code::Overloaded, text).retry_after(wait))
    }

    /// Why nothing is sent, if so.
    pub(crate) fn held_back(&self) -> Option<HeldBack> {
        let held = lock(&self.state).held_back(Instant::now());
        held.map(|(why, _)| why)
    }

    /// How many requests Discord had to refuse in the time in which it counts.
    pub(crate) fn refusals(&self) -> u32 {
        lock(&self.state).count(Instant::now())
    }

    /// Counts a request that Discord had to refuse: a 401, a 403, or a 429 that is not shared.
    pub(crate) fn refused(&self) {
        let mut state = lock(&self.state);
        state.refused(Instant::now());
        self.troubled.store(true, Ordering::Release);
    }

    /// The edge, and not Discord's API, refused a request, for so long if it said. For how long
    /// nothing is sent now.
    pub(crate) fn edge_refused(&self, wait: Option<Duration>) -> Duration {
        let mut state = lock(&self.state);
        self.troubled.store(true, Ordering::Release);
        state.edge_refused(Instant::now(), wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_5000_refusals_nothing_is_sent_until_they_are_ten_minutes_old() {
        let start = Instant::now();
        let mut state = State::default();
        (0..STOP_AT - 1).for_each(|_| state.refused(start));
        assert_eq!(state.held_back(start), None);
        let later = start + Duration::from_secs(300);
        state.refused(later);
        let wait = Duration::from_secs(300);
        assert_eq!(state.held_back(later), Some((HeldBack::Budget, wait)));
        assert_eq!(state.held_back(later + wait), None);
    }

    #[test]
    fn the_edges_refusal_holds_for_a_minute_or_as_long_as_it_says_up_to_ten() {
        let now = Instant::now();
        for (said, held) in [
            (None, 60),
            (Some(5), 60),
            (Some(120), 120),
            (Some(9_000), 600),
        ] {
            let mut state = State::default();
            state.edge_refused(now, said.map(Duration::from_secs));
            let wait = Duration::from_secs(held);
            assert_eq!(state.held_back(now), Some((HeldBack::Edge, wait)));
            assert_eq!(state.held_back(now + wait), None);
        }
    }
}
