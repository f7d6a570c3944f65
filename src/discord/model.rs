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

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A time in the one form that results use: RFC 3339, UTC, whole seconds. The id of a message or
/// channel has its milliseconds.
pub fn rfc3339(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// Discord's time stamps in our form; `None` for what is not one.
fn timestamp(text: &str) -> Option<String> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(rfc3339)
}
