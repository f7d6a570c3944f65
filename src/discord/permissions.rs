//! What a bot may do in a channel, computed the way Discord computes it: what its roles give, what
//! the channel's overwrites take and give, and what follows from that in this kind of channel.
//!
//! - How permissions are put together, what implies what, and what a timeout leaves:
//!   <https://discord.com/developers/docs/topics/permissions>
//! - Threads, private, archived and locked ones: <https://discord.com/developers/docs/topics/threads>
//! - What single requests ask for beyond that, `CONNECT` in voice channels and the history to react to:
//!   <https://discord.com/developers/docs/resources/message>
//!
//! Pure functions over small structs, which read Discord's own answers. Two things they cannot know:
//! whether a guild that asks its moderators for two-factor authentication finds it with the owner of
//! the bot, and what AutoMod or a member's verification refuses. Discord has the last word.

mod bits;
mod forms;

use serde::Serialize;
use time::OffsetDateTime;

pub use bits::Permissions;
pub use forms::{Channel, Guild, Member, Overwrite, Role};

use super::id::UserId;
use forms::Kind;

/// Something that can be done in a channel, in the word that results use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// See that the channel is there, and what it is.
    View,
    /// Read the messages in it.
    ReadHistory,
    /// Send a message to it. In a thread this is what `SEND_MESSAGES_IN_THREADS` gives.
    Send,
    /// Send messages to its threads or posts; in a thread, to this one.
    SendInThreads,
    /// Begin a post in this forum or media channel.
    CreatePosts,
    /// Start public threads in it.
    CreateThreads,
    /// Start private threads in it.
    CreatePrivateThreads,
    /// Send files along.
    AttachFiles,
    /// Have Discord show previews of links that are sent.
    EmbedLinks,
    /// Notify everyone, or a role that not everybody may notify.
    MentionEveryone,
    /// Put new emoji under messages.
    AddReactions,
    /// Pin messages.
    PinMessages,
    /// Delete messages of others.
    ManageMessages,
    /// Rename, archive, lock and delete threads, and see the private ones.
    ManageThreads,
}

impl Ability {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::View,
        Self::ReadHistory,
        Self::Send,
        Self::SendInThreads,
        Self::CreatePosts,
        Self::CreateThreads,
        Self::CreatePrivateThreads,
        Self::AttachFiles,
        Self::EmbedLinks,
        Self::MentionEveryone,
        Self::AddReactions,
        Self::PinMessages,
        Self::ManageMessages,
        Self::ManageThreads,
    ];

    /// The word, the same as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::ReadHistory => "read_history",
            Self::Send => "send",
            Self::SendInThreads => "send_in_threads",
            Self::CreatePosts => "create_posts",
            Self::CreateThreads => "create_threads",
            Self::CreatePrivateThreads => "create_private_threads",
            Self::AttachFiles => "attach_files",
            Self::EmbedLinks => "embed_links",
            Self::MentionEveryone => "mention_everyone",
            Self::AddReactions => "add_reactions",
            Self::PinMessages => "pin_messages",
            Self::ManageMessages => "manage_messages",
            Self::ManageThreads => "manage_threads",
        }
    }
}

/// Whose permissions are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The guild, with its roles.
    pub guild: &'a Guild,
    /// The user.
    pub user: UserId,
    /// The same as a member of the guild.
    pub member: &'a Member,
}

impl Asker<'_> {
    /// What the user may do in the guild before any channel has its say: what everyone may, and what
    /// the user's roles add. The owner and administrators may everything.
    pub fn in_guild(&self) -> Permissions {
        if self.guild.owner_id == Some(self.user) {
            return Permissions::ALL;
        }
        let everyone = self.guild.id.0;
        let held = (self.guild.roles.iter())
            .filter(|role| role.id.0 == everyone || self.member.roles.contains(&role.id))
            .fold(Permissions::NONE, |held, role| held | role.permissions);
        if held.contains(Permissions::ADMINISTRATOR) {
            Permissions::ALL
        } else {
            held
        }
    }

    /// What the user may do where these overwrites apply: those for everyone, then those for the
    /// user's roles taken together, then the user's own; in each step what is denied goes first. None
    /// of them binds the owner or an administrator, nor does a timeout, which leaves others viewing
    /// and reading until it ends.
    ///
    /// An overwrite is found by its id alone: no role has the id of a user.
    pub fn under(&self, overwrites: &[Overwrite], now: OffsetDateTime) -> Permissions {
        let held = self.in_guild();
        if held.contains(Permissions::ADMINISTRATOR) {
            return Permissions::ALL;
        }
        let everyone = self.guild.id.0;
        let of_everyone = |overwrite: &&Overwrite| overwrite.id == everyone;
        let of_roles = |overwrite: &&Overwrite| {
            let mut roles = self.member.roles.iter();
            roles.any(|role| role.0 == overwrite.id)
        };
        let of_user = |overwrite: &&Overwrite| overwrite.id == self.user.0;
        let held = apply(held, overwrites.iter().filter(of_everyone));
        let held = apply(held, overwrites.iter().filter(of_roles));
        let held = apply(held, overwrites.iter().filter(of_user));
        if self.member.is_timed_out(now) {
            held & (Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY)
        } else {
            held
        }
    }

    /// What the user can do in a channel of the guild, in the order of [`Ability::ALL`].
    ///
    /// `parent` is for threads only: the channel that the thread was started in, whose overwrites
    /// apply to it. Of a thread without its parent nothing is known to be allowed.
    pub fn can(
        &self,
        channel: &Channel,
        parent: Option<&Channel>,
        now: OffsetDateTime,
    ) -> Vec<Ability> {
        let kind = channel.kind();
        let overwrites = match (kind, parent) {
            (Kind::Thread { .. }, Some(parent)) => &parent.permission_overwrites,
            (Kind::Thread { .. }, None) => return Vec::new(),
            _ => &channel.permission_overwrites,
        };
        let held = self.under(overwrites, now);
        if !held.contains(Permissions::VIEW_CHANNEL) {
            return Vec::new();
        }
        let here = Here {
            held,
            kind,
            channel,
        };
        let all = Ability::ALL.into_iter();
        all.filter(|&ability| here.allows(ability)).collect()
    }
}

