//! Asking the user before something is deleted, where the client can: multi-round-trip requests of
//! revision 2026-07-28.
//!
//! The server keeps nothing between the rounds. What it must know again travels through the client
//! as `requestState`: authenticated with a key made at start, bound to the caller, the tool and its
//! parameters, and good for five minutes.

use std::time::Duration;

use aws_lc_rs::rand;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
    RequestStateCodec, SealOptions,
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{Context, meta, protocol_error};
use crate::auth::Principal;
use crate::error::Error;

/// How long a user may think about it.
const LIFETIME: Duration = Duration::from_secs(300);
/// The name of the one question, and of the box to tick in it.
const QUESTION: &str = "confirm";

/// The asking and the checking of answers.
pub(super) struct Confirmations {
    codec: Option<RequestStateCodec>,
}

/// What a call says of its user's consent.
pub(super) enum Answer {
    /// The client cannot ask.
    CannotAsk,
    /// It can, and has not.
    NotYet,
    /// The user said yes to this very call.
    Confirmed,
    /// The user did not.
    Declined,
    /// The state is not one that we gave for this call, or has expired.
    Forged,
}

impl Confirmations {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        let codec = rand::fill(&mut key)
            .ok()
            .and_then(|()| RequestStateCodec::try_new(key.to_vec()).ok());
        Self { codec }
    }

    /// Reads what a call says of its user's consent.
    pub(super) fn answer(
        &self,
        request: &CallToolRequestParams,
        context: &Context,
        principal: &Principal,
    ) -> Answer {
        let Some(state) = &request.request_state else {
            return if can_ask(context) {
                Answer::NotYet
            } else {
                Answer::CannotAsk
            };
        };
        let binding = binding(request, principal);
        let opened = self
            .codec
            .as_ref()
            .map(|codec| codec.open_with(state, &binding));
        if !matches!(opened, Some(Ok(_))) {
            return Answer::Forged;
        }
        let answer = request
            .input_responses
            .as_ref()
            .and_then(|all| all.get(QUESTION));
        match answer.and_then(|answer| ElicitResult::deserialize(answer).ok()) {
            None if can_ask(context) => Answer::NotYet,
            None => Answer::CannotAsk,
            Some(answer) => {
                let ticked = answer
                    .content
                    .as_ref()
                    .and_then(|content| content.get(QUESTION))
                    .and_then(Value::as_bool);
                if answer.action == ElicitationAction::Accept && ticked == Some(true) {
                    Answer::Confirmed
                } else {
                    Answer::Declined
                }
            }
        }
    }

    /// Answers a call with the question.
    pub(super) fn ask(
        &self,
        request: &CallToolRequestParams,
        principal: &Principal,
        question: &str,
    ) -> Result<CallToolResponse, ErrorData> {
        let internal = || protocol_error(&Error::internal());
        let codec = self.codec.as_ref().ok_or_else(internal)?;
        let schema = ElicitationSchema::builder()
            .required_bool_with(QUESTION, |field| field.title("Delete"))
            .build()
            .map_err(|_| internal())?;
        let form = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: question.to_owned(),
            requested_schema: schema,
        };
        let requests = InputRequests::from([(
            QUESTION.to_owned(),
            InputRequest::Elicitation(ElicitRequest::new(form)),
        )]);
        let binding = binding(request, principal);
        let options = SealOptions::new().associated_data(&binding).ttl(LIFETIME);
        let state = codec.seal_with(QUESTION.as_bytes(), &options);
        Ok(InputRequiredResult::new(Some(requests), Some(state))
            .with_meta(meta())
            .into())
    }
}

/// Whether the client speaks the revision that has multi-round-trip requests, and says that it can
/// show a form.
fn can_ask(context: &Context) -> bool {
    let modern = context
        .protocol_version()
        .is_some_and(|version| !version.has_initialize());
    let forms = context
        .client_capabilities()
        .and_then(|capabilities| capabilities.elicitation)
        .is_some_and(|modes| modes.form.is_some() || modes.url.is_none());
    modern && forms
}

/// What a state is bound to: the caller, and all that the call says.
fn binding(request: &CallToolRequestParams, principal: &Principal) -> Vec<u8> {
    json!([
        principal.user_id,
        principal.jti,
        request.name,
        request.arguments
    ])
    .to_string()
    .into_bytes()
}
