//! Create message: the form, the nonce, the mentions, the reply.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    answer::{self, Answer, Outcome},
    channel::Channel,
    form::Part,
    mentions::{Allowed, Mentions},
    request::{Seen, id},
    routes, view,
    world::{Nonce, World},
};

/// Discord says `the past few minutes` of how long a nonce is remembered.
const NONCE_IS_REMEMBERED: Duration = Duration::minutes(5);

/// SUPPRESS_EMBEDS and SUPPRESS_NOTIFICATIONS; a sender can set no other flag on a text.
const SETTABLE_FLAGS: u64 = 1 << 2 | 1 << 12;

/// The fields that this route reads, after their form was found good.
pub(super) struct Form {
    content: String,
    files: Vec<Value>,
    /// What is in the files.
    data: Vec<Vec<u8>>,
    allowed: Allowed,
    flags: u64,
    nonce: Option<Value>,
    enforce_nonce: bool,
    reply_to: Option<u64>,
}

pub fn create(world: &mut World, bot: &str, channel: &str, seen: &Seen) -> Outcome {
    let place = routes::visible(world, bot, channel)?;
    let (body, files) = seen.message().ok_or_else(answer::invalid_json)?;
    let form = Form::read(world, place, &body, &files)?;
    may_send(place)?;
    form.check(place)?;
    let nonce = form.nonce.as_ref().map(|nonce| Nonce {
        author: bot.to_owned(),
        channel: channel.to_owned(),
        nonce: nonce.to_string(),
    });
    let first = nonce.as_ref().and_then(|nonce| remembered(world, nonce));
    if let Some(first) = first.filter(|_| form.enforce_nonce) {
        return answered(world, bot, channel, first, form.nonce.as_ref());
    }

    let message = write(world, bot, channel, None, &form);
    // Without `enforce_nonce` the same nonce may be sent again; the first message keeps it.
    if let Some(nonce) = nonce.filter(|_| first.is_none()) {
        let now = OffsetDateTime::now_utc();
        world.nonces.insert(nonce, (message, now));
    }
    answered(world, bot, channel, message, form.nonce.as_ref())
}

impl Form {
    pub(super) fn read(
        world: &World,
        channel: &Channel,
        body: &Value,
        files: &[Part],
    ) -> Result<Self, Answer> {
        if !body.is_object() {
            let message = "Only dictionaries may be used in a DictType";
            return Err(Answer::form("_root", "DICT_TYPE_CONVERT", message));
        }
        let allowed = Allowed::read(body.get("allowed_mentions"))?;
        Ok(Self {
            content: content(&body["content"])?,
            files: attachments(world, channel, &body["attachments"], files)?,
            data: files.iter().map(|file| file.data.clone()).collect(),
            allowed,
            flags: body["flags"].as_u64().unwrap_or_default() & SETTABLE_FLAGS,
            nonce: nonce(&body["nonce"])?,
            enforce_nonce: body["enforce_nonce"] == true,
            reply_to: reply_to(world, channel, &body["message_reference"])?,
        })
    }

    /// A message says something or has files, which take a permission.
    pub(super) fn check(&self, channel: &Channel) -> Result<(), Answer> {
        if !self.files.is_empty() && !channel.permissions.attach_files {
            return Err(answer::missing_permissions());
        }
        if self.content.is_empty() && self.files.is_empty() {
            return Err(Answer::error(400, 50006, "Cannot send an empty message"));
        }
        Ok(())
    }
}

/// The attachments as the message will have them, of which `attachments` tells by their number.
fn attachments(
    world: &World,
    channel: &Channel,
    told: &Value,
    files: &[Part],
) -> Result<Vec<Value>, Answer> {
    let too_large = files.iter().any(|file| file.data.len() > world.file_limit);
    if too_large {
        return Err(Answer::error(413, 40005, "Request entity too large"));
    }
    let told: Vec<&Value> = told.as_array().into_iter().flatten().collect();
    let made = files.iter().map(|file| {
        let number = file.field.strip_prefix("files[");
        let number = number.and_then(|rest| rest.strip_suffix(']'));
        let told = told.iter().find(|told| told["id"].as_str() == number);
        let Some(told) = told else {
            let message = "Attachment data not found";
            return Err(Answer::form("attachments", "ATTACHMENT_NOT_FOUND", message));
        };
        let id = world.uploads.keys().next_back().map_or(1, |last| last + 1);
        let id = id
            + number
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0);
        let name = told["filename"].as_str().unwrap_or(&file.filename);
        let odd = |character: char| !character.is_ascii_alphanumeric() && character != '.';
        let plain = name.replace(odd, "_");
        let path = format!("attachments/{}/{id}/{plain}", channel.id());
        let mut made = json!({
            "id": id.to_string(), "filename": name, "size": file.data.len(),
            "content_type": file.content_type,
            "url": format!("https://cdn.discordapp.com/{path}?ex=1&is=1&hm=1"),
            "proxy_url": format!("https://media.discordapp.net/{path}?ex=1&is=1&hm=1"),
        });
        if let Some(description) = told["description"].as_str() {
            made["description"] = description.into();
        }
        Ok(made)
    });
    made.collect()
}

/// At most 2000 code points. Discord takes the white space around a text away.
fn content(field: &Value) -> Result<String, Answer> {
    let text = match field {
        Value::Null => "",
        Value::String(text) => text,
        _ => {
            let message = "Could not interpret value as string.";
            return Err(Answer::form("content", "STRING_TYPE_CONVERT", message));
        }
    };
    if text.chars().count() > 2000 {
        let message = "Must be 2000 or fewer in length.";
        return Err(Answer::form("content", "BASE_TYPE_MAX_LENGTH", message));
    }
    Ok(text.trim().to_owned())
}

