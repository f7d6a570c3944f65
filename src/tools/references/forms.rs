//! The forms that references have: mentions, links, names.

use crate::discord::{ChannelId, Snowflake};

/// The longest name of a channel, a server or a user.
const NAME_LIMIT: usize = 100;

/// A channel by its name, and by its server's where that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelName {
    /// The server's name.
    pub(crate) server: Option<String>,
    /// The channel's, without the `#`.
    pub(crate) channel: String,
}

/// The id in a mention: `<@123>`.
pub(super) fn mention(text: &str, beginnings: &[&str]) -> Option<Snowflake> {
    let inner = beginnings
        .iter()
        .find_map(|beginning| text.strip_prefix(beginning))?;
    Snowflake::parse(inner.strip_suffix('>')?)
}

/// What stands for a channel.
pub(super) enum Channel {
    Id(Snowflake),
    Link(Link),
    Name(ChannelName),
}

impl Channel {
    /// `None` for an id, and for what stands for no channel: the tool's own reading says what it
    /// takes.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(id) = mention(text, &["<#"]) {
            return Some(Self::Id(id));
        }
        if let Some(link) = Link::read(text) {
            return Some(Self::Link(link));
        }
        let (server, channel) = match text.strip_prefix('#') {
            Some(channel) => (None, channel),
            // The name of a server may have a "/#" in it; that of a channel cannot.
            None => {
                let (server, channel) = text.rsplit_once("/#")?;
                (Some(server.trim().to_owned()), channel)
            }
        };
        let channel = channel.trim().to_owned();
        let good = is_name(&channel) && server.as_deref().is_none_or(is_name);
        good.then_some(Self::Name(ChannelName { server, channel }))
    }
}

/// A link to a channel or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) channel: ChannelId,
    pub(super) message: Option<Snowflake>,
}

impl Link {
    /// Reads `https://discord.com/channels/<server or @me>/<channel>[/<message>]`, as the Discord
    /// app copies it in any of its versions.
    pub(super) fn read(text: &str) -> Option<Self> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))?;
        let (host, path) = rest.split_once('/')?;
        let host = host.to_ascii_lowercase();
        let host = ["ptb.", "canary.", "www."]
            .iter()
            .find_map(|version| host.strip_prefix(version))
            .unwrap_or(&host);
        if !matches!(host, "discord.com" | "discordapp.com") {
            return None;
        }
        let path = path.split(['?', '#']).next()?;
        let mut parts = path.trim_end_matches('/').split('/');
        let is_channels = parts.next() == Some("channels");
        let server = parts.next()?;
        let channel = Snowflake::parse(parts.next()?)?;
        let message = match parts.next() {
            Some(message) => Some(Snowflake::parse(message)?),
            None => None,
        };
        let whole = parts.next().is_none();
        let good = is_channels && whole && (server == "@me" || Snowflake::parse(server).is_some());
        good.then_some(Self {
            channel: ChannelId(channel),
            message,
        })
    }
}

/// The name in `@name`.
pub(super) fn user_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('@')?.trim();
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= NAME_LIMIT
}
