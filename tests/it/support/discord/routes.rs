//! Which route a request is for, who sent it, and the routes that only read.

use serde_json::Value;

use super::{
    answer::{self, Answer, Outcome},
    channel::Channel,
    delete, guilds, post,
    request::{Seen, id},
    search, start, threads, view,
    world::World,
};

/// What every path begins with.
pub const PREFIX: &str = "/api/v10";

/// A served route: its name in template form, and the ids in the path.
#[derive(Clone, Debug)]
pub struct Route {
    pub template: &'static str,
    ids: Vec<String>,
}

impl Route {
    /// The channel or guild that the route is about, by which Discord's buckets are apart.
    pub fn major(&self) -> &str {
        self.ids.first().map_or("@me", String::as_str)
    }
}

pub const GET_CHANNEL: &str = "GET /channels/{channel_id}";
const LIST_MESSAGES: &str = "GET /channels/{channel_id}/messages";
const GET_MESSAGE: &str = "GET /channels/{channel_id}/messages/{message_id}";
const CREATE_MESSAGE: &str = "POST /channels/{channel_id}/messages";
const DELETE_MESSAGE: &str = "DELETE /channels/{channel_id}/messages/{message_id}";
const BULK_DELETE: &str = "POST /channels/{channel_id}/messages/bulk-delete";
const SEARCH: &str = "GET /guilds/{guild_id}/messages/search";

const CREATE_THREAD: &str = "POST /channels/{channel_id}/threads";
const CREATE_THREAD_FROM: &str = "POST /channels/{channel_id}/messages/{message_id}/threads";
const ACTIVE_THREADS: &str = "GET /guilds/{guild_id}/threads/active";
const ARCHIVED_THREADS: &str = "GET /channels/{channel_id}/threads/archived/public";
const MY_GUILDS: &str = "GET /users/@me/guilds";
pub const GUILD_CHANNELS: &str = "GET /guilds/{guild_id}/channels";
pub const GET_GUILD: &str = "GET /guilds/{guild_id}";
const GET_MEMBER: &str = "GET /guilds/{guild_id}/members/{user_id}";
const SEARCH_MEMBERS: &str = "GET /guilds/{guild_id}/members/search";

/// Every served route. The fixed path comes before the one with a parameter in its place.
pub const ROUTES: [&str; 16] = [
    GET_CHANNEL,
    LIST_MESSAGES,
    CREATE_MESSAGE,
    BULK_DELETE,
    GET_MESSAGE,
    DELETE_MESSAGE,
    SEARCH,
    CREATE_THREAD,
    CREATE_THREAD_FROM,
    ACTIVE_THREADS,
    ARCHIVED_THREADS,
    MY_GUILDS,
    GUILD_CHANNELS,
    SEARCH_MEMBERS,
    GET_GUILD,
    GET_MEMBER,
];

/// The route of a request, or the answer that there is none.
pub fn find(method: &str, path: &str) -> Result<Route, Answer> {
    let path = path
        .strip_prefix(PREFIX)
        .filter(|path| path.starts_with('/'))
        .ok_or_else(answer::no_route)?;
    let mut path_is_known = false;
    for template in ROUTES {
        let (verb, pattern) = template.split_once(' ').unwrap_or_default();
        let Some(ids) = fit(pattern, path) else {
            continue;
        };
        path_is_known = true;
        if verb == method {
            return Ok(Route { template, ids });
        }
    }
    Err(match path_is_known {
        true => answer::method_not_allowed(),
        false => answer::no_route(),
    })
}

/// The parameters of a path that fits the pattern.
fn fit(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    if pattern.clone().count() != path.clone().count() {
        return None;
    }
    let mut ids = Vec::new();
    for (wanted, given) in pattern.zip(path) {
        if wanted.starts_with('{') && !given.is_empty() {
            ids.push(given.to_owned());
        } else if wanted != given {
            return None;
        }
    }
    Some(ids)
}

/// Does what the request asks for and says how Discord would answer.
pub fn perform(world: &mut World, route: &Result<Route, Answer>, seen: &Seen) -> Answer {
    let route = match route {
        Ok(route) => route,
        Err(answer) => return answer.clone(),
    };
    run(world, route, seen).unwrap_or_else(|answer| answer)
}

