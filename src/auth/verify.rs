//! Verification: RFC 7519, RFC 8725 and RFC 9068, with nothing left to a library's defaults.

use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::bearer::HEADER_LIMIT;
use super::cache::{Verified, VerifiedBearers};
use super::claims::{Claims, Issuer, has_object, header_names, named_secret};
use super::keys::Keys;
use super::principal::{Credential, Limits, OperatorLimits, Principal};
use super::provider::Provider;
use super::rejection::Rejection;
use super::revocation::Revocations;
use super::scope::Scopes;
use super::seal;
use crate::discord::BotToken;

/// How far the clocks of minter and server may be apart.
const LEEWAY_SECONDS: u64 = 5;
/// The longest `sub` and `jti`, which stand in every audit line.
const NAME_LIMIT: usize = 256;
/// Header parameters that would let a token bring its own key, or change how it is read.
const FORBIDDEN_HEADERS: [&str; 8] = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"];

/// What a token must be like, besides being signed with one of our keys.
pub struct Rules {
    /// The `iss` of our own tokens.
    pub issuer: String,
    /// The `aud` of all tokens.
    pub audience: String,
    /// The longest life, `exp` minus `iat`.
    pub max_lifetime: Duration,
    /// Whether the bot token must be sealed.
    pub require_sealed: bool,
    /// What the operator lets anybody do.
    pub operator: OperatorLimits,
    /// What is revoked.
    pub revocations: Revocations,
    /// An identity provider whose tokens are taken too.
    pub provider: Option<Provider>,
}

/// Verifies bearers.
pub struct Verifier {
    keys: RwLock<Arc<Keys>>,
    own: Validation,
    issuer: String,
    provider: Option<(Arc<Provider>, Validation)>,
    max_lifetime: Duration,
    require_sealed: bool,
    operator: Arc<OperatorLimits>,
    revocations: Revocations,
    readable_told: Once,
    verified: VerifiedBearers,
}

