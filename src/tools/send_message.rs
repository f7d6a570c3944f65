//! `send_message`: says something in a channel.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::params::or_default;
use super::split::split;
use super::values::Text;
use super::{Call, Hints, Tool, text};
use crate::auth::Scope;
use crate::discord::{
    ChannelId, Draft, GuildId, Mentions, Message, MessageId, RoleId, UserId, timed_out,
};
use crate::error::Error;

/// The longest text of one message, in characters, which Discord counts as Unicode code points.
const MESSAGE_LIMIT: usize = 2000;
/// The longest text that is split.
const SPLIT_LIMIT: usize = 20_000;
/// How long a link to a message that was sent may be waited for.
const LINK_PATIENCE: Duration = Duration::from_secs(2);
/// How many users, or roles, one message may notify. <https://discord.com/developers/docs/resources/message#allowed-mentions-object>
const MENTION_LIMIT: usize = 100;

/// Parameters of `send_message`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    /// The channel or thread.
    channel_id: ChannelId,
    /// The text in Discord's Markdown: up to 2000 characters, or 20000 with `split`.
    #[serde(alias = "content")]
    #[schemars(length(min = 1, max = 20_000))]
    message: String,
    /// The id of a message here to answer.
    reply_to: Option<MessageId>,
    /// Whom the text may notify; default nobody.
    #[serde(default, deserialize_with = "or_default")]
    mentions: MentionRule,
    /// No notification sound.
    #[serde(default, deserialize_with = "or_default")]
    silent: bool,
    /// Let Discord show previews of links.
    #[serde(default, deserialize_with = "or_default")]
    link_previews: bool,
    /// Send a longer text as several messages.
    #[serde(default, deserialize_with = "or_default")]
    split: bool,
    /// The same key again within minutes returns the first message instead of sending another.
    idempotency_key: Option<Text<1, 25>>,
}

/// Whom a message may notify.
#[derive(Debug, Default, JsonSchema)]
#[schemars(untagged, inline)]
enum MentionRule {
    /// Nobody.
    #[default]
    #[schemars(with = "None_")]
    None,
    /// These, where the text mentions them.
    These(MentionList),
}

/// The schema of the word "none".
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[allow(dead_code, reason = "only its schema is used")]
enum None_ {
    None,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct MentionList {
    #[serde(default, deserialize_with = "or_default")]
    users: Vec<UserId>,
    #[serde(default, deserialize_with = "or_default")]
    roles: Vec<RoleId>,
    #[serde(default, deserialize_with = "or_default")]
    everyone: bool,
    #[serde(default, deserialize_with = "or_default")]
    replied_user: bool,
}

impl<'de> Deserialize<'de> for MentionRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;
        impl<'de> Visitor<'de> for RuleVisitor {
            type Value = MentionRule;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "\"none\" or an object with `users`, `roles`, `everyone` and `replied_user`",
                )
            }
            fn visit_unit<E>(self) -> Result<MentionRule, E> {
                Ok(MentionRule::None)
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<MentionRule, E> {
                if word == "none" {
                    return Ok(MentionRule::None);
                }
                Err(E::custom(
                    "must be \"none\" or an object with `users`, `roles`, `everyone` and `replied_user`",
                ))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MentionRule, A::Error> {
                MentionList::deserialize(MapAccessDeserializer::new(map)).map(MentionRule::These)
            }
        }
        deserializer.deserialize_any(RuleVisitor)
    }
}

impl MentionRule {
    fn into_mentions(self) -> Mentions {
        match self {
            Self::None => Mentions::default(),
            Self::These(MentionList {
                mut users,
                mut roles,
                everyone,
                replied_user,
            }) => {
                // Discord refuses a list that names the same id twice.
                users.sort_unstable();
                users.dedup();
                roles.sort_unstable();
                roles.dedup();
                Mentions {
                    users,
                    roles,
                    everyone,
                    replied_user,
                }
            }
        }
    }
}

/// Result of `send_message`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    /// The message that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
    /// With `split`: the messages that were sent, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
    /// A link to the (first) message.
    #[serde(skip_serializing_if = "Option::is_none")]
    jump_url: Option<String>,
}

