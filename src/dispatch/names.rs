//! Looking up names: in the servers that the bot is in, and among what the caller may use. What a
//! token may not use it does not see, not even in a refusal.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use serde::Serialize;

use super::{CallResult, Done, Listing};
use crate::auth::Principal;
use crate::discord::{ChannelId, Discord, GuildId, ListedChannel, ListedGuild, Place};
use crate::error::{Code, Error};
use crate::tools::{ChannelName, References, UserName};

/// How many servers are asked for their channels at once.
const AT_ONCE: usize = 8;
/// How many channels a refusal names: those of the same name, or the nearest.
const SAME: usize = 10;
const NEAREST: usize = 5;
/// How alike two names must be for one to be offered for the other, from 0 to 1.
const ALIKE: f64 = 0.7;

/// A channel and its server.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    guild: &'a ListedGuild,
    channel: &'a ListedChannel,
}

/// Puts ids in the place of the names that these parameters have.
///
/// # Errors
/// `unknown_channel`, `ambiguous_channel` or `invalid_params`, each naming what there is; or any
/// failure of Discord's.
pub(super) async fn look_up(
    discord: &Discord,
    principal: &Principal,
    references: &mut References,
) -> Result<(), Error> {
    if let Some(name) = references.channel.clone() {
        let id = channel(discord, principal, &name).await?;
        references.found_channel(id)?;
    }
    for user in references.users.clone() {
        let Some(channel) = references.channel_id() else {
            return Ok(());
        };
        let id = self::user(discord, channel, &user).await?;
        references.found_user(&user, id);
    }
    Ok(())
}

/// The form in which lists are answered.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum List<'a> {
    Guilds(Vec<ListedGuild>),
    Channels(Vec<&'a ListedChannel>),
    #[serde(rename = "channels")]
    AllChannels(Vec<WithServer<'a>>),
}

#[derive(Serialize)]
struct WithServer<'a> {
    #[serde(flatten)]
    channel: &'a ListedChannel,
    server: &'a str,
}

/// Lists what the caller may use.
///
/// # Errors
/// Any failure of Discord's.
pub(super) async fn list(discord: &Discord, principal: &Principal, listing: Listing) -> CallResult {
    let done = |list: &List<'_>| {
        let result = serde_json::to_string(list).map_err(|_| Error::internal())?;
        Ok(Done {
            text: result.clone(),
            result,
            images: Vec::new(),
        })
    };
    match listing {
        Listing::Guilds => {
            let mut all = guilds(discord, principal).await?;
            // A token for some channels is not to learn of servers in which it has none.
            if principal.has_channel_limit() {
                let lists = channels(discord, all).await?;
                let usable = |(guild, channels): &(ListedGuild, Arc<[ListedChannel]>)| {
                    let mut channels = channels.iter();
                    channels.any(|channel| may_use(principal, guild.id, channel))
                };
                let usable = lists.into_iter().filter(usable);
                all = usable.map(|(guild, _)| guild).collect();
            }
            done(&List::Guilds(all))
        }
        Listing::AllChannels => {
            let lists = channels(discord, guilds(discord, principal).await?).await?;
            let all = lists.iter().flat_map(|(guild, channels)| {
                let usable = channels.iter().filter(|channel| {
                    channel.kind.has_messages() && may_use(principal, guild.id, channel)
                });
                usable.map(|channel| WithServer {
                    channel,
                    server: &guild.name,
                })
            });
            done(&List::AllChannels(all.collect()))
        }
        Listing::Channels(guild) => {
            let all = discord.channels_of(guild).await?;
            let usable = all
                .iter()
                .filter(|channel| may_use(principal, guild, channel));
            done(&List::Channels(usable.collect()))
        }
    }
}

fn may_use(principal: &Principal, guild: GuildId, channel: &ListedChannel) -> bool {
    principal.allows(channel.id, &place(guild, channel)).is_ok()
}

/// The servers that the caller may use.
async fn guilds(discord: &Discord, principal: &Principal) -> Result<Vec<ListedGuild>, Error> {
    let all = discord.guilds().await?;
    let allowed = all
        .iter()
        .filter(|guild| principal.allows_guild(guild.id).is_ok());
    Ok(allowed.cloned().collect())
}

async fn channel(
    discord: &Discord,
    principal: &Principal,
    name: &ChannelName,
) -> Result<ChannelId, Error> {
    let all = guilds(discord, principal).await?;
    let guilds: Vec<ListedGuild> = match &name.server {
        None => all,
        Some(server) => {
            let wanted = folded(server);
            let same = |guild: &&ListedGuild| {
                folded(&guild.name) == wanted || *guild.id.to_string() == *wanted
            };
            let found: Vec<_> = all.iter().filter(same).cloned().collect();
            if found.is_empty() {
                // A token for some channels is not to learn of servers in which it has none.
                let seen: &[_] = if principal.has_channel_limit() {
                    &[]
                } else {
                    &all
                };
                return Err(no_server(&wanted, seen));
            }
            found
        }
    };
    let lists = channels(discord, guilds).await?;
    let wanted = folded(&name.channel);
    let mut same = Vec::new();
    let mut near = Vec::new();
    for (guild, channels) in &lists {
        for channel in channels
            .iter()
            .filter(|channel| channel.kind.has_messages())
        {
            if !may_use(principal, guild.id, channel) {
                continue;
            }
            let found = folded(&channel.name);
            let candidate = Candidate { guild, channel };
            if found == wanted {
                same.push(candidate);
            } else if same.is_empty() {
                let alike = strsim::jaro_winkler(&found, &wanted);
                if alike >= ALIKE {
                    near.push((alike, candidate));
                }
            }
        }
    }
    match same.as_slice() {
        [only] => {
            discord.remember(only.channel.id, place(only.guild.id, only.channel));
            Ok(only.channel.id)
        }
        [] => {
            near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
            let nearest: Vec<_> = near.iter().take(NEAREST).map(|&(_, near)| near).collect();
            Err(no_channel(&nearest))
        }
        several => Err(ambiguous(several)),
    }
}

