//! The parts of a message that other messages have as well when they are forwarded or quoted.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::discord::id::{Snowflake, UserId};
use crate::discord::lenient;
use crate::discord::text::{Visible, visible};

/// The name of an author whose name cannot be read.
const UNKNOWN: &str = "unknown";

/// Who wrote a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
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
    /// Unread until one of Discord's own notices needs them, which keep their facts here.
    #[serde(default, skip_serializing)]
    fields: Option<Box<RawValue>>,
}

/// An emoji under a message.
#[derive(Clone, Debug, Serialize)]
pub struct Reaction {
    /// The emoji itself, or the name of a custom one.
    pub emoji: String,
    /// How many gave it.
    pub count: u64,
}

/// A sticker.
#[derive(Clone, Debug, Serialize)]
pub struct Sticker {
    /// The sticker's id.
    pub id: Snowflake,
    /// Its name, which says what it shows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Author {
    /// Stands in for an author that Discord did not send in a form we can read.
    pub(super) fn unknown() -> Self {
        Self {
            id: None,
            username: UNKNOWN.into(),
            display_name: None,
            bot: false,
        }
    }

    /// The name that people see.
    pub fn shown(&self) -> &str {
        self.display_name.as_ref().unwrap_or(&self.username)
    }
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default, deserialize_with = "lenient::scalar")]
            id: Option<UserId>,
            #[serde(default, deserialize_with = "lenient::scalar")]
            username: Option<Visible>,
            #[serde(default, deserialize_with = "lenient::scalar")]
            global_name: Option<Visible>,
            #[serde(default, deserialize_with = "lenient::scalar")]
            bot: Option<bool>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let username = wire.username.map(|Visible(name)| name);
        let username = username.unwrap_or_else(|| UNKNOWN.into());
        let shown = wire.global_name.map(|Visible(name)| name);
        Ok(Self {
            id: wire.id,
            display_name: shown.filter(|shown| !shown.is_empty() && *shown != username),
            username,
            bot: wire.bot.unwrap_or_default(),
        })
    }
}

impl Embed {
    pub(super) fn is_empty(&self) -> bool {
        self.title.is_none() && self.description.is_none() && self.url.is_none()
    }

    /// The value of a field, as it came.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Field {
            name: String,
            value: String,
        }
        let fields = self.fields.as_ref()?;
        let (fields, _) = lenient::list::<Field>(fields.get())?;
        let mut fields = fields.into_iter();
        let found = fields.find(|field| field.name == name)?;
        Some(found.value)
    }
}

/// The cards that show something; previews of pictures alone are among the others.
pub(super) fn embeds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Embed>, D::Error> {
    let mut embeds: Vec<Embed> = lenient::elements(deserializer)?;
    embeds.retain(|embed| !embed.is_empty());
    Ok(embeds)
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            id: Snowflake,
            #[serde(borrow, default)]
            filename: Cow<'a, str>,
            #[serde(default, deserialize_with = "shown")]
            content_type: Option<String>,
            size: Option<u64>,
            #[serde(borrow, default)]
            url: Cow<'a, str>,
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
        let Wire { emoji, count } = Wire::deserialize(deserializer)?;
        Ok(Self {
            emoji: emoji.shown().unwrap_or_default(),
            count,
        })
    }
}

impl<'de> Deserialize<'de> for Sticker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: Snowflake,
            #[serde(default)]
            name: String,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            id: wire.id,
            name: visible(&wire.name),
        })
    }
}

/// An emoji as Discord names it.
#[derive(Deserialize)]
pub(super) struct Emoji {
    name: Option<String>,
    id: Option<Snowflake>,
}

impl Emoji {
    /// The emoji itself, or the name of a custom one, or at least its id.
    pub(super) fn shown(self) -> Option<String> {
        let name = self.name.filter(|name| !name.is_empty());
        let id = self.id.map(|id| id.to_string());
        name.map(|name| visible(&name)).or(id)
    }
}

/// Text that people wrote, or `None` where there is none.
pub(super) fn shown<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<Visible>::deserialize(deserializer)?;
    Ok(text
        .map(|Visible(text)| text)
        .filter(|text| !text.is_empty()))
}

pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}
