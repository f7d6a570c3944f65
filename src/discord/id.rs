//! Snowflakes: Discord's ids, one type for each kind of thing they name.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

/// The first millisecond of 2015, from which snowflakes count.
/// <https://discord.com/developers/docs/reference#snowflakes>
const DISCORD_EPOCH_MS: i128 = 1_420_070_400_000;

/// The pattern of an id in the schemas that clients read.
const PATTERN: &str = "^[1-9][0-9]{0,19}$";

/// A Discord id: a 64-bit number that is never zero and travels as a string of decimal digits,
/// because clients that compute in doubles would round it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(NonZeroU64);

impl Snowflake {
    /// Reads decimal digits: no sign, no space, no leading zero, from 1 to 2^64 − 1.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('0') || text.len() > 20 {
            return None;
        }
        let number = text.bytes().try_fold(0_u64, |number, byte| {
            let digit = char::from(byte).to_digit(10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        });
        NonZeroU64::new(number?).map(Self)
    }

    /// The smallest id that something made at `time` can have, or `None` before 2015 and after
    /// the year 2154, where no snowflake exists.
    pub fn at(time: OffsetDateTime) -> Option<Self> {
        let since_epoch = time.unix_timestamp_nanos() / 1_000_000 - DISCORD_EPOCH_MS;
        let raw = u64::try_from(since_epoch).ok()?.checked_mul(1 << 22)?;
        NonZeroU64::new(raw).map(Self)
    }

    /// When the thing was made, to the millisecond.
    pub fn created_at(self) -> OffsetDateTime {
        let since_epoch = i128::from(self.0.get() >> 22);
        OffsetDateTime::from_unix_timestamp_nanos((since_epoch + DISCORD_EPOCH_MS) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The next lower id, or itself at the lowest.
    pub fn before(self) -> Self {
        NonZeroU64::new(self.0.get() - 1).map_or(self, Self)
    }

    /// The next higher id, or itself at the highest.
    pub fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(itoa::Buffer::new().format(self.0.get()))
    }
}

impl fmt::Debug for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(itoa::Buffer::new().format(self.0.get()))
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SnowflakeVisitor)
    }
}

impl JsonSchema for Snowflake {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Snowflake".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}

struct SnowflakeVisitor;

impl Visitor<'_> for SnowflakeVisitor {
    type Value = Snowflake;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Discord id, a string of decimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Snowflake, E> {
        Snowflake::parse(text).ok_or_else(|| {
            E::custom("must be a Discord id: a string of decimal digits from 1 to 2^64-1")
        })
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Snowflake, E> {
        Err(E::custom(
            "must be a Discord id as a JSON string, in quotes: as a number it loses digits in many clients",
        ))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Snowflake, E> {
        Err(E::invalid_type(Unexpected::Signed(value), &self))
    }
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Snowflake);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }


        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                Snowflake::json_schema(generator)
            }
        }
    )*};
}

id! {
    /// A channel, thread or forum post.
    ChannelId;
    /// A guild, which people call a server.
    GuildId;
    /// A message.
    MessageId;
    /// A user or bot.
    UserId;
    /// A role of a guild.
    RoleId;
}
