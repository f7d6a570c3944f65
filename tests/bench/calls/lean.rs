//! Discord's forms as lean as serde reads them: no more fields than an answer has, texts borrowed
//! from the bytes where they can be, nothing checked, nothing converted, nothing forgiven.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub struct Channel<'a> {
    pub id: &'a str,
    #[serde(rename = "type")]
    pub kind: u8,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    pub guild_id: &'a str,
    #[serde(borrow)]
    pub topic: Option<Cow<'a, str>>,
    pub nsfw: bool,
    pub position: u32,
    pub parent_id: Option<&'a str>,
    pub last_message_id: Option<&'a str>,
}

#[derive(Deserialize, Serialize)]
pub struct Message<'a> {
    pub id: &'a str,
    pub channel_id: &'a str,
    #[serde(borrow)]
    pub author: Author<'a>,
    #[serde(borrow)]
    pub content: Cow<'a, str>,
    pub timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_timestamp: Option<&'a str>,
    #[serde(rename = "type")]
    pub kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_reference: Option<Reference<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<Embed<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction<'a>>,
    pub pinned: bool,
}

#[derive(Deserialize, Serialize)]
pub struct Author<'a> {
    pub id: &'a str,
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub global_name: Option<Cow<'a, str>>,
    #[serde(default)]
    pub bot: bool,
}

#[derive(Deserialize, Serialize)]
pub struct Reference<'a> {
    pub message_id: Option<&'a str>,
}

#[derive(Deserialize, Serialize)]
pub struct Attachment<'a> {
    pub id: &'a str,
    #[serde(borrow)]
    pub filename: Cow<'a, str>,
    pub content_type: Option<&'a str>,
    pub size: u64,
    #[serde(borrow)]
    pub url: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
pub struct Embed<'a> {
    #[serde(borrow)]
    pub title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub url: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
pub struct Reaction<'a> {
    #[serde(borrow)]
    pub emoji: Emoji<'a>,
    pub count: u64,
}

#[derive(Deserialize, Serialize)]
pub struct Emoji<'a> {
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
}
