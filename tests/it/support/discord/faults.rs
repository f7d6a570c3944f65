//! Faults on demand: what goes wrong, and which requests it meets.
//!
//! A fault strikes before the effect or after it: `strike.rs` does both, and what is cut, slowed or
//! shortened on the wire is in `wire.rs`.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    request::Seen,
    routes::{ROUTES, Route},
};

/// Which requests a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Any,
    /// A route in template form: `GET /channels/{channel_id}/messages`.
    Route(&'static str),
}

/// Chooses a fault for each request that no other fault meets. No other request is answered
/// meanwhile, so it must not ask the stand-in anything.
pub type Weather = Arc<dyn Fn(&Seen) -> Option<Fault> + Send + Sync>;

/// What goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// Exactly this, and no effect.
    Respond {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// One of Discord's JSON errors, and no effect.
    Error {
        status: u16,
        code: u64,
        message: &'static str,
    },
    /// 429, and no effect. The scope is `user`, `shared` or `global`.
    RateLimited {
        retry_after: f64,
        scope: &'static str,
    },
    /// 429 of Discord's edge: an HTML page with `Retry-After` in seconds, and no effect.
    EdgeLimited(u64),
    /// Waits, then answers as usual. A client that leaves meanwhile prevents the effect.
    Delay(Duration),
    /// Has its effect at once, and answers later: for a client that leaves after the effect.
    DelayAfter(Duration),
    /// Never answers (for two minutes, then it hangs up), and no effect.
    Hang,
    /// Has its effect, then never answers (as above).
    HangAfter,
    /// Hangs up without an answer, and no effect.
    CutBefore,
    /// Has its effect, then hangs up without an answer.
    CutAfter,
    /// What Discord's edge says instead of Discord: an HTML page, and no effect.
    Html(u16),
    /// Has its effect; the edge then says this instead of Discord, as with a gateway's 502.
    HtmlAfter(u16),
    /// 302 to that place, and no effect.
    Redirect(String),
    /// Has its effect; the answer's length promises more than is sent before it hangs up.
    Truncated,
    /// Has its effect; the answer is 200 with JSON that breaks off.
    BadJson,
    /// Answers as usual, the body in small pieces over that time.
    SlowBody(Duration),
    /// 200 with that many bytes of valid JSON, and no effect.
    HugeBody(usize),
    /// Answers as usual, with that many bytes of white space behind the JSON.
    Padded(usize),
    /// Answers as usual, after the JSON went through the function. Not checked against Discord's
    /// description: this is how a test has odd fields, or none.
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// Answers as usual, with these headers added or replaced.
    Headers(Vec<(String, String)>),
    /// Answers as usual, with these headers beside those of the same name.
    MoreHeaders(Vec<(String, String)>),
}

/// The faults that wait for their requests, first in, first met.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<Waiting>,
    weather: Option<Weather>,
}

struct Waiting {
    on: On,
    times: usize,
    fault: Fault,
}

impl Faults {
    /// Panics on a route that is not served: a misspelt fault would never strike.
    pub fn add(&mut self, on: On, times: usize, fault: Fault) {
        if let On::Route(name) = on {
            assert!(ROUTES.contains(&name), "no such route: {name}");
        }
        if times > 0 {
            self.waiting.push(Waiting { on, times, fault });
        }
    }

    pub fn weather(&mut self, weather: Weather) {
        self.weather = Some(weather);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The fault that this request meets.
    pub fn take(&mut self, route: Option<&Route>, seen: &Seen) -> Option<Fault> {
        let template = route.map(|route| route.template);
        let index = self.waiting.iter().position(|waiting| match waiting.on {
            On::Any => true,
            On::Route(name) => template == Some(name),
        });
        let Some(index) = index else {
            return self.weather.as_ref().and_then(|weather| weather(seen));
        };
        let first = &mut self.waiting[index];
        let fault = first.fault.clone();
        if first.times != usize::MAX {
            first.times -= 1;
        }
        if first.times == 0 {
            self.waiting.remove(index);
        }
        Some(fault)
    }
}
