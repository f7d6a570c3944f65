//! Where calls enter, through either door: the server sheds what it could not do soon, instead of
//! queueing it without bound; authenticates; and holds the caller to its own limit.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;

use super::App;
use super::caller_limits::Verdict;
use super::render::failure;
use crate::auth::{Principal, bearer};
use crate::dispatch::{Asked, Caller, Permit, RequestId};
use crate::error::{Code, Error};

/// Who has entered, by what request.
pub(super) struct Entered {
    pub(super) permit: Arc<Permit>,
    pub(super) principal: Arc<Principal>,
    /// Where the caller stands in its limit, if the request counts in it.
    pub(super) verdict: Option<Verdict>,
}

/// Lets a request in, or answers it; `refusal` is the door's form of what an authenticated caller
/// is refused with.
pub(super) async fn enter(
    app: &App,
    id: &RequestId,
    parts: &mut Parts,
    refusal: impl FnOnce(&Error) -> Response,
) -> Result<Entered, Response> {
    let permit = app.dispatcher.admit().map_err(|error| {
        app.refusals.note(error.code().as_str(), id);
        failure(&error, id)
    })?;
    let permit = Arc::new(permit.with(parts.extensions.remove()));
    let principal = admitted(app, id, &mut parts.headers).await?;
    let over_mcp = parts.uri.path() == "/mcp";
    // What is not a call costs nothing at Discord.
    let counts = parts.method == Method::POST || !over_mcp;
    let verdict = counts.then(|| app.callers.check(&principal.user_id));
    let Some(wait) = verdict.as_ref().and_then(|verdict| verdict.wait) else {
        return Ok(Entered {
            permit,
            principal,
            verdict,
        });
    };
    let error = Error::new(
        Code::RateLimited,
        "You have made as many calls as this server lets one caller make; nothing was done",
    )
    .retry_after(wait)
    .hint("Wait `retry_after` seconds before the next call.");
    let door = if over_mcp { "mcp" } else { "rest" };
    let caller = Caller::new(principal, door, id.clone());
    // An authenticated refusal is recorded; where that fails, that is what is told.
    let asked = Asked::Refused(None, error);
    let error = match app.dispatcher.call(caller, permit, asked).await {
        Err(error) => error,
        Ok(_) => Error::internal(),
    };
    Err(told(refusal(&error), verdict))
}

/// A response that tells the caller where it stands in its limit.
pub(super) fn told(mut response: Response, verdict: Option<Verdict>) -> Response {
    if let Some(verdict) = verdict {
        verdict.tell(response.headers_mut());
    }
    response
}

/// Makes a [`Principal`] of the bearer and takes it out of the request: the JWT's text ends here.
async fn admitted(
    app: &App,
    id: &RequestId,
    headers: &mut HeaderMap,
) -> Result<Arc<Principal>, Response> {
    let verified = match bearer(headers) {
        Ok(bearer) => app.verifier.verify(bearer).await,
        Err(reason) => Err(reason),
    };
    headers.remove(header::AUTHORIZATION);
    verified.map_err(|reason| {
        crate::metrics::auth_failure(reason.as_str());
        app.refusals.note(reason.as_str(), id);
        let mut response = failure(&Error::invalid_token(), id);
        if let Some(metadata) = &app.metadata {
            metadata.point_to(&mut response);
        }
        response
    })
}
