//! What people call things by: ids, mentions, links, names. Before a tool reads its parameters, what
//! stands in them for an id is put in its place, where the text alone tells it; what it takes a
//! look-up to tell is handed back.
//!
//! | where | taken |
//! |---|---|
//! | a channel | an id, `<#id>`, a link to a channel or message, `#name`, `Server/#name` |
//! | a message | an id, a link to a message, which names its channel too |
//! | a user | an id, `<@id>`, `@name` |
//! | a role | an id, `<@&id>` |

use serde_json::{Map, Value};

use super::params::Invalid;
use crate::discord::{ChannelId, Snowflake};
use crate::error::Error;

/// The parameters that name messages.
const MESSAGES: [&str; 6] = [
    "message_id",
    "message_ids",
    "reply_to",
    "before",
    "after",
    "around",
];
const CHANNEL: &str = "channel_id";
/// The longest name of a channel or server.
const NAME_LIMIT: usize = 100;
/// What stands for an id until it is looked up, so that all else can be checked before.
const UNKNOWN: &str = "1";

/// A channel by its name, and by its server's where that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelName {
    /// The server's name.
    pub(crate) server: Option<String>,
    /// The channel's, without the `#`.
    pub(crate) channel: String,
}

/// A user by name, and where the id belongs in the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserName {
    /// The name, without the `@`.
    pub(crate) name: String,
    path: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Item(usize),
}

/// Parameters in which everything that could be put in its place is.
pub(crate) struct References {
    params: Map<String, Value>,
    /// The channel, if it is to be looked up.
    pub(crate) channel: Option<ChannelName>,
    /// The users that are to be looked up.
    pub(crate) users: Vec<UserName>,
    /// The channel that links to messages point into, and the parameter with such a link.
    linked: Option<(ChannelId, &'static str)>,
}

impl References {
    /// Reads what stands for ids in these parameters.
    ///
    /// # Errors
    /// `invalid_params` where links point into different channels, or nowhere.
    pub(crate) fn read(mut params: Map<String, Value>) -> Result<Self, Error> {
        let mut linked = None;
        for name in MESSAGES {
            match params.get_mut(name) {
                Some(Value::Array(items)) => {
                    for item in items {
                        unlink(item, name, &mut linked)?;
                    }
                }
                Some(value) => unlink(value, name, &mut linked)?,
                None => {}
            }
        }
        let mut channel = None;
        match params.get_mut(CHANNEL) {
            Some(Value::String(text)) => match Channel::read(text.trim()) {
                Some(Channel::Id(id)) => *text = id.to_string(),
                Some(Channel::Link(link)) => {
                    *text = link.channel.to_string();
                    // A link to a message stands for both, where a message is asked for.
                    if let Some(message) = link.message {
                        let asked = ["message_id", "message_ids"];
                        if !asked.iter().any(|name| params.contains_key(*name)) {
                            linked.get_or_insert((link.channel, CHANNEL));
                            params.insert(LINKED.to_owned(), message.to_string().into());
                        }
                    }
                }
                Some(Channel::Name(name)) => {
                    channel = Some(name);
                    UNKNOWN.clone_into(text);
                }
                None if Snowflake::parse(text).is_none() => {
                    return Err(invalid(
                        CHANNEL,
                        "must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general",
                    ));
                }
                None => {}
            },
            None | Some(Value::Null) => {
                if let Some((id, _)) = linked {
                    params.insert(CHANNEL.to_owned(), id.to_string().into());
                }
            }
            Some(_) => {}
        }
        let mut references = Self {
            params,
            channel,
            users: Vec::new(),
            linked,
        };
        if references.channel.is_none() {
            references.agree()?;
        }
        references.people();
        Ok(references)
    }

    /// The parameters as a tool takes them; with a stand-in for what is still to be looked up.
    /// `wants_message` says whether the tool acts on a message, which a link can name.
    pub(crate) fn params(&self, wants_message: bool) -> Map<String, Value> {
        let params = self.params.clone();
        Self {
            params,
            channel: None,
            users: Vec::new(),
            linked: None,
        }
        .into_params(wants_message)
    }

    /// The parameters as a tool takes them.
    pub(crate) fn into_params(self, wants_message: bool) -> Map<String, Value> {
        let mut params = self.params;
        if let Some(message) = params.remove(LINKED)
            && wants_message
        {
            params.insert("message_id".to_owned(), message);
        }
        params
    }

    /// The channel, once it is known.
    pub(crate) fn channel_id(&self) -> Option<ChannelId> {
        let text = self.params.get(CHANNEL)?.as_str()?;
        Snowflake::parse(text).map(ChannelId)
    }

    /// Whether anything is to be looked up.
    pub(crate) fn is_open(&self) -> bool {
        self.channel.is_some() || !self.users.is_empty()
    }

    /// Puts the channel in its place that a name stood for.
    ///
    /// # Errors
    /// `invalid_params` where a link points into another.
    pub(crate) fn found_channel(&mut self, id: ChannelId) -> Result<(), Error> {
        self.channel = None;
        self.params
            .insert(CHANNEL.to_owned(), id.to_string().into());
        self.agree()
    }

