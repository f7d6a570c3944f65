//! The guild's message search: whole words, newest first, age-restricted channels only on demand.

use serde_json::{Value, json};

use super::{
    answer::{self, Answer, Outcome, not_one_of},
    channel::{Channel, Message},
    request::{Seen, id},
    routes, threads, view,
    world::World,
};

const HAS: [&str; 9] = [
    "link", "embed", "file", "image", "video", "sound", "sticker", "poll", "snapshot",
];

/// The filters of one search.
struct Query {
    words: Vec<String>,
    channels: Vec<String>,
    authors: Vec<String>,
    has: Vec<String>,
    newer_than: u64,
    older_than: u64,
    nsfw: bool,
    ascending: bool,
    limit: usize,
    offset: usize,
}

pub fn search(world: &mut World, bot: &str, guild: &str, seen: &Seen) -> Outcome {
    let known = world.guilds.get(guild).ok_or_else(answer::unknown_guild)?;
    if !known.bots.iter().any(|member| member == bot) {
        return Err(answer::missing_access());
    }
    let query = Query::read(seen)?;
    // Discord documents that the endpoint is restricted by the intent, and not how: this is a guess.
    if !world.message_content_intent {
        return Err(answer::missing_access());
    }
    for channel in &query.channels {
        let channel = routes::visible(world, bot, channel)?;
        if channel.guild_id() != Some(guild) || !channel.permissions.read_history {
            return Err(answer::missing_access());
        }
    }
    if let Some(pending) = not_ready(world) {
        return Ok(pending);
    }

    let mut hits = hits(world, guild, &query);
    hits.sort_unstable_by_key(|(_, message)| message.id().parse::<u64>().unwrap_or_default());
    if !query.ascending {
        hits.reverse();
    }
    let total = hits.len();
    let page = hits.into_iter().skip(query.offset).take(query.limit);
    let page: Vec<(&Channel, &Message)> = page.collect();
    let messages: Vec<Value> = page
        .iter()
        .map(|(channel, message)| json!([view::hit(world, channel, message, bot)]))
        .collect();
    let mut body = json!({
        "messages": messages, "total_results": total, "doing_deep_historical_index": false,
    });
    let threads = threads_of(&page);
    if !threads.is_empty() {
        body["threads"] = threads.into();
    }
    Ok(Answer::ok(body))
}

impl Query {
    fn read(seen: &Seen) -> Result<Self, Answer> {
        let content = seen.value("content").unwrap_or_default();
        if content.chars().count() > 1024 {
            let message = "Must be 1024 or fewer in length.";
            return Err(Answer::form("content", "BASE_TYPE_MAX_LENGTH", message));
        }
        let sorted = |name: &str, allowed: &[&str]| match seen.value(name) {
            Some(value) if !allowed.contains(&value) => Err(not_one_of(name, allowed)),
            value => Ok(value.map(str::to_owned)),
        };
        let by = sorted("sort_by", &["relevance", "timestamp"])?;
        let order = sorted("sort_order", &["asc", "desc"])?;
        let has: Vec<String> = seen.values("has").map(str::to_owned).collect();
        if has.iter().any(|has| !HAS.contains(&plain(has))) {
            return Err(not_one_of("has", &HAS));
        }
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self {
            words: words(content),
            channels: ids(seen, "channel_id")?,
            authors: ids(seen, "author_id")?,
            has,
            newer_than: seen.snowflake("min_id")?.unwrap_or(0),
            older_than: seen.snowflake("max_id")?.unwrap_or(u64::MAX),
            nsfw: matches!(seen.value("include_nsfw"), Some("true" | "1")),
            // The order is not respected when sorting by relevance.
            ascending: order.as_deref() == Some("asc") && by.as_deref() != Some("relevance"),
            limit: number(seen.integer("limit", 1, 25)?.unwrap_or(25)),
            offset: number(seen.integer("offset", 0, 9975)?.unwrap_or(0)),
        })
    }

    /// A forum stands for its posts.
    fn takes_channel(&self, world: &World, channel: &Channel) -> bool {
        let named = |channel: &Channel| self.channels.iter().any(|id| id == channel.id());
        let listed = self.channels.is_empty()
            || named(channel)
            || threads::parent(world, channel)
                .is_some_and(|parent| matches!(parent.kind(), 15 | 16) && named(parent));
        listed && (self.nsfw || !channel.is_nsfw())
    }

    fn takes(&self, id: u64, message: &Message) -> bool {
        let spoken = words(message.content());
        id > self.newer_than
            && id < self.older_than
            && self.words.iter().all(|word| spoken.contains(word))
            && (self.authors.is_empty() || self.authors.iter().any(|a| a == message.author_id()))
            && self.has.iter().all(|wanted| {
                let negated = wanted.starts_with('-');
                has(message, plain(wanted)) != negated
            })
    }
}

