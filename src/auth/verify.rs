//! Verification: RFC 7519 and RFC 8725, with nothing left to a library's defaults.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};

use super::claims::Claims;
use super::keys::Keys;
use super::scope::{Scope, Scopes};
use crate::discord::{BotToken, ChannelId, GuildId};

/// How far the clocks of minter and server may be apart.
const LEEWAY_SECONDS: u64 = 5;
/// The longest `sub` and `jti`, which stand in every audit line.
const NAME_LIMIT: usize = 256;
/// Header parameters that would let a token bring its own key, or change what is signed.
const FORBIDDEN_HEADERS: [&str; 3] = ["crit", "b64", "zip"];

/// Why a bearer was refused. The caller never learns it; the server log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name says the reason")]
pub enum Rejection {
    NoBearer,
    SeveralHeaders,
    Oversized,
    Malformed,
    ForbiddenHeader,
    WrongAlgorithm,
    UnknownKey,
    BadSignature,
    BadClaims,
    WrongIssuer,
    WrongAudience,
    Expired,
    NotYetValid,
    LivesTooLong,
}

/// Who calls, and what they may do. It lives for one call.
pub struct Principal {
    /// The `sub` claim: the user of the audit log.
    pub user_id: String,
    /// The `jti` claim.
    pub jti: Option<String>,
    /// What the token allows.
    pub scopes: Scopes,
    /// The channels the token is limited to, if it is.
    pub channels: Option<HashSet<ChannelId>>,
    /// The guilds the token is limited to, if it is.
    pub guilds: Option<HashSet<GuildId>>,
    /// The bot token it carries.
    pub credential: Credential,
}

/// The bot token of a principal.
pub enum Credential {
    /// One of the right shape.
    Token(BotToken),
    /// None, or an empty one.
    Missing,
    /// A text that cannot be a bot token and must not be sent anywhere.
    Misshapen,
}

impl Principal {
    /// Whether the token's scope covers this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope)
    }
}

/// Verifies bearers against the keys and the configured issuer and audience.
pub struct Verifier {
    kid: String,
    key: DecodingKey,
    issuer: String,
    validation: Validation,
    max_lifetime: Duration,
}

impl Verifier {
    /// A verifier of tokens from `issuer` for `audience` that live at most `max_lifetime`.
    pub fn new(keys: &Keys, issuer: &str, audience: &str, max_lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self {
            kid: keys.kid.clone(),
            key: keys.verifying.clone(),
            issuer: issuer.to_owned(),
            validation,
            max_lifetime,
        }
    }

    /// Verifies a bearer.
    ///
    /// # Errors
    /// The first reason found. What the caller is told must not depend on it.
    pub fn verify(&self, bearer: &str) -> Result<Principal, Rejection> {
        let header = decode_header(bearer).map_err(|_| Rejection::Malformed)?;
        check_header(&header)?;
        if header.kid.as_deref() != Some(&self.kid) {
            return Err(Rejection::UnknownKey);
        }
        let claims = decode::<Claims>(bearer, &self.key, &self.validation)
            .map_err(|error| rejection(&error))?
            .claims;
        // The library would take a list that holds our issuer, too.
        if claims.iss != self.issuer {
            return Err(Rejection::WrongIssuer);
        }
        self.check_times(&claims)?;
        principal(claims)
    }

    fn check_times(&self, claims: &Claims) -> Result<(), Rejection> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if claims.iat > now.saturating_add(LEEWAY_SECONDS) {
            return Err(Rejection::NotYetValid);
        }
        let lifetime = claims
            .exp
            .checked_sub(claims.iat)
            .ok_or(Rejection::Expired)?;
        if lifetime > self.max_lifetime.as_secs() {
            return Err(Rejection::LivesTooLong);
        }
        Ok(())
    }
}

/// The one bearer of a process that serves one caller. It is verified anew for every request, so
/// that it stops to count when it expires. It holds a secret and so has no `Debug`.
pub struct OwnBearer {
    verifier: Verifier,
    bearer: SecretString,
}

impl OwnBearer {
    /// A bearer that `verifier` verifies.
    pub fn new(verifier: Verifier, bearer: SecretString) -> Self {
        Self { verifier, bearer }
    }

    /// Verifies it.
    ///
    /// # Errors
    /// Those of [`Verifier::verify`].
    pub fn verify(&self) -> Result<Principal, Rejection> {
        self.verifier.verify(self.bearer.expose_secret().trim())
    }
}

fn check_header(header: &Header) -> Result<(), Rejection> {
    if header.alg != Algorithm::RS256 {
        return Err(Rejection::WrongAlgorithm);
    }
    let typed = header.typ.as_deref().is_none_or(|typ| {
        ["JWT", "at+jwt", "application/at+jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
    });
    let brings_key = header.jku.is_some()
        || header.jwk.is_some()
        || header.x5u.is_some()
        || header.x5c.is_some();
    let extends = FORBIDDEN_HEADERS
        .iter()
        .any(|name| header.extras.inner().contains_key(*name));
    if !typed
        || brings_key
        || extends
        || header.enc.is_some()
        || header.zip.is_some()
        || header.crit.is_some()
    {
        return Err(Rejection::ForbiddenHeader);
    }
    Ok(())
}

fn rejection(error: &jsonwebtoken::errors::Error) -> Rejection {
    match error.kind() {
        ErrorKind::InvalidSignature => Rejection::BadSignature,
        ErrorKind::ExpiredSignature => Rejection::Expired,
        ErrorKind::ImmatureSignature => Rejection::NotYetValid,
        ErrorKind::InvalidIssuer => Rejection::WrongIssuer,
        ErrorKind::InvalidAudience => Rejection::WrongAudience,
        ErrorKind::Json(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_) => Rejection::BadClaims,
        _ => Rejection::Malformed,
    }
}

fn principal(claims: Claims) -> Result<Principal, Rejection> {
    let sane = |name: &str| !name.is_empty() && name.len() <= NAME_LIMIT;
    if !sane(&claims.sub) || claims.jti.as_deref().is_some_and(|jti| !sane(jti)) {
        return Err(Rejection::BadClaims);
    }
    let credential = match claims
        .discord_token
        .as_ref()
        .map(|token| token.expose_secret())
    {
        None | Some("") => Credential::Missing,
        Some(token) => BotToken::parse(token).map_or(Credential::Misshapen, Credential::Token),
    };
    Ok(Principal {
        user_id: claims.sub,
        jti: claims.jti,
        scopes: claims.scope.as_deref().map_or(Scopes::ALL, Scopes::parse),
        channels: claims.channels.map(|ids| ids.into_iter().collect()),
        guilds: claims.guilds.map(|ids| ids.into_iter().collect()),
        credential,
    })
}
