//! Whom a message may notify.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::super::params::or_default;
use crate::discord::{Mentions, RoleId, UserId};
use crate::error::Error;

/// How many users, or roles, one message may notify. <https://discord.com/developers/docs/resources/message#allowed-mentions-object>
const MENTION_LIMIT: usize = 100;

/// Whom a message may notify.
#[derive(Debug, Default, JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum MentionRule {
    /// Nobody.
    #[default]
    #[schemars(with = "None_")]
    None,
    /// These, where the text mentions them.
    These(MentionList),
}

/// The schema of the word "none".
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[allow(dead_code, reason = "only its schema is used")]
enum None_ {
    None,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct MentionList {
    #[serde(default, deserialize_with = "or_default")]
    users: Vec<UserId>,
    #[serde(default, deserialize_with = "or_default")]
    roles: Vec<RoleId>,
    #[serde(default, deserialize_with = "or_default")]
    everyone: bool,
    #[serde(default, deserialize_with = "or_default")]
    replied_user: bool,
}

impl<'de> Deserialize<'de> for MentionRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;
        impl<'de> Visitor<'de> for RuleVisitor {
            type Value = MentionRule;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "\"none\" or an object with `users`, `roles`, `everyone` and `replied_user`",
                )
            }
            fn visit_unit<E>(self) -> Result<MentionRule, E> {
                Ok(MentionRule::None)
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<MentionRule, E> {
                if word == "none" {
                    return Ok(MentionRule::None);
                }
                Err(E::custom(
                    "must be \"none\" or an object with `users`, `roles`, `everyone` and `replied_user`",
                ))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MentionRule, A::Error> {
                MentionList::deserialize(MapAccessDeserializer::new(map)).map(MentionRule::These)
            }
        }
        deserializer.deserialize_any(RuleVisitor)
    }
}

impl MentionRule {
    /// Refuses what Discord would; `replies` says whether the message answers another.
    pub(super) fn check(&self, replies: bool) -> Result<(), Error> {
        let Self::These(list) = self else {
            return Ok(());
        };
        if list.users.len().max(list.roles.len()) > MENTION_LIMIT {
            return Err(Error::invalid_params(format!(
                "`mentions` may name at most {MENTION_LIMIT} users and {MENTION_LIMIT} roles"
            )));
        }
        if list.replied_user && !replies {
            return Err(Error::invalid_params(
                "`mentions.replied_user` needs `reply_to`",
            ));
        }
        Ok(())
    }

    /// In Discord's own words.
    pub(super) fn into_mentions(self) -> Mentions {
        match self {
            Self::None => Mentions::default(),
            Self::These(MentionList {
                mut users,
                mut roles,
                everyone,
                replied_user,
            }) => {
                // Discord refuses a list that names the same id twice.
                users.sort_unstable();
                users.dedup();
                roles.sort_unstable();
                roles.dedup();
                Mentions {
                    users,
                    roles,
                    everyone,
                    replied_user,
                }
            }
        }
    }
}
