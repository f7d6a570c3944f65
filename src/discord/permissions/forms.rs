//! The parts of Discord's answers that permissions are computed from. What is odd in them is left
//! out, as everywhere.

use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Permissions;
use crate::discord::id::{GuildId, RoleId, Snowflake, UserId};
use crate::discord::lenient;

/// A guild, of `GET /guilds/{guild.id}`; with the roles of `GET /guilds/{guild.id}/roles` it can be
/// put together without its owner, who is hardly ever a bot.
#[derive(Clone, Debug, Deserialize)]
pub struct Guild {
    /// Its id, which is the id of the role that everyone has.
    pub id: GuildId,
    /// Who owns it, where that is known.
    #[serde(default, deserialize_with = "odd_is_none")]
    pub owner_id: Option<UserId>,
    /// Its roles, that of everyone among them. Their order does not matter here.
    #[serde(default, deserialize_with = "lenient::elements")]
    pub roles: Vec<Role>,
}

/// A role of a guild.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// What it gives in all channels that do not say otherwise.
    #[serde(default)]
    pub permissions: Permissions,
}

/// A member of a guild, of `GET /guilds/{guild.id}/members/{user.id}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Member {
    /// The member's roles; that of everyone is not among them.
    #[serde(default, deserialize_with = "lenient::elements")]
    pub roles: Vec<RoleId>,
    /// When a timeout ends or ended.
    #[serde(default, deserialize_with = "moment")]
    pub communication_disabled_until: Option<OffsetDateTime>,
}

/// A channel, of `GET /channels/{channel.id}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Channel {
    /// Discord's number of the type.
    #[serde(default, rename = "type", deserialize_with = "odd_is_none")]
    pub kind: Option<u64>,
    /// What it denies and allows; a thread has none of its own.
    #[serde(default, deserialize_with = "lenient::elements")]
    pub permission_overwrites: Vec<Overwrite>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    thread_metadata: Option<ThreadMetadata>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    member: Option<Joined>,
}

/// What a channel denies and allows a role or a member.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Overwrite {
    /// The id of the role or user.
    pub id: Snowflake,
    /// What is given.
    #[serde(default)]
    pub allow: Permissions,
    /// What is taken.
    #[serde(default)]
    pub deny: Permissions,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct ThreadMetadata {
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    locked: bool,
}

/// Discord sends the membership of the bot in a thread where there is one. A map, since a struct
/// without fields would take a list for it too.
type Joined = serde_json::Map<String, serde_json::Value>;

/// The kinds of channels that permissions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Announcement,
    Voice,
    /// Forums and media channels.
    Forum,
    Thread {
        private: bool,
    },
    /// Categories and directories: nobody writes in them.
    Category,
}

impl Channel {
    /// A type that is newer than this program is taken for text.
    pub(super) fn kind(&self) -> Kind {
        match self.kind {
            Some(2 | 13) => Kind::Voice,
            Some(4 | 14) => Kind::Category,
            Some(5) => Kind::Announcement,
            Some(10 | 11) => Kind::Thread { private: false },
            Some(12) => Kind::Thread { private: true },
            Some(15 | 16) => Kind::Forum,
            _ => Kind::Text,
        }
    }

    pub(super) fn is_archived(&self) -> bool {
        self.thread_metadata.is_some_and(|thread| thread.archived)
    }

    pub(super) fn is_locked(&self) -> bool {
        self.thread_metadata.is_some_and(|thread| thread.locked)
    }

    /// Whether the one who asked for this channel, a thread, is in it.
    pub(super) fn is_joined(&self) -> bool {
        self.member.is_some()
    }
}

impl Member {
    pub(super) fn is_timed_out(&self, now: OffsetDateTime) -> bool {
        (self.communication_disabled_until).is_some_and(|until| until > now)
    }
}

/// A field that says nothing where it is odd.
fn odd_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire<T> {
        Read(T),
        Odd(serde::de::IgnoredAny),
    }
    Ok(match Wire::deserialize(deserializer)? {
        Wire::Read(value) => Some(value),
        Wire::Odd(_) => None,
    })
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let text: Option<String> = odd_is_none(deserializer)?;
    Ok(text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()))
}
