//! A guild, a bot and a channel as Discord's answers tell of them, for what the bot may do there.

use discord_mcp_server::discord::permissions::{Ability, Asker, Channel, Guild, Member};
use discord_mcp_server::discord::{Snowflake, UserId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub const GUILD: &str = "41771983423143937";
pub const BOT: &str = "1180000000000000077";
pub const OWNER: &str = "80351110224678912";
pub const ROLE_A: &str = "41771983423143936";
pub const ROLE_B: &str = "41771983423143938";
pub const NOW: OffsetDateTime = datetime!(2026-11-06 12:00 UTC);

pub const ADMINISTRATOR: u64 = 0x8;
pub const ADD_REACTIONS: u64 = 0x40;
pub const VIEW: u64 = 0x400;
pub const SEND: u64 = 0x800;
pub const MANAGE_MESSAGES: u64 = 0x2000;
pub const EMBED: u64 = 0x4000;
pub const ATTACH: u64 = 0x8000;
pub const HISTORY: u64 = 0x1_0000;
pub const MENTION: u64 = 0x2_0000;
pub const CONNECT: u64 = 0x10_0000;
pub const MANAGE_THREADS: u64 = 0x4_0000_0000;
pub const PUBLIC_THREADS: u64 = 0x8_0000_0000;
pub const PRIVATE_THREADS: u64 = 0x10_0000_0000;
pub const SEND_IN_THREADS: u64 = 0x40_0000_0000;
pub const PIN: u64 = 0x8_0000_0000_0000;
/// All that the words of results stand for.
pub const EVERYTHING: u64 = ADD_REACTIONS
    | VIEW
    | SEND
    | MANAGE_MESSAGES
    | EMBED
    | ATTACH
    | HISTORY
    | MENTION
    | CONNECT
    | MANAGE_THREADS
    | PUBLIC_THREADS
    | PRIVATE_THREADS
    | SEND_IN_THREADS
    | PIN;

/// What is read of an answer of Discord.
pub fn read<T: DeserializeOwned>(answer: Value) -> T {
    serde_json::from_str(&answer.to_string()).unwrap()
}

/// A guild in which everyone may `everyone`, and two roles give `a` and `b`.
pub fn guild(everyone: u64, a: u64, b: u64) -> Guild {
    read(json!({
        "id": GUILD, "name": "Harbour Makers", "owner_id": OWNER, "roles": [
            {"id": GUILD, "name": "@everyone", "permissions": everyone.to_string(), "position": 0},
            {"id": ROLE_A, "name": "a", "permissions": a.to_string(), "position": 1},
            {"id": ROLE_B, "name": "b", "permissions": b.to_string(), "position": 2},
        ],
    }))
}

pub fn member(roles: &[&str]) -> Member {
    read(json!({"roles": roles, "communication_disabled_until": null}))
}

pub fn overwrite(id: &str, allow: u64, deny: u64) -> Value {
    let kind = u8::from(id == BOT || id == OWNER);
    json!({"id": id, "type": kind, "allow": allow.to_string(), "deny": deny.to_string()})
}

pub fn channel(kind: u64, overwrites: &[Value]) -> Channel {
    read(json!({"id": "5", "type": kind, "permission_overwrites": overwrites}))
}

pub fn user(id: &str) -> UserId {
    UserId(Snowflake::parse(id).unwrap())
}

pub fn words(abilities: &[Ability]) -> Vec<&'static str> {
    abilities.iter().map(|ability| ability.word()).collect()
}

/// What the bot, with these roles, can do in a channel of that kind.
pub fn can(guild: &Guild, roles: &[&str], kind: u64, overwrites: &[Value]) -> Vec<&'static str> {
    let asker = Asker {
        guild,
        user: user(BOT),
        member: &member(roles),
    };
    words(&asker.can(&channel(kind, overwrites), None, NOW))
}

/// The same in a thread below a channel with these overwrites.
pub fn can_in_thread(guild: &Guild, thread: Value, overwrites: &[Value]) -> Vec<&'static str> {
    let asker = Asker {
        guild,
        user: user(BOT),
        member: &member(&[]),
    };
    let thread: Channel = read(thread);
    words(&asker.can(&thread, Some(&channel(0, overwrites)), NOW))
}
