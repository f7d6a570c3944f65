//! Reading and deleting, each one request. Sending and searching have files of their own.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serenity::http::{LightMethod, Route};

use super::client::{Answer, Discord};
use super::fault::{self, Operation};
use super::id::{ChannelId, GuildId, MessageId, Snowflake};
use super::lenient;
use super::model::{Channel, Message};
use super::place::Place;
use crate::error::Error;

/// The most messages that one page of a channel's history holds.
pub const PAGE: usize = 100;

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

/// A page of a channel's history, newest first.
#[derive(Debug)]
pub struct History {
    /// The messages that could be read.
    pub messages: Vec<Message>,
    /// How many Discord sent, those that could not be read included: pages are counted by it.
    pub received: usize,
}

impl History {
    /// Reads a page as Discord sends it, which will most likely have so many messages. `None` where
    /// it is no list; of a list, messages that cannot be read are left out.
    pub fn read(json: &str, expected: usize) -> Option<Self> {
        let (messages, received) = lenient::list_of(json, expected)?;
        Some(Self { messages, received })
    }
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
        let answer = self.read(operation, route, &[]).await?;
        let read: Channel = object(operation, &answer)?;
        self.shared.places.remember(channel, Place::of(&read));
        Ok(read)
    }

    /// Where a channel is. Costs a request only for a channel not seen lately.
    ///
    /// # Errors
    /// Those of [`Discord::channel`].
    pub async fn place(&self, channel: ChannelId) -> Result<Place, Error> {
        match self.known_place(channel) {
            Some(place) => Ok(place),
            None => self.channel(channel).await.map(|read| Place::of(&read)),
        }
    }

    /// Where a channel is, if it was seen lately.
    pub fn known_place(&self, channel: ChannelId) -> Option<Place> {
        self.shared.places.get(channel)
    }

    /// The guild that a channel belongs to, none for a direct message.
    ///
    /// # Errors
    /// Those of [`Discord::place`].
    pub async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>, Error> {
        self.place(channel).await.map(|place| place.guild)
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
        let answer = self.read(operation, route, &query).await?;
        let history = History::read(&answer.text(), limit);
        let mut history = history.ok_or_else(|| fault::unintelligible(operation, answer.status))?;
        for message in &mut history.messages {
            message.channel_id = channel;
        }
        Ok(history)
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
        let answer = self.read(operation, route, &[]).await?;
        let mut read: Message = object(operation, &answer)?;
        read.channel_id = channel;
        Ok(read)
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
            &[],
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
            &[],
            Some(body),
            audit_reason(reason)?,
        )
        .await
        .map(|_| ())
    }

    pub(super) async fn read(
        &self,
        operation: Operation,
        route: Route<'_>,
        query: &[(&'static str, String)],
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

#[derive(Serialize)]
struct BulkDelete<'a> {
    messages: &'a [MessageId],
}

pub(super) fn json_bytes(body: &impl Serialize) -> Result<Vec<u8>, Error> {
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

pub(super) fn object<T: serde::de::DeserializeOwned>(
    operation: Operation,
    answer: &Answer,
) -> Result<T, Error> {
    lenient::object(&answer.text()).ok_or_else(|| fault::unintelligible(operation, answer.status))
}

/// serenity's ids panic on zero, which a [`Snowflake`] cannot be.
pub(super) fn channel_id(channel: ChannelId) -> serenity::model::id::ChannelId {
    channel.0.get().into()
}

pub(super) fn message_id(message: MessageId) -> serenity::model::id::MessageId {
    message.0.get().into()
}
