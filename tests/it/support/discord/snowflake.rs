//! Discord's ids: the upper 42 bits are milliseconds since the first second of 2015.

use time::{Duration, OffsetDateTime, macros::datetime, macros::format_description};

const EPOCH: OffsetDateTime = datetime!(2015-01-01 00:00 UTC);

/// The smallest id of that moment.
pub fn at(moment: OffsetDateTime) -> u64 {
    let milliseconds = (moment - EPOCH).whole_milliseconds();
    u64::try_from(milliseconds).expect("Discord's time begins in 2015") << 22
}

/// The moment an id was made at.
pub fn moment(id: u64) -> OffsetDateTime {
    let milliseconds = i64::try_from(id >> 22).expect("42 bits fit");
    EPOCH + Duration::milliseconds(milliseconds)
}

/// The moment as Discord writes it: six digits of a second, and an offset instead of `Z`.
pub fn timestamp(id: u64) -> String {
    let form = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00"
    );
    moment(id)
        .format(&form)
        .expect("every moment has a written form")
}

/// An id as Discord reads it: decimal digits that fit a signed 64-bit number.
pub fn parse(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits)?;
    i64::try_from(id).is_ok().then_some(id)
}