    /// Puts the user in its place that a name stood for.
    pub(crate) fn found_user(&mut self, user: &UserName, id: Snowflake) {
        let mut place: Option<&mut Value> = None;
        for step in &user.path {
            place = match (step, place) {
                (Step::Field(name), None) => self.params.get_mut(*name),
                (Step::Field(name), Some(Value::Object(fields))) => fields.get_mut(*name),
                (Step::Item(at), Some(Value::Array(items))) => items.get_mut(*at),
                _ => return,
            };
        }
        if let Some(place) = place {
            *place = id.to_string().into();
        }
    }

    /// Whether links to messages point into the channel that is named.
    fn agree(&self) -> Result<(), Error> {
        let named = self.params.get(CHANNEL).and_then(Value::as_str);
        match self.linked {
            Some((linked, name)) if named.is_some_and(|named| named != linked.to_string()) => Err(
                invalid(name, "is a link into another channel than `channel_id`"),
            ),
            _ => Ok(()),
        }
    }

    /// Mentions of users and roles become ids; names are noted.
    fn people(&mut self) {
        let mut users = Vec::new();
        if let Some(author) = self.params.get_mut("author_id") {
            person(author, &[Step::Field("author_id")], &mut users);
        }
        if let Some(Value::Object(mentions)) = self.params.get_mut("mentions") {
            if let Some(Value::Array(items)) = mentions.get_mut("users") {
                for (at, item) in items.iter_mut().enumerate() {
                    let path = [
                        Step::Field("mentions"),
                        Step::Field("users"),
                        Step::Item(at),
                    ];
                    person(item, &path, &mut users);
                }
            }
            if let Some(Value::Array(items)) = mentions.get_mut("roles") {
                for item in items {
                    let id = item.as_str().and_then(|text| mention(text, &["<@&"]));
                    if let Some(id) = id {
                        *item = id.to_string().into();
                    }
                }
            }
        }
        self.users = users;
    }
}

/// Where a message id waits that came with a link to a channel. No caller can send it: it is taken
/// out of what they send.
const LINKED: &str = "\0linked";

fn invalid(name: &str, problem: &str) -> Error {
    Error::from(Invalid::new(name, problem))
}

/// Puts the message's id in the place of a link to it.
fn unlink(
    value: &mut Value,
    name: &'static str,
    linked: &mut Option<(ChannelId, &'static str)>,
) -> Result<(), Error> {
    let Some(link) = value.as_str().and_then(|text| Link::read(text.trim())) else {
        return Ok(());
    };
    let Some(message) = link.message else {
        return Err(invalid(name, "is a link to a channel, not to a message"));
    };
    match linked {
        Some((known, first)) if *known != link.channel => {
            let problem = format!("is a link into another channel than that of `{first}`");
            return Err(invalid(name, &problem));
        }
        _ => *linked = Some((link.channel, name)),
    }
    *value = message.to_string().into();
    Ok(())
}

fn person(value: &mut Value, path: &[Step], users: &mut Vec<UserName>) {
    let Some(text) = value.as_str().map(str::trim) else {
        return;
    };
    if let Some(id) = mention(text, &["<@!", "<@"]) {
        *value = id.to_string().into();
    } else if let Some(name) = text.strip_prefix('@').map(str::trim)
        && !name.is_empty()
        && name.chars().count() <= NAME_LIMIT
    {
        users.push(UserName {
            name: name.to_owned(),
            path: path.to_vec(),
        });
        *value = UNKNOWN.into();
    }
}

/// The id in a mention: `<@123>`.
fn mention(text: &str, beginnings: &[&str]) -> Option<Snowflake> {
    let inner = beginnings
        .iter()
        .find_map(|beginning| text.strip_prefix(beginning))?;
    Snowflake::parse(inner.strip_suffix('>')?)
}

/// What stands for a channel.
enum Channel {
    Id(Snowflake),
    Link(Link),
    Name(ChannelName),
}

impl Channel {
    /// `None` for an id, and for what stands for no channel: the tool's own reading says what it
    /// takes.
    fn read(text: &str) -> Option<Self> {
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
        let sane = |name: &str| !name.is_empty() && name.chars().count() <= NAME_LIMIT;
        let channel = channel.trim().to_owned();
        let good = sane(&channel) && server.as_deref().is_none_or(sane);
        good.then_some(Self::Name(ChannelName { server, channel }))
    }
}

/// A link to a channel or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    channel: ChannelId,
    message: Option<Snowflake>,
}

impl Link {
    /// Reads `https://discord.com/channels/<server or @me>/<channel>[/<message>]`, as the Discord
    /// app copies it in any of its versions.
    fn read(text: &str) -> Option<Self> {
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

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(params: Value) -> Result<References, String> {
        let Value::Object(params) = params else {
            panic!("no object")
        };
        References::read(params).map_err(|error| error.message().to_owned())
    }

    fn params(params: Value) -> Value {
        Value::Object(read(params).ok().unwrap().params(true))
    }

    #[test]
    fn ids_mentions_and_links_become_ids() {
        for host in [
            "discord.com",
            "ptb.discord.com",
            "canary.discord.com",
            "discordapp.com",
        ] {
            for end in ["", "/", "?x=1", "#top"] {
                let link = format!("https://{host}/channels/5/7{end}");
                assert_eq!(
                    params(json!({"channel_id": link})),
                    json!({"channel_id": "7"})
                );
                let link = format!("https://{host}/channels/@me/7/9{end}");
                let both = json!({"channel_id": "7", "message_id": "9"});
                assert_eq!(params(json!({"channel_id": link})), both);
                assert_eq!(params(json!({"message_id": link})), both);
            }
        }
        assert_eq!(
            params(json!({"channel_id": "<#7>"})),
            json!({"channel_id": "7"})
        );
        let link = "https://discord.com/channels/5/7/9";
        assert_eq!(
            params(json!({"channel_id": "7", "message_ids": [link, "8"], "before": link})),
            json!({"channel_id": "7", "message_ids": ["9", "8"], "before": "9"})
        );
        assert_eq!(
            params(
                json!({"author_id": "<@!3>", "mentions": {"users": ["<@4>", "5"], "roles": ["<@&6>"]}})
            ),
            json!({"author_id": "3", "mentions": {"users": ["4", "5"], "roles": ["6"]}})
        );
    }

    #[test]
    fn a_link_to_a_message_is_only_a_channel_for_tools_without_a_message() {
        let link = json!({"channel_id": "https://discord.com/channels/5/7/9"});
        let found = read(link).ok().unwrap();
        assert_eq!(
            Value::Object(found.params(false)),
            json!({"channel_id": "7"})
        );
    }

    #[test]
    fn links_into_different_channels_are_refused() {
        let link = "https://discord.com/channels/5/7/9";
        for (given, expected) in [
            (
                json!({"channel_id": "8", "message_id": link}),
                "`message_id` is a link into another channel than `channel_id`",
            ),
            (
                json!({"message_ids": [link, "https://discord.com/channels/5/8/9"]}),
                "`message_ids` is a link into another channel than that of `message_ids`",
            ),
            (
                json!({"reply_to": "https://discord.com/channels/5/7"}),
                "`reply_to` is a link to a channel, not to a message",
            ),
        ] {
            assert_eq!(read(given).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn names_are_handed_back() {
        let name = |server: Option<&str>, channel: &str| ChannelName {
            server: server.map(str::to_owned),
            channel: channel.to_owned(),
        };
        for (text, expected) in [
            ("#general", name(None, "general")),
            (" # general ", name(None, "general")),
            ("Harbour/#tide-tables", name(Some("Harbour"), "tide-tables")),
            ("A/#b/#c", name(Some("A/#b"), "c")),
        ] {
            let found = read(json!({"channel_id": text}));
            assert_eq!(found.ok().unwrap().channel, Some(expected), "{text}");
        }
        let mut found = read(
            json!({"channel_id": "#a", "author_id": "@Bob B", "mentions": {"users": ["1", "@c"]}}),
        )
        .ok()
        .unwrap();
        let names: Vec<_> = found.users.iter().map(|user| user.name.clone()).collect();
        assert_eq!(names, ["Bob B", "c"]);
        for (at, user) in found.users.clone().into_iter().enumerate() {
            found.found_user(&user, Snowflake::parse(["21", "22"][at]).unwrap());
        }
        found
            .found_channel(ChannelId(Snowflake::parse("7").unwrap()))
            .ok()
            .unwrap();
        assert_eq!(
            Value::Object(found.params(false)),
            json!({"channel_id": "7", "author_id": "21", "mentions": {"users": ["1", "22"]}})
        );
    }

    #[test]
    fn what_is_no_reference_stays_as_it_is() {
        for text in [
            "",
            "#",
            "general",
            " 12",
            "<#12",
            "<#x>",
            "@bob",
            "https://example.com/channels/1/2",
            "https://discord.com.example/channels/1/2",
            "https://discord.com/channels/1/x",
            "https://discord.com/channels/1/2/3/4",
            "https://evil@discord.com/channels/1/2",
            "/#",
        ] {
            assert!(read(json!({"channel_id": text})).is_err(), "{text}");
            let given = json!({"channel_id": "12", "message_id": text});
            assert_eq!(params(given.clone()), given, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>(), link in "https://discord.com/channels/[0-9@me]{1,4}(/[0-9a-z]{1,3}){0,3}") {
            for text in [text, link] {
                let given = json!({"channel_id": text, "message_id": text, "author_id": text, "mentions": {"users": [text], "roles": [text]}});
                let Value::Object(given) = given else { unreachable!() };
                if let Ok(found) = References::read(given) {
                    found.params(true);
                }
            }
        }
    }
}
