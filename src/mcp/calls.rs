//! `tools/call`: from the protocol's form to dispatch and back.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
    ProgressNotificationParam,
};
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::confirm::Answer;
use super::{Context, Door, protocol_error};
use crate::dispatch::{Asked, CallResult, Done, Invocation, Progress};
use crate::error::{Code, Error};
use crate::tools::{check_size, json_size};

pub(super) async fn call(
    door: &Door,
    request: CallToolRequestParams,
    context: Context,
) -> Result<CallToolResponse, ErrorData> {
    let visit = door.visit(&context).await?;
    let invocation = Invocation {
        tool: request.name.to_string(),
        params: request.arguments.clone().unwrap_or_default(),
    };
    let mut caller = visit.caller();
    // HTTP has refused larger bodies before; over standard input this is the first to look.
    let size = json_size(&invocation.params);
    if let Err(error) = check_size(&invocation.tool, &invocation.params, size) {
        let asked = Asked::Refused(
            Some(Invocation {
                params: Map::new(),
                ..invocation
            }),
            error,
        );
        return Ok(render(door.0.dispatcher.call(caller, visit.permit, asked).await).into());
    }
    let asked = match door
        .0
        .confirmations
        .as_ref()
        .map(|all| all.answer(&request, &context, &visit.principal))
    {
        None | Some(Answer::CannotAsk | Answer::Confirmed) => Asked::Run(invocation),
        Some(Answer::NotYet) => {
            caller.confirm = true;
            Asked::Run(invocation)
        }
        Some(Answer::Declined) => Asked::Refused(
            Some(invocation),
            Error::new(
                Code::Declined,
                "The user did not confirm; nothing was deleted",
            )
            .hint("Do not try again unless the user asks for it."),
        ),
        Some(Answer::Forged) => Asked::Refused(
            Some(invocation),
            Error::invalid_params(
                "`requestState` is not of this call, or has expired; call again without it",
            ),
        ),
    };
    let forged = matches!(&asked, Asked::Refused(_, error) if error.code() == Code::InvalidParams);
    let progress = context.meta.get_progress_token().map(|token| {
        let (sender, receiver) = unbounded_channel();
        caller.progress = Some(sender);
        (token, receiver)
    });
    let running = door
        .0
        .dispatcher
        .call(caller, Arc::clone(&visit.permit), asked);
    let result = match progress {
        None => running.await,
        Some((token, receiver)) => with_progress(running, &context, token, receiver).await,
    };
    match result {
        Err(error) if forged || error.code() == Code::UnknownTool => Err(protocol_error(&error)),
        Err(error) if error.code() == Code::ConfirmationRequired => match &door.0.confirmations {
            Some(all) => all.ask(&request, &visit.principal, error.message()),
            None => Err(protocol_error(&Error::internal())),
        },
        result => Ok(render(result).into()),
    }
}

/// Sends the progress of a call while it runs. The answer then travels as an event stream.
async fn with_progress(
    running: impl Future<Output = CallResult>,
    context: &Context,
    token: rmcp::model::ProgressToken,
    mut receiver: UnboundedReceiver<Progress>,
) -> CallResult {
    let tell = async |Progress { done, total }| {
        let step = ProgressNotificationParam::new(token.clone(), done as f64)
            .with_total(total as f64)
            .with_message(format!("{done} of at most {total} messages read"));
        // A client that has gone gets no progress; its call is cancelled by other means.
        context.peer.notify_progress(step).await.ok();
    };
    tokio::pin!(running);
    let result = loop {
        tokio::select! {
            biased;
            Some(progress) = receiver.recv() => tell(progress).await,
            result = &mut running => break result,
        }
    };
    // The call may have gone on to its end since it last told how far it was.
    while let Ok(progress) = receiver.try_recv() {
        tell(progress).await;
    }
    result
}

/// A result in the protocol's form. A failure is one too: the model is to read why, and mend it.
/// Unlike the lists, it does not repeat who the server is: a result is paid for by the byte.
fn render(result: CallResult) -> CallToolResult {
    match result {
        Ok(Done {
            result,
            text,
            images,
        }) => {
            let images = images
                .into_iter()
                .map(|image| ContentBlock::image(image.data, image.media_type));
            let content = std::iter::once(ContentBlock::text(text)).chain(images);
            let mut rendered = CallToolResult::success(content.collect());
            rendered.structured_content = serde_json::from_str::<Value>(&result).ok();
            rendered
        }
        Err(error) => CallToolResult::error(vec![ContentBlock::text(error.to_text())]),
    }
}
