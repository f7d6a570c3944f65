//! The operations on Discord that the tools need, each one request.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serenity::http::{LightMethod, Route};

use super::client::{Answer, Discord};
use super::fault::{self, Operation};
use super::id::{ChannelId, GuildId, MessageId, RoleId, Snowflake, UserId};
use super::lenient;
use super::model::{Channel, Message};
use crate::error::Error;

/// The most messages that one page of a channel's history holds.
pub const PAGE: usize = 100;

/// Suppresses embeds. <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Sends without a notification.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// Which part of a channel's history to read. Each bound excludes itself, except `Around`.
#[derive(Clone, Copy, Debug)]
pub enum Bounds {
    /// The newest messages.
    Newest,
    /// The newest messages older than this id.
    Before(Snowflake),
    /// The oldest messages newer than this id.
    After(Snowflake),
    /// The messages on both sides of this id.
    Around(Snowflake),
}

/// Whom a message may notify.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// These users, where the text mentions them.
    pub users: Vec<UserId>,
    /// These roles, where the text mentions them.
    pub roles: Vec<RoleId>,
    /// `@everyone` and `@here`.
    pub everyone: bool,
    /// The author of the message that is answered.
    pub replied_user: bool,
}

/// A page of a channel's history, newest first.
#[derive(Debug)]
pub struct History {
    /// The messages that could be read.
    pub messages: Vec<Message>,
    /// How many Discord sent, those that could not be read included: pages are counted by it.
    pub received: usize,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The text, 1 to 2000 characters.
    pub content: &'a str,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Whom it may notify.
    pub mentions: &'a Mentions,
    /// Whether it makes no sound.
    pub silent: bool,
    /// Whether Discord may show previews of links.
    pub link_previews: bool,
    /// Under the same nonce, at most 25 characters, Discord sends only once within minutes.
    pub nonce: Option<String>,
}

/// A search of a guild's index.
#[derive(Clone, Debug)]
pub struct SearchQuery<'a> {
    /// The channel or thread to search in.
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
    /// How many match in all, as the index counts, where it says so.
    pub total: Option<u64>,
}

impl Discord {
    /// Reads a channel.
    ///
    /// # Errors
    /// `unknown_channel`, `missing_permission`, or any failure of Discord's.
    pub async fn channel(&self, channel: ChannelId) -> Result<Channel, Error> {
        let operation = Operation::ReadChannel;
        let route = Route::Channel {
            channel_id: channel_id(channel),
        };
        let answer = self.read(operation, route, Vec::new()).await?;
        let read: Channel = object(operation, &answer)?;
        self.remember_guild(channel, read.guild_id);
        Ok(read)
    }

    /// The guild that a channel belongs to, none for a direct message. Costs a request only for a
    /// channel not seen before.
    ///
    /// # Errors
    /// Those of [`Discord::channel`].
    pub async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>, Error> {
        match self.known_guild(channel) {
            Some(guild) => Ok(guild),
            None => self.channel(channel).await.map(|channel| channel.guild_id),
        }
    }

    /// Reads up to `limit` (1 to 100) messages, newest first.
    ///
    /// # Errors
    /// `unknown_channel`, `missing_permission`, or any failure of Discord's. A bot without
    /// READ_MESSAGE_HISTORY gets an empty list, as Discord has it.
    pub async fn messages(
        &self,
        channel: ChannelId,
        bounds: Bounds,
        limit: usize,
    ) -> Result<History, Error> {
        let operation = Operation::ReadMessages;
        let mut query = vec![("limit", limit.to_string())];
        match bounds {
            Bounds::Newest => {}
            Bounds::Before(id) => query.push(("before", id.to_string())),
            Bounds::After(id) => query.push(("after", id.to_string())),
            Bounds::Around(id) => query.push(("around", id.to_string())),
        }
        let route = Route::ChannelMessages {
            channel_id: channel_id(channel),
        };
        let answer = self.read(operation, route, query).await?;
        let (mut messages, received) = lenient::list::<Message>(&answer.body)
            .ok_or_else(|| fault::unintelligible(operation, answer.status))?;
        messages
            .iter_mut()
            .for_each(|message| message.channel_id = channel);
        Ok(History { messages, received })
    }