fn run(world: &mut World, route: &Route, seen: &Seen) -> Outcome {
    let bot = caller(world, seen).ok_or_else(answer::unauthorized)?;
    if route.template == MY_GUILDS {
        return guilds::mine(world, &bot, seen);
    }
    if matches!(
        route.template,
        SEARCH | ACTIVE_THREADS | GUILD_CHANNELS | SEARCH_MEMBERS | GET_GUILD | GET_MEMBER
    ) {
        let guild = route.ids[0].as_str();
        id("guild_id", guild)?;
        return match route.template {
            SEARCH => search::search(world, &bot, guild, seen),
            GUILD_CHANNELS => guilds::channels(world, &bot, guild),
            SEARCH_MEMBERS => guilds::members(world, &bot, guild, seen),
            GET_GUILD => guilds::one(world, &bot, guild),
            GET_MEMBER => guilds::member_of(world, &bot, guild, &route.ids[1]),
            _ => threads::active(world, &bot, guild),
        };
    }
    let channel = route.ids[0].as_str();
    id("channel_id", channel)?;
    let message = route.ids.get(1).map(|text| id("message_id", text));
    let message = message.transpose()?.unwrap_or_default();
    visible(world, &bot, channel)?;
    match route.template {
        GET_CHANNEL => get_channel(world, &bot, channel),
        LIST_MESSAGES => list_messages(world, &bot, channel, seen),
        GET_MESSAGE => get_message(world, &bot, channel, message),
        CREATE_MESSAGE => post::create(world, &bot, channel, seen),
        CREATE_THREAD => start::in_channel(world, &bot, channel, seen),
        CREATE_THREAD_FROM => start::from_message(world, &bot, channel, message, seen),
        DELETE_MESSAGE => delete::one(world, &bot, channel, message, seen),
        ARCHIVED_THREADS => threads::archived(world, &bot, channel, seen),
        BULK_DELETE => delete::bulk(world, channel, seen),
        _ => Err(answer::no_route()),
    }
}

/// The bot whose token the request carries.
fn caller(world: &World, seen: &Seen) -> Option<String> {
    let token = seen.header("authorization")?.strip_prefix("Bot ")?;
    world.tokens.get(token).cloned()
}

/// The channel, if it exists and the bot may see it.
pub fn visible<'a>(world: &'a World, bot: &str, channel: &str) -> Result<&'a Channel, Answer> {
    let channel = world.channel(channel).ok_or_else(answer::unknown_channel)?;
    let inside = match world.guild_of(channel.id()) {
        Some(guild) => guild.bots.iter().any(|member| member == bot),
        None => channel.dm_of.as_deref() == Some(bot),
    };
    match inside && channel.permissions.view {
        true => Ok(channel),
        false => Err(answer::missing_access()),
    }
}

fn get_channel(world: &World, bot: &str, channel: &str) -> Outcome {
    let channel = visible(world, bot, channel)?;
    Ok(Answer::ok(Value::Object(channel.json.clone())))
}

fn get_message(world: &World, bot: &str, channel: &str, message: u64) -> Outcome {
    let channel = visible(world, bot, channel)?;
    if !channel.permissions.read_history {
        return Err(answer::missing_access());
    }
    let message = channel
        .messages
        .get(&message)
        .ok_or_else(answer::unknown_message)?;
    Ok(Answer::ok(view::message(world, channel, message, bot)))
}

/// Newest first. Without READ_MESSAGE_HISTORY, and in channels that hold no messages, the list is
/// empty and not an error.
fn list_messages(world: &World, bot: &str, channel: &str, seen: &Seen) -> Outcome {
    let limit = seen.integer("limit", 1, 100)?.unwrap_or(50);
    let limit = usize::try_from(limit).unwrap_or(100);
    let before = seen.snowflake("before")?;
    let after = seen.snowflake("after")?;
    let around = seen.snowflake("around")?;
    let anchors = [before, after, around];
    if anchors.iter().flatten().count() > 1 {
        // Discord documents that the three exclude each other and not how it says so.
        let message = "before, after and around are mutually exclusive.";
        return Err(Answer::form("around", "BASE_TYPE_CHOICES", message));
    }
    let channel = visible(world, bot, channel)?;
    if !channel.permissions.read_history {
        return Ok(Answer::ok(Vec::<Value>::new()));
    }
    let all = &channel.messages;
    let ids: Vec<u64> = if let Some(id) = before {
        all.range(..id)
            .rev()
            .take(limit)
            .map(|(id, _)| *id)
            .collect()
    } else if let Some(id) = after {
        all.range(id..)
            .map(|(id, _)| *id)
            .filter(|found| *found > id)
            .take(limit)
            .collect()
    } else if let Some(id) = around {
        let newer = (limit - 1) / 2;
        let older = all.range(..=id).rev().take(limit - newer);
        let newer = all
            .range(id..)
            .filter(|(found, _)| **found > id)
            .take(newer);
        older.chain(newer).map(|(id, _)| *id).collect()
    } else {
        all.keys().rev().take(limit).copied().collect()
    };
    let mut ids = ids;
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let found = ids.iter().filter_map(|id| all.get(id));
    let list: Vec<Value> = found
        .map(|message| view::message(world, channel, message, bot))
        .collect();
    Ok(Answer::ok(list))
}
