//! Listing threads. The posts of a forum are threads of its own.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serenity::http::Route;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::api::channel_id;
use super::client::Discord;
use super::fault::{self, Operation};
use super::id::{ChannelId, GuildId};
use super::lenient;
use super::model::{Channel, ListedThread};
use crate::error::{Code, Error};

/// The most archived threads of one page. <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const PAGE: usize = 100;

/// A list of threads, or a page of one.
#[derive(Debug)]
pub struct ThreadPage {
    /// The threads that could be read.
    pub threads: Vec<ListedThread>,
    /// Whether that is all that Discord sent, and the way to the rest is known.
    pub whole: bool,
    /// Where the next page begins. Threads archived in the same moment may stand on both pages.
    pub next: Option<OffsetDateTime>,
}

/// Which threads of a channel.
#[derive(Clone, Copy, Debug)]
pub enum Threads {
    /// Those that are not archived; the channel's guild is needed to list them.
    Active(GuildId),
    /// Those that were archived before a time, if one is given, the last first.
    Archived(Option<OffsetDateTime>),
}

impl Discord {
    /// Lists the threads of a guild that are not archived and that the bot can see, all at once.
    ///
    /// # Errors
    /// `unknown_guild`, or any failure of Discord's.
    pub async fn active_threads(&self, guild: GuildId) -> Result<ThreadPage, Error> {
        let mut page = self.threads(active(guild), Vec::new()).await?;
        // This list has no pages, so there is no way to what it might leave out.
        page.whole &= page.next.take().is_none();
        Ok(page)
    }

    /// Lists the archived public threads of a channel, the last archived first, those archived
    /// before a time.
    ///
    /// # Errors
    /// `missing_permission`, `unknown_channel`, or any failure of Discord's.
    pub async fn archived_threads(
        &self,
        channel: ChannelId,
        before: Option<OffsetDateTime>,
    ) -> Result<ThreadPage, Error> {
        let (route, query) = archived(channel, before)?;
        let mut page = self
            .threads(route, query)
            .await
            .map_err(|error| match error.code() {
                // A bot that does not see a channel does not get as far as to its threads.
                Code::MissingPermission => no_history(&error),
                _ => error,
            })?;
        for thread in &mut page.threads {
            thread.parent_id.get_or_insert(channel);
        }
        Ok(page)
    }

    /// Lists the threads of a channel as channels: the active ones, all of them at once, or a page of
    /// the archived public ones, and where the next page begins.
    ///
    /// # Errors
    /// Those of [`Discord::active_threads`] and [`Discord::archived_threads`].
    pub async fn threads_in(
        &self,
        channel: ChannelId,
        which: Threads,
    ) -> Result<(Vec<Channel>, Option<OffsetDateTime>), Error> {
        let (route, query) = match which {
            Threads::Active(guild) => (active(guild), Vec::new()),
            Threads::Archived(before) => archived(channel, before)?,
        };
        let read = self.list_threads::<Channel>(route, query).await;
        let (threads, _, has_more) = match (read, which) {
            (Err(error), Threads::Archived(_)) if error.code() == Code::MissingPermission => {
                return Err(no_history(&error));
            }
            (read, _) => read?,
        };
        let threads: Vec<Channel> = threads
            .into_iter()
            .filter(|thread| thread.parent_id.is_none_or(|parent| parent == channel))
            .collect();
        let last = threads.iter().filter_map(Channel::archived_at).min();
        Ok((threads, last.filter(|_| has_more)))
    }

    async fn threads(
        &self,
        route: Route<'_>,
        query: Vec<(&'static str, String)>,
    ) -> Result<ThreadPage, Error> {
        let (threads, received, has_more) = self.list_threads::<ListedThread>(route, query).await?;
        // A millisecond later than the last of the page, so that others of its moment are not lost.
        let next = (threads.iter().filter_map(|thread| thread.archived_at))
            .min()
            .map(|last| last.saturating_add(Duration::MILLISECOND))
            .filter(|_| has_more);
        Ok(ThreadPage {
            whole: threads.len() == received && has_more == next.is_some(),
            threads,
            next,
        })
    }

    /// The threads that could be read, how many were sent, and whether there are more.
    async fn list_threads<T: DeserializeOwned>(
        &self,
        route: Route<'_>,
        query: Vec<(&'static str, String)>,
    ) -> Result<(Vec<T>, usize, bool), Error> {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow)]
            threads: &'a RawValue,
            #[serde(default, deserialize_with = "lenient::maybe")]
            has_more: Option<bool>,
        }
        let operation = Operation::ReadMessages;
        let answer = self.read(operation, route, &query).await?;
        let unintelligible = || fault::unintelligible(operation, answer.status);
        let page = answer.text();
        let Page { threads, has_more } =
            serde_json::from_str(&page).map_err(|_| unintelligible())?;
        let (threads, received) = lenient::list::<T>(threads.get()).ok_or_else(unintelligible)?;
        Ok((threads, received, has_more.unwrap_or_default()))
    }
}

fn active(guild: GuildId) -> Route<'static> {
    Route::GuildThreadsActive {
        guild_id: guild.0.get().into(),
    }
}

/// A route and its query.
type Asked = (Route<'static>, Vec<(&'static str, String)>);

fn archived(channel: ChannelId, before: Option<OffsetDateTime>) -> Result<Asked, Error> {
    let mut query = vec![("limit", PAGE.to_string())];
    if let Some(before) = before {
        let time = before.format(&Rfc3339).map_err(|_| Error::internal())?;
        query.push(("before", time));
    }
    let route = Route::ChannelArchivedPublicThreads {
        channel_id: channel_id(channel),
    };
    Ok((route, query))
}

fn no_history(refusal: &Error) -> Error {
    let error = Error::new(
        Code::MissingPermission,
        "Bot doesn't have permission to read the posts of this channel: READ_MESSAGE_HISTORY",
    )
    .hint("Give the bot's role this permission in the server's settings, and look at the channel's own overrides.");
    match refusal.discord_answer() {
        Some(answer) => error.discord(answer.status, answer.code),
        None => error,
    }
}