impl Verifier {
    /// A verifier of tokens that `keys`, or the provider's keys, signed, and that keep the rules.
    pub fn new(keys: Arc<Keys>, rules: Rules) -> Self {
        let validation = |issuer: &str| {
            let mut validation = Validation::new(Algorithm::RS256);
            validation.leeway = LEEWAY_SECONDS;
            validation.validate_nbf = true;
            validation.set_issuer(&[issuer]);
            validation.set_audience(&[&rules.audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation
        };
        let provider = rules.provider.map(|provider| {
            let theirs = validation(&provider.config().issuer);
            (Arc::new(provider), theirs)
        });
        Self {
            keys: RwLock::new(keys),
            own: validation(&rules.issuer),
            provider,
            issuer: rules.issuer,
            max_lifetime: rules.max_lifetime,
            require_sealed: rules.require_sealed,
            operator: Arc::new(rules.operator),
            revocations: rules.revocations,
            readable_told: Once::new(),
            verified: VerifiedBearers::new(),
        }
    }

    /// Verifies a bearer, unless that was done lately and its grounds still hold. A token of the
    /// provider may cost a fetch of its keys.
    ///
    /// # Errors
    /// The first reason found. What the caller is told must not depend on it.
    pub async fn verify(&self, bearer: &str) -> Result<Arc<Principal>, Rejection> {
        if let Some(verified) = self.verified.get(bearer) {
            if self.holds(&verified).await {
                crate::metrics::bearer(true);
                return Ok(verified.principal);
            }
            self.verified.forget(bearer);
        }
        crate::metrics::bearer(false);
        let verified = self.verify_anew(bearer).await?;
        let principal = Arc::clone(&verified.principal);
        self.verified.keep(bearer, verified);
        Ok(principal)
    }

    /// Whether nothing has changed that a bearer was verified with, and it has neither expired nor
    /// been revoked.
    async fn holds(&self, verified: &Verified) -> bool {
        let theirs = match (&verified.theirs, &self.provider) {
            (None, _) => true,
            (Some((kid, key)), Some((provider, _))) => {
                let now = provider.key(kid).await;
                now.is_some_and(|now| Arc::ptr_eq(&now, key))
            }
            (Some(_), None) => false,
        };
        let principal = &verified.principal;
        let (jti, sub) = (principal.jti.as_deref(), &principal.user_id);
        theirs
            && Arc::ptr_eq(&verified.keys, &self.keys())
            // What is let in after that, for a clock that is behind, is verified anew each time.
            && now() < verified.exp
            && !self.revocations.cover(jti, sub, verified.iat)
    }

    async fn verify_anew(&self, bearer: &str) -> Result<Verified, Rejection> {
        let header = decode_header(bearer).map_err(|_| Rejection::Malformed)?;
        check_header(bearer, &header)?;
        if !has_object(bearer) {
            return Err(Rejection::BadClaims);
        }
        let kid = header.kid.as_deref().ok_or(Rejection::UnknownKey)?;
        // What the token says of its issuer decides which keys may verify it, and is verified then.
        let Issuer { iss } = insecure_decode_claims(bearer).map_err(|_| Rejection::BadClaims)?;
        let keys = self.keys();
        let (key, validation, provider) = match &self.provider {
            _ if iss == self.issuer => (keys.verifying.get(kid).cloned(), &self.own, None),
            Some((provider, theirs)) if iss == provider.config().issuer => {
                (provider.key(kid).await, theirs, Some(provider.config()))
            }
            _ => return Err(Rejection::WrongIssuer),
        };
        let key = key.ok_or(Rejection::UnknownKey)?;
        let mut claims = decode::<Claims>(bearer, &key, validation)
            .map_err(|error| rejection(&error))?
            .claims;
        self.check(&claims)?;
        if let Some(claim) = provider.and_then(|config| config.token_claim.as_deref()) {
            let secret = named_secret(bearer, claim).ok_or(Rejection::BadClaims)?;
            let is_sealed = |text: &SecretString| text.expose_secret().matches('.').count() == 4;
            (claims.discord_token_sealed, claims.discord_token) = match secret {
                Some(secret) if is_sealed(&secret) => (Some(secret), None),
                secret => (None, secret),
            };
        }
        let credential = self.credential(&claims, &keys)?;
        Ok(Verified {
            theirs: provider.map(|_| (kid.to_owned(), key)),
            keys,
            iat: claims.iat,
            exp: claims.exp,
            principal: Arc::new(self.principal(claims, credential)),
        })
    }

    /// Takes these keys in place of those there were, from the next token on.
    pub fn use_keys(&self, keys: Arc<Keys>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.verified.clear();
    }

    /// Fetches the provider's keys, where there is one, so that the first call need not wait.
    pub async fn prepare(&self) {
        if let Some((provider, _)) = &self.provider {
            provider.fetch().await;
        }
    }

    /// Whether there is a key to verify tokens with, ours or the provider's.
    pub fn has_keys(&self) -> bool {
        let provider = self.provider.as_ref();
        self.keys().can_verify() || provider.is_some_and(|(provider, _)| provider.has_keys())
    }

    /// Our public keys as a JWK set, those to verify and the one to seal with.
    pub fn published(&self) -> Value {
        self.keys().published().clone()
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the library does not check, or not as strictly.
    fn check(&self, claims: &Claims) -> Result<(), Rejection> {
        let sane = |name: &str| !name.is_empty() && name.len() <= NAME_LIMIT;
        if !sane(&claims.sub) || claims.jti.as_deref().is_some_and(|jti| !sane(jti)) {
            return Err(Rejection::BadClaims);
        }
        if claims.iat > now().saturating_add(LEEWAY_SECONDS) {
            return Err(Rejection::NotYetValid);
        }
        let lifetime = claims
            .exp
            .checked_sub(claims.iat)
            .ok_or(Rejection::Expired)?;
        if lifetime > self.max_lifetime.as_secs() {
            return Err(Rejection::LivesTooLong);
        }
        if self
            .revocations
            .cover(claims.jti.as_deref(), &claims.sub, claims.iat)
        {
            return Err(Rejection::Revoked);
        }
        Ok(())
    }

    /// The bot token, opened where it is sealed.
    fn credential(&self, claims: &Claims, keys: &Keys) -> Result<Credential, Rejection> {
        let opened;
        let text = match (&claims.discord_token, &claims.discord_token_sealed) {
            (Some(_), Some(_)) => return Err(Rejection::BadClaims),
            (None, None) => return Ok(Credential::Missing),
            (Some(readable), None) if readable.expose_secret().is_empty() => {
                return Ok(Credential::Missing);
            }
            (Some(_), None) if self.require_sealed => return Err(Rejection::NotSealed),
            (Some(readable), None) => {
                self.readable_told.call_once(|| {
                    tracing::warn!("a token carries its bot token readable; mint sealed ones, and set REQUIRE_SEALED_TOKENS=true");
                });
                readable
            }
            (None, Some(sealed)) => {
                opened = seal::open(&keys.opening, sealed.expose_secret())?;
                &opened
            }
        };
        Ok(BotToken::parse(text.expose_secret()).map_or(Credential::Misshapen, Credential::Token))
    }

    fn principal(&self, claims: Claims, credential: Credential) -> Principal {
        Principal {
            user_id: claims.sub,
            jti: claims.jti,
            scopes: claims.scope.as_deref().map_or(Scopes::ALL, Scopes::parse),
            limits: Limits {
                channels: claims.channels.map(|ids| ids.into_iter().collect()),
                guilds: claims.guilds.map(|ids| ids.into_iter().collect()),
            },
            operator: Arc::clone(&self.operator),
            credential,
        }
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
    pub async fn verify(&self) -> Result<Arc<Principal>, Rejection> {
        let bearer = self.bearer.expose_secret().trim();
        // As in the header that it would be sent in.
        if "Bearer ".len() + bearer.len() > HEADER_LIMIT {
            return Err(Rejection::Oversized);
        }
        self.verifier.verify(bearer).await
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn check_header(bearer: &str, header: &Header) -> Result<(), Rejection> {
    if header.alg != Algorithm::RS256 {
        return Err(Rejection::WrongAlgorithm);
    }
    let typed = header.typ.as_deref().is_none_or(|typ| {
        ["JWT", "at+jwt", "application/at+jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
    });
    // The library does not tell a member that is null from one that is not there.
    let names = header_names(bearer).ok_or(Rejection::Malformed)?;
    let forbidden = |name: &String| FORBIDDEN_HEADERS.contains(&name.as_str());
    if !typed || names.iter().any(forbidden) {
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
