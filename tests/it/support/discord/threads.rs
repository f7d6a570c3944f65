//! Forum posts and other threads: the two lists of them, and how a test opens and archives one.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    answer::{self, Answer, Outcome},
    channel::{Channel, object},
    request::Seen,
    routes, snowflake,
    world::World,
};

/// Those that are not archived, of the whole guild and all at once, by id, newest first.
pub fn active(world: &World, bot: &str, guild: &str) -> Outcome {
    let known = world.guilds.get(guild).ok_or_else(answer::unknown_guild)?;
    if !known.bots.iter().any(|member| member == bot) {
        return Err(answer::missing_access());
    }
    let threads = world.channels.values().filter(|channel| {
        channel.guild_id() == Some(guild)
            && channel.is_thread()
            && !channel.is_archived()
            && channel.permissions.view
            && parent(world, channel).is_none_or(|parent| parent.permissions.view)
    });
    let mut threads: Vec<_> = threads.map(|thread| &thread.json).collect();
    threads.sort_by_key(|thread| Reverse(thread["id"].as_str().map(str::to_owned)));
    Ok(Answer::ok(list(&threads, false)))
}

/// The public ones of a channel, the last archived first.
pub fn archived(world: &World, bot: &str, channel: &str, seen: &Seen) -> Outcome {
    let limit = seen.integer("limit", 2, 100)?.unwrap_or(50);
    let limit = usize::try_from(limit).unwrap_or(100);
    let before = seen
        .value("before")
        .map(|text| {
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
                let message = format!("Could not parse {text}. Should be ISO8601.");
                Answer::form("before", "DATE_TIME_TYPE_PARSE", &message)
            })
        })
        .transpose()?;
    if !routes::visible(world, bot, channel)?
        .permissions
        .read_history
    {
        return Err(answer::missing_access());
    }
    let threads = world.channels.values().filter(|thread| {
        matches!(thread.kind(), 10 | 11)
            && thread.json["parent_id"] == channel
            && thread.is_archived()
            && before.is_none_or(|before| archived_at(thread) < before)
    });
    let mut threads: Vec<_> = threads.collect();
    threads.sort_by_key(|thread| Reverse((archived_at(thread), thread.id().to_owned())));
    let page: Vec<_> = threads
        .iter()
        .take(limit)
        .map(|thread| &thread.json)
        .collect();
    Ok(Answer::ok(list(&page, threads.len() > limit)))
}

/// The forum, or other channel, that a thread is in.
pub fn parent<'a>(world: &'a World, thread: &Channel) -> Option<&'a Channel> {
    world.channel(thread.json.get("parent_id")?.as_str()?)
}

impl World {
    /// Opens a post that was begun at that moment; its first message has its id. Messages are added
    /// to it as to any channel.
    pub fn open(&mut self, forum: &str, author: &str, title: &str, at: OffsetDateTime) -> String {
        let id = self.free_id(snowflake::at(at));
        self.add_post(forum, id, author, title);
        self.insert(&id.to_string(), author, id, title);
        id.to_string()
    }

    /// Archives a thread at that moment.
    pub fn archive(&mut self, thread: &str, at: OffsetDateTime) {
        let metadata = &mut self.channel_mut(thread).json["thread_metadata"];
        metadata["archived"] = true.into();
        metadata["archive_timestamp"] = snowflake::timestamp(snowflake::at(at)).into();
    }

    /// Adds a post without any message.
    pub(super) fn add_post(&mut self, forum: &str, id: u64, author: &str, title: &str) {
        let guild = self.channel_mut(forum).json["guild_id"].clone();
        let begun = snowflake::timestamp(id);
        let json = json!({
            "id": id.to_string(), "type": 11, "guild_id": guild, "parent_id": forum,
            "name": title, "owner_id": author, "flags": 0, "last_message_id": null,
            "rate_limit_per_user": 0, "message_count": 0, "member_count": 1,
            "total_message_sent": 0,
            "thread_metadata": {
                "archived": false, "archive_timestamp": begun, "auto_archive_duration": 4320,
                "locked": false, "create_timestamp": begun,
            },
        });
        let post = Channel {
            json: object(json),
            permissions: Default::default(),
            messages: Default::default(),
            dm_of: None,
        };
        self.channels.insert(id.to_string(), post);
    }
}

fn archived_at(thread: &Channel) -> OffsetDateTime {
    let text = thread.json["thread_metadata"]["archive_timestamp"].as_str();
    text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        .expect("a thread has its time")
}

/// No bot of the stand-in has joined a thread, so there are no members.
fn list(threads: &[&Map<String, Value>], has_more: bool) -> Value {
    json!({"threads": threads, "members": [], "has_more": has_more})
}
