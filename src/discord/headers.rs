//! What Discord's headers say of its limits.
//! <https://discord.com/developers/docs/topics/rate-limits#header-format>
//!
//! A header that cannot be read counts as one that is not there.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

/// The longest time that a header is believed to mean.
const LONGEST_SECONDS: f64 = 86_400.0;

/// The limits that an answer tells of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RateHeaders {
    /// The bucket that the route counts in, with its state.
    pub(super) window: Option<Window>,
    /// The name of that bucket, which other routes may share.
    pub(super) bucket: Option<String>,
    /// For a 429: whether it is about all that the bot sends.
    pub(super) global: bool,
    /// For a 429: whether others used up the limit.
    pub(super) shared: bool,
    /// How long to wait.
    pub(super) retry_after: Option<Duration>,
}

/// A bucket's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// Requests in a window.
    pub(super) limit: u32,
    /// Those that are left in this one.
    pub(super) remaining: u32,
    /// When the next one begins.
    pub(super) reset_after: Duration,
}

impl RateHeaders {
    /// Reads the headers of an answer; of one that is no refusal, what they say of its bucket.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?.trim();
            // Two of them say nothing for sure.
            values.next().is_none().then_some(value)
        };
        let of = |name: &'static str| text(HeaderName::from_static(name));
        let count = |name| of(name)?.parse::<u32>().ok();
        let window = || {
            Some(Window {
                limit: count("x-ratelimit-limit").filter(|&limit| limit > 0)?,
                remaining: count("x-ratelimit-remaining")?,
                reset_after: seconds(of("x-ratelimit-reset-after")?.parse().ok()?)?,
            })
        };
        let told = Self {
            window: window(),
            bucket: of("x-ratelimit-bucket").map(str::to_owned),
            ..Self::default()
        };
        if status.is_success() {
            return told;
        }
        let scope = of("x-ratelimit-scope");
        Self {
            global: scope == Some("global") || of("x-ratelimit-global") == Some("true"),
            shared: scope == Some("shared"),
            // However long it is: that it is long is what counts.
            retry_after: text(header::RETRY_AFTER)
                .and_then(|text| text.parse::<f64>().ok())
                .and_then(|number| seconds(number.min(LONGEST_SECONDS))),
            ..told
        }
    }
}

/// A number of seconds that can be one.
pub(super) fn seconds(number: f64) -> Option<Duration> {
    (0.0..=LONGEST_SECONDS)
        .contains(&number)
        .then(|| Duration::from_secs_f64(number))
}
