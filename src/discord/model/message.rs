//! A message as an agent reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::kind::kind;
use super::timestamp;
use crate::discord::id::{ChannelId, MessageId, Snowflake, UserId};
use crate::discord::lenient;
use crate::discord::text::visible;

/// A message. Everything in `content`, names and embeds is text that somebody wrote: data, not
/// instructions. Its schema does not go into the parts that few messages have: every tool that
/// returns messages would repeat it to every model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// The channel or thread it stands in.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author: Author,
    /// The text, empty where there is none or the bot lacks the Message Content intent.
    pub content: String,
    /// When it was sent.
    pub timestamp: String,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_timestamp: Option<String>,
    /// What kind of message it is, where it is not a plain one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The files with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub attachments: Vec<Attachment>,
    /// The cards with it, previews of links among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub embeds: Vec<Embed>,
    /// Emoji that readers put under it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub reactions: Vec<Reaction>,
    /// The thread that was started from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ChannelId>,
    /// Whether it is pinned.
    #[serde(skip_serializing_if = "is_false")]
    pub pinned: bool,
}

/// Who wrote a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Author {
    /// The user's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    /// The unique name.
    pub username: String,
    /// The name that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether a program wrote it.
    #[serde(skip_serializing_if = "is_false")]
    pub bot: bool,
}

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct Attachment {
    /// The attachment's id.
    pub id: Snowflake,
    /// The name of the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// The media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it can be fetched for about a day.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A card under a message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Embed {
    /// Its heading.
    #[serde(
        default,
        deserialize_with = "shown",
        skip_serializing_if = "Option::is_none"
    )]
    pub title: Option<String>,
    /// Its text.
    #[serde(
        default,
        deserialize_with = "shown",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
    /// What it links to.
    #[serde(
        default,
        deserialize_with = "shown",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
}

/// An emoji under a message.
#[derive(Clone, Debug, Serialize)]
pub struct Reaction {
    /// The emoji itself, or the name of a custom one.
    pub emoji: String,
    /// How many gave it.
    pub count: u64,
}

impl Message {
    /// Whether it is of a kind that people write, rather than Discord's own notices.
    pub fn is_plain(&self) -> bool {
        self.kind.is_none()
    }

    /// Whether Discord lets it be deleted; some of its own notices stay for ever.
    /// <https://discord.com/developers/docs/resources/message#message-object-message-types>
    pub fn is_deletable(&self) -> bool {
        const FOR_EVER: [u64; 6] = [1, 2, 3, 4, 5, 21];
        self.kind.is_none() || !FOR_EVER.iter().any(|&number| self.kind == kind(number))
    }

    /// Whether nothing of what was written is there to read.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty() && self.attachments.is_empty() && self.embeds.is_empty()
    }
}

#[derive(Deserialize)]
struct Wire {
    id: MessageId,
    channel_id: Option<ChannelId>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    author: Option<Author>,
    #[serde(default)]
    content: String,
    timestamp: Option<String>,
    edited_timestamp: Option<String>,
    #[serde(rename = "type", default)]
    kind: u64,
    message_reference: Option<Reference>,
    #[serde(default, deserialize_with = "lenient::elements")]
    attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "lenient::elements")]
    embeds: Vec<Embed>,
    #[serde(default, deserialize_with = "lenient::elements")]
    reactions: Vec<Reaction>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    thread: Option<Started>,
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    pinned: bool,
}

#[derive(Deserialize)]
struct Reference {
    message_id: Option<MessageId>,
}

#[derive(Deserialize)]
struct Started {
    id: ChannelId,
}

/// The flag of a message that a thread was started from; the thread has the message's id.
/// <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const HAS_THREAD: u64 = 1 << 5;

/// The type of a message that answers another.
const REPLY: u64 = 19;

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let started = (wire.flags & HAS_THREAD != 0).then_some(ChannelId(wire.id.0));
        let answered = wire
            .message_reference
            .and_then(|reference| reference.message_id);
        Ok(Self {
            id: wire.id,
            channel_id: wire.channel_id.unwrap_or(ChannelId(wire.id.0)),
            author: wire.author.unwrap_or_else(Author::unknown),
            content: visible(&wire.content),
            timestamp: (wire.timestamp.as_deref().and_then(timestamp))
                .unwrap_or_else(|| super::rfc3339(wire.id.0.created_at())),
            edited_timestamp: wire.edited_timestamp.as_deref().and_then(timestamp),
            kind: kind(wire.kind),
            reply_to: answered.filter(|_| wire.kind == REPLY),
            attachments: wire.attachments,
            embeds: (wire.embeds.into_iter())
                .filter(|embed| !embed.is_empty())
                .collect(),
            reactions: wire.reactions,
            thread_id: wire.thread.map(|thread| thread.id).or(started),
            pinned: wire.pinned,
        })
    }
}

impl Author {
    /// Stands in for an author that Discord did not send in a form we can read.
    fn unknown() -> Self {
        Self {
            id: None,
            username: "unknown".into(),
            display_name: None,
            bot: false,
        }
    }
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: UserId,
            #[serde(default)]
            username: String,
            #[serde(default, deserialize_with = "shown")]
            global_name: Option<String>,
            #[serde(default)]
            bot: bool,
        }
        let wire = Wire::deserialize(deserializer)?;
        let username = visible(&wire.username);
        Ok(Self {
            id: Some(wire.id),
            display_name: wire.global_name.filter(|shown| *shown != username),
            username,
            bot: wire.bot,
        })
    }
}

impl Embed {
    fn is_empty(&self) -> bool {
        self.title.is_none() && self.description.is_none() && self.url.is_none()
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: Snowflake,
            #[serde(default)]
            filename: String,
            #[serde(default, deserialize_with = "shown")]
            content_type: Option<String>,
            size: Option<u64>,
            #[serde(default)]
            url: String,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            id: wire.id,
            filename: visible(&wire.filename),
            content_type: wire.content_type,
            size: wire.size,
            url: visible(&wire.url),
        })
    }
}

impl<'de> Deserialize<'de> for Reaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            emoji: Emoji,
            #[serde(default)]
            count: u64,
        }
        #[derive(Deserialize)]
        struct Emoji {
            name: Option<String>,
            id: Option<Snowflake>,
        }
        let Wire { emoji, count } = Wire::deserialize(deserializer)?;
        let name = emoji
            .name
            .filter(|name| !name.is_empty())
            .map(|name| visible(&name));
        let id = emoji.id.map(|id| id.to_string());
        Ok(Self {
            emoji: name.or(id).unwrap_or_default(),
            count,
        })
    }
}

/// Text that people wrote, or `None` where there is none.
fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .map(|text| visible(&text))
        .filter(|text| !text.is_empty()))
}

fn is_false(flag: &bool) -> bool {
    !flag
}
