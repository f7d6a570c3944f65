//! Resources: what some tools read, under an address. They go through the same dispatch.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, ListResourceTemplatesResult, ReadResourceResponse, ReadResourceResult,
    ResourceContents, ResourceTemplate,
};
use serde_json::{Map, Value, json};

use super::{TTL_MS, Visit, meta, protocol_error};
use crate::dispatch::{Asked, Dispatcher, Invocation};
use crate::tools::{Entry, TOOLS};

/// The templates of those tools that this token may use.
pub(super) fn list(visit: &Visit) -> ListResourceTemplatesResult {
    let templates = TOOLS
        .iter()
        .filter(|tool| visit.principal.may(tool.scope))
        .filter_map(|tool| {
            let resource = tool.resource?;
            Some(
                ResourceTemplate::new(resource.template, resource.name)
                    .with_title(resource.title)
                    .with_description(tool.description)
                    .with_mime_type("application/json"),
            )
        });
    let mut list = ListResourceTemplatesResult::with_all_items(templates.collect())
        .with_ttl_ms(TTL_MS)
        .with_cache_scope(CacheScope::Private);
    list.meta = Some(meta());
    list
}

/// Whether a tool reads under this template.
pub(super) fn is_template(template: &str) -> bool {
    TOOLS.iter().any(|tool| {
        tool.resource
            .is_some_and(|resource| resource.template == template)
    })
}

/// The tool that reads this address, and the parameters that the address gives it.
pub(super) fn find(uri: &str) -> Option<(&'static Entry, Map<String, Value>)> {
    TOOLS.iter().find_map(|tool| {
        let (before, rest) = tool.resource?.template.split_once('{')?;
        let (name, after) = rest.split_once('}')?;
        let value = uri.strip_prefix(before)?.strip_suffix(after)?;
        let params =
            (!value.contains('/')).then(|| Map::from_iter([(name.to_owned(), value.into())]))?;
        Some((tool, params))
    })
}

pub(super) async fn read(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    uri: &str,
) -> Result<ReadResourceResponse, ErrorData> {
    let Some((tool, params)) = find(uri) else {
        return Err(ErrorData::resource_not_found(
            "There is no such resource; see resources/templates/list",
            Some(json!({"uri": uri})),
        ));
    };
    let asked = Asked::Run(Invocation {
        tool: tool.name.to_owned(),
        params,
    });
    let done = dispatcher
        .call(visit.caller(), Arc::clone(&visit.permit), asked)
        .await
        .map_err(|error| protocol_error(&error))?;
    let contents =
        ResourceContents::text(done.result.get(), uri).with_mime_type("application/json");
    // Channels and messages change at any time.
    let mut result = ReadResourceResult::new(vec![contents])
        .with_ttl_ms(0)
        .with_cache_scope(CacheScope::Private);
    result.meta = Some(meta());
    Ok(result.into())
}
