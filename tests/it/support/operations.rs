//! What the tools ask of Discord, one operation each, with the route that it takes.

use serde_json::{Value, json};

use super::App;
use super::discord::On;
use super::discord::seed::{ALICE, GENERAL};

pub const CHANNEL: &str = "GET /channels/{channel_id}";
pub const LIST: &str = "GET /channels/{channel_id}/messages";
pub const CREATE: &str = "POST /channels/{channel_id}/messages";
pub const DELETE: &str = "DELETE /channels/{channel_id}/messages/{message_id}";
pub const BULK: &str = "POST /channels/{channel_id}/messages/bulk-delete";
pub const SEARCH: &str = "GET /guilds/{guild_id}/messages/search";

/// What the message of [`send`] says.
pub const TEXT: &str = "to be sent once";

/// A call, and the route on which its work is done. Other routes may be asked besides.
#[derive(Clone, Debug)]
pub struct Operation {
    pub tool: &'static str,
    pub params: Value,
    pub route: &'static str,
}

impl Operation {
    pub fn on(&self) -> On {
        On::Route(self.route)
    }

    /// How many requests reached the route.
    pub fn requests(&self, app: &App) -> usize {
        requests(app, self.route)
    }
}

/// How many requests reached the stand-in on this route.
pub fn requests(app: &App, route: &str) -> usize {
    let seen = app.discord.requests();
    let on_route = seen.iter().filter(|seen| seen.is_on(route));
    on_route.count()
}

pub fn info() -> Operation {
    Operation {
        tool: "get_channel_info",
        params: json!({"channel_id": GENERAL}),
        route: CHANNEL,
    }
}

pub fn read() -> Operation {
    Operation {
        tool: "get_messages",
        params: json!({"channel_id": GENERAL}),
        route: LIST,
    }
}

pub fn search() -> Operation {
    Operation {
        tool: "search_messages",
        params: json!({"channel_id": GENERAL, "query": "sensor", "mode": "index"}),
        route: SEARCH,
    }
}

pub fn send() -> Operation {
    Operation {
        tool: "send_message",
        params: json!({"channel_id": GENERAL, "message": TEXT}),
        route: CREATE,
    }
}

/// The deletion of a message that is there.
pub fn delete(app: &App) -> Operation {
    let id = app
        .discord
        .with(|world| world.post(GENERAL, ALICE, "to go"));
    Operation {
        tool: "moderate_content",
        params: json!({"channel_id": GENERAL, "message_id": id}),
        route: DELETE,
    }
}

/// The deletion of two young messages that are there.
pub fn bulk(app: &App) -> Operation {
    let ids = app.discord.with(|world| {
        let mut post = || world.post(GENERAL, ALICE, "to go together");
        [post(), post()]
    });
    Operation {
        tool: "moderate_content",
        params: json!({"channel_id": GENERAL, "message_ids": ids}),
        route: BULK,
    }
}

/// One of each.
pub fn all(app: &App) -> [Operation; 6] {
    [info(), read(), search(), send(), delete(app), bulk(app)]
}

/// How often the message of [`send`] is in its channel.
pub fn sent(app: &App) -> usize {
    app.discord.with(|world| {
        let messages = world.messages(GENERAL);
        let ours = messages.iter().filter(|message| message.content() == TEXT);
        ours.count()
    })
}
