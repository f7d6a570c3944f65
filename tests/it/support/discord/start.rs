//! Starting threads: a post in a forum with its first message, and a thread from a message.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    answer::{self, Answer, Outcome},
    post::{self, Form},
    request::{Seen, id},
    routes, snowflake, view,
    world::World,
};

/// The flag of a forum whose posts must carry a tag.
const REQUIRE_TAG: u64 = 1 << 4;
/// The flag of a message from which a thread was started.
const HAS_THREAD: u64 = 1 << 5;

/// Opens a post. In other channels this route starts a private thread, and takes no message.
pub fn in_channel(world: &mut World, bot: &str, channel: &str, seen: &Seen) -> Outcome {
    let place = routes::visible(world, bot, channel)?;
    let (body, files) = seen.message().ok_or_else(answer::invalid_json)?;
    let name = name(&body)?;
    if !place.holds_posts() {
        if !place.permissions.create_threads {
            return Err(answer::missing_permissions());
        }
        let thread = thread(world, bot, channel, None, 12, &name);
        return Ok(created(world, &thread, None));
    }
    if !place.permissions.send {
        return Err(answer::missing_permissions());
    }
    let form = Form::read(world, place, &body["message"], &files)?;
    form.check(place)?;
    let tags = tags(place.json.get("available_tags"), &body["applied_tags"])?;
    if tags.iter().any(|tag| tag["moderated"] == true) && !place.permissions.manage_threads {
        return Err(answer::missing_permissions());
    }
    let flags = place.json["flags"].as_u64().unwrap_or_default();
    if tags.is_empty() && flags & REQUIRE_TAG != 0 {
        let message = "A tag is required to create a forum post in this channel";
        return Err(Answer::error(400, 40067, message));
    }
    let tags: Vec<Value> = tags.into_iter().map(|tag| tag["id"].clone()).collect();
    let thread = thread(world, bot, channel, None, 11, &name);
    world
        .channel_mut(&thread)
        .json
        .insert("applied_tags".to_owned(), tags.into());
    let first = thread.parse().expect("a thread has an id");
    post::write(world, bot, &thread, Some(first), &form);
    let place = routes::visible(world, bot, &thread)?;
    let message = view::message(world, place, &place.messages[&first], bot);
    Ok(created(world, &thread, Some(message)))
}

/// Starts a thread from a message, under the message's id.
pub fn from_message(
    world: &mut World,
    bot: &str,
    channel: &str,
    message: u64,
    seen: &Seen,
) -> Outcome {
    let place = routes::visible(world, bot, channel)?;
    let body: Value = serde_json::from_slice(&seen.body).map_err(|_| answer::invalid_json())?;
    let name = name(&body)?;
    let kind = match place.kind() {
        0 => 11,
        5 => 10,
        _ => {
            let message = "Cannot execute action on this channel type";
            return Err(Answer::error(400, 50024, message));
        }
    };
    let source = place.messages.get(&message);
    let source = source.ok_or_else(answer::unknown_message)?;
    if !matches!(source.kind(), 0 | 19 | 20 | 23) {
        return Err(Answer::error(400, 50068, "Invalid message type"));
    }
    if !place.permissions.create_threads {
        return Err(answer::missing_permissions());
    }
    let id = message.to_string();
    if world.channel(&id).is_some() {
        let message = "A thread has already been created for this message";
        return Err(Answer::error(400, 160_004, message));
    }
    let source = world.message_mut(channel, &id);
    let flags = source.json["flags"].as_u64().unwrap_or_default();
    source.set(json!({"flags": flags | HAS_THREAD}));
    let thread = thread(world, bot, channel, Some(message), kind, &name);
    Ok(created(world, &thread, None))
}

/// 1 to 100 characters.
fn name(body: &Value) -> Result<String, Answer> {
    let Some(name) = body["name"].as_str().map(str::trim) else {
        let message = "This field is required";
        return Err(Answer::form("name", "BASE_TYPE_REQUIRED", message));
    };
    if !(1..=100).contains(&name.chars().count()) {
        let message = "Must be between 1 and 100 in length.";
        return Err(Answer::form("name", "BASE_TYPE_BAD_LENGTH", message));
    }
    Ok(name.to_owned())
}

/// The tags of these ids.
fn tags(available: Option<&Value>, wanted: &Value) -> Result<Vec<Value>, Answer> {
    let wanted: Vec<&Value> = wanted.as_array().into_iter().flatten().collect();
    if wanted.len() > 5 {
        let message = "Must be 5 or fewer in length.";
        return Err(Answer::form(
            "applied_tags",
            "BASE_TYPE_MAX_LENGTH",
            message,
        ));
    }
    let available: Vec<&Value> = available
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let found = wanted.into_iter().map(|wanted| {
        id("applied_tags", wanted.as_str().unwrap_or_default())?;
        let tag = available.iter().find(|tag| tag["id"] == *wanted);
        tag.map(|tag| (*tag).clone())
            .ok_or_else(|| Answer::form("applied_tags", "BASE_TYPE_CHOICES", "Unknown tag"))
    });
    found.collect()
}

/// Adds an empty thread of this kind, under this id or a new one.
fn thread(
    world: &mut World,
    bot: &str,
    parent: &str,
    id: Option<u64>,
    kind: u64,
    name: &str,
) -> String {
    let now = snowflake::at(OffsetDateTime::now_utc());
    let id = id.unwrap_or_else(|| world.free_id(now));
    world.add_post(parent, id, bot, name);
    let id = id.to_string();
    let metadata = snowflake::timestamp(now);
    let thread = world.channel_mut(&id);
    thread.json.insert("type".to_owned(), kind.into());
    thread.json["thread_metadata"]["create_timestamp"] = metadata.clone().into();
    thread.json["thread_metadata"]["archive_timestamp"] = metadata.into();
    id
}

/// The thread, with its first message where there is one.
fn created(world: &World, thread: &str, message: Option<Value>) -> Answer {
    let thread = world.channel(thread).expect("it has just been made");
    let mut body = Value::Object(thread.json.clone());
    if let Some(message) = message {
        body["message"] = message;
    }
    Answer::new(201, Some(body))
}
