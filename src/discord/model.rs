//! What Discord's answers mean to us: lenient to read, lean to hand on.
//!
//! Each struct reads Discord's form and is written in ours; text that people wrote passes through
//! [`super::text::visible`] on the way in, so nothing further down can forget it.

mod channel;
mod components;
mod copied;
mod kind;
mod message;
mod notice;
mod parts;
mod poll;
mod thread;

pub use channel::Channel;
pub(in crate::discord) use channel::ChannelKind;
pub use copied::{Copied, Origin, Quote};
pub use message::Message;
pub use parts::{Attachment, Author, Embed, Reaction, Sticker};
pub use poll::{Poll, PollAnswer};
pub use thread::ListedThread;
