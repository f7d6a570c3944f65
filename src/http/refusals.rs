//! What is refused before anybody is authenticated: counted, and told in the server log at a rate
//! that no stranger can raise. It has no place in the audit trail, which a stranger could fill.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dispatch::RequestId;

/// How many are told one by one in each interval; the rest as a number.
const TOLD: u64 = 10;
const INTERVAL: Duration = Duration::from_secs(60);

/// The count, and what of it was told.
#[derive(Default)]
pub struct Refusals {
    total: AtomicU64,
    interval: Mutex<Option<Interval>>,
}

struct Interval {
    began: Instant,
    count: u64,
}

impl Refusals {
    /// Counts a refusal, and tells of it if few were told of lately.
    pub fn note(&self, reason: &'static str, request: &RequestId) {
        crate::metrics::refused(reason);
        // However it is told, or not, there is no other line of it.
        request.tell();
        self.total.fetch_add(1, Ordering::Relaxed);
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = interval.get_or_insert_with(|| Interval {
            began: Instant::now(),
            count: 0,
        });
        if interval.began.elapsed() >= INTERVAL {
            if interval.count > TOLD {
                tracing::warn!(
                    untold = interval.count - TOLD,
                    "more requests were refused before authentication in the last minute"
                );
            }
            *interval = Interval {
                began: Instant::now(),
                count: 0,
            };
        }
        interval.count += 1;
        if interval.count <= TOLD {
            tracing::info!(
                request_id = request.as_str(),
                trace_id = request.trace_id(),
                client = request.client().map(tracing::field::display),
                reason,
                "refused before authentication"
            );
        }
        if interval.count == TOLD {
            tracing::warn!(
                "further refusals are counted and not told one by one until the minute is over"
            );
        }
    }

    /// How many requests were refused since the start.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}
