//! Who a message pings: the mentions in its content that `allowed_mentions` lets through.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    answer::{Answer, not_a_snowflake, not_one_of},
    snowflake,
    world::Guild,
};

/// What `allowed_mentions` allows.
#[derive(Debug)]
pub struct Allowed {
    users: Rule,
    roles: Rule,
    everyone: bool,
    pub replied_user: bool,
}

#[derive(Debug)]
enum Rule {
    All,
    Only(Vec<String>),
}

/// The mentions found in a content, as the fields of a message.
#[derive(Debug)]
pub struct Mentions {
    pub users: Vec<Value>,
    pub roles: Vec<String>,
    pub everyone: bool,
}

impl Allowed {
    /// The default of a regular message: everything is parsed.
    pub fn everything() -> Self {
        Self {
            users: Rule::All,
            roles: Rule::All,
            everyone: true,
            replied_user: true,
        }
    }

    /// Reads the field of a request; absent and null mean everything.
    pub fn read(field: Option<&Value>) -> Result<Self, Answer> {
        let Some(field) = field.filter(|field| !field.is_null()) else {
            return Ok(Self::everything());
        };
        let parse = strings(field, "parse")?;
        let users = strings(field, "users")?;
        let roles = strings(field, "roles")?;
        for (index, kind) in parse.iter().enumerate() {
            if !["users", "roles", "everyone"].contains(&kind.as_str()) {
                let place = format!("allowed_mentions.parse.{index}");
                return Err(not_one_of(&place, &["users", "roles", "everyone"]));
            }
        }
        Ok(Self {
            users: rule(&parse, "users", users)?,
            roles: rule(&parse, "roles", roles)?,
            everyone: parse.iter().any(|kind| kind == "everyone"),
            replied_user: field["replied_user"] == true,
        })
    }
}

impl Mentions {
    /// Mentions of unknown users and of roles outside of the guild ping nobody and are left out.
    pub fn find(
        content: &str,
        allowed: &Allowed,
        users: &BTreeMap<String, Value>,
        guild: Option<&Guild>,
    ) -> Self {
        let mut found = Self {
            users: Vec::new(),
            roles: Vec::new(),
            everyone: guild.is_some()
                && allowed.everyone
                && (content.contains("@everyone") || content.contains("@here")),
        };
        for piece in content.split("<@").skip(1) {
            let Some((mention, _)) = piece.split_once('>') else {
                continue;
            };
            if let Some(role) = mention.strip_prefix('&') {
                let known = guild.is_some_and(|guild| guild.roles.iter().any(|id| id == role));
                if known && allowed.roles.covers(role) && !found.roles.iter().any(|id| id == role) {
                    found.roles.push(role.to_owned());
                }
                continue;
            }
            let user = users.get(mention.strip_prefix('!').unwrap_or(mention));
            if let Some(user) = user.filter(|user| allowed.users.covers_user(user)) {
                found.add_user(user);
            }
        }
        found
    }

    pub fn add_user(&mut self, user: &Value) {
        if !self.users.iter().any(|known| known["id"] == user["id"]) {
            self.users.push(user.clone());
        }
    }
}

impl Rule {
    fn covers(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.iter().any(|known| known == id),
        }
    }

    fn covers_user(&self, user: &Value) -> bool {
        user["id"].as_str().is_some_and(|id| self.covers(id))
    }
}

/// `parse: ["users"]` and a non-empty `users: […]` exclude each other.
fn rule(parse: &[String], kind: &str, ids: Vec<String>) -> Result<Rule, Answer> {
    let all = parse.iter().any(|parsed| parsed == kind);
    if all && !ids.is_empty() {
        let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
        let code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE";
        return Err(Answer::form("allowed_mentions", code, &message));
    }
    let place = format!("allowed_mentions.{kind}");
    if ids.len() > 100 {
        let message = "Must be 100 or fewer in length.";
        return Err(Answer::form(&place, "BASE_TYPE_MAX_LENGTH", message));
    }
    match ids.iter().position(|id| snowflake::parse(id).is_none()) {
        Some(index) => Err(not_a_snowflake(&format!("{place}.{index}"), &ids[index])),
        None if all => Ok(Rule::All),
        None => Ok(Rule::Only(ids)),
    }
}

/// A list of distinct strings; absent and null mean none.
fn strings(field: &Value, name: &str) -> Result<Vec<String>, Answer> {
    let place = format!("allowed_mentions.{name}");
    let list = match &field[name] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => {
            let message = "Only iterables may be used in a ListType.";
            return Err(Answer::form(&place, "LIST_TYPE_CONVERT", message));
        }
    };
    let mut strings: Vec<String> = Vec::new();
    for value in list {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if strings.contains(&text) {
            let message = "The set already contains this value";
            let code = "SET_TYPE_ALREADY_CONTAINS_VALUE";
            return Err(Answer::form(&place, code, message));
        }
        strings.push(text);
    }
    Ok(strings)
}
