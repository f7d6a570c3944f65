//! Discord's limits: a generous bucket in the headers of every answer, or, where a test turns it on,
//! limits that are enforced. <https://docs.discord.com/developers/topics/rate-limits>
//!
//! A bucket counts in windows that begin with the first request after the last one's end, by token,
//! rule, and channel or guild. Over all routes a token has fifty requests in any second, however the
//! second is laid. A refused request uses up nothing.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    answer::Answer,
    request::Seen,
    routes::{ROUTES, Route},
};

/// Requests of one token in any second, where a test does not say otherwise.
const GLOBAL: usize = 50;
const SECOND: Duration = Duration::from_secs(1);

/// Routes that count in one bucket: so many requests in a window.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// In template form: `GET /channels/{channel_id}/messages`.
    pub routes: &'static [&'static str],
    pub limit: u32,
    pub window: Duration,
}

/// What is enforced. Routes without a rule have no bucket and no headers, as some of Discord's.
#[derive(Clone, Debug)]
pub struct Limits {
    rules: Vec<Rule>,
    global: usize,
}

impl Limits {
    /// Panics on a route that is not served: a misspelt rule would never apply.
    pub fn new(rules: &[Rule]) -> Self {
        for route in rules.iter().flat_map(|rule| rule.routes) {
            assert!(ROUTES.contains(route), "no such route: {route}");
        }
        Self {
            rules: rules.to_vec(),
            global: GLOBAL,
        }
    }

    /// With so many requests of one token in any second.
    pub fn global(mut self, requests: usize) -> Self {
        self.global = requests;
        self
    }
}

/// What the stand-in counts.
#[derive(Default)]
pub struct Counts {
    limits: Option<Limits>,
    windows: HashMap<(String, usize, String), Window>,
    /// When the requests of the last second came, by token.
    lately: HashMap<String, VecDeque<Instant>>,
    /// How many answers there were, by token and status.
    answered: HashMap<String, BTreeMap<u16, usize>>,
}

struct Window {
    ends: Instant,
    used: u32,
}

/// What the headers of an answer say of its bucket.
pub enum Standing {
    /// Nothing is enforced.
    Generous,
    /// The route has no bucket.
    Free,
    In(Vec<(&'static str, String)>),
}

impl Counts {
    pub fn enforce(&mut self, limits: Option<Limits>) {
        (self.limits, self.windows, self.lately) = (limits, HashMap::new(), HashMap::new());
    }

    /// Counts a request: where it stands, or the 429 that it meets.
    pub fn admit(&mut self, route: Option<&Route>, seen: &Seen) -> Result<Standing, Answer> {
        let Some(limits) = &self.limits else {
            return Ok(Standing::Generous);
        };
        let (now, token) = (Instant::now(), token(seen));
        let lately = self.lately.entry(token.clone()).or_default();
        while lately.front().is_some_and(|at| *at + SECOND <= now) {
            lately.pop_front();
        }
        if let Some(oldest) = lately.front().filter(|_| lately.len() >= limits.global) {
            return Err(Answer::rate_limited(until(*oldest + SECOND, now), "global"));
        }
        let rule = route.and_then(|route| {
            let names = |rule: &Rule| rule.routes.contains(&route.template);
            let at = limits.rules.iter().position(names)?;
            Some((at, limits.rules[at], route.major().to_owned()))
        });
        let Some((at, rule, major)) = rule else {
            lately.push_back(now);
            return Ok(Standing::Free);
        };
        let fresh = || Window {
            ends: now + rule.window,
            used: 0,
        };
        let window = self.windows.entry((token, at, major)).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        let bucket = |used: u32| {
            let left = until(window.ends, now);
            vec![
                ("x-ratelimit-limit", rule.limit.to_string()),
                ("x-ratelimit-remaining", (rule.limit - used).to_string()),
                ("x-ratelimit-reset", format!("{:.3}", epoch() + left)),
                ("x-ratelimit-reset-after", format!("{left:.3}")),
                ("x-ratelimit-bucket", format!("{:016x}", 0xb0c4e7 + at)),
            ]
        };
        if window.used >= rule.limit {
            let mut answer = Answer::rate_limited(until(window.ends, now), "user");
            for (name, value) in bucket(rule.limit) {
                answer.header(name, value);
            }
            return Err(answer);
        }
        window.used += 1;
        lately.push_back(now);
        Ok(Standing::In(bucket(window.used)))
    }

    pub fn answered(&mut self, seen: &Seen, status: u16) {
        let statuses = self.answered.entry(token(seen)).or_default();
        *statuses.entry(status).or_default() += 1;
    }

    pub fn statuses(&self, token: &str) -> BTreeMap<u16, usize> {
        self.answered.get(token).cloned().unwrap_or_default()
    }
}

/// Adds what the headers say of the bucket. An answer that already names its limits keeps them, and
/// a global limit belongs to no bucket.
pub fn with_headers(mut answer: Answer, standing: &Standing, route: &Route) -> Answer {
    if answer.names("x-ratelimit-global") {
        return answer;
    }
    let headers = match standing {
        Standing::Generous => generous(&answer, route),
        Standing::Free => return answer,
        Standing::In(headers) => headers.clone(),
    };
    for (name, value) in headers {
        if !answer.names(name) {
            answer.header(name, value);
        }
    }
    answer
}

/// A bucket that is never empty.
fn generous(answer: &Answer, route: &Route) -> Vec<(&'static str, String)> {
    let bucket = ROUTES.iter().position(|name| *name == route.template);
    let named = |name: &str| {
        let mut headers = answer.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let left = named("x-ratelimit-reset-after").and_then(|(_, value)| value.parse().ok());
    let left = left.unwrap_or(1.0);
    vec![
        ("x-ratelimit-limit", "50".to_owned()),
        ("x-ratelimit-remaining", "49".to_owned()),
        ("x-ratelimit-reset", format!("{:.3}", epoch() + left)),
        ("x-ratelimit-reset-after", format!("{left:.3}")),
        (
            "x-ratelimit-bucket",
            format!("{:016x}", 0x5eed + bucket.unwrap_or_default()),
        ),
    ]
}

/// The bot token that a request carries.
fn token(seen: &Seen) -> String {
    let header = seen.header("authorization").unwrap_or_default();
    header.strip_prefix("Bot ").unwrap_or(header).to_owned()
}

/// Seconds until then, in whole milliseconds, rounded up: whoever waits so long is not too early.
fn until(then: Instant, now: Instant) -> f64 {
    let left = then.saturating_duration_since(now);
    left.as_micros().div_ceil(1000) as f64 / 1000.0
}

fn epoch() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |now| now.as_secs_f64())
}
