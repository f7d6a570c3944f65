//! What the bot may do in a channel: the channel's own answer, its server's roles and the bot's
//! membership, put together by [`super::permissions`].

use serenity::http::Route;
use time::OffsetDateTime;

use super::api::{channel_id, object};
use super::client::Discord;
use super::fault::Operation;
use super::id::{ChannelId, GuildId};
use super::model::Channel;
use super::permissions::{self, Ability, Asker, Guild, Member, in_direct_message};
use super::place::Place;
use crate::error::Error;

impl Discord {
    /// Reads a channel, and says what the bot may do there; `None` where Discord does not tell enough.
    /// That takes the server and the bot's membership, both remembered for a minute, and for a thread
    /// the channel that it is in.
    ///
    /// # Errors
    /// Those of [`Discord::channel`].
    pub async fn channel_and_abilities(
        &self,
        channel: ChannelId,
    ) -> Result<(Channel, Option<Vec<Ability>>), Error> {
        let (read, overwrites) = self.both(channel).await?;
        let abilities = match read.guild_id {
            None => Some(in_direct_message()),
            Some(guild) => self.abilities(guild, &read, &overwrites).await,
        };
        Ok((read, abilities))
    }

    async fn abilities(
        &self,
        guild: GuildId,
        channel: &Channel,
        overwrites: &permissions::Channel,
    ) -> Option<Vec<Ability>> {
        let user = self.bot();
        let (guild, member) = match self.catalogue().membership(guild) {
            Some(known) => known,
            None => self.membership(guild, user).await.ok()?,
        };
        let parent = match Place::of(channel).thread_of {
            Some(parent) => Some(self.both(parent).await.ok()?.1),
            None => None,
        };
        let asker = Asker {
            guild: &guild,
            user,
            member: &member,
        };
        Some(asker.can(overwrites, parent.as_ref(), OffsetDateTime::now_utc()))
    }

    async fn membership(
        &self,
        id: GuildId,
        user: super::UserId,
    ) -> Result<(std::sync::Arc<Guild>, std::sync::Arc<Member>), Error> {
        let operation = Operation::ReadGuild;
        let route = Route::Guild {
            guild_id: id.0.get().into(),
        };
        let guild: Guild = object(operation, &self.read(operation, route, &[]).await?)?;
        let route = Route::GuildMember {
            guild_id: id.0.get().into(),
            user_id: user.0.get().into(),
        };
        let member: Member = object(operation, &self.read(operation, route, &[]).await?)?;
        let both = (guild.into(), member.into());
        self.catalogue().join(id, &both);
        Ok(both)
    }

    /// A channel in both of its forms.
    async fn both(&self, channel: ChannelId) -> Result<(Channel, permissions::Channel), Error> {
        let operation = Operation::ReadChannel;
        let route = Route::Channel {
            channel_id: channel_id(channel),
        };
        let answer = self.read(operation, route, &[]).await?;
        let read: Channel = object(operation, &answer)?;
        self.shared.places.remember(channel, Place::of(&read));
        Ok((read, object(operation, &answer)?))
    }
}
