//! Servers and channels: the resources that list them, and completion of their ids and names.
//! All of it goes through the same dispatch as the tools, with the same checks and the same trail.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, CompleteRequestParams, CompleteResult, CompletionInfo, ListResourcesResult,
    PaginatedRequestParams, Reference, Resource,
};
use serde::Deserialize;

use super::{Visit, meta, protocol_error, resources};
use crate::discord::{GuildId, Snowflake};
use crate::dispatch::{Asked, Dispatcher, Listing};
use crate::error::Error;
use crate::tools::PROMPTS;

/// The resource that lists the servers, and what the resources of their channels are called by.
pub(super) const GUILDS: &str = "discord://guilds";
pub(super) const CHANNELS: &str = "discord://guilds/{guild_id}/channels";
/// How many resources one page has.
const PAGE: usize = 100;
/// The most values that one completion may offer.
const COMPLETIONS_LIMIT: usize = 100;
/// How long clients may keep a list, in milliseconds.
const TTL_MS: u64 = 60_000;

#[derive(Deserialize)]
struct Guilds {
    guilds: Vec<Named>,
}

#[derive(Deserialize)]
struct Channels {
    channels: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
    #[serde(default)]
    server: String,
}

/// The list that an address stands for, if it is one of a list.
pub(super) fn find(uri: &str) -> Option<Listing> {
    if uri == GUILDS {
        return Some(Listing::Guilds);
    }
    let (before, after) = CHANNELS.split_once("{guild_id}")?;
    let id = uri.strip_prefix(before)?.strip_suffix(after)?;
    Some(Listing::Channels(GuildId(Snowflake::parse(id)?)))
}

/// One page of the resources that there are: the list of servers, and each server's list of channels.
pub(super) async fn list(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    request: Option<&PaginatedRequestParams>,
) -> Result<ListResourcesResult, ErrorData> {
    let cursor = request.and_then(|request| request.cursor.as_deref());
    let start = match cursor.map(str::parse::<usize>) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => {
            return Err(ErrorData::invalid_params("There is no such `cursor`", None));
        }
    };
    let Guilds { guilds } = ask(dispatcher, visit, Listing::Guilds).await?;
    let first = Resource::new(GUILDS, "guilds")
        .with_title("The servers that this token can use")
        .with_mime_type("application/json");
    let others = guilds.iter().map(|guild| {
        Resource::new(
            CHANNELS.replace("{guild_id}", &guild.id),
            guild.name.clone(),
        )
        .with_title(format!("Channels of {}", guild.name))
        .with_mime_type("application/json")
    });
    let page: Vec<_> = std::iter::once(first)
        .chain(others)
        .skip(start)
        .take(PAGE)
        .collect();
    let next = start + page.len();
    let mut list = ListResourcesResult::with_all_items(page)
        .with_ttl_ms(TTL_MS)
        .with_cache_scope(CacheScope::Private);
    list.next_cursor = (next <= guilds.len()).then(|| next.to_string());
    list.meta = Some(meta());
    Ok(list)
}

/// Completes the id of a server or channel by the beginning of its id or name. In a prompt, where
/// names are taken too, names are offered.
pub(super) async fn complete(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let argument = request.argument.name.as_str();
    let (known, in_prompt) = match &request.r#ref {
        Reference::Resource(template) => (resources::is_template(&template.uri, argument), false),
        Reference::Prompt(named) => (
            PROMPTS
                .iter()
                .filter(|prompt| prompt.name == named.name)
                .any(|prompt| prompt.arguments.iter().any(|known| known.name == argument)),
            true,
        ),
        _ => (false, false),
    };
    if !known {
        return Err(ErrorData::invalid_params(
            "There is no such prompt, resource template or argument",
            None,
        ));
    }
    let begun = request.argument.value.trim();
    let mut values = match argument {
        "guild_id" => {
            let Guilds { guilds } = ask(dispatcher, visit, Listing::Guilds).await?;
            ids(&guilds, begun)
        }
        "channel_id" => channels(dispatcher, visit, request, begun, in_prompt).await?,
        _ => Vec::new(),
    };
    values.sort_unstable();
    values.dedup();
    let total = u32::try_from(values.len()).ok();
    let more = values.len() > COMPLETIONS_LIMIT;
    values.truncate(COMPLETIONS_LIMIT);
    let info = CompletionInfo::with_pagination(values, total, more)
        .map_err(|_| ErrorData::internal_error("The completions are too many", None))?;
    Ok(CompleteResult::new(info))
}

async fn channels(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    request: &CompleteRequestParams,
    begun: &str,
    in_prompt: bool,
) -> Result<Vec<String>, ErrorData> {
    let listed = visit.principal.listed_channels();
    // What the token itself lists is known without asking Discord.
    if !listed.is_empty() && begun.bytes().all(|byte| byte.is_ascii_digit()) {
        let ids = listed.into_iter().map(|id| id.to_string());
        return Ok(ids.filter(|id| id.starts_with(begun)).collect());
    }
    let arguments = request
        .context
        .as_ref()
        .and_then(|context| context.arguments.as_ref());
    let guild = arguments
        .and_then(|arguments| arguments.get("guild_id"))
        .and_then(|id| Snowflake::parse(id));
    let listing = guild.map_or(Listing::AllChannels, |id| Listing::Channels(GuildId(id)));
    let Channels { channels } = ask(dispatcher, visit, listing).await?;
    if !in_prompt || begun.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(ids(&channels, begun));
    }
    let name = begun.trim_start_matches('#').to_lowercase();
    let named = channels
        .iter()
        .filter(|channel| channel.name.to_lowercase().starts_with(&name));
    let is_alone = |wanted: &Named| {
        let same = channels.iter().filter(|other| other.name == wanted.name);
        same.count() == 1
    };
    let text = |channel: &Named| {
        if is_alone(channel) || channel.server.is_empty() {
            format!("#{}", channel.name)
        } else {
            format!("{}/#{}", channel.server, channel.name)
        }
    };
    Ok(named.map(text).collect())
}

/// The ids of those whose id or name begins like this.
fn ids(all: &[Named], begun: &str) -> Vec<String> {
    let name = begun.trim_start_matches('#').to_lowercase();
    let fits = |named: &&Named| {
        named.id.starts_with(begun) || named.name.to_lowercase().starts_with(&name)
    };
    all.iter()
        .filter(fits)
        .map(|named| named.id.clone())
        .collect()
}

async fn ask<T: for<'a> Deserialize<'a>>(
    dispatcher: &Arc<Dispatcher>,
    visit: &Visit,
    listing: Listing,
) -> Result<T, ErrorData> {
    let done = dispatcher
        .call(
            visit.caller(),
            Arc::clone(&visit.permit),
            Asked::List(listing),
        )
        .await
        .map_err(|error| protocol_error(&error))?;
    serde_json::from_str(&done.result).map_err(|_| protocol_error(&Error::internal()))
}
