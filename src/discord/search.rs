//! Searching a guild's index.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Discord;
use super::fault::{self, Operation};
use super::id::{ChannelId, GuildId, Snowflake, UserId};
use super::lenient;
use super::model::{ListedThread, Message};
use crate::error::Error;

/// A search of a guild's index.
#[derive(Clone, Debug)]
pub struct SearchQuery<'a> {
    /// The channel, thread or forum to search in.
    pub channel: ChannelId,
    /// The words.
    pub content: &'a str,
    /// Only messages of this author.
    pub author: Option<UserId>,
    /// Only messages with this id or a lower one.
    pub max_id: Option<Snowflake>,
    /// Only messages with this id or a higher one.
    pub min_id: Option<Snowflake>,
    /// Only messages that have this, in Discord's word.
    pub has: Option<&'static str>,
    /// How many results to pass over, at most 9975.
    pub offset: usize,
    /// How many results to return, at most 25.
    pub limit: usize,
}

/// What a search of the index answered.
#[derive(Debug)]
pub enum Searched {
    /// Results.
    Found(Found),
    /// The index is being built; ask again after this time.
    NotIndexed(Duration),
}

/// A page of search results, newest first.
#[derive(Debug)]
pub struct Found {
    /// The messages that match. There can be fewer than asked for although more exist.
    pub messages: Vec<Message>,
    /// The threads that they stand in; of those in a thread that was itself asked for, Discord may
    /// say nothing. <https://github.com/discord/discord-api-docs/issues/8234>
    pub threads: Vec<ListedThread>,
    /// How many match in all, as the index counts, where it says so.
    pub total: Option<u64>,
}

impl Discord {
    /// Searches a guild's index.
    ///
    /// # Errors
    /// `missing_permission`, `unknown_guild`, or any failure of Discord's.
    pub async fn search(
        &self,
        guild: GuildId,
        search: &SearchQuery<'_>,
    ) -> Result<Searched, Error> {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow)]
            messages: Vec<&'a RawValue>,
            #[serde(default, deserialize_with = "lenient::maybe")]
            total_results: Option<u64>,
            #[serde(default, deserialize_with = "lenient::elements")]
            threads: Vec<ListedThread>,
        }
        #[derive(Deserialize)]
        struct NotIndexed {
            #[serde(default)]
            retry_after: f64,
        }
        let operation = Operation::Search;
        let answer = self
            .get(
                operation,
                &format!("/guilds/{guild}/messages/search"),
                &search.to_query(),
            )
            .await?;
        let unintelligible = || fault::unintelligible(operation, answer.status);
        if answer.status == StatusCode::ACCEPTED {
            let wait: NotIndexed =
                serde_json::from_str(&answer.text()).map_err(|_| unintelligible())?;
            return Ok(Searched::NotIndexed(Duration::from_secs_f64(
                wait.retry_after.clamp(0.5, 60.0),
            )));
        }
        let page = answer.text();
        let page: Page<'_> = serde_json::from_str(&page).map_err(|_| unintelligible())?;
        // Each result is a list of its own, a remnant of the context that searches once showed.
        let messages = (page.messages.iter())
            .flat_map(|hits| lenient::list(hits.get()).unwrap_or_default().0)
            .collect();
        Ok(Searched::Found(Found {
            messages,
            threads: page.threads,
            total: page.total_results,
        }))
    }
}

impl SearchQuery<'_> {
    fn to_query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("content", self.content.to_owned()),
            ("channel_id", self.channel.to_string()),
            ("sort_by", "timestamp".to_owned()),
            ("sort_order", "desc".to_owned()),
            // The caller named the channel; leaving out its messages would be a wrong answer.
            ("include_nsfw", "true".to_owned()),
            ("limit", self.limit.to_string()),
        ];
        if self.offset > 0 {
            query.push(("offset", self.offset.to_string()));
        }
        query.extend(self.author.map(|author| ("author_id", author.to_string())));
        query.extend(self.max_id.map(|id| ("max_id", id.to_string())));
        query.extend(self.min_id.map(|id| ("min_id", id.to_string())));
        query.extend(self.has.map(|has| ("has", has.to_owned())));
        query
    }
}
