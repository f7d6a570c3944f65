//! What can be read off a token without verifying it, and shown to whoever holds it: no secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// The claims that are shown. Any other may hold a secret, whatever its name.
const SHOWN: [&str; 9] = [
    "iss", "aud", "sub", "jti", "iat", "exp", "scope", "channels", "guilds",
];

/// How a token carries its bot token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Not in a claim of ours.
    Nothing,
    /// As it is.
    Readable,
    /// As a JWE.
    Sealed,
}

/// What a token says of itself, true or not.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The key that it names.
    pub kid: Option<String>,
    /// Those of its claims that are no secret.
    pub claims: Map<String, Value>,
    /// How it carries its bot token.
    pub carried: Carried,
}

/// Reads a token. `None` where it is none.
pub fn show(token: &SecretString) -> Option<Shown> {
    let mut parts = token.expose_secret().trim().split('.');
    let object = |part: Option<&str>| {
        let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(part?).ok()?);
        serde_json::from_slice::<Map<String, Value>>(&json).ok()
    };
    let (header, mut claims) = (object(parts.next())?, object(parts.next())?);
    let given = |name: &str| claims.get(name).is_some_and(|claim| !claim.is_null());
    let carried = if given("discord_token") {
        Carried::Readable
    } else if given("discord_token_sealed") {
        Carried::Sealed
    } else {
        Carried::Nothing
    };
    claims.retain(|name, _| SHOWN.contains(&name.as_str()));
    let kid = header.get("kid").and_then(Value::as_str);
    Some(Shown {
        kid: kid.map(str::to_owned),
        claims,
        carried,
    })
}
