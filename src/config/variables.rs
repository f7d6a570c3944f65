//! Reading one variable: its text, or what is wrong with it.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::ConfigError;
use crate::audit::holds_secret;
use crate::discord::{Snowflake, is_public};

/// The variables, by name.
pub(super) struct Variables<F>(pub(super) F);

impl<F: Fn(&'static str) -> Option<OsString>> Variables<F> {
    pub(super) fn optional(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = (self.0)(variable) else {
            return Ok(None);
        };
        let text = value.into_string().map_err(|_| ConfigError {
            variable,
            value: None,
            allowed: "text in UTF-8",
        })?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    pub(super) fn text(
        &self,
        variable: &'static str,
        default: &'static str,
    ) -> Result<String, ConfigError> {
        Ok(self
            .optional(variable)?
            .unwrap_or_else(|| default.to_owned()))
    }

    pub(super) fn parsed<T>(
        &self,
        variable: &'static str,
        default: &'static str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self.text(variable, default)?;
        let value = Some(text.clone()).filter(|text| is_shown(text));
        parse(&text).ok_or(ConfigError {
            variable,
            value,
            allowed,
        })
    }

    pub(super) fn list(
        &self,
        variable: &'static str,
        allowed: &'static str,
        good: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, ConfigError> {
        self.parsed(variable, "", allowed, |text| {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items
                .map(|item| good(item).then(|| item.to_owned()))
                .collect()
        })
    }

    /// A list of IP addresses and ranges.
    pub(super) fn networks(&self, variable: &'static str) -> Result<Vec<IpNet>, ConfigError> {
        let allowed = "IP addresses and ranges, comma-separated, such as 10.0.0.0/8, ::1";
        let network = |text: &str| {
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse().ok().or_else(address)
        };
        self.parsed(variable, "", allowed, |text| {
            let items = text.split(',').map(str::trim);
            items.filter(|item| !item.is_empty()).map(network).collect()
        })
    }

    /// A list of Discord ids; `None` where there is none.
    pub(super) fn ids(
        &self,
        variable: &'static str,
    ) -> Result<Option<Vec<Snowflake>>, ConfigError> {
        let allowed = "Discord ids, comma-separated: decimal digits";
        self.parsed(variable, "", allowed, |text| {
            if text.is_empty() {
                return Some(None);
            }
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            let ids = items.map(Snowflake::parse).collect::<Option<Vec<_>>>()?;
            // Nothing but commas is a limit that somebody meant to set.
            (!ids.is_empty()).then_some(Some(ids))
        })
    }

    pub(super) fn duration(
        &self,
        variable: &'static str,
        default: &'static str,
    ) -> Result<Duration, ConfigError> {
        self.parsed(
            variable,
            default,
            "a duration above zero such as 500ms, 30s, 10m, 1h or 30d",
            duration,
        )
    }

    pub(super) fn number(
        &self,
        variable: &'static str,
        default: &'static str,
    ) -> Result<NonZeroU32, ConfigError> {
        self.parsed(
            variable,
            default,
            "a whole number from 1 to 100000",
            |text| {
                text.parse::<NonZeroU32>()
                    .ok()
                    .filter(|number| number.get() <= 100_000)
            },
        )
    }

    pub(super) fn count(
        &self,
        variable: &'static str,
        default: &'static str,
    ) -> Result<usize, ConfigError> {
        self.parsed(
            variable,
            default,
            "a whole number from 1 to 100000",
            |text| {
                text.parse()
                    .ok()
                    .filter(|count| (1..=100_000).contains(count))
            },
        )
    }
}

/// Whether a value may stand in a message. An address with an `@` may hold a password, and anything
/// may hold a token in the wrong place.
pub(super) fn is_shown(value: &str) -> bool {
    !value.contains('@') && !holds_secret(value)
}

pub(super) fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

pub(super) fn switch(text: &str) -> Option<bool> {
    text.parse().ok()
}

/// Reads directives of tracing. A word alone must be a level: as a target, which it could be too, a
/// misspelt one would silence all others.
pub(super) fn log_filter(text: &str) -> Option<String> {
    text.parse::<Targets>().ok()?;
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    let is_clear = |part: &str| part.is_empty() || part.contains('=') || is_level(part);
    let parts = text.split(',').map(str::trim);
    parts.into_iter().all(is_clear).then(|| text.to_owned())
}

/// Reads `8MiB` or `512KiB`, from 1 KiB to 24 MiB, or `0`. Discord takes no request above 25 MiB.
pub(super) fn size(text: &str) -> Option<usize> {
    if text == "0" {
        return Some(0);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let bytes_a_unit = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    let bytes = number.parse::<usize>().ok()?.checked_mul(bytes_a_unit)?;
    (1 << 10..=24 << 20).contains(&bytes).then_some(bytes)
}

/// Reads `500ms`, `30s`, `10m`, `1h`, `30d`: a whole number above zero and a unit, at most 10 years.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let milliseconds_a_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let milliseconds = number
        .parse::<u64>()
        .ok()?
        .checked_mul(milliseconds_a_unit)?;
    (1..=315_576_000_000)
        .contains(&milliseconds)
        .then(|| Duration::from_millis(milliseconds))
}

/// Takes a bare origin whose traffic nobody on the way can read: https, or http to this machine.
pub(super) fn origin(text: &str, insecure: bool) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let private = url.scheme() == "https"
        || (url.scheme() == "http" && (insecure || is_loopback(&url)) && url.host_str().is_some());
    (bare && private).then(|| url.origin().ascii_serialization())
}

/// Takes the origin of a CDN: https, or http to a loopback address. A name is resolved to public
/// addresses alone, so one that stands for this machine would never be reached.
pub(super) fn cdn(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let address = url
        .host_str()
        .and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    let followed = match address {
        Some(address) => address.is_loopback() || is_public(address),
        None => url.scheme() == "https",
    };
    origin(text, false).filter(|_| followed)
}

/// Takes the address of a document: https, or http to this machine, without a user or a fragment.
pub(super) fn document(text: &str) -> Option<reqwest::Url> {
    let url = reqwest::Url::parse(text).ok()?;
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (bare && private && url.host_str().is_some()).then_some(url)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}