fn nonce(field: &Value) -> Result<Option<Value>, Answer> {
    match field {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() > 25 => {
            let message = "Must be 25 or fewer characters long.";
            Err(Answer::form("nonce", "NONCE_TYPE_TOO_LONG", message))
        }
        Value::String(_) | Value::Number(_) => Ok(Some(field.clone())),
        _ => {
            let message = "This field must be a string or integer.";
            Err(Answer::form("nonce", "NONCE_TYPE_INVALID_TYPE", message))
        }
    }
}

/// The message to reply to; `None` where it is gone and the sender said that this may be.
fn reply_to(world: &World, channel: &Channel, field: &Value) -> Result<Option<u64>, Answer> {
    if field.is_null() {
        return Ok(None);
    }
    let fail = |code: &str, message: &str| Err(Answer::form("message_reference", code, message));
    let Some(text) = field["message_id"].as_str() else {
        let place = "message_reference.message_id";
        return Err(Answer::form(
            place,
            "BASE_TYPE_REQUIRED",
            "This field is required",
        ));
    };
    let wanted = id("message_reference.message_id", text)?;
    if field["channel_id"]
        .as_str()
        .is_some_and(|id| id != channel.id())
    {
        let code = "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL";
        return fail(code, "Cannot reply to a message in a different channel");
    }
    if !channel.permissions.read_history {
        let message = "Cannot reply without permission to read message history";
        return Err(Answer::error(403, 160_002, message));
    }
    let found = world.message(channel.id(), &wanted.to_string());
    match found {
        None if field["fail_if_not_exists"] == false => Ok(None),
        None => fail("REPLIES_UNKNOWN_MESSAGE", "Unknown message"),
        Some(message) if !matches!(message.kind(), 0 | 19 | 20 | 23) => {
            let code = "REPLIES_CANNOT_REFERENCE_SYSTEM_MESSAGE";
            fail(code, "Cannot reply to a system message")
        }
        Some(_) => Ok(Some(wanted)),
    }
}

/// A message wakes an archived thread up, but not one that is locked.
pub(super) fn may_send(channel: &Channel) -> Result<(), Answer> {
    if !channel.holds_messages() {
        let message = "Cannot send messages in a non-text channel";
        return Err(Answer::error(400, 50008, message));
    }
    if !channel.permissions.send {
        return Err(answer::missing_permissions());
    }
    match (channel.is_locked(), channel.is_archived()) {
        (true, true) => Err(answer::archived_thread()),
        (true, false) => Err(Answer::error(403, 160_005, "Thread is locked")),
        (false, _) => Ok(()),
    }
}

/// The message that was sent under this nonce within the past few minutes and is still there.
fn remembered(world: &World, nonce: &Nonce) -> Option<u64> {
    let oldest = OffsetDateTime::now_utc() - NONCE_IS_REMEMBERED;
    let (message, _) = world.nonces.get(nonce).filter(|(_, at)| *at > oldest)?;
    world
        .message(&nonce.channel, &message.to_string())
        .map(|_| *message)
}

/// Adds the message, under this id or a new one, and returns its id.
pub(super) fn write(
    world: &mut World,
    bot: &str,
    channel: &str,
    id: Option<u64>,
    form: &Form,
) -> u64 {
    let guild = world.guild_of(channel);
    let mut pinged = Mentions::find(&form.content, &form.allowed, &world.users, guild);
    let mut fields = json!({"flags": form.flags, "attachments": form.files});
    for (file, data) in form.files.iter().zip(&form.data) {
        let id = file["id"].as_str().and_then(|id| id.parse().ok());
        world
            .uploads
            .insert(id.expect("it was made above"), data.clone());
    }
    if let Some(target) = form.reply_to.map(|id| id.to_string()) {
        let target = world.message(channel, &target);
        let author = target.map(|message| message.json["author"].clone());
        if let Some(author) = author.filter(|_| form.allowed.replied_user) {
            pinged.add_user(&author);
        }
    }
    fields["mentions"] = pinged.users.into();
    fields["mention_roles"] = pinged.roles.into();
    fields["mention_everyone"] = pinged.everyone.into();
    if let Some(target) = form.reply_to {
        let mut reference =
            json!({"type": 0, "channel_id": channel, "message_id": target.to_string()});
        let guild = world.channel(channel).and_then(Channel::guild_id);
        if let Some(guild) = guild {
            reference["guild_id"] = guild.into();
        }
        fields["type"] = 19.into();
        fields["message_reference"] = reference;
    }
    let text = match id {
        Some(id) => world
            .insert(channel, bot, id, &form.content)
            .id()
            .to_owned(),
        None => world.post(channel, bot, &form.content),
    };
    world.message_mut(channel, &text).set(fields);
    if let Some(metadata) = world.channel_mut(channel).json.get_mut("thread_metadata") {
        metadata["archived"] = false.into();
    }
    text.parse().unwrap_or_default()
}

/// The message as its sender gets it back: with the nonce, which no other reader sees.
fn answered(
    world: &World,
    bot: &str,
    channel: &str,
    message: u64,
    nonce: Option<&Value>,
) -> Outcome {
    let channel = routes::visible(world, bot, channel)?;
    let message = channel
        .messages
        .get(&message)
        .ok_or_else(answer::unknown_message)?;
    let mut body = view::message(world, channel, message, bot);
    if let Some(nonce) = nonce {
        body["nonce"] = nonce.clone();
    }
    Ok(Answer::ok(body))
}
