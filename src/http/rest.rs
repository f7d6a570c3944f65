//! The REST door: `{"method", "params"}` in, the envelope out.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::entrance::{Entered, enter, told};
use super::render::failure;
use crate::discord::{GuildId, Snowflake};
use crate::dispatch::{Asked, Caller, Done, Invocation, Listing, RequestId};
use crate::error::{Code, Error};
use crate::tools::{TOOLS, check_size, check_weight};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for the headers that an answer gets here and further out.
const HEADERS: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    method: String,
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

/// Calls a tool.
pub(super) async fn invoke(app: &App, id: &RequestId, mut parts: Parts, body: Vec<u8>) -> Response {
    let asking = match Asking::enter(app, id.clone(), &mut parts).await {
        Ok(asking) => asking,
        Err(response) => return response,
    };
    let read = check_weight(&body).and_then(|()| envelope(&parts.headers, &body));
    let asked = match read {
        Ok(invocation) => sized(invocation, body.len()),
        Err(error) => Asked::Refused(None, error),
    };
    // It may be large, and has been read.
    drop(body);
    asking.answer(app, asked).await
}

/// Refuses a call that is too large without being so by its files.
fn sized(invocation: Invocation, size: usize) -> Asked {
    match check_size(&invocation.tool, &invocation.params, size) {
        Ok(()) => Asked::Run(invocation),
        Err(error) => {
            let params = Map::new();
            Asked::Refused(
                Some(Invocation {
                    params,
                    ..invocation
                }),
                error,
            )
        }
    }
}

/// Reads the body of an invocation.
///
/// # Errors
/// `unsupported_media_type` or `invalid_request`.
pub fn envelope(headers: &HeaderMap, body: &[u8]) -> Result<Invocation, Error> {
    if !is_json(headers) {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "The body must be sent with `Content-Type: application/json`",
        ));
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| invalid_request("The body is not JSON, or nested too deeply"))?;
    // A list of the two values would be read as an envelope, too.
    let read = Some(body)
        .filter(Value::is_object)
        .map(Envelope::deserialize);
    let Some(Ok(Envelope { method, params })) = read else {
        return Err(invalid_request(
            "The body must be an object with `method`, the name of a tool, and `params`, an object, and nothing else",
        ));
    };
    Ok(Invocation {
        tool: method,
        params: params.unwrap_or_default(),
    })
}

fn invalid_request(message: &'static str) -> Error {
    Error::new(Code::InvalidRequest, message)
        .hint(r#"For example {"method": "get_channel_info", "params": {"channel_id": "1234567890123456789"}}"#)
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

pub(super) async fn list_guilds(State(app): State<Arc<App>>, asking: Asking) -> Response {
    asking.answer(&app, Asked::List(Listing::Guilds)).await
}

pub(super) async fn list_channels(
    State(app): State<Arc<App>>,
    Path(guild): Path<String>,
    asking: Asking,
) -> Response {
    let asked = match Snowflake::parse(&guild) {
        Some(id) => Asked::List(Listing::Channels(GuildId(id))),
        None => Asked::Refused(
            None,
            Error::invalid_params("The server's id in the path must be decimal digits"),
        ),
    };
    asking.answer(&app, asked).await
}

/// Who asks, by what request. To extract it is to let the request in.
pub(super) struct Asking {
    id: RequestId,
    entered: Entered,
}

impl FromRequestParts<Arc<App>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        // The outermost layer has put it there.
        let id = parts.extensions.get::<RequestId>().cloned();
        let id = id.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        Self::enter(app, id, parts).await
    }
}

impl Asking {
    async fn enter(app: &App, id: RequestId, parts: &mut Parts) -> Result<Self, Response> {
        let entered = enter(app, &id, parts, |error| failure(error, &id)).await?;
        Ok(Self { id, entered })
    }

    async fn answer(self, app: &App, asked: Asked) -> Response {
        let Self { id, entered } = self;
        let caller = Caller::new(entered.principal, "rest", id.clone());
        let called = app.dispatcher.call(caller, entered.permit, asked).await;
        let response = match called.and_then(Done::whole) {
            Ok(result) => success(&result, &id),
            Err(error) => failure(&error, &id),
        };
        told(response, entered.verdict)
    }
}

/// The envelope of a result, which is JSON already and may be long. An id has no letter that JSON
/// escapes.
fn success(result: &str, id: &RequestId) -> Response {
    let body = [
        r#"{"success":true,"result":"#,
        result,
        r#","request_id":""#,
        id.as_str(),
        r#""}"#,
    ];
    let mut response = Response::new(Body::from(body.concat()));
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, JSON);
    response
}

/// Lists the tools that the token may use, which is no call: nothing is asked and nothing recorded.
pub(super) async fn list_tools(asking: Asking) -> Response {
    let Entered {
        principal, verdict, ..
    } = asking.entered;
    let id = asking.id;
    let tools: Vec<_> = (TOOLS.iter())
        .filter(|tool| principal.may(tool.scope))
        .map(|tool| {
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": (tool.input_schema)(),
                "outputSchema": (tool.output_schema)(),
                "annotations": tool.hints,
                "scope": tool.scope.as_str(),
            })
        })
        .collect();
    let listed = json!({"success": true, "result": {"tools": tools}, "request_id": id.as_str()});
    told(Json(listed).into_response(), verdict)
}
