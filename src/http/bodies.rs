//! Reading the body of a request: 64 KiB from anybody, and more only from those who may send files.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::App;
use super::render::failure;
use crate::auth::{Scope, bearer};
use crate::dispatch::RequestId;
use crate::error::{Code, Error};
use crate::tools::CALL_LIMIT;

/// How much of a body that is not taken is read and thrown away, so that the sender gets to read
/// the refusal.
const DISCARD_LIMIT: usize = 1 << 20;
/// How long a caller may take to send a body.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller who may send files may take.
const LARGE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many bodies above 64 KiB there may be at once: what they hold stays in memory, in up to
/// three forms, until their calls have ended.
const LARGE: usize = 4;

/// The large bodies that are taken.
pub struct Bodies {
    largest: usize,
    room: Arc<Semaphore>,
}

impl Bodies {
    /// Bodies that carry files of so many bytes; none, where that is 0.
    pub fn new(attachment_limit: usize) -> Self {
        // Base64 has four digits for three bytes, and some clients escape the slashes among them.
        let encoded = attachment_limit.div_ceil(3) * 4 + attachment_limit / 16;
        Self {
            largest: encoded + CALL_LIMIT,
            room: Arc::new(Semaphore::new(LARGE)),
        }
    }
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
    let may = may_send_files(app, parts).await;
    drop(busy);
    if !may {
        let discarding = incoming.discard();
        let discarded = timeout_at(began + TIMEOUT, discarding).await;
        discarded.unwrap_or_else(|_| Err(late(TIMEOUT)))?;
        return Err(Error::new(
            Code::PayloadTooLarge,
            "The body is larger than 64 KiB",
        ));
    }
    let largest = app.bodies.largest;
    let too_large = || {
        let text = format!("The body is larger than {largest} bytes");
        Error::new(Code::PayloadTooLarge, text).hint("Send smaller files, or fewer at once.")
    };
    if incoming.announced > largest {
        return Err(too_large());
    }
    let place = Arc::clone(&app.bodies.room).try_acquire_owned();
    let place: Arc<OwnedSemaphorePermit> = Arc::new(place.map_err(|_| {
        Error::new(
            Code::Overloaded,
            "The server is taking as many files as it can; nothing was done",
        )
        .retry_after(Duration::from_secs(1))
    })?);
    parts.extensions.insert(place);
    let reading = timeout_at(began + LARGE_TIMEOUT, incoming.read_to(largest)).await;
    if reading.unwrap_or_else(|_| Err(late(LARGE_TIMEOUT)))? {
        Ok(incoming.read)
    } else {
        Err(too_large())
    }
}

/// Whether the request can be a call with files: where it goes, and by the scope of its bearer.
async fn may_send_files(app: &App, parts: &Parts) -> bool {
    let calls = ["/mcp", "/mcp/v1/tools/invoke"].contains(&parts.uri.path());
    if !calls || parts.method != Method::POST || app.bodies.largest == CALL_LIMIT {
        return false;
    }
    let Ok(bearer) = bearer(&parts.headers) else {
        return false;
    };
    // What is verified here need not be verified again: it is remembered.
    let principal = app.verifier.verify(bearer).await;
    principal
        .is_ok_and(|principal| principal.may(Scope::Write) && !principal.is_barred(Scope::Write))
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
            read: Vec::new(),
        }
    }

    /// Reads until the body ends, which is true, or is longer than `limit`, which is false.
    async fn read_to(&mut self, limit: usize) -> Result<bool, Error> {
        let room = self.announced.min(limit);
        self.read.reserve(room.saturating_sub(self.read.len()));
        while self.read.len() <= limit {
            let Some(frame) = self.body.frame().await else {
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