    /// Reads one message.
    ///
    /// # Errors
    /// `unknown_message`, `unknown_channel`, `missing_permission`, or any failure of Discord's.
    pub async fn message(&self, channel: ChannelId, message: MessageId) -> Result<Message, Error> {
        let operation = Operation::ReadMessages;
        let route = Route::ChannelMessage {
            channel_id: channel_id(channel),
            message_id: message_id(message),
        };
        let answer = self.read(operation, route, Vec::new()).await?;
        let mut read: Message = object(operation, &answer)?;
        read.channel_id = channel;
        Ok(read)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// What Discord refuses; after a failure whose message says so, the message may exist.
    pub async fn send_message(
        &self,
        channel: ChannelId,
        draft: &Draft<'_>,
    ) -> Result<Message, Error> {
        let operation = Operation::Send;
        let route = Route::ChannelMessages {
            channel_id: channel_id(channel),
        };
        let body = json_bytes(&NewMessage::new(channel, draft))?;
        let answer = self
            .execute(
                operation,
                route,
                LightMethod::Post,
                Vec::new(),
                Some(body),
                HeaderMap::new(),
            )
            .await?;
        let mut sent: Message = object(operation, &answer)?;
        sent.channel_id = channel;
        Ok(sent)
    }

    /// Deletes one message; `reason` goes to the guild's own audit log.
    ///
    /// # Errors
    /// `unknown_message` where it is gone already, or what Discord refuses.
    pub async fn delete_message(
        &self,
        channel: ChannelId,
        message: MessageId,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let route = Route::ChannelMessage {
            channel_id: channel_id(channel),
            message_id: message_id(message),
        };
        self.execute(
            Operation::Delete,
            route,
            LightMethod::Delete,
            Vec::new(),
            None,
            audit_reason(reason)?,
        )
        .await
        .map(|_| ())
    }

    /// Deletes 2 to 100 different messages younger than 14 days, all or none. Discord does not
    /// tell which of them existed.
    ///
    /// # Errors
    /// What Discord refuses; then none was deleted.
    pub async fn delete_messages(
        &self,
        channel: ChannelId,
        messages: &[MessageId],
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let route = Route::ChannelMessagesBulkDelete {
            channel_id: channel_id(channel),
        };
        let body = json_bytes(&BulkDelete { messages })?;
        self.execute(
            Operation::Delete,
            route,
            LightMethod::Post,
            Vec::new(),
            Some(body),
            audit_reason(reason)?,
        )
        .await
        .map(|_| ())
    }

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
                serde_json::from_slice(&answer.body).map_err(|_| unintelligible())?;
            return Ok(Searched::NotIndexed(Duration::from_secs_f64(
                wait.retry_after.clamp(0.5, 60.0),
            )));
        }
        let page: Page<'_> = serde_json::from_slice(&answer.body).map_err(|_| unintelligible())?;
        // Each result is a list of its own, a remnant of the context that searches once showed.
        let messages = (page.messages.iter())
            .flat_map(|hits| lenient::list(hits.get().as_bytes()).unwrap_or_default().0)
            .collect();
        Ok(Searched::Found(Found {
            messages,
            total: page.total_results,
        }))
    }

    async fn read(
        &self,
        operation: Operation,
        route: Route<'_>,
        query: Vec<(&'static str, String)>,
    ) -> Result<Answer, Error> {
        self.execute(
            operation,
            route,
            LightMethod::Get,
            query,
            None,
            HeaderMap::new(),
        )
        .await
    }
}

/// The body of a request to send a message.
/// <https://discord.com/developers/docs/resources/message#create-message>
#[derive(Serialize)]
struct NewMessage<'a> {
    content: &'a str,
    /// Always there: without it Discord notifies everyone that the text can reach.
    allowed_mentions: AllowedMentions<'a>,
    flags: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enforce_nonce: bool,
}

#[derive(Serialize)]
struct AllowedMentions<'a> {
    parse: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    users: &'a [UserId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [RoleId],
    replied_user: bool,
}

#[derive(Serialize)]
struct Reference {
    channel_id: ChannelId,
    message_id: MessageId,
}

impl<'a> NewMessage<'a> {
    fn new(channel_id: ChannelId, draft: &'a Draft<'_>) -> Self {
        let Mentions {
            users,
            roles,
            everyone,
            replied_user,
        } = draft.mentions;
        let mut flags = 0;
        if draft.silent {
            flags |= SUPPRESS_NOTIFICATIONS;
        }
        if !draft.link_previews {
            flags |= SUPPRESS_EMBEDS;
        }
        Self {
            content: draft.content,
            allowed_mentions: AllowedMentions {
                parse: if *everyone { &["everyone"] } else { &[] },
                users,
                roles,
                replied_user: *replied_user,
            },
            flags,
            message_reference: draft.reply_to.map(|message_id| Reference {
                channel_id,
                message_id,
            }),
            nonce: draft.nonce.as_deref(),
            enforce_nonce: draft.nonce.is_some(),
        }
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

#[derive(Serialize)]
struct BulkDelete<'a> {
    messages: &'a [MessageId],
}

fn json_bytes(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body).map_err(|_| Error::internal())
}

/// <https://discord.com/developers/docs/resources/audit-log>: at most 512 characters, URL-encoded.
fn audit_reason(reason: Option<&str>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(reason) = reason {
        let encoded = utf8_percent_encode(reason, NON_ALPHANUMERIC).to_string();
        let value = HeaderValue::from_str(&encoded).map_err(|_| Error::internal())?;
        headers.insert(HeaderName::from_static("x-audit-log-reason"), value);
    }
    Ok(headers)
}

fn object<T: serde::de::DeserializeOwned>(
    operation: Operation,
    answer: &Answer,
) -> Result<T, Error> {
    lenient::object(&answer.body).ok_or_else(|| fault::unintelligible(operation, answer.status))
}

/// serenity's ids panic on zero, which a [`Snowflake`] cannot be.
fn channel_id(channel: ChannelId) -> serenity::model::id::ChannelId {
    channel.0.get().into()
}

fn message_id(message: MessageId) -> serenity::model::id::MessageId {
    message.0.get().into()
}