/// The servers with their channels.
async fn channels(
    discord: &Discord,
    guilds: Vec<ListedGuild>,
) -> Result<Vec<(ListedGuild, Arc<[ListedChannel]>)>, Error> {
    let list = |guild: ListedGuild| async move {
        match discord.channels_of(guild.id).await {
            Ok(channels) => Ok((guild, channels)),
            // One that the bot has just left, or may not look into.
            Err(error) if matches!(error.code(), Code::UnknownGuild | Code::MissingPermission) => {
                Ok((guild, Arc::default()))
            }
            Err(error) => Err(error),
        }
    };
    let lists = stream::iter(guilds).map(list).buffered(AT_ONCE);
    lists.try_collect().await
}

fn place(guild: GuildId, channel: &ListedChannel) -> Place {
    Place {
        guild: Some(guild),
        thread_of: None,
        is_forum: channel.kind.is_forum(),
    }
}

fn no_server(wanted: &str, all: &[ListedGuild]) -> Error {
    let mut near: Vec<_> = all
        .iter()
        .map(|guild| (strsim::jaro_winkler(&folded(&guild.name), wanted), guild))
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let nearest: Vec<_> = near
        .iter()
        .take(NEAREST)
        .map(|(_, guild)| format!("\"{}\" ({})", guild.name, guild.id))
        .collect();
    let error = Error::new(
        Code::UnknownChannel,
        "No server that this bot is in and this token may use has this name",
    );
    if nearest.is_empty() {
        error.hint("Leave the server's name out, or use the channel's id.")
    } else {
        error.hint(format!("Servers: {}.", nearest.join(", ")))
    }
}

fn no_channel(nearest: &[Candidate<'_>]) -> Error {
    let error = Error::new(
        Code::UnknownChannel,
        "No channel that this token may use has this name",
    );
    if nearest.is_empty() {
        return error.hint("Use its id, a link to it, or the name that the Discord app shows.");
    }
    let list: Vec<_> = nearest.iter().map(ToString::to_string).collect();
    error.hint(format!("The nearest: {}.", list.join(", ")))
}

fn ambiguous(several: &[Candidate<'_>]) -> Error {
    let list: Vec<_> = several.iter().take(SAME).map(ToString::to_string).collect();
    let rest = several.len().saturating_sub(SAME);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    Error::new(Code::AmbiguousChannel, "Several channels have this name").hint(format!(
        "Use one of these ids, or Server/#channel: {}{more}.",
        list.join(", ")
    ))
}

impl std::fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { guild, channel } = self;
        let (name, kind, server, id) =
            (&channel.name, channel.kind.word(), &guild.name, channel.id);
        write!(f, "#{name} ({kind}) in \"{server}\": {id}")
    }
}

async fn user(
    discord: &Discord,
    channel: ChannelId,
    user: &UserName,
) -> Result<crate::discord::Snowflake, Error> {
    let Some(guild) = discord.guild_of(channel).await? else {
        return Err(Error::invalid_params(
            "Names of users can be looked up in the channel of a server only; use an id",
        ));
    };
    let members = discord.members_named(guild, &user.name).await?;
    let wanted = folded(&user.name);
    let same: Vec<_> = members
        .iter()
        .filter(|(_, names)| names.iter().any(|name| folded(name) == wanted))
        .collect();
    if let [(only, _)] = same.as_slice() {
        return Ok(only.0);
    }
    let named = |members: &mut dyn Iterator<Item = &(crate::discord::UserId, Vec<String>)>| {
        let shown = members.take(NEAREST).map(|(id, names)| {
            let name = names.last().map(String::as_str).unwrap_or_default();
            format!("@{name}: {id}")
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    Err(if same.is_empty() {
        let error = Error::invalid_params(
            "No member of this server goes by the name that was given after `@`",
        );
        if members.is_empty() {
            error
        } else {
            error.hint(format!("Members: {}.", named(&mut members.iter())))
        }
    } else {
        Error::invalid_params(
            "Several members of this server go by the name that was given after `@`",
        )
        .hint(format!(
            "Use one of these ids: {}.",
            named(&mut same.into_iter())
        ))
    })
}

/// A name as people write it: case does not count, and Discord writes spaces of channels as `-`.
fn folded(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}
