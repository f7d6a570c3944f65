//! Times as text: RFC 3339, in UTC. Results and lines for people have whole seconds, the lines of the
//! trail and of the server log microseconds.

use std::fmt;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time, UtcOffset};

/// How long one is: `2026-11-06T07:33:18Z`.
const LENGTH: usize = 20;
/// And one with microseconds: `2026-11-06T07:33:18.371000Z`.
const PRECISE: usize = 27;

/// A time in whole seconds. A page of messages has a hundred, so it is text without a box around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Timestamp([u8; LENGTH]);

impl Timestamp {
    /// The second in which this time lies. Of years that have not four digits, the nearest that has.
    pub fn of(time: OffsetDateTime) -> Self {
        let time = time.to_offset(UtcOffset::UTC);
        let (hour, minute, second) = time.to_hms();
        let year = time.year().clamp(0, 9999).unsigned_abs();
        let pairs = [
            (0, year / 100),
            (2, year % 100),
            (5, u8::from(time.month()).into()),
            (8, time.day().into()),
            (11, hour.into()),
            (14, minute.into()),
            (17, second.into()),
        ];
        let mut text = *b"0000-00-00T00:00:00Z";
        for (at, number) in pairs {
            if let Some([tens, ones]) = text.get_mut(at..at + 2) {
                (*tens, *ones) = (digit(number / 10), digit(number % 10));
            }
        }
        Self(text)
    }

    /// Reads a time of RFC 3339, as Discord writes them; `None` for what is not one.
    pub fn read(text: &str) -> Option<Self> {
        Self::cut(text).or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::of))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // It has ASCII alone, whichever way it was made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What Discord writes, such as `2026-11-06T07:33:18.371000+00:00`, is our form but for the
    /// fraction and the offset. `None` for any other form.
    fn cut(text: &str) -> Option<Self> {
        let (second, rest) = text.as_bytes().split_at_checked(LENGTH - 1)?;
        let fraction = rest.strip_suffix(b"+00:00")?;
        let fraction = fraction.strip_prefix(b".").unwrap_or(b"0");
        let is = |at: usize, byte: u8| second.get(at) == Some(&byte);
        let year = i32::from(pair(second, 0)?) * 100 + i32::from(pair(second, 2)?);
        let (month, day) = (pair(second, 5)?, pair(second, 8)?);
        let (hour, minute) = (pair(second, 11)?, pair(second, 14)?);
        let ours = is(4, b'-')
            && is(7, b'-')
            && is(10, b'T')
            && is(13, b':')
            && is(16, b':')
            && !fraction.is_empty()
            && fraction.iter().all(u8::is_ascii_digit)
            && Date::from_calendar_date(year, month.try_into().ok()?, day).is_ok()
            && Time::from_hms(hour, minute, pair(second, 17)?).is_ok();
        let mut text = [b'Z'; LENGTH];
        text.get_mut(..LENGTH - 1)?.copy_from_slice(second);
        ours.then_some(Self(text))
    }
}

/// A time in microseconds, made digit by digit: each call has three, and a formatter takes a microsecond
/// for one.
pub struct Precise([u8; PRECISE]);

impl Precise {
    /// The time that it is.
    pub fn now() -> Self {
        Self::of(OffsetDateTime::now_utc())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // It has ASCII alone.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn of(time: OffsetDateTime) -> Self {
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let second = Timestamp::of(time).0.into_iter().take(LENGTH - 1);
        text.iter_mut()
            .zip(second)
            .for_each(|(to, from)| *to = from);
        let mut micros = time.microsecond();
        for digit in text.iter_mut().rev().skip(1).take(6) {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        Self(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The number that two digits are.
fn pair(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at + 2)? {
        &[tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

/// A number below ten, as a digit.
fn digit(number: u32) -> u8 {
    b'0' + u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{datetime, format_description};

    use super::*;

    /// As the library writes it.
    fn formatted(time: OffsetDateTime) -> Option<String> {
        let time = time.to_offset(UtcOffset::UTC).replace_nanosecond(0).ok()?;
        time.format(&Rfc3339).ok()
    }

    proptest! {
        #[test]
        fn a_text_that_is_cut_says_what_one_that_is_formatted_says(
            text in "[0-9]{4}-(0[0-9]|1[0-3])-[0-3][0-9][Tt][0-2][0-9]:[0-6][0-9]:([0-5][0-9]|60)(\\.[0-9]{0,10})?(\\+00:00|Z|-00:00|\\+01:00)"
        ) {
            let time = OffsetDateTime::parse(&text, &Rfc3339).ok();
            let read = Timestamp::read(&text).map(|read| read.to_string());
            // An offset can lead out of the years that have four digits.
            if time.is_none_or(|time| formatted(time).is_some()) {
                prop_assert_eq!(read, time.and_then(formatted));
            }
        }

        #[test]
        fn a_time_stands_there_as_the_library_would_write_it(seconds in -62_167_219_200_i64..253_402_300_800) {
            let time = OffsetDateTime::from_unix_timestamp(seconds)?;
            prop_assert_eq!(Some(Timestamp::of(time).to_string()), formatted(time));
        }

        #[test]
        fn a_precise_one_has_all_digits(micros in 0..253_402_300_800_000_000_i128) {
            let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
            let time = OffsetDateTime::from_unix_timestamp_nanos(micros * 1_000)?;
            let precise = Precise::of(time);
            prop_assert_eq!(precise.as_str(), time.format(&form)?);
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            Timestamp::read(&text);
        }
    }

    #[test]
    fn zeros_are_written() {
        let time = datetime!(2026-01-02 03:04:05.000006 UTC);
        assert_eq!(Precise::of(time).as_str(), "2026-01-02T03:04:05.000006Z");
    }

    #[test]
    fn what_discord_writes_is_cut() {
        for text in [
            "2026-11-06T07:33:18.371000+00:00",
            "2026-11-06T07:33:18+00:00",
        ] {
            let cut = Timestamp::cut(text).map(|cut| cut.to_string());
            assert_eq!(cut.as_deref(), Some("2026-11-06T07:33:18Z"));
        }
    }
}
