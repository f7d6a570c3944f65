//! Reading the body of a request: 64 KiB from anybody, and more only from those who may send files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::App;
use super::render::failure;
use crate::auth::{Principal, Scope, bearer};
use crate::dispatch::{HeldWith, RequestId};
use crate::error::{Code, Error};
use crate::tools::CALL_LIMIT;

/// How much of a body that is not taken is read and thrown away, so that the sender gets to read
/// the refusal.
const DISCARD_LIMIT: usize = 1 << 20;
/// How long a caller may take to send a body.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller who may send files may take.
const LARGE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long such a caller may send nothing.
const SILENCE: Duration = Duration::from_secs(5);
/// How many bodies above 64 KiB there may be at once: what they hold stays in memory, in up to
/// three forms, until their calls have ended.
const LARGE: usize = 4;
/// How many of them may be of one caller, so that none keeps the others out.
const OF_ONE: usize = 2;

/// The large bodies that are taken.
pub struct Bodies {
    largest: usize,
    senders: Arc<Mutex<Vec<Arc<Principal>>>>,
}

/// A place among the large bodies, for as long as what came with it is in memory.
struct Place {
    senders: Arc<Mutex<Vec<Arc<Principal>>>>,
    sender: Arc<Principal>,
}

impl Bodies {
    /// Bodies that carry files of so many bytes; none, where that is 0.
    pub fn new(attachment_limit: usize) -> Self {
        // Base64 has four digits for three bytes, and some clients escape the slashes among them.
        let encoded = attachment_limit.div_ceil(3) * 4 + attachment_limit / 16;
        Self {
            largest: encoded + CALL_LIMIT,
            senders: Arc::default(),
        }
    }

