//! Prompts: the table of prompts in the protocol's form, filled through the same dispatch.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    ListPromptsResult, Prompt, PromptArgument, PromptMessage, ResourceContents, Role,
};
use serde_json::{Map, Value};

use super::{TTL_MS, Visit, meta, protocol_error};
use crate::dispatch::{Asked, Dispatcher, Invocation};
use crate::tools::{self, PROMPTS};

/// The prompts whose tool this token may use.
pub(super) fn list(visit: &Visit) -> ListPromptsResult {
    let prompts = PROMPTS
        .iter()
        .filter(|prompt| {
            tools::find(prompt.tool).is_some_and(|tool| visit.principal.may(tool.scope))
        })
        .map(|prompt| {
            let arguments = prompt.arguments.iter().map(|argument| {
                PromptArgument::new(argument.name)
                    .with_description(argument.description)
                    .with_required(argument.required)
            });
            Prompt::new(
                prompt.name,
                Some(prompt.description),
                Some(arguments.collect()),
            )
            .with_title(prompt.title)
        });
    let mut list = ListPromptsResult::with_all_items(prompts.collect())
        .with_ttl_ms(TTL_MS)
        .with_cache_scope(CacheScope::Private);
    list.meta = Some(meta());
    list
}

pub(super) async fn get(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    request: GetPromptRequestParams,
) -> Result<GetPromptResponse, ErrorData> {
    let invalid = |message: String| ErrorData::invalid_params(message, None);
    let prompt = PROMPTS
        .iter()
        .find(|prompt| prompt.name == request.name)
        .ok_or_else(|| {
            let names: Vec<_> = PROMPTS.iter().map(|prompt| prompt.name).collect();
            invalid(format!(
                "There is no such prompt; the prompts are {}",
                names.join(", ")
            ))
        })?;
    let given = request.arguments.unwrap_or_default();
    let allowed: Vec<_> = prompt
        .arguments
        .iter()
        .map(|argument| argument.name)
        .collect();
    if given.keys().any(|name| !allowed.contains(&name.as_str())) {
        return Err(invalid(format!(
            "{} takes the arguments {} and no others",
            prompt.name,
            allowed.join(", ")
        )));
    }
    let mut arguments = Map::new();
    for argument in prompt.arguments {
        match given.get(argument.name) {
            Some(Value::String(value)) if !value.trim().is_empty() => {
                arguments.insert(argument.name.to_owned(), value.as_str().into());
            }
            None | Some(Value::String(_) | Value::Null) if !argument.required => {}
            None => return Err(invalid(format!("`{}` is required", argument.name))),
            Some(_) => {
                return Err(invalid(format!(
                    "`{}` must be a string that is not blank",
                    argument.name
                )));
            }
        }
    }
    let asked = Asked::Run(Invocation {
        tool: prompt.tool.to_owned(),
        params: (prompt.params)(&arguments),
    });
    let done = dispatcher
        .call(visit.caller(), Arc::clone(&visit.permit), asked)
        .await
        .map_err(|error| protocol_error(&error))?;
    let channel = arguments
        .get("channel_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let data = ResourceContents::text(done.text, format!("discord://channels/{channel}/messages"))
        .with_mime_type("text/plain");
    let mut result = GetPromptResult::new(vec![
        PromptMessage::new_text(Role::User, (prompt.text)(&arguments)),
        PromptMessage::new(Role::User, ContentBlock::resource(data)),
    ])
    .with_description(prompt.description);
    result.meta = Some(meta());
    Ok(result.into())
}
