//! Reading another party's JWK set (RFC 7517), key by key: one that cannot be used does not spoil
//! the others.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use super::key_files::PublicKey;

/// The most keys that a set may have.
const KEYS_LIMIT: usize = 100;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    n: String,
    e: String,
}

impl Jwk {
    /// Whether its owner lets it verify RS256 (RFC 7517 sections 4.2 to 4.4).
    fn verifies(&self) -> bool {
        self.kty == "RSA"
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == "RS256")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|operations| operations.iter().any(|one| one == "verify"))
    }

    fn key(&self) -> Result<DecodingKey, String> {
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| "is not in base64url".to_owned())
        };
        let key = PublicKey::from_components(&decode(&self.n)?, &decode(&self.e)?)?;
        Ok(key.verifying())
    }
}

/// The keys of a set that verify RS256 within our policy, by `kid`. Of two keys with one `kid`
/// neither is taken: which is meant nobody can say.
///
/// # Errors
/// When it is no JWK set, or one of more than 100 keys.
pub(super) fn read(text: &[u8]) -> Result<HashMap<String, DecodingKey>, &'static str> {
    let no_set = "the answer is no JWK set";
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(no_set);
    }
    let set: Set = serde_json::from_slice(text).map_err(|_| no_set)?;
    if set.keys.len() > KEYS_LIMIT {
        return Err("the set has more than 100 keys");
    }
    let (mut keys, mut twice) = (HashMap::new(), HashSet::new());
    for value in set.keys {
        // A list of the values would be read as a key, too.
        let Some(jwk) = Some(value)
            .filter(Value::is_object)
            .and_then(|value| Jwk::deserialize(value).ok())
            .filter(Jwk::verifies)
        else {
            continue;
        };
        match jwk.key() {
            Ok(key) => {
                if keys.insert(jwk.kid.clone(), key).is_some() {
                    twice.insert(jwk.kid);
                }
            }
            Err(problem) => {
                tracing::warn!(
                    kid = jwk.kid,
                    problem,
                    "a key of the identity provider is not used"
                );
            }
        }
    }
    for kid in twice {
        tracing::warn!(
            kid,
            "two keys of the identity provider have one kid; neither is used"
        );
        keys.remove(&kid);
    }
    Ok(keys)
}
