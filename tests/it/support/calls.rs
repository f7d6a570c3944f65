//! A call of each tool, and what it takes to make it.
//!
//! ```ignore
//! for (tool, scope) in TOOLS {
//!     let answer = app.invoke(tool, params(tool, GENERAL)).await;
//! }
//! // The same with a message of its own to delete, in any channel that holds messages.
//! let params = effective(&app.discord, "moderate_content", THREAD);
//! ```

use serde_json::{Value, json};

use super::discord::StandIn;
use super::discord::seed::{BOT_MESSAGE, BOT_USER};

/// Every tool and its scope, in the order in which they are listed.
pub const TOOLS: [(&str, &str); 5] = [
    ("send_message", "discord:write"),
    ("get_messages", "discord:read"),
    ("get_channel_info", "discord:read"),
    ("search_messages", "discord:read"),
    ("moderate_content", "discord:moderate"),
];

/// Good params of a tool in this channel, without an effect that another call would notice.
pub fn params(tool: &str, channel: &str) -> Value {
    match tool {
        "send_message" => json!({"channel_id": channel, "message": "hi"}),
        "search_messages" => json!({"channel_id": channel, "query": "hi", "mode": "scan"}),
        "moderate_content" => {
            json!({"channel_id": channel, "message_id": BOT_MESSAGE, "dry_run": true})
        }
        _ => json!({"channel_id": channel}),
    }
}

/// Good params of a tool in this channel that change Discord where the tool can: a message of the
/// bot is put there to be deleted.
pub fn effective(discord: &StandIn, tool: &str, channel: &str) -> Value {
    if tool != "moderate_content" {
        return params(tool, channel);
    }
    let id = discord.with(|world| world.post(channel, BOT_USER, "to be deleted"));
    json!({"channel_id": channel, "message_id": id})
}

/// How many requests read this channel itself before any other request was made.
pub fn look_ups(discord: &StandIn, channel: &str) -> usize {
    let path = format!("/api/v10/channels/{channel}");
    let requests = discord.requests();
    let reads = requests
        .iter()
        .take_while(|seen| seen.method == "GET" && seen.path == path);
    reads.count()
}
