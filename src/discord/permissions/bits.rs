//! A set of permissions.

use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};

use serde::{Deserialize, Deserializer};

/// A set of permissions, as Discord writes it: a number in a string, a bit for each.
/// <https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags>
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Every one, those that are yet to come among them.
    pub const ALL: Self = Self(u64::MAX);
    /// All permissions, whatever a channel says.
    pub const ADMINISTRATOR: Self = Self(1 << 3);
    /// To put an emoji under a message that is not there yet.
    pub const ADD_REACTIONS: Self = Self(1 << 6);
    /// To see a channel; without it nothing else in it counts.
    pub const VIEW_CHANNEL: Self = Self(1 << 10);
    /// To send messages to a channel, and to begin posts in a forum.
    pub const SEND_MESSAGES: Self = Self(1 << 11);
    /// To delete messages of others.
    pub const MANAGE_MESSAGES: Self = Self(1 << 13);
    /// To have links shown with a preview.
    pub const EMBED_LINKS: Self = Self(1 << 14);
    /// To send files.
    pub const ATTACH_FILES: Self = Self(1 << 15);
    /// To read messages sent earlier.
    pub const READ_MESSAGE_HISTORY: Self = Self(1 << 16);
    /// To notify everyone, and any role.
    pub const MENTION_EVERYONE: Self = Self(1 << 17);
    /// To join a voice channel, its text included.
    pub const CONNECT: Self = Self(1 << 20);
    /// To change and delete threads, and to see private ones.
    pub const MANAGE_THREADS: Self = Self(1 << 34);
    /// To start public threads.
    pub const CREATE_PUBLIC_THREADS: Self = Self(1 << 35);
    /// To start private threads.
    pub const CREATE_PRIVATE_THREADS: Self = Self(1 << 36);
    /// To send messages to threads.
    pub const SEND_MESSAGES_IN_THREADS: Self = Self(1 << 38);
    /// To pin messages.
    pub const PIN_MESSAGES: Self = Self(1 << 51);

    /// The set with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all of `others` are in it.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Permissions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What is in the one and not in the other.
impl Sub for Permissions {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permissions({:#x})", self.0)
    }
}

/// The number can grow beyond 64 bits one day; bits up there mean nothing to us and are let go.
/// What is no such number is an empty set.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Text(String),
            Number(u64),
            Odd(serde::de::IgnoredAny),
        }
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Text(digits) => {
                let bits: u128 = digits.parse().unwrap_or_default();
                Self(u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default())
            }
            Wire::Number(bits) => Self(bits),
            Wire::Odd(_) => Self::NONE,
        })
    }
}
