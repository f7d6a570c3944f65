//! Delete message and bulk delete.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{
    answer::{self, Answer, Outcome},
    channel::Message,
    request::{Seen, id},
    snowflake,
    world::World,
};

pub fn one(world: &mut World, bot: &str, channel: &str, message: u64, seen: &Seen) -> Outcome {
    let place = world.channel_mut(channel);
    let found = place
        .messages
        .get(&message)
        .ok_or_else(answer::unknown_message)?;
    let own = found.author_id() == bot;
    if !own && place.guild_id().is_none() {
        return Err(answer::dm_channel());
    }
    if !own && !place.permissions.manage_messages {
        return Err(answer::missing_permissions());
    }
    if undeletable(found) {
        return Err(answer::system_message());
    }
    if place.is_archived() {
        return Err(answer::archived_thread());
    }
    world.delete(channel, message, seen.reason().as_deref(), false);
    Ok(Answer::no_content())
}

/// All or none: one id that is too old, or twice in the list, fails the call. Unknown ids do not.
pub fn bulk(world: &mut World, channel: &str, seen: &Seen) -> Outcome {
    let place = world.channel_mut(channel);
    if place.guild_id().is_none() {
        return Err(answer::dm_channel());
    }
    let ids = ids(seen)?;
    if !place.permissions.manage_messages {
        return Err(answer::missing_permissions());
    }
    let oldest = snowflake::at(OffsetDateTime::now_utc() - Duration::days(14));
    if ids.iter().any(|id| *id < oldest) {
        let message = "You can only bulk delete messages that are under 14 days old.";
        return Err(Answer::error(400, 50034, message));
    }
    if place.is_archived() {
        return Err(answer::archived_thread());
    }
    let mut known = ids.iter().filter_map(|id| place.messages.get(id));
    if known.any(undeletable) {
        return Err(answer::system_message());
    }
    let reason = seen.reason();
    for id in ids {
        world.delete(channel, id, reason.as_deref(), true);
    }
    Ok(Answer::no_content())
}

fn ids(seen: &Seen) -> Result<Vec<u64>, Answer> {
    let body: Value = serde_json::from_slice(&seen.body).map_err(|_| answer::invalid_json())?;
    let Some(list) = body["messages"].as_array() else {
        let message = "This field is required";
        return Err(Answer::form("messages", "BASE_TYPE_REQUIRED", message));
    };
    if !(2..=100).contains(&list.len()) {
        let message = "Provided too few or too many messages to delete. \
                       Must provide at least 2 and at most 100 messages to delete.";
        return Err(Answer::error(400, 50016, message));
    }
    let mut ids = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let id = id(&format!("messages.{index}"), &text)?;
        if ids.contains(&id) {
            let message = "The set already contains this value";
            let code = "SET_TYPE_ALREADY_CONTAINS_VALUE";
            return Err(Answer::form("messages", code, message));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Group changes, calls, renames and the start of a thread stay.
fn undeletable(message: &Message) -> bool {
    matches!(message.kind(), 1..=5 | 21)
}
