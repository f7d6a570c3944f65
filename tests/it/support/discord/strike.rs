//! What a fault does to a request: before the effect, and to the answer after it.

use std::time::Duration;

use super::{
    answer::Answer,
    faults::Fault,
    wire::{Cut, Pace, Reply},
};

/// How long a fault hangs, so that a test that forgets its own deadline still ends.
const HANG: Duration = Duration::from_secs(120);

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
            Self::EdgeLimited(seconds) => {
                let mut page = html(429);
                let wait = ("retry-after".to_owned(), seconds.to_string());
                page.headers.push(wait);
                Before::Reply(page)
            }
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
            Self::HangAfter => {
                tokio::time::sleep(HANG).await;
                return Err(Cut);
            }
            Self::HtmlAfter(status) => return Ok(html(*status)),
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
            Self::Padded(size) => reply.body.extend_from_slice(&vec![b' '; *size]),
            Self::MoreHeaders(headers) => reply.headers.extend_from_slice(headers),
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
    let filling = size.saturating_sub(head.len() + tail.len());
    let mut body = head.to_vec();
    // Whole, since byte by byte takes long without optimisation.
    body.extend_from_slice(&vec![b'a'; filling]);
    body.extend_from_slice(tail);
    body
}
