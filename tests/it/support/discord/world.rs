//! The state behind the stand-in: guilds, channels, messages, and what was deleted.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    channel::{Channel, Message, object},
    mentions::{Allowed, Mentions},
    seed, snowflake,
};

/// Everything the stand-in knows. All of it may be read and changed through `StandIn::with`.
#[derive(Clone, Debug)]
pub struct World {
    pub guilds: BTreeMap<String, Guild>,
    pub channels: BTreeMap<String, Channel>,
    /// User objects by id, as they appear under `author` and `mentions`.
    pub users: BTreeMap<String, Value>,
    /// Bot user ids by bot token. Taking one out is what a token reset looks like.
    pub tokens: BTreeMap<String, String>,
    /// Whether the bots have the Message Content intent.
    pub message_content_intent: bool,
    /// Every message that was deleted over the API, in order.
    pub deletions: Vec<Deletion>,
    /// What is in the files that were sent, by the id of the attachment.
    pub uploads: BTreeMap<u64, Vec<u8>>,
    /// How many bytes a file may have.
    pub file_limit: usize,
    /// Set by a test that puts data into the world which Discord's own description does not allow:
    /// answers are then no longer checked against it.
    pub off_contract: bool,
    pub(super) index_pending: Option<(usize, u64)>,
    pub(super) nonces: HashMap<Nonce, (u64, OffsetDateTime)>,
}

/// A guild: who is in it, and its mentionable roles.
#[derive(Clone, Debug)]
pub struct Guild {
    pub name: String,
    pub bots: Vec<String>,
    pub roles: Vec<String>,
}

/// One message that was deleted over the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub channel: String,
    pub id: String,
    /// `X-Audit-Log-Reason`, decoded.
    pub reason: Option<String>,
    /// Whether it went with others in one bulk delete.
    pub bulk: bool,
}

/// Under which of its author's nonces a message was sent to a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Nonce {
    pub author: String,
    pub channel: String,
    /// As JSON, since `"1"` and `1` are two.
    pub nonce: String,
}

impl World {
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.get(id)
    }

    /// The channel, to change it. Panics on an unknown one: that is a mistake in the test.
    pub fn channel_mut(&mut self, id: &str) -> &mut Channel {
        self.channels
            .get_mut(id)
            .unwrap_or_else(|| panic!("the world has no channel {id}"))
    }

    pub fn message(&self, channel: &str, id: &str) -> Option<&Message> {
        self.channel(channel)?.messages.get(&id.parse().ok()?)
    }

    /// The message, to change it. Panics on an unknown one.
    pub fn message_mut(&mut self, channel: &str, id: &str) -> &mut Message {
        let number: u64 = id.parse().expect("a message id is a number");
        self.channel_mut(channel)
            .messages
            .get_mut(&number)
            .unwrap_or_else(|| panic!("channel {channel} has no message {id}"))
    }

    /// The messages of a channel, oldest first; empty for an unknown channel.
    pub fn messages(&self, channel: &str) -> Vec<&Message> {
        self.channel(channel)
            .map(|channel| channel.messages.values().collect())
            .unwrap_or_default()
    }

    /// Adds a message of this moment. Its id is newer than every other in the channel.
    pub fn post(&mut self, channel: &str, author: &str, content: &str) -> String {
        let newest = self.channel_mut(channel).messages.keys().next_back();
        let after_newest = newest.map_or(0, |id| id + 1);
        let id = self.free_id(after_newest.max(snowflake::at(OffsetDateTime::now_utc())));
        self.insert(channel, author, id, content);
        id.to_string()
    }

    /// Adds a message of the given moment, so that a test can have one that is 15 days old.
    pub fn post_at(
        &mut self,
        channel: &str,
        author: &str,
        content: &str,
        at: OffsetDateTime,
    ) -> String {
        let id = self.free_id(snowflake::at(at));
        self.insert(channel, author, id, content);
        id.to_string()
    }

    /// Adds a message with the given id, from which its timestamp follows, and hands it out so that
    /// attachments and the like can be added. Panics on an unknown channel or author.
    pub fn insert(&mut self, channel: &str, author: &str, id: u64, content: &str) -> &mut Message {
        let user = self
            .users
            .get(author)
            .unwrap_or_else(|| panic!("the world has no user {author}"));
        let guild = self.guild_of(channel);
        let mentions = Mentions::find(content, &Allowed::everything(), &self.users, guild);
        let json = json!({
            "id": id.to_string(), "channel_id": channel, "type": 0, "author": user,
            "content": content, "timestamp": snowflake::timestamp(id), "edited_timestamp": null,
            "mentions": mentions.users, "mention_roles": mentions.roles,
            "mention_everyone": mentions.everyone,
            "attachments": [], "embeds": [], "components": [],
            "flags": 0, "pinned": false, "tts": false,
        });
        let message = Message { json: object(json) };
        let channel = self.channel_mut(channel);
        let newest = channel.messages.keys().next_back().copied();
        if newest.is_none_or(|newest| newest < id) {
            channel
                .json
                .insert("last_message_id".to_owned(), json!(id.to_string()));
        }
        channel.messages.entry(id).insert_entry(message).into_mut()
    }

    /// So many more bots, members of [`seed::GUILD`]: their tokens, of the right shape.
    pub fn recruit(&mut self, count: usize) -> Vec<String> {
        let recruit = |_| {
            let id = format!("119{:016}", self.users.len());
            let token = format!("{}.GFaKe2.{:0>38}", STANDARD_NO_PAD.encode(&id), &id);
            self.users.insert(id.clone(), seed::bot(&id, "recruit"));
            let guild = self.guilds.get_mut(seed::GUILD).expect("it is seeded");
            guild.bots.push(id.clone());
            self.tokens.insert(token.clone(), id);
            token
        };
        (0..count).map(recruit).collect()
    }

    /// The next `times` guild searches are told that the index is not ready; `usize::MAX`: all.
    pub fn not_indexed(&mut self, times: usize, retry_after: u64) {
        self.index_pending = Some((times, retry_after));
    }

    pub(super) fn guild_of(&self, channel: &str) -> Option<&Guild> {
        self.guilds.get(self.channel(channel)?.guild_id()?)
    }

    pub(super) fn delete(&mut self, channel: &str, id: u64, reason: Option<&str>, bulk: bool) {
        if self.channel_mut(channel).messages.remove(&id).is_some() {
            self.deletions.push(Deletion {
                channel: channel.to_owned(),
                id: id.to_string(),
                reason: reason.map(str::to_owned),
                bulk,
            });
        }
    }

    /// The wanted id, or the next one that no message in any channel has.
    pub(super) fn free_id(&self, wanted: u64) -> u64 {
        (wanted..)
            .find(|id| {
                let mut channels = self.channels.values();
                !channels.any(|channel| channel.messages.contains_key(id))
            })
            .expect("ids do not run out")
    }
}
