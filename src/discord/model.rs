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

use serde::de::{Deserialize, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time, UtcOffset};

use super::lenient;

/// A time in the one form that results use: RFC 3339, UTC, whole seconds. The id of a message or
/// channel has its milliseconds.
pub fn rfc3339(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// Discord's time stamps in our form; `None` for what is not one.
fn timestamp(text: &str) -> Option<String> {
    cut(text).or_else(|| {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(rfc3339(time))
    })
}

/// What Discord writes, such as `2026-11-06T07:33:18.371000+00:00`, is our form but for the fraction
/// and the offset. `None` for any other form.
fn cut(text: &str) -> Option<String> {
    let (second, rest) = text.split_at_checked(19)?;
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let number = |from: usize| second.get(from..from + 2)?.parse::<u8>().ok();
    let year = second.get(..4)?.parse().ok()?;
    let fraction = rest.strip_suffix("+00:00")?;
    let digits = fraction.strip_prefix('.').unwrap_or("0");
    let ours = second.bytes().enumerate().all(shape)
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && Date::from_calendar_date(year, number(5)?.try_into().ok()?, number(8)?).is_ok()
        && Time::from_hms(number(11)?, number(14)?, number(17)?).is_ok();
    ours.then(|| [second, "Z"].concat())
}

/// A time stamp on its way in.
struct Stamp(String);

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::from_text(deserializer, "a time stamp", |text| {
            timestamp(text).map(Self)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_stamp_that_is_cut_says_what_one_that_is_formatted_says(
            text in "[0-9]{4}-(0[0-9]|1[0-3])-[0-3][0-9][Tt][0-2][0-9]:[0-6][0-9]:([0-5][0-9]|60)(\\.[0-9]{0,10})?(\\+00:00|Z|-00:00|\\+01:00)"
        ) {
            let formatted = OffsetDateTime::parse(&text, &Rfc3339).ok().map(rfc3339);
            prop_assert_eq!(timestamp(&text), formatted);
        }
    }

    #[test]
    fn what_discord_writes_is_cut() {
        for text in [
            "2026-11-06T07:33:18.371000+00:00",
            "2026-11-06T07:33:18+00:00",
        ] {
            assert_eq!(cut(text).as_deref(), Some("2026-11-06T07:33:18Z"));
        }
    }
}