/// What anybody in a direct message can do there, where no guild and no role has a say.
pub fn in_direct_message() -> Vec<Ability> {
    vec![
        Ability::View,
        Ability::ReadHistory,
        Ability::Send,
        Ability::AttachFiles,
        Ability::EmbedLinks,
        Ability::AddReactions,
        Ability::PinMessages,
    ]
}

/// One step: what any of these denies is taken, then what any of them allows is given.
fn apply<'a>(
    held: Permissions,
    overwrites: impl Iterator<Item = &'a Overwrite> + Clone,
) -> Permissions {
    let deny = (overwrites.clone()).fold(Permissions::NONE, |all, one| all | one.deny);
    let allow = overwrites.fold(Permissions::NONE, |all, one| all | one.allow);
    (held - deny) | allow
}

/// What is held in one channel that can be seen.
struct Here<'a> {
    held: Permissions,
    kind: Kind,
    channel: &'a Channel,
}

impl Here<'_> {
    fn allows(&self, ability: Ability) -> bool {
        let has = |permission| self.held.contains(permission);
        let archived = self.channel.is_archived();
        // Who manages threads is not bound by their locks.
        let locked = self.channel.is_locked() && !has(Permissions::MANAGE_THREADS);
        match self.kind {
            // A thread of one's own, or of somebody who invited one.
            Kind::Thread { private: true }
                if !self.channel.is_joined() && !has(Permissions::MANAGE_THREADS) =>
            {
                return false;
            }
            Kind::Category if ability != Ability::View => return false,
            Kind::Voice if ability != Ability::View && !has(Permissions::CONNECT) => return false,
            _ => {}
        }
        let thread = matches!(self.kind, Kind::Thread { .. });
        let holds_threads = matches!(self.kind, Kind::Text | Kind::Announcement | Kind::Forum);
        // To write here is what files, previews and mentions need as well.
        let writes = if thread {
            has(Permissions::SEND_MESSAGES_IN_THREADS) && !locked
        } else {
            has(Permissions::SEND_MESSAGES)
        };
        match ability {
            Ability::View => true,
            Ability::ReadHistory => has(Permissions::READ_MESSAGE_HISTORY),
            Ability::Send => writes && self.kind != Kind::Forum,
            Ability::SendInThreads if thread => writes,
            Ability::SendInThreads => holds_threads && has(Permissions::SEND_MESSAGES_IN_THREADS),
            Ability::CreatePosts => writes && self.kind == Kind::Forum,
            Ability::CreateThreads => {
                matches!(self.kind, Kind::Text | Kind::Announcement)
                    && has(Permissions::CREATE_PUBLIC_THREADS)
            }
            Ability::CreatePrivateThreads => {
                self.kind == Kind::Text && has(Permissions::CREATE_PRIVATE_THREADS)
            }
            Ability::AttachFiles => writes && has(Permissions::ATTACH_FILES),
            Ability::EmbedLinks => writes && has(Permissions::EMBED_LINKS),
            Ability::MentionEveryone => writes && has(Permissions::MENTION_EVERYONE),
            Ability::AddReactions => {
                has(Permissions::ADD_REACTIONS)
                    && has(Permissions::READ_MESSAGE_HISTORY)
                    && !archived
            }
            Ability::PinMessages => has(Permissions::PIN_MESSAGES) && !archived && !locked,
            // Of an archived thread nothing but its messages can go, and from a locked one not even they.
            Ability::ManageMessages => has(Permissions::MANAGE_MESSAGES) && !(archived && locked),
            Ability::ManageThreads => (thread || holds_threads) && has(Permissions::MANAGE_THREADS),
        }
    }
}
