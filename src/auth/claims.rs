//! The claims of a token: RFC 7519, RFC 9068 for `scope`, and our own.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::discord::{ChannelId, GuildId};

/// What a token says. It holds a secret and so has no `Debug`. A claim that is given twice or has
/// the wrong type keeps the whole from being read.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) jti: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) discord_token: Option<SecretString>,
    pub(super) channels: Option<Vec<ChannelId>>,
    pub(super) guilds: Option<Vec<GuildId>>,
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
    pub(super) discord_token: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) channels: &'a [ChannelId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) guilds: &'a [GuildId],
}
