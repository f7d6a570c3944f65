//! The claims of a token: RFC 7519, RFC 9068 for `scope`, and our own.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::discord::{ChannelId, GuildId};

/// What a token says. It holds a secret and so has no `Debug`. A claim that is given twice or has
/// the wrong type keeps the whole from being read.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) jti: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) discord_token: Option<SecretString>,
    pub(super) discord_token_sealed: Option<SecretString>,
    pub(super) channels: Option<Vec<ChannelId>>,
    pub(super) guilds: Option<Vec<GuildId>>,
}

/// Whose token it says it is.
#[derive(Deserialize)]
pub(super) struct Issuer {
    pub(super) iss: String,
}

/// The names of a token's header parameters; `None` where it has no header.
pub(super) fn header_names(bearer: &str) -> Option<Vec<String>> {
    let header = URL_SAFE_NO_PAD.decode(bearer.split('.').next()?).ok()?;
    let members: BTreeMap<String, IgnoredAny> = serde_json::from_slice(&header).ok()?;
    Some(members.into_keys().collect())
}

/// Whether a token's payload is an object in UTF-8 (RFC 7519 section 7.2). A list of the claims'
/// values would be read as one, too, and what is skipped is not looked at.
pub(super) fn has_object(bearer: &str) -> bool {
    let payload = bearer.split('.').nth(1);
    let decoded = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    decoded.map(Zeroizing::new).is_some_and(|json| {
        json.trim_ascii_start().starts_with(b"{") && std::str::from_utf8(&json).is_ok()
    })
}

/// The text of one claim of a verified token, by its name; `Some(None)` where it has no such claim
/// or null, `None` where that is given twice or is no text.
pub(super) fn named_secret(bearer: &str, name: &str) -> Option<Option<SecretString>> {
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(bearer.split('.').nth(1)?).ok()?);
    let mut reader = serde_json::Deserializer::from_slice(&payload);
    OneClaim(name).deserialize(&mut reader).ok()
}

/// Reads one member of an object, and skips all others.
struct OneClaim<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for OneClaim<'_> {
    type Value = Option<SecretString>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneClaim<'_> {
    type Value = Option<SecretString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = claims.next_key::<String>()? {
            if name != self.0 {
                claims.next_value::<IgnoredAny>()?;
            } else if found.replace(claims.next_value()?).is_some() {
                return Err(A::Error::custom("given twice"));
            }
        }
        Ok(found.flatten())
    }
}

/// The claims of a token that is being minted. It serializes the bot token, which is the point of
/// minting, and lives only as long as that takes.
#[derive(Serialize)]
pub(super) struct NewClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: &'a str,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: &'a str,
    pub(super) scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) discord_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) discord_token_sealed: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) channels: &'a [ChannelId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) guilds: &'a [GuildId],
}
