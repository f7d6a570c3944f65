//! A message as one reader gets it: resolved references, and no content without the intent.

use serde_json::{Map, Value, json};

use super::{
    channel::{Channel, Message},
    world::World,
};

/// The message object that `bot` is answered with.
pub fn message(world: &World, channel: &Channel, message: &Message, bot: &str) -> Value {
    let mut json = readable(world, channel, message, bot);
    let refers = json.contains_key("message_reference");
    if refers && matches!(message.kind(), 19 | 21 | 23) {
        let referenced = referenced(world, message, bot);
        json.insert("referenced_message".to_owned(), referenced);
    }
    // A thread that was started from a message has the message's id.
    let thread = world.channel(message.id());
    if let Some(thread) = thread.filter(|thread| thread.is_thread() && !channel.is_thread()) {
        json.insert("thread".to_owned(), Value::Object(thread.json.clone()));
    }
    Value::Object(json)
}

/// The same as a hit of the guild search, which leaves reactions out.
pub fn hit(world: &World, channel: &Channel, found: &Message, bot: &str) -> Value {
    let mut json = message(world, channel, found, bot);
    if let Some(fields) = json.as_object_mut() {
        fields.remove("reactions");
        fields.insert("hit".to_owned(), json!(true));
    }
    json
}

/// Null once the message that was replied to is gone.
fn referenced(world: &World, message: &Message, bot: &str) -> Value {
    let reference = message.json.get("message_reference");
    let place = |name: &str| reference.and_then(|r| r[name].as_str()).unwrap_or_default();
    let found = world.message(place("channel_id"), place("message_id"));
    let (Some(channel), Some(found)) = (world.channel(place("channel_id")), found) else {
        return Value::Null;
    };
    let mut json = readable(world, channel, found, bot);
    json.remove("reactions");
    Value::Object(json)
}

/// Without the Message Content intent a bot reads only its own messages, those that mention it, and
/// direct messages; of others it gets everything but what people wrote and attached.
fn readable(world: &World, channel: &Channel, message: &Message, bot: &str) -> Map<String, Value> {
    let mut json = message.json.clone();
    let mentions = json.get("mentions").and_then(Value::as_array);
    let mentioned = mentions.is_some_and(|users| users.iter().any(|user| user["id"] == bot));
    let direct = channel.guild_id().is_none();
    if world.message_content_intent || message.author_id() == bot || mentioned || direct {
        return json;
    }
    hide(&mut json);
    // Discord documents this of messages and not of the snapshots in them: this is a guess.
    let snapshots = json
        .get_mut("message_snapshots")
        .and_then(Value::as_array_mut);
    for snapshot in snapshots.into_iter().flatten() {
        if let Some(fields) = snapshot["message"].as_object_mut() {
            hide(fields);
        }
    }
    json
}

fn hide(json: &mut Map<String, Value>) {
    json.insert("content".to_owned(), json!(""));
    for list in ["embeds", "attachments", "components"] {
        json.insert(list.to_owned(), json!([]));
    }
    json.remove("poll");
}
