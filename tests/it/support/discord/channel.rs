//! Channels and messages, kept as the JSON objects that Discord answers with, so that a test can add
//! an odd field or take one away without this file knowing the field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A channel or a thread.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The channel object as Discord answers it.
    pub json: Map<String, Value>,
    /// What the bots may do here.
    pub permissions: Permissions,
    /// By id, which is by age.
    pub messages: BTreeMap<u64, Message>,
    /// For a direct message: the bot at the other end, which the channel object does not name.
    pub dm_of: Option<String>,
}

/// The bot's permissions in one channel; the default is all of them.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    pub view: bool,
    pub read_history: bool,
    pub send: bool,
    pub manage_messages: bool,
    pub attach_files: bool,
    pub create_threads: bool,
    pub manage_threads: bool,
}

/// A message; `json` is the message object without what depends on the reader.
#[derive(Clone, Debug)]
pub struct Message {
    pub json: Map<String, Value>,
}

impl Channel {
    pub fn id(&self) -> &str {
        text(&self.json, "id")
    }

    /// Discord's channel type number.
    pub fn kind(&self) -> u64 {
        number(&self.json, "type")
    }

    pub fn guild_id(&self) -> Option<&str> {
        self.json.get("guild_id")?.as_str()
    }

    pub fn is_nsfw(&self) -> bool {
        self.json.get("nsfw") == Some(&Value::Bool(true))
    }

    pub fn is_thread(&self) -> bool {
        matches!(self.kind(), 10..=12)
    }

    pub fn is_archived(&self) -> bool {
        self.thread_flag("archived")
    }

    pub fn is_locked(&self) -> bool {
        self.thread_flag("locked")
    }

    /// Categories, directories, forums and media channels hold no messages of their own.
    pub fn holds_messages(&self) -> bool {
        !matches!(self.kind(), 4 | 14 | 15 | 16)
    }

    /// Forums and media channels hold posts.
    pub fn holds_posts(&self) -> bool {
        matches!(self.kind(), 15 | 16)
    }

    fn thread_flag(&self, name: &str) -> bool {
        let metadata = self.json.get("thread_metadata");
        metadata.is_some_and(|metadata| metadata[name] == true)
    }
}

impl Default for Permissions {
    fn default() -> Self {
        Self {
            view: true,
            read_history: true,
            send: true,
            manage_messages: true,
            attach_files: true,
            create_threads: true,
            manage_threads: true,
        }
    }
}

impl Message {
    pub fn id(&self) -> &str {
        text(&self.json, "id")
    }

    pub fn content(&self) -> &str {
        text(&self.json, "content")
    }

    pub fn author_id(&self) -> &str {
        let author = self.json.get("author");
        author
            .and_then(|author| author["id"].as_str())
            .unwrap_or_default()
    }

    /// Discord's message type number.
    pub fn kind(&self) -> u64 {
        number(&self.json, "type")
    }

    /// Adds to or replaces fields of the message object.
    pub fn set(&mut self, fields: Value) -> &mut Self {
        self.json.extend(object(fields));
        self
    }
}

/// The map inside a `json!({…})`.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("an object is wanted here, not {other}"),
    }
}

fn text<'a>(json: &'a Map<String, Value>, field: &str) -> &'a str {
    json.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(json: &Map<String, Value>, field: &str) -> u64 {
    json.get(field).and_then(Value::as_u64).unwrap_or_default()
}