    /// Takes a place for a body of this caller.
    fn admit(&self, sender: Arc<Principal>) -> Result<Place, Error> {
        let mut senders = lock(&self.senders);
        let own = (senders.iter()).filter(|other| other.user_id == sender.user_id);
        let text = if own.count() >= OF_ONE {
            "You are sending as many files at once as one caller may; nothing was done"
        } else if senders.len() >= LARGE {
            "The server is taking as many files as it can; nothing was done"
        } else {
            senders.push(Arc::clone(&sender));
            return Ok(Place {
                senders: Arc::clone(&self.senders),
                sender,
            });
        };
        Err(Error::new(Code::Overloaded, text).retry_after(Duration::from_secs(1)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut senders = lock(&self.senders);
        let own = (senders.iter()).position(|other| Arc::ptr_eq(other, &self.sender));
        own.map(|at| senders.swap_remove(at));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the whole body, within its cap and its time, before anything else looks at the request; or
/// answers it.
pub(super) async fn whole_body(
    app: &App,
    id: &RequestId,
    request: Request,
) -> Result<(Parts, Vec<u8>), Response> {
    let (mut parts, body) = request.into_parts();
    match read(app, &mut parts, body).await {
        Ok(body) => Ok((parts, body)),
        Err(error) => {
            app.refusals.note(error.code().as_str(), id);
            let mut response = failure(&error, id);
            // What is left of the body is not worth reading.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            Err(response)
        }
    }
}

async fn read(app: &App, parts: &mut Parts, body: Body) -> Result<Vec<u8>, Error> {
    let began = Instant::now();
    let mut incoming = Incoming::new(parts, body);
    if incoming.announced <= CALL_LIMIT {
        let reading = timeout_at(began + TIMEOUT, incoming.read_to(CALL_LIMIT)).await;
        if reading.unwrap_or_else(|_| Err(late(TIMEOUT)))? {
            return Ok(incoming.read);
        }
    }
    // Verifying a bearer is dear, so this counts as a call for that moment.
    let busy = app.dispatcher.admit()?;
    let sender = may_send_files(app, parts).await;
    drop(busy);
    let Some(sender) = sender else {
        let discarding = incoming.discard();
        let discarded = timeout_at(began + TIMEOUT, discarding).await;
        discarded.unwrap_or_else(|_| Err(late(TIMEOUT)))?;
        return Err(Error::new(
            Code::PayloadTooLarge,
            "The body is larger than 64 KiB",
        ));
    };
    let largest = app.bodies.largest;
    let too_large = || {
        let text = format!("The body is larger than {largest} bytes");
        Error::new(Code::PayloadTooLarge, text).hint("Send smaller files, or fewer at once.")
    };
    if incoming.announced > largest {
        return Err(too_large());
    }
    let place: HeldWith = Arc::new(app.bodies.admit(sender)?);
    parts.extensions.insert(place);
    incoming.patience = Some(SILENCE);
    let reading = timeout_at(began + LARGE_TIMEOUT, incoming.read_to(largest)).await;
    if reading.unwrap_or_else(|_| Err(late(LARGE_TIMEOUT)))? {
        Ok(incoming.read)
    } else {
        Err(too_large())
    }
}

/// Who sends, if the request can be a call with files: by where it goes, and by the scope of its
/// bearer.
async fn may_send_files(app: &App, parts: &Parts) -> Option<Arc<Principal>> {
    let calls = ["/mcp", "/mcp/v1/tools/invoke"].contains(&parts.uri.path());
    if !calls || parts.method != Method::POST || app.bodies.largest == CALL_LIMIT {
        return None;
    }
    let bearer = bearer(&parts.headers).ok()?;
    // What is verified here need not be verified again: it is remembered.
    let principal = app.verifier.verify(bearer).await.ok()?;
    principal.may(Scope::Write).then_some(principal)
}

fn late(time: Duration) -> Error {
    let text = format!("The body did not arrive within {} seconds", time.as_secs());
    Error::new(Code::RequestTimeout, text)
}

/// A body on its way.
struct Incoming {
    body: Body,
    /// How long it says it is; 0 where it does not say.
    announced: usize,
    /// Whether its sender waits to be told that it is wanted.
    waits: bool,
    /// How long it may bring nothing, if there is such a limit.
    patience: Option<Duration>,
    read: Vec<u8>,
}

impl Incoming {
    fn new(parts: &Parts, body: Body) -> Self {
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        Self {
            body,
            announced: announced
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .unwrap_or(0),
            waits: parts.headers.contains_key(header::EXPECT),
            patience: None,
            read: Vec::new(),
        }
    }

    /// Reads until the body ends, which is true, or is longer than `limit`, which is false.
    async fn read_to(&mut self, limit: usize) -> Result<bool, Error> {
        let room = self.announced.min(limit);
        self.read.reserve(room.saturating_sub(self.read.len()));
        while self.read.len() <= limit {
            let frame = match self.patience {
                None => self.body.frame().await,
                Some(patience) => {
                    let frame = timeout(patience, self.body.frame()).await;
                    frame.map_err(|_| late(patience))?
                }
            };
            let Some(frame) = frame else {
                return Ok(true);
            };
            let frame = frame.map_err(|_| unreadable())?;
            if let Ok(data) = frame.into_data() {
                self.read.extend_from_slice(&data);
            }
        }
        Ok(false)
    }

    /// Throws away what comes, unless that is much, or the sender does not begin before it is told.
    async fn discard(&mut self) -> Result<(), Error> {
        if self.announced > DISCARD_LIMIT || self.waits && self.read.is_empty() {
            return Ok(());
        }
        let mut total = std::mem::take(&mut self.read).len();
        while total <= DISCARD_LIMIT {
            let Some(frame) = self.body.frame().await else {
                return Ok(());
            };
            let frame = frame.map_err(|_| unreadable())?;
            total += frame.into_data().map_or(0, |data| data.len());
        }
        Ok(())
    }
}

fn unreadable() -> Error {
    Error::new(
        Code::InvalidRequest,
        "The body could not be read to its end",
    )
}
