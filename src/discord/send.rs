//! Sending a message.

use axum::http::HeaderMap;
use serde::Serialize;
use serenity::http::{LightMethod, Route};

use super::api::{channel_id, json_bytes, object};
use super::client::Discord;
use super::fault::Operation;
use super::id::{ChannelId, MessageId, RoleId, UserId};
use super::model::Message;
use crate::error::Error;

/// Suppresses embeds. <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Sends without a notification.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

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
    /// Under the same nonce, at most 25 characters, Discord sends only once within minutes: what
    /// makes it safe to try again.
    pub nonce: String,
}

impl Discord {
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
    nonce: &'a str,
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
            nonce: &draft.nonce,
            enforce_nonce: true,
        }
    }
}