impl Tool for SendMessage {
    type Output = Sent;
    const NAME: &'static str = "send_message";
    const TITLE: &'static str = "Send message";
    const DESCRIPTION: &'static str = "Sends a message to a Discord channel or thread, visible to everyone there. Notifies nobody unless `mentions` says so.";
    const SCOPE: Scope = Scope::Write;
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: true,
    };

    fn text(sent: &Sent) -> String {
        let lines = text::lines(sent.message.iter().chain(&sent.messages));
        format!(
            "Sent:\n{lines}{}",
            sent.jump_url.as_deref().unwrap_or_default()
        )
    }

    fn check(&self) -> Result<(), Error> {
        let length = self.message.chars().count();
        let limit = if self.split {
            SPLIT_LIMIT
        } else {
            MESSAGE_LIMIT
        };
        if !(1..=limit).contains(&length) {
            let error = Error::invalid_params(format!(
                "`message` must be 1 to {limit} characters long; it has {length}"
            ));
            let splits = !self.split && length > limit && length <= SPLIT_LIMIT;
            return Err(if splits {
                error.hint("Shorten it, or pass `split: true` to send it as several messages.")
            } else {
                error
            });
        }
        if self.message.trim().is_empty() {
            return Err(Error::invalid_params("`message` must not be blank"));
        }
        if let MentionRule::These(list) = &self.mentions {
            let longest = list.users.len().max(list.roles.len());
            if longest > MENTION_LIMIT {
                return Err(Error::invalid_params(format!(
                    "`mentions` may name at most {MENTION_LIMIT} users and {MENTION_LIMIT} roles"
                )));
            }
            if list.replied_user && self.reply_to.is_none() {
                return Err(Error::invalid_params(
                    "`mentions.replied_user` needs `reply_to`",
                ));
            }
        }
        Ok(())
    }

    fn channel(&self) -> ChannelId {
        self.channel_id
    }

    async fn run(self, call: &Call<'_>) -> Result<Sent, Error> {
        let Self {
            channel_id,
            message,
            reply_to,
            mentions,
            silent,
            link_previews,
            ..
        } = self;
        let mentions = mentions.into_mentions();
        let texts = if self.split {
            split(&message, MESSAGE_LIMIT)
        } else {
            vec![message]
        };
        let (key, own) = match &self.idempotency_key {
            Some(key) => (key.as_str().to_owned(), true),
            None => (uuid::Uuid::now_v7().to_string(), false),
        };
        let mut messages: Vec<Message> = Vec::with_capacity(texts.len());
        for (at, content) in texts.iter().enumerate() {
            let draft = Draft {
                content,
                reply_to: reply_to.filter(|_| at == 0),
                mentions: &mentions,
                silent,
                link_previews,
                nonce: if own && at == 0 {
                    key.clone()
                } else {
                    nonce(&key, at)
                },
            };
            let sending = call.discord.send_message(channel_id, &draft);
            let sent = tokio::time::timeout_at(call.soft_deadline, sending).await;
            match sent.unwrap_or_else(|_| Err(timed_out(true))) {
                Ok(sent) => {
                    call.touch(sent.id);
                    messages.push(sent);
                }
                Err(error) if messages.is_empty() => return Err(error),
                Err(error) => return Err(partly_sent(error, &messages, texts.len())),
            }
        }
        let first = messages.first().map(|message| message.id);
        // The message is sent; a failure to learn its guild costs the link and nothing else.
        let patience = call.soft_deadline.min(Instant::now() + LINK_PATIENCE);
        let guild = tokio::time::timeout_at(patience, call.discord.guild_of(channel_id)).await;
        let guild = guild.ok().and_then(Result::ok);
        let jump_url = first
            .zip(guild)
            .map(|(first, guild)| jump_url(guild, channel_id, first));
        let (message, messages) = if self.split {
            (None, messages)
        } else {
            (messages.pop(), Vec::new())
        };
        Ok(Sent {
            message,
            messages,
            jump_url,
        })
    }
}

/// A nonce for the part at `at` that follows from the key, within Discord's 25 characters.
fn nonce(key: &str, at: usize) -> String {
    let hash = digest(&SHA256, format!("{key}\n{at}").as_bytes());
    hash.as_ref()
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Keeps what is known of a text that went out in part.
fn partly_sent(error: Error, sent: &[Message], of: usize) -> Error {
    let ids: Vec<_> = sent.iter().map(|message| message.id.to_string()).collect();
    error.hint(format!(
        "{} of {of} parts were sent, as messages {}; send only the rest.",
        sent.len(),
        ids.join(", ")
    ))
}

fn jump_url(guild: Option<GuildId>, channel: ChannelId, message: MessageId) -> String {
    let guild = guild.map_or_else(|| "@me".to_owned(), |guild| guild.to_string());
    format!("https://discord.com/channels/{guild}/{channel}/{message}")
}
