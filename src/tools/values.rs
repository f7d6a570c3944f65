//! The small types that parameters are made of. Each refuses what it does not allow, in one place,
//! and tells clients the same rule in its JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::discord::Snowflake;

/// A text of `MIN` to `MAX` characters, counted as Discord counts them (Unicode code points),
/// that is not blank: Discord trims what it stores.
#[derive(Clone, Debug)]
pub(super) struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let length = text.chars().count();
        if !(MIN..=MAX).contains(&length) {
            return Err(D::Error::custom(format!(
                "must be {MIN} to {MAX} characters long; it has {length}"
            )));
        }
        if MIN > 0 && text.trim().is_empty() {
            return Err(D::Error::custom("must not be blank"));
        }
        Ok(Self(text))
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": MIN, "maxLength": MAX})
    }
}

/// A whole number from `MIN` to `MAX`, `DEFAULT` where it is absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count<const MIN: u32, const MAX: u32, const DEFAULT: u32>(u32);

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Count<MIN, MAX, DEFAULT> {
    /// The number.
    pub(super) fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Default for Count<MIN, MAX, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const MIN: u32, const MAX: u32, const DEFAULT: u32> Deserialize<'de>
    for Count<MIN, MAX, DEFAULT>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Option<u32>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(u32::try_from(value).ok())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(None)
            }
            /// JSON has one kind of number, and some clients write `10.0` for 10.
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
                Ok(whole.then_some(value as u32))
            }
        }
        deserializer
            .deserialize_any(Whole)?
            .filter(|value| (MIN..=MAX).contains(value))
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("must be a whole number from {MIN} to {MAX}")))
    }
}

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> JsonSchema for Count<MIN, MAX, DEFAULT> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX, "default": DEFAULT})
    }
}

/// A place in a channel's history: a message id, or an RFC 3339 time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// A message, itself excluded.
    Message(Snowflake),
    /// A time; `after` includes it, `before` does not.
    Time(Snowflake),
}

impl Moment {
    /// The id that history before this moment is older than.
    pub(super) fn as_before(self) -> Snowflake {
        match self {
            Self::Message(id) | Self::Time(id) => id,
        }
    }

    /// The id that history after this moment is newer than.
    pub(super) fn as_after(self) -> Snowflake {
        match self {
            Self::Message(id) => id,
            Self::Time(first) => first.before(),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl Visitor<'_> for MomentVisitor {
            type Value = Moment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a string: a message id, or an RFC 3339 time such as 2026-11-02T09:00:00Z",
                )
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
                if let Some(id) = Snowflake::parse(text) {
                    return Ok(Moment::Message(id));
                }
                OffsetDateTime::parse(text, &Rfc3339)
                    .ok()
                    .and_then(Snowflake::at)
                    .map(Moment::Time)
                    .ok_or_else(|| {
                        E::custom("must be a message id, or an RFC 3339 time from 2015 on such as 2026-11-02T09:00:00Z")
                    })
            }
        }
        deserializer.deserialize_str(MomentVisitor)
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}
