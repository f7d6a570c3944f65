//! One request as the stand-in saw it, and the ways to read it.

use axum::http::HeaderMap;
use serde_json::Value;

use super::{
    answer::{Answer, not_a_snowflake},
    routes, snowflake,
};

/// A request that reached the stand-in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// With `/api/v10`, as it was sent.
    pub path: String,
    /// Decoded, in order, repeated names kept.
    pub query: Vec<(String, String)>,
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Seen {
    /// The body as JSON; panics on any other body, as tests want.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the request has a JSON body")
    }

    /// Whether it is for this route, in template form: `GET /channels/{channel_id}/messages`.
    pub fn is_on(&self, route: &str) -> bool {
        let found = routes::find(&self.method, &self.path);
        found.is_ok_and(|found| found.template == route)
    }

    /// A header as text, if it is there once or more and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.query.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    pub(super) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).last()
    }

    pub(super) fn snowflake(&self, name: &str) -> Result<Option<u64>, Answer> {
        self.value(name).map(|text| id(name, text)).transpose()
    }

    pub(super) fn integer(&self, name: &str, min: u64, max: u64) -> Result<Option<u64>, Answer> {
        let Some(text) = self.value(name) else {
            return Ok(None);
        };
        let Ok(number) = text.parse::<i64>() else {
            let message = format!("Value \"{text}\" is not int.");
            return Err(Answer::form(name, "NUMBER_TYPE_COERCE", &message));
        };
        match u64::try_from(number).ok().filter(|number| *number >= min) {
            None => {
                let message = format!("int value should be greater than or equal to {min}.");
                Err(Answer::form(name, "NUMBER_TYPE_MIN", &message))
            }
            Some(number) if number > max => {
                let message = format!("int value should be less than or equal to {max}.");
                Err(Answer::form(name, "NUMBER_TYPE_MAX", &message))
            }
            some => Ok(some),
        }
    }

    /// The reason for Discord's audit log, which travels percent-encoded.
    pub(super) fn reason(&self) -> Option<String> {
        let raw = self.header("x-audit-log-reason")?;
        Some(percent_decode(raw)).filter(|reason| !reason.is_empty())
    }
}

/// A snowflake of a path, a query or a body, or the form error for that field.
pub fn id(field: &str, text: &str) -> Result<u64, Answer> {
    snowflake::parse(text).ok_or_else(|| not_a_snowflake(field, text))
}

/// Splits and decodes a query string; `+` is a space there, as forms write it.
pub fn parse_query(raw: &str) -> Vec<(String, String)> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_decode(&text.replace('+', " "));
            (decode(name), decode(value))
        })
        .collect()
}

/// Undoes percent-encoding; a stray `%` stays what it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
