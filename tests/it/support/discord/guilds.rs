//! The lists of a bot's guilds, of a guild's channels, and of its members by name.

use serde_json::{Value, json};

use super::{
    answer::{self, Answer, Outcome},
    request::Seen,
    world::{Guild, World},
};

/// VIEW_CHANNEL, SEND_MESSAGES and READ_MESSAGE_HISTORY.
const EVERYONE: &str = "68608";

/// The guilds that the bot is in, by id, a page of them.
pub fn mine(world: &World, bot: &str, seen: &Seen) -> Outcome {
    let limit = seen.integer("limit", 1, 200)?.unwrap_or(200);
    let after = seen.snowflake("after")?.unwrap_or(0);
    let number = |id: &str| id.parse::<u64>().unwrap_or_default();
    let mut guilds: Vec<_> = (world.guilds.iter())
        .filter(|(id, guild)| guild.bots.iter().any(|one| one == bot) && number(id) > after)
        .collect();
    guilds.sort_by_key(|(id, _)| number(id));
    let page = guilds
        .into_iter()
        .take(usize::try_from(limit).unwrap_or(200));
    let page = page.map(|(id, guild)| {
        json!({
            "id": id, "name": guild.name, "icon": null, "banner": null, "owner": false,
            "permissions": "2248473465835073", "features": [],
        })
    });
    Ok(Answer::ok(page.collect::<Vec<Value>>()))
}

/// All channels of a guild, those too that the bot cannot see, and no threads.
pub fn channels(world: &World, bot: &str, guild: &str) -> Outcome {
    member(world, bot, guild)?;
    let channels = (world.channels.values())
        .filter(|channel| channel.guild_id() == Some(guild) && !channel.is_thread())
        .map(|channel| Value::Object(channel.json.clone()));
    Ok(Answer::ok(channels.collect::<Vec<Value>>()))
}

/// The members whose name or nickname begins with the query.
pub fn members(world: &World, bot: &str, guild: &str, seen: &Seen) -> Outcome {
    member(world, bot, guild)?;
    let limit = seen.integer("limit", 1, 1000)?.unwrap_or(1);
    let query = seen.value("query").unwrap_or_default().to_lowercase();
    let begins = |user: &Value| {
        let names = [&user["username"], &user["global_name"]];
        let mut names = names.into_iter().filter_map(Value::as_str);
        names.any(|name| name.to_lowercase().starts_with(&query))
    };
    let members = world.users.values().filter(|user| begins(user));
    let members = members.take(usize::try_from(limit).unwrap_or(1));
    Ok(Answer::ok(members.map(membership).collect::<Vec<Value>>()))
}

/// A guild with its roles: everyone may view, read and send.
pub fn one(world: &World, bot: &str, guild: &str) -> Outcome {
    let known = member(world, bot, guild)?;
    let everyone =
        json!({"id": guild, "name": "@everyone", "permissions": EVERYONE, "position": 0});
    let roles = known
        .roles
        .iter()
        .map(|role| json!({"id": role, "name": "crew", "permissions": "0", "position": 1}));
    let roles: Vec<Value> = std::iter::once(everyone).chain(roles).collect();
    let owner = "1110000000000000001";
    Ok(Answer::ok(json!({
        "id": guild, "name": known.name, "owner_id": owner, "roles": roles,
    })))
}

pub fn member_of(world: &World, bot: &str, guild: &str, user: &str) -> Outcome {
    member(world, bot, guild)?;
    let user = world.users.get(user).ok_or_else(answer::unknown_guild)?;
    Ok(Answer::ok(membership(user)))
}

fn membership(user: &Value) -> Value {
    json!({
        "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
        "joined_at": "2026-01-02T03:04:05.000000+00:00", "nick": null, "pending": false,
        "premium_since": null, "roles": [], "user": user, "mute": false, "deaf": false,
    })
}

fn member<'a>(world: &'a World, bot: &str, guild: &str) -> Result<&'a Guild, Answer> {
    let known = world.guilds.get(guild).ok_or_else(answer::unknown_guild)?;
    match known.bots.iter().any(|member| member == bot) {
        true => Ok(known),
        false => Err(answer::missing_access()),
    }
}
