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

mod forms;

use serde_json::{Map, Value};

use super::params::Invalid;
use crate::discord::{ChannelId, Snowflake};
use crate::error::Error;
pub(crate) use forms::ChannelName;
use forms::{Channel, Link, mention, user_name};

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
/// What stands for an id until it is looked up, so that all else can be checked before.
const UNKNOWN: &str = "1";

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
    } else if let Some(name) = user_name(text) {
        users.push(UserName {
            name: name.to_owned(),
            path: path.to_vec(),
        });
        *value = UNKNOWN.into();
    }
}

#[cfg(test)]
mod tests;
