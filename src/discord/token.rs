//! The bot token: a secret with a known shape.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::id::{Snowflake, UserId};

/// A Discord bot token of the right shape. It has neither `Debug` nor `Serialize`, is wiped from
/// memory when dropped, and leaves this type only as a request header.
#[derive(Clone)]
pub struct BotToken {
    text: SecretString,
    user_id: UserId,
    /// By which the process remembers it: there is one key for these, made at start.
    tag: OnceLock<Tag>,
}

/// A keyed digest of a token.
pub(super) type Tag = [u8; 32];

impl BotToken {
    /// Takes a token of the form that Discord's developer portal shows: three dot-separated
    /// base64url parts, of which the first is the bot's own id. `None` for anything else, so that
    /// an empty string, a `Bearer …` credential or a JWT is never sent to Discord as a bot token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (id, stamp, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let user_id = user_id(id)?;
        let shaped = parts.next().is_none()
            && (5..=12).contains(&stamp.len())
            && (20..=80).contains(&mac.len())
            && [stamp, mac]
                .iter()
                .all(|part| part.bytes().all(is_base64url));
        shaped.then(|| Self {
            text: text.into(),
            user_id,
            tag: OnceLock::new(),
        })
    }

    /// Takes a token as people paste it: with white space around it, or with `Bot ` before it.
    pub fn from_pasted(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret().trim();
        Self::parse(text.strip_prefix("Bot ").unwrap_or(text))
    }

    /// The bot's own user id, which the token begins with.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The value of the `Authorization` header that Discord expects.
    pub(super) fn authorization(&self) -> SecretString {
        ["Bot ", self.text.expose_secret()].concat().into()
    }

    /// The digest that `make` makes of the token, which is made once.
    pub(super) fn tag(&self, make: impl FnOnce(&[u8]) -> Tag) -> &Tag {
        self.tag
            .get_or_init(|| make(self.text.expose_secret().as_bytes()))
    }

    /// The token itself, for the claim of a token that is being minted.
    pub(crate) fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

fn user_id(part: &str) -> Option<UserId> {
    let decoded = STANDARD_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    let text = std::str::from_utf8(&decoded).ok()?;
    Snowflake::parse(text).map(UserId)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
