//! Which servers a bot is in, and which channels they have: what names are looked up in.
//!
//! The lists are remembered for a minute, by bot and without a token, like all that is learned of
//! Discord. A server's list has all of its channels, those too that the bot cannot see.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize};
use serenity::http::Route;

use super::client::Discord;
use super::fault::{self, Operation};
use super::id::{ChannelId, GuildId, Snowflake, UserId};
use super::lenient;
use super::model::ChannelKind;
use super::permissions;
use super::place::Place;
use super::text::visible;
use crate::error::Error;

/// How long a list is remembered: somebody may just have made the channel that is asked for.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// The most servers of one page, and the most that are listed. A bot in more must be told which.
/// <https://discord.com/developers/docs/resources/user#get-current-user-guilds>
const PAGE: usize = 200;
const GUILDS_LIMIT: usize = 1_000;
/// The most channels that are remembered of one bot: twice what Discord lets two hundred servers have.
const CHANNELS_LIMIT: usize = 200_000;

/// A server that the bot is in.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ListedGuild {
    /// Its id.
    pub id: GuildId,
    /// Its name.
    pub name: Box<str>,
}

/// A channel of a server.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ListedChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: Box<str>,
    /// Its type in words.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: ChannelKind,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<ChannelId>,
}

/// The lists of one bot.
#[derive(Default)]
pub(super) struct Catalogue(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    guilds: Option<(Instant, Arc<[ListedGuild]>)>,
    channels: HashMap<GuildId, (Instant, Arc<[ListedChannel]>)>,
    memberships: HashMap<GuildId, (Instant, Membership)>,
}

/// A server's roles, and the bot's own.
type Membership = (Arc<permissions::Guild>, Arc<permissions::Member>);

impl Catalogue {
    fn guilds(&self) -> Option<Arc<[ListedGuild]>> {
        let lists = self.lock();
        let (seen, guilds) = lists.guilds.as_ref()?;
        (seen.elapsed() < REMEMBERED_FOR).then(|| Arc::clone(guilds))
    }

    fn channels(&self, guild: GuildId) -> Option<Arc<[ListedChannel]>> {
        let lists = self.lock();
        let (seen, channels) = lists.channels.get(&guild)?;
        (seen.elapsed() < REMEMBERED_FOR).then(|| Arc::clone(channels))
    }

    pub(super) fn membership(&self, guild: GuildId) -> Option<Membership> {
        let lists = self.lock();
        let (seen, membership) = lists.memberships.get(&guild)?;
        (seen.elapsed() < REMEMBERED_FOR).then(|| membership.clone())
    }

    pub(super) fn join(&self, guild: GuildId, membership: &Membership) {
        let entry = (Instant::now(), membership.clone());
        self.lock().memberships.insert(guild, entry);
    }

    fn remember(&self, guild: GuildId, channels: &Arc<[ListedChannel]>) {
        let mut lists = self.lock();
        let known: usize = lists.channels.values().map(|(_, list)| list.len()).sum();
        if known + channels.len() > CHANNELS_LIMIT {
            lists.channels.clear();
        }
        let entry = (Instant::now(), Arc::clone(channels));
        lists.channels.insert(guild, entry);
    }

