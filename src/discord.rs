//! The short-lived Discord client and everything that is Discord's: the only part of the crate
//! that knows serenity, Discord's forms, its error codes and its limits.
//!
//! One [`Connector`] lives as long as the process and holds what may be shared: the pools of
//! connections, and which guild a channel belongs to. A [`Discord`] lives for one call and holds
//! that call's bot token.

mod abilities;
mod api;
mod catalogue;
mod cdn;
mod client;
mod crowd;
mod fault;
mod headers;
mod id;
mod lenient;
mod memory;
mod model;
pub mod permissions;
mod place;
mod retry;
mod route;
mod search;
mod send;
mod text;
mod threads;
mod token;
mod transport;
mod upload;

pub use api::{Bounds, History, PAGE};
pub use catalogue::{ListedChannel, ListedGuild};
pub use cdn::{Cdn, Unfetched};
pub(crate) use cdn::{PUBLIC_CDN, is_public};
pub use client::{Connector, Discord};
pub(crate) use fault::{timed_out, undeletable};
pub use id::{ChannelId, GuildId, MessageId, RoleId, Snowflake, UserId};
pub use memory::HeldBack;
pub use model::{
    Attachment, Author, Channel, Copied, Embed, ListedThread, Message, Origin, Poll, PollAnswer,
    Quote, Reaction, Sticker,
};
pub use place::Place;
pub use search::{Found, SearchQuery, Searched};
pub use send::{Draft, Mentions, Opened};
pub(crate) use text::{one_line, visible};
pub use threads::{ThreadPage, Threads};
pub use token::BotToken;
pub use upload::Upload;
