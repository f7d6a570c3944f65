//! Minting: from a bot token to a bearer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, encode};

use super::claims::NewClaims;
use super::keys::Keys;
use super::scope::Scopes;
use crate::discord::{BotToken, ChannelId, GuildId};

/// What a new token shall allow, to whom, for how long.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The user of the audit log.
    pub sub: String,
    /// What the token allows.
    pub scopes: Scopes,
    /// How long it lives, in whole seconds.
    pub ttl: Duration,
    /// The channels it is limited to; none means all.
    pub channels: Vec<ChannelId>,
    /// The guilds it is limited to; none means all.
    pub guilds: Vec<GuildId>,
    /// Whether the bot token in it can be read by whoever has it.
    pub plain: bool,
}

/// A new token. It holds a secret and so has no `Debug`.
pub struct Minted {
    /// The token, ready for the `Authorization` header.
    pub jwt: String,
    /// Its id, by which the audit log knows it.
    pub jti: String,
    /// When it expires, in seconds since 1970.
    pub exp: u64,
}

/// Why no token was made.
#[derive(Debug, PartialEq, Eq)]
pub enum MintError {
    /// There is no private signing key here.
    NoSigningKey,
    /// There is no public sealing key here.
    NoSealingKey,
    /// A key refused to work.
    Failed,
}

impl std::fmt::Display for MintError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSigningKey => {
                "there is no private signing key (jwt.private.pem) in KEYS_DIR; mint where it is kept"
            }
            Self::NoSealingKey => {
                "there is no public sealing key (seal.public.pem) in KEYS_DIR; copy it from the server, or mint a readable token with --plain"
            }
            Self::Failed => "the keys in KEYS_DIR cannot sign and seal",
        })
    }
}

impl std::error::Error for MintError {}

/// Signs a token that carries `token`, sealed unless the grant says otherwise, and allows what
/// `grant` says.
///
/// # Errors
/// Where a key is missing, or does not work.
pub fn mint(
    keys: &Keys,
    issuer: &str,
    audience: &str,
    grant: &Grant,
    token: &BotToken,
) -> Result<Minted, MintError> {
    let (kid, signing) = keys.signing.as_ref().ok_or(MintError::NoSigningKey)?;
    let sealed = if grant.plain {
        None
    } else {
        let key = keys.sealing.as_ref().ok_or(MintError::NoSealingKey)?;
        Some(key.seal(token.expose()).ok_or(MintError::Failed)?)
    };
    let iat = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let exp = iat.saturating_add(grant.ttl.as_secs());
    let jti = uuid::Uuid::now_v7().to_string();
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(kid.clone());
    let claims = NewClaims {
        iss: issuer,
        aud: audience,
        sub: &grant.sub,
        iat,
        exp,
        jti: &jti,
        scope: &grant.scopes.to_string(),
        discord_token: grant.plain.then(|| token.expose()),
        discord_token_sealed: sealed.as_deref(),
        channels: &grant.channels,
        guilds: &grant.guilds,
    };
    let jwt = encode(&header, &claims, signing).map_err(|_| MintError::Failed)?;
    Ok(Minted { jwt, jti, exp })
}