    /// Forgets what is too old to be used.
    pub(super) fn sweep(&self) {
        let mut lists = self.lock();
        let fresh = |seen: &Instant| seen.elapsed() < REMEMBERED_FOR;
        lists.guilds.take_if(|(seen, _)| !fresh(seen));
        lists.channels.retain(|_, (seen, _)| fresh(seen));
        lists.memberships.retain(|_, (seen, _)| fresh(seen));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Named {
    id: Snowflake,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: Option<u64>,
    parent_id: Option<ChannelId>,
}

impl Discord {
    /// The servers that the bot is in, by their ids, at most a thousand.
    ///
    /// # Errors
    /// Any failure of Discord's.
    pub async fn guilds(&self) -> Result<Arc<[ListedGuild]>, Error> {
        if let Some(guilds) = self.catalogue().guilds() {
            return Ok(guilds);
        }
        let mut guilds: Vec<ListedGuild> = Vec::new();
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            if let Some(last) = guilds.last() {
                query.push(("after", last.id.to_string()));
            }
            let (page, received) = self.list(Route::UserMeGuilds, query).await?;
            let before = guilds.len();
            // A page that is not the next one adds nothing.
            let last = guilds.last().map(|guild| guild.id.0);
            let new = page.into_iter().filter(|guild| Some(guild.id) > last);
            guilds.extend(new.map(|guild| ListedGuild {
                id: GuildId(guild.id),
                name: visible(&guild.name).into(),
            }));
            // A page of nothing readable would be asked for again and again.
            if received < PAGE || guilds.len() >= GUILDS_LIMIT || guilds.len() == before {
                break;
            }
        }
        let guilds: Arc<[ListedGuild]> = guilds.into();
        self.catalogue().lock().guilds = Some((Instant::now(), Arc::clone(&guilds)));
        Ok(guilds)
    }

    /// The channels of a server, threads not among them.
    ///
    /// # Errors
    /// `unknown_guild`, `missing_permission`, or any failure of Discord's.
    pub async fn channels_of(&self, guild: GuildId) -> Result<Arc<[ListedChannel]>, Error> {
        if let Some(channels) = self.catalogue().channels(guild) {
            return Ok(channels);
        }
        let route = Route::GuildChannels {
            guild_id: guild.0.get().into(),
        };
        let (read, _) = self.list(route, Vec::new()).await?;
        let channels: Arc<[ListedChannel]> = read
            .into_iter()
            .map(|channel| ListedChannel {
                id: ChannelId(channel.id),
                name: visible(&channel.name).into(),
                kind: ChannelKind(channel.kind),
                parent_id: channel.parent_id,
            })
            .collect();
        self.catalogue().remember(guild, &channels);
        Ok(channels)
    }

    /// The members of a server whose name or nickname begins with `name`, with all the names that
    /// each goes by, at most ten.
    ///
    /// # Errors
    /// `unknown_guild`, `missing_permission`, or any failure of Discord's.
    pub async fn members_named(
        &self,
        guild: GuildId,
        name: &str,
    ) -> Result<Vec<(UserId, Vec<String>)>, Error> {
        let path = format!("/guilds/{guild}/members/search");
        let query = [("query", name.to_owned()), ("limit", "10".to_owned())];
        let operation = Operation::ReadGuild;
        let answer = self.get(operation, &path, &query).await?;
        let (members, _) = lenient::list::<Member>(&answer.text())
            .ok_or_else(|| fault::unintelligible(operation, answer.status))?;
        Ok(members
            .into_iter()
            .map(|member| (member.user.id, member.names()))
            .collect())
    }

    /// Remembers where a channel is that was found in a list.
    pub fn remember(&self, channel: ChannelId, place: Place) {
        self.shared.places.remember(channel, place);
    }

    async fn list(
        &self,
        route: Route<'_>,
        query: Vec<(&'static str, String)>,
    ) -> Result<(Vec<Named>, usize), Error> {
        let operation = Operation::ReadGuild;
        let answer = self.read(operation, route, &query).await?;
        lenient::list(&answer.text()).ok_or_else(|| fault::unintelligible(operation, answer.status))
    }
}

#[derive(Deserialize)]
struct Member {
    user: User,
    #[serde(default, deserialize_with = "text")]
    nick: String,
}

#[derive(Deserialize)]
struct User {
    id: UserId,
    #[serde(default, deserialize_with = "text")]
    username: String,
    #[serde(default, deserialize_with = "text")]
    global_name: String,
}

/// A text that may be null.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Member {
    fn names(self) -> Vec<String> {
        let names = [self.user.username, self.user.global_name, self.nick];
        let named = names.into_iter().map(|name| visible(&name));
        named.filter(|name| !name.is_empty()).collect()
    }
}
