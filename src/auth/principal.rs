//! Who calls, and what they may do: the token's grant, within the operator's limits.

use std::collections::HashSet;
use std::sync::Arc;

use super::scope::{Scope, Scopes};
use crate::discord::{BotToken, ChannelId, GuildId, Place};

/// The channels and guilds that calls are limited to, where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The channels. A thread counts as its parent does.
    pub channels: Option<HashSet<ChannelId>>,
    /// The guilds.
    pub guilds: Option<HashSet<GuildId>>,
}

/// What the operator lets anybody do. It can only narrow what a token grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorLimits {
    /// Where.
    pub limits: Limits,
    /// Whether nothing on Discord may be changed.
    pub read_only: bool,
}

/// Who calls, and what they may do. It lives for one call.
pub struct Principal {
    /// The `sub` claim: the user of the audit log.
    pub user_id: String,
    /// The `jti` claim.
    pub jti: Option<String>,
    /// What the token allows.
    pub scopes: Scopes,
    /// Where the token allows it.
    pub limits: Limits,
    /// What the operator allows.
    pub operator: Arc<OperatorLimits>,
    /// The bot token it carries.
    pub credential: Credential,
}

/// The bot token of a principal.
pub enum Credential {
    /// One of the right shape.
    Token(BotToken),
    /// None, or an empty one.
    Missing,
    /// A text that cannot be a bot token and must not be sent anywhere.
    Misshapen,
}

/// Which limit stands against a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// Whether the operator set it, and not the token.
    pub operator: bool,
    /// Whether it is about guilds, and not channels.
    pub guilds: bool,
}

impl Principal {
    /// Whether the token's scope covers this, on this server.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope) && !self.is_barred(scope)
    }

    /// Whether the operator lets nobody do this.
    pub fn is_barred(&self, scope: Scope) -> bool {
        self.operator.read_only && scope != Scope::Read
    }

    /// What the channel's id alone says: it is allowed, or no channel is; `None` where it takes to
    /// know the channel's guild or parent.
    pub fn allows_unseen(&self, channel: ChannelId) -> Option<Result<(), Barrier>> {
        let mut settled = true;
        for (operator, limits) in self.all_limits() {
            let none = |guilds| Some(Err(Barrier { operator, guilds }));
            match (&limits.channels, &limits.guilds) {
                (Some(channels), _) if channels.is_empty() => return none(false),
                (_, Some(guilds)) if guilds.is_empty() => return none(true),
                (channels, guilds) => {
                    let listed = channels
                        .as_ref()
                        .is_none_or(|channels| channels.contains(&channel));
                    settled &= listed && guilds.is_none();
                }
            }
        }
        settled.then_some(Ok(()))
    }

    /// Whether every limit allows the channel.
    ///
    /// # Errors
    /// The first that does not.
    pub fn allows(&self, channel: ChannelId, place: &Place) -> Result<(), Barrier> {
        for (operator, limits) in self.all_limits() {
            let listed = limits.channels.as_ref().is_none_or(|channels| {
                channels.contains(&channel)
                    || place
                        .thread_of
                        .is_some_and(|parent| channels.contains(&parent))
            });
            if !listed {
                let guilds = false;
                return Err(Barrier { operator, guilds });
            }
            let within = limits
                .guilds
                .as_ref()
                .is_none_or(|guilds| place.guild.is_some_and(|guild| guilds.contains(&guild)));
            if !within {
                let guilds = true;
                return Err(Barrier { operator, guilds });
            }
        }
        Ok(())
    }

    /// Whether every limit allows the guild. Its channels may be limited still.
    ///
    /// # Errors
    /// The first that does not.
    pub fn allows_guild(&self, guild: GuildId) -> Result<(), Barrier> {
        for (operator, limits) in self.all_limits() {
            let guilds = true;
            if limits
                .guilds
                .as_ref()
                .is_some_and(|all| !all.contains(&guild))
            {
                return Err(Barrier { operator, guilds });
            }
        }
        Ok(())
    }

    /// Whether channels are limited, and not guilds alone.
    pub fn has_channel_limit(&self) -> bool {
        let limits = self.all_limits();
        limits.iter().any(|(_, limits)| limits.channels.is_some())
    }

    /// The channel limit that does not list the channel, if there is one.
    pub fn unlisted(&self, channel: ChannelId) -> Option<Barrier> {
        let mut all = self.all_limits().into_iter();
        all.find_map(|(operator, limits)| {
            let channels = limits.channels.as_ref()?;
            let guilds = false;
            (!channels.contains(&channel)).then_some(Barrier { operator, guilds })
        })
    }

    /// The channels that every channel limit lists; none where there is no such limit.
    pub fn listed_channels(&self) -> Vec<ChannelId> {
        let lists = self
            .all_limits()
            .map(|(_, limits)| limits.channels.as_ref());
        let mut lists = lists.into_iter().flatten();
        let Some(first) = lists.next() else {
            return Vec::new();
        };
        let others: Vec<_> = lists.collect();
        let in_all = |id: &&ChannelId| others.iter().all(|list| list.contains(*id));
        first.iter().filter(in_all).copied().collect()
    }

    fn all_limits(&self) -> [(bool, &Limits); 2] {
        [(false, &self.limits), (true, &self.operator.limits)]
    }
}
