//! A channel as an agent reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::discord::id::{ChannelId, GuildId, MessageId, Snowflake, UserId};
use crate::discord::lenient;
use crate::discord::text::visible;
use crate::timestamp::Timestamp;

/// A channel, thread or forum post.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Channel {
    /// The channel's id.
    pub id: ChannelId,
    /// Its name; a direct message has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What kind of channel it is.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: ChannelKind,
    /// The server it belongs to; a direct message has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// What it is about; for a forum, its guidelines.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Whether it is marked as age-restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nsfw: Option<bool>,
    /// Its place in the list of channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// The category, or for a thread the channel, that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<ChannelId>,
    /// Seconds that a member must wait between two messages, where there is such a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowmode_seconds: Option<u64>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// The newest message or, in a forum, the newest post; it may be deleted since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_id: Option<MessageId>,
    /// The other people in a direct message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// What only a thread or forum post has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub thread: Option<Thread>,
    /// What only a forum or media channel has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub forum: Option<Forum>,
}

/// What only a thread has.
#[derive(Clone, Debug, Serialize)]
pub struct Thread {
    /// Who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    /// Whether it is archived; sending to it opens it again unless it is locked.
    pub archived: bool,
    /// Whether only moderators can open it again.
    pub locked: bool,
    /// Minutes without a message after which it is archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_archive_minutes: Option<u64>,
    /// When it was last archived or opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_timestamp: Option<Timestamp>,
    /// How many messages it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_count: Option<u64>,
    /// How many members follow it; Discord stops counting at 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_count: Option<u64>,
    /// The ids of the forum tags it carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag_ids: Vec<Snowflake>,
}

/// What only a forum or media channel has.
#[derive(Clone, Debug, Serialize)]
pub struct Forum {
    /// The tags that posts can carry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whether a post must carry one.
    pub tag_required: bool,
    /// The slow mode that new posts begin with, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_slowmode_seconds: Option<u64>,
}

/// A tag of a forum.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// The tag's id.
    pub id: Snowflake,
    /// Its name.
    pub name: String,
}

/// The type of a channel, in words.
/// <https://discord.com/developers/docs/resources/channel#channel-object-channel-types>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelKind(pub(in crate::discord) Option<u64>);

impl Channel {
    /// When a thread was archived, if it is one and was.
    pub fn archived_at(&self) -> Option<OffsetDateTime> {
        let text = self.thread.as_ref()?.archive_timestamp?;
        OffsetDateTime::parse(text.as_str(), &Rfc3339).ok()
    }
}

impl ChannelKind {
    pub(in crate::discord) fn is_thread(self) -> bool {
        matches!(self.0, Some(10..=12))
    }

    /// Whether it is a place where people write: no category and no directory.
    pub fn has_messages(self) -> bool {
        !matches!(self.0, Some(4 | 14))
    }

    /// Whether what it holds stands in its posts: forums and media channels.
    pub fn is_forum(self) -> bool {
        matches!(self.0, Some(15 | 16))
    }

    /// The word, `unknown(N)` for a type that is newer than this program.
    pub fn word(self) -> String {
        let Some(number) = self.0 else {
            return "unknown".into();
        };
        let word = match number {
            0 => "text",
            1 => "dm",
            2 => "voice",
            3 => "group_dm",
            4 => "category",
            5 => "announcement",
            10 => "announcement_thread",
            11 => "public_thread",
            12 => "private_thread",
            13 => "stage",
            14 => "directory",
            15 => "forum",
            16 => "media",
            other => return format!("unknown({other})"),
        };
        word.into()
    }
}

impl Serialize for ChannelKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word())
    }
}

#[derive(Deserialize)]
struct Wire {
    id: ChannelId,
    #[serde(rename = "type")]
    kind: Option<u64>,
    name: Option<String>,
    guild_id: Option<GuildId>,
    topic: Option<String>,
    nsfw: Option<bool>,
    position: Option<i64>,
    parent_id: Option<ChannelId>,
    rate_limit_per_user: Option<u64>,
    last_message_id: Option<MessageId>,
    #[serde(default, deserialize_with = "lenient::elements")]
    recipients: Vec<Recipient>,
    owner_id: Option<UserId>,
    message_count: Option<u64>,
    member_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient::elements")]
    applied_tags: Vec<Snowflake>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    thread_metadata: Option<ThreadMetadata>,
    #[serde(default, deserialize_with = "lenient::elements")]
    available_tags: Vec<Tag>,
    #[serde(default)]
    flags: u64,
    default_thread_rate_limit_per_user: Option<u64>,
}

#[derive(Deserialize)]
struct Recipient {
    username: String,
}

#[derive(Deserialize, Default)]
struct ThreadMetadata {
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    locked: bool,
    auto_archive_duration: Option<u64>,
    #[serde(default, deserialize_with = "lenient::scalar")]
    archive_timestamp: Option<Timestamp>,
}

/// The flag of a forum whose posts must carry a tag.
const REQUIRE_TAG: u64 = 1 << 4;

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: Snowflake,
            name: String,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            id: wire.id,
            name: visible(&wire.name),
        })
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let kind = ChannelKind(wire.kind);
        let metadata = wire.thread_metadata.unwrap_or_default();
        Ok(Self {
            id: wire.id,
            name: visible(&wire.name.unwrap_or_default()),
            kind,
            guild_id: wire.guild_id,
            topic: visible(&wire.topic.unwrap_or_default()),
            nsfw: wire.nsfw,
            position: wire.position,
            parent_id: wire.parent_id,
            slowmode_seconds: wire.rate_limit_per_user.filter(|&seconds| seconds > 0),
            created_at: Timestamp::of(wire.id.0.created_at()),
            last_message_id: wire.last_message_id,
            recipients: (wire.recipients.into_iter())
                .map(|recipient| visible(&recipient.username))
                .collect(),
            thread: kind.is_thread().then_some(Thread {
                owner_id: wire.owner_id,
                archived: metadata.archived,
                locked: metadata.locked,
                auto_archive_minutes: metadata.auto_archive_duration,
                archive_timestamp: metadata.archive_timestamp,
                message_count: wire.message_count,
                member_count: wire.member_count,
                tag_ids: wire.applied_tags,
            }),
            forum: kind.is_forum().then_some(Forum {
                tags: wire.available_tags,
                tag_required: wire.flags & REQUIRE_TAG != 0,
                post_slowmode_seconds: wire.default_thread_rate_limit_per_user,
            }),
        })
    }
}
