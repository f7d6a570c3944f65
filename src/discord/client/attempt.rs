//! One attempt at a request: within the limits that are known, and with what its answer says for all
//! requests that follow.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::{Answer, Discord};
use crate::discord::fault::{self, NoPlace, Operation, Refusal};
use crate::discord::headers::RateHeaders;
use crate::discord::memory::Place;
use crate::discord::retry::{Again, Failure};
use crate::discord::route::RouteKey;
use crate::discord::transport::Breach;
use crate::error::{Code, Error};
use crate::metrics;

impl Discord {
    /// One attempt, when Discord's limits have room for it.
    pub(super) async fn attempt(
        &self,
        operation: Operation,
        route: &RouteKey,
        request: Request<Full<Bytes>>,
        retry: u32,
    ) -> Result<Answer, Failure> {
        let asked = Instant::now();
        let (place, trial) = self.enter(route, asked).await.map_err(|error| {
            if error.code() == Code::RateLimited {
                metrics::rate_limited("held");
            }
            Failure::last(error)
        })?;
        // Short enough that what the limits let go one after the other does not come together.
        let crowded = self.shared.transport.join().await;
        let sent = Instant::now();
        metrics::waited(sent.saturating_duration_since(asked));
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answered = self.shared.transport.send(request, crowded, sent).await;
        let status = answered.as_ref().ok();
        let status = status.map(|response| response.status.as_u16());
        metrics::discord_request(&route.name, status, retry, sent.elapsed());
        let mut response = answered.map_err(|breach| {
            let again = match breach {
                Breach::Unreachable => Again::NotDone,
                _ => Again::MayBeDone,
            };
            Failure::new(fault::unanswered(operation, breach), again)
        })?;
        let (status, headers) = (response.status, std::mem::take(&mut response.headers));
        let rates = RateHeaders::read(status, &headers);
        if status.as_u16() == 401 {
            self.token.died();
        } else {
            self.token.proved();
        }
        drop(trial);
        self.token.name_bucket(&route.route, &route.major, &rates);
        // What the headers say holds at once; a 429 is for its body to explain.
        let place = if status.as_u16() == 429 {
            Some(place)
        } else {
            place.answered(&rates);
            None
        };
        let refusal = match response.body().await {
            Ok(body) if status.is_success() => return Ok(Answer { status, body }),
            Ok(body) => Refusal::read(&body),
            Err(Breach::TooLarge) => {
                let error = fault::unread(operation, status, Breach::TooLarge);
                return Err(Failure::last(error));
            }
            // Why Discord refuses is in the status and the headers, too.
            Err(_) if matches!(status.as_u16(), 401 | 403 | 429) => Some(Refusal::default()),
            Err(breach) => {
                let error = fault::unread(operation, status, breach);
                return Err(Failure::new(error, Again::MayBeDone));
            }
        };
        let error = fault::refused(operation, status, &headers, refusal.as_ref());
        let mut failure = Failure::new(error, Again::No);
        failure.status = Some(status);
        self.learn(route, &mut failure, &rates, refusal.as_ref(), place);
        Err(failure)
    }

    /// A place in the limits, where nothing is to be waited for: what most requests find.
    fn enter_at_once(&self, route: &RouteKey, now: Instant) -> Result<Option<Place>, Error> {
        self.check(route)?;
        if !self.token.is_proved() || now >= self.deadline {
            return Ok(None);
        }
        let bucket = self.token.bucket(&route.route);
        let Some(place) = bucket.enter_at_once(now) else {
            return Ok(None);
        };
        if self.token.keeps_pace(now) {
            return Ok(Some(place));
        }
        place.unused();
        Ok(None)
    }

    /// Waits for room in the limits that are known, and for its turn where the token is not.
    async fn enter(
        &self,
        route: &RouteKey,
        now: Instant,
    ) -> Result<(Place, Option<OwnedMutexGuard<()>>), Error> {
        if let Some(place) = self.enter_at_once(route, now)? {
            return Ok((place, None));
        }
        loop {
            self.check(route)?;
            let bucket = self.token.bucket(&route.route);
            let place = bucket.enter(self.deadline).await.map_err(fault::no_room)?;
            // Others may have found out meanwhile that the route counts in another bucket.
            if !Arc::ptr_eq(&bucket, &self.token.bucket(&route.route)) {
                place.unused();
                continue;
            }
            if let Err(wait) = self.token.keep_pace(self.deadline).await {
                place.unused();
                return Err(fault::no_room(NoPlace::For(wait)));
            }
            let Ok(trial) = self.token.trial(self.deadline).await else {
                place.unused();
                return Err(fault::no_room(NoPlace::Silence));
            };
            // Or that there is nothing to be had.
            if let Err(error) = self.check(route) {
                place.unused();
                return Err(error);
            }
            return Ok((place, trial));
        }
    }

    /// Whether it is known already that Discord would refuse the request.
    fn check(&self, route: &RouteKey) -> Result<(), Error> {
        self.shared.memory.host.check()?;
        if self.token.is_dead() {
            return Err(fault::token_rejected());
        }
        self.token.denial(&route.what).map_or(Ok(()), Err)
    }

    /// Notes what a refusal says for other requests, and whether this one is worth another attempt.
    fn learn(
        &self,
        route: &RouteKey,
        failure: &mut Failure,
        rates: &RateHeaders,
        refusal: Option<&Refusal>,
        place: Option<Place>,
    ) {
        let host = &self.shared.memory.host;
        match (failure.status.map(|status| status.as_u16()), refusal) {
            (Some(401), _) => host.refused(),
            (Some(403), Some(refusal)) => {
                host.refused();
                if refusal.is_for_want_of_permission() {
                    self.token.deny(route.what.clone(), failure.error.clone());
                }
            }
            (Some(429), Some(refusal)) => {
                if !rates.shared {
                    host.refused();
                }
                failure.again = Again::NotDone;
                failure.wait = failure.error.wait().unwrap_or_default();
                let global = rates.global || refusal.is_global();
                metrics::rate_limited(match (global, rates.shared) {
                    (true, _) => "global",
                    (false, true) => "shared",
                    (false, false) => "user",
                });
                if global {
                    self.token.pause(failure.wait);
                    if let Some(place) = place {
                        place.answered(rates);
                    }
                } else if let Some(place) = place {
                    place.refused(rates, failure.wait);
                }
            }
            // It was not Discord's API that refused.
            (Some(403 | 429), None) => {
                host.refused();
                let wait = host.edge_refused(rates.retry_after);
                failure.error = failure.error.clone().retry_after(wait);
            }
            // Not implemented, and not the next time either.
            (Some(501), _) => {}
            (Some(500..), _) => failure.again = Again::MayBeDone,
            _ => {}
        }
    }
}