/// All hits in the channels of the guild that the bot can read.
fn hits<'a>(world: &'a World, guild: &str, query: &Query) -> Vec<(&'a Channel, &'a Message)> {
    let channels = world.channels.values().filter(|channel| {
        channel.guild_id() == Some(guild)
            && channel.permissions.view
            && channel.permissions.read_history
            && query.takes_channel(world, channel)
    });
    channels
        .flat_map(|channel| channel.messages.iter().map(move |found| (channel, found)))
        .filter(|(_, (id, message))| query.takes(**id, message))
        .map(|(channel, (_, message))| (channel, message))
        .collect()
}

/// The 202 that says the index is not there yet, while a test wants it.
fn not_ready(world: &mut World) -> Option<Answer> {
    let (times, retry_after) = world.index_pending?;
    world.index_pending = match times {
        0 | 1 => None,
        usize::MAX => Some((times, retry_after)),
        more => Some((more - 1, retry_after)),
    };
    let body = json!({
        "message": "Index not yet available. Try again later", "code": 110_000,
        "documents_indexed": 0, "retry_after": retry_after,
    });
    (times > 0).then(|| Answer::new(202, Some(body)))
}

/// The threads that the messages of this page are in, each once.
fn threads_of(page: &[(&Channel, &Message)]) -> Vec<Value> {
    let mut threads: Vec<Value> = Vec::new();
    for (channel, _) in page.iter().filter(|(channel, _)| channel.is_thread()) {
        if !threads.iter().any(|thread| thread["id"] == channel.id()) {
            threads.push(Value::Object(channel.json.clone()));
        }
    }
    threads
}

fn has(message: &Message, what: &str) -> bool {
    let list = |name: &str| message.json.get(name).and_then(Value::as_array);
    let any = |name: &str| list(name).is_some_and(|list| !list.is_empty());
    let file = |kind: &str| {
        list("attachments").is_some_and(|files| {
            let mut kinds = files
                .iter()
                .filter_map(|file| file["content_type"].as_str());
            kinds.any(|found| found.starts_with(kind))
        })
    };
    match what {
        "link" => message.content().contains("https://") || message.content().contains("http://"),
        "embed" => any("embeds"),
        "file" => any("attachments"),
        "image" => file("image/"),
        "video" => file("video/"),
        "sound" => file("audio/"),
        "sticker" => any("sticker_items"),
        "poll" => message.json.contains_key("poll"),
        _ => any("message_snapshots"),
    }
}

fn plain(has: &str) -> &str {
    has.strip_prefix('-').unwrap_or(has)
}

fn words(text: &str) -> Vec<String> {
    let pieces = text.split(|letter: char| !letter.is_alphanumeric());
    let pieces = pieces.filter(|piece| !piece.is_empty());
    pieces.map(str::to_lowercase).collect()
}

fn ids(seen: &Seen, name: &str) -> Result<Vec<String>, Answer> {
    let mut ids = Vec::new();
    for text in seen.values(name) {
        id(name, text)?;
        ids.push(text.to_owned());
    }
    Ok(ids)
}
