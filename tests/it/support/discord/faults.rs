//! Faults on demand: which requests they meet, and what they do to the answer.
//!
//! A fault strikes before the effect or after it. [`Fault::before`] and [`Fault::after`] are the two
//! places; what is cut, slowed or shortened on the wire is in `wire.rs`.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    answer::Answer,
    routes::{ROUTES, Route},
    wire::{Cut, Pace, Reply},
};

/// How long [`Fault::Hang`] lasts, so that a test that forgets its own deadline still ends.
const HANG: Duration = Duration::from_secs(120);

/// Which requests a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Any,
    /// A route in template form: `GET /channels/{channel_id}/messages`.
    Route(&'static str),
}

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
    /// Waits, then answers as usual. A client that leaves meanwhile prevents the effect.
    Delay(Duration),
    /// Has its effect at once, and answers later: for a client that leaves after the effect.
    DelayAfter(Duration),
    /// Never answers (for two minutes, then it hangs up), and no effect.
    Hang,
    /// Hangs up without an answer, and no effect.
    CutBefore,
    /// Has its effect, then hangs up without an answer.
    CutAfter,
    /// What Discord's edge says instead of Discord: an HTML page, and no effect.
    Html(u16),
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
    /// Answers as usual, after the JSON went through the function. Not checked against Discord's
    /// description: this is how a test has odd fields, or none.
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// Answers as usual, with these headers added or replaced.
    Headers(Vec<(String, String)>),
}

/// The faults that wait for their requests, first in, first met.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<Waiting>,
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

    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The fault that this request meets.
    pub fn take(&mut self, route: Option<&Route>) -> Option<Fault> {
        let template = route.map(|route| route.template);
        let index = self.waiting.iter().position(|waiting| match waiting.on {
            On::Any => true,
            On::Route(name) => template == Some(name),
        })?;
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

/// How a request goes on after the first half of its fault.
pub enum Before {
    /// The effect takes place.
    Perform,
    /// No effect; this answer instead, which is to follow Discord's description.
    Answer(Answer),
    /// No effect; these bytes instead.
    Reply(Reply),
}

impl Fault {
    /// What happens before the effect.
    pub async fn before(&self) -> Result<Before, Cut> {
        Ok(match self {
            Self::Respond {
                status,
                headers,
                body,
            } => Before::Reply(Reply {
                status: *status,
                headers: headers.clone(),
                body: body.clone(),
                pace: Pace::AtOnce,
            }),
            Self::Error {
                status,
                code,
                message,
            } => Before::Answer(Answer::error(*status, *code, message)),
            Self::RateLimited { retry_after, scope } => {
                Before::Answer(Answer::rate_limited(*retry_after, scope))
            }
            Self::Html(status) => Before::Reply(html(*status)),
            Self::Redirect(location) => Before::Reply(redirect(location)),
            Self::HugeBody(size) => Before::Reply(Reply::json(200, huge(*size))),
            Self::CutBefore => return Err(Cut),
            Self::Hang => {
                tokio::time::sleep(HANG).await;
                return Err(Cut);
            }
            Self::Delay(time) => {
                tokio::time::sleep(*time).await;
                Before::Perform
            }
            _ => Before::Perform,
        })
    }

    /// What happens to an answer whose effect has taken place.
    pub async fn after(&self, answer: Answer) -> Result<Reply, Cut> {
        let mut answer = answer;
        match self {
            Self::CutAfter => return Err(Cut),
            Self::DelayAfter(time) => tokio::time::sleep(*time).await,
            Self::Rewrite(change) => {
                if let Some(body) = &mut answer.body {
                    change(body);
                }
            }
            Self::Headers(headers) => {
                for (name, value) in headers {
                    answer.header(name, value);
                }
            }
            _ => {}
        }
        let mut reply = Reply::from(answer);
        match self {
            Self::Truncated => reply.pace = Pace::Truncated,
            Self::SlowBody(time) => reply.pace = Pace::Slow(*time),
            Self::BadJson => reply = Reply::json(200, br#"{"id": "1234", "content": "#.to_vec()),
            _ => {}
        }
        Ok(reply)
    }

    /// Whether an answer that passed [`Fault::after`] still has Discord's form by intent.
    pub fn keeps_the_form(&self) -> bool {
        !matches!(self, Self::BadJson | Self::Truncated | Self::Rewrite(_))
    }
}

/// The page of a content delivery network, as it comes with a blocked address or a dead origin.
fn html(status: u16) -> Reply {
    let page = "<!doctype html><html><head><title>Access denied | discord.com</title></head>\
                <body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>";
    Reply {
        status,
        headers: vec![
            ("content-type".into(), "text/html; charset=UTF-8".into()),
            ("server".into(), "cloudflare".into()),
        ],
        body: page.as_bytes().to_vec(),
        pace: Pace::AtOnce,
    }
}

fn redirect(location: &str) -> Reply {
    Reply {
        status: 302,
        headers: vec![("location".into(), location.into())],
        body: Vec::new(),
        pace: Pace::AtOnce,
    }
}

/// A list of one long text, exactly `size` bytes.
fn huge(size: usize) -> Vec<u8> {
    let (head, tail) = (br#"[{"content":""#, br#""}]"#);
    let mut body = head.to_vec();
    body.resize(size.saturating_sub(tail.len()).max(head.len()), b'a');
    body.extend_from_slice(tail);
    body
}
