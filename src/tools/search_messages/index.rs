//! The search of a guild's index.

use std::cmp::Reverse;
use std::collections::HashSet;

use tokio::time::Instant;

use super::inside::Inside;
use super::{Call, Has, Mode, NoIndex, Results, SearchMessages, intent_hint};
use crate::discord::{Found, SearchQuery, Searched};
use crate::error::{Code, Error};

/// The most results of one request, and the highest offset. <https://discord.com/developers/docs/resources/message#search-guild-messages>
const PAGE: usize = 25;
const OFFSET_LIMIT: usize = 9975;
/// How many requests one call may make: an index may count results that it does not show.
const REQUESTS_LIMIT: usize = 20;
/// How often an index that is not there yet is asked again.
const RETRIES: usize = 2;

impl SearchMessages {
    /// Searches the index: results, or why it cannot answer.
    pub(super) async fn search_index(
        &self,
        call: &Call<'_>,
    ) -> Result<Result<Results, NoIndex>, Error> {
        let Some(guild) = call.discord.guild_of(self.channel_id).await? else {
            return Ok(Err(NoIndex::DirectMessage));
        };
        let limit = self.limit.get();
        let mut messages = Vec::new();
        let mut seen = HashSet::new();
        let mut inside = Inside::new(self.channel_id);
        let mut offset = 0;
        let mut requests = 0;
        let mut total = None;
        let mut reached_end = false;
        // A page may hold fewer results than asked for, so pages are counted by the offset.
        loop {
            let query = SearchQuery {
                channel: self.channel_id,
                content: self.query.as_str(),
                author: self.author_id,
                max_id: self.older_than(),
                min_id: self.newer_than(),
                has: self.has.map(Has::word),
                offset,
                limit: PAGE.min(limit),
            };
            let Found {
                messages: page,
                threads,
                total: all,
            } = match self.ask(call, guild, &query).await {
                Ok(Ok(found)) => found,
                Ok(Err(reason)) => return Ok(Err(reason)),
                Err(error) if error.code() == Code::MissingPermission => {
                    return Ok(Err(NoIndex::Forbidden(error)));
                }
                Err(error) if status(&error) == Some(501) => {
                    return Ok(Err(NoIndex::Unknown(error)));
                }
                // With a page read already the answer is what there is.
                Err(error) if offset > 0 && error.code() == Code::RateLimited => break,
                Err(error) => return Err(error),
            };
            total = all;
            offset += query.limit;
            // Where Discord does not count, an empty page is the end.
            reached_end = total.map_or(page.is_empty(), |total| offset as u64 >= total);
            inside.learn(&threads);
            for message in page {
                let within = self.older_than().is_none_or(|bound| message.id.0 < bound)
                    && self.newer_than().is_none_or(|bound| message.id.0 > bound);
                if within && inside.has(call, message.channel_id).await && seen.insert(message.id) {
                    messages.push(message);
                }
            }
            requests += 1;
            let spent = requests == REQUESTS_LIMIT || offset > OFFSET_LIMIT;
            if messages.len() >= limit || reached_end || spent {
                break;
            }
            if Instant::now() >= call.soft_deadline {
                break;
            }
        }
        messages.sort_by_key(|message| Reverse(message.id));
        let cut = messages.len() > limit;
        messages.truncate(limit);
        let complete = !cut && reached_end && !inside.unsure;
        Ok(Ok(Results {
            asked: self.channel_id,
            next_before: messages
                .last()
                .map(|message| message.id)
                .filter(|_| !complete),
            hint: intent_hint(&messages, call.discord.bot()),
            messages,
            mode: Mode::Index,
            fallback: None,
            scanned: None,
            complete,
            total_results: total,
        }))
    }

    /// Asks the index, and again while it is being built and half of the time is left: a scan may
    /// have to follow.
    async fn ask(
        &self,
        call: &Call<'_>,
        guild: crate::discord::GuildId,
        query: &SearchQuery<'_>,
    ) -> Result<Result<Found, NoIndex>, Error> {
        let latest =
            Instant::now() + call.soft_deadline.saturating_duration_since(Instant::now()) / 2;
        let mut retries = 0;
        loop {
            match call.discord.search(guild, query).await? {
                Searched::Found(found) => return Ok(Ok(found)),
                Searched::NotIndexed(wait)
                    if retries == RETRIES || Instant::now() + wait > latest =>
                {
                    return Ok(Err(NoIndex::NotIndexed(wait)));
                }
                Searched::NotIndexed(wait) => {
                    retries += 1;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

/// The status of Discord's answer that an error tells of.
fn status(error: &Error) -> Option<u16> {
    error.discord_answer().map(|answer| answer.status)
}

impl Has {
    /// Discord's word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Embed => "embed",
            Self::File => "file",
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}
