//! A second opinion on a token that was let in, read off its JSON as simply as can be.

use discord_mcp_server::auth::{Principal, Scopes};
use serde_json::Value;

use crate::stage::{MAX_LIFETIME, NAME, now};

const LEEWAY: u64 = 5;
const FORBIDDEN: [&str; 8] = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"];

/// Panics where the header or the claims break a rule, or the principal is not what they say.
pub fn opinion(kid: &str, principal: &Principal, header: &str, claims: &str) {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(header), Some(claims)) = (read(header), read(claims)) else {
        // A half of a surrogate pair is no text, and nothing in a member that nobody reads.
        assert!(header.contains("\\u") || claims.contains("\\u"));
        return;
    };
    let [header, claims] =
        [header, claims].map(|value| value.as_object().expect("an object").clone());
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap();

    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["kid"], kid);
    assert!(FORBIDDEN.iter().all(|name| !header.contains_key(*name)));

    assert_eq!(text("iss"), Some(NAME));
    let audience = &claims["aud"];
    let listed = |all: &Vec<Value>| all.iter().any(|one| one == NAME);
    assert!(audience == NAME || audience.as_array().is_some_and(listed));
    assert_eq!(text("sub"), Some(&*principal.user_id));
    assert!((1..=256).contains(&principal.user_id.len()));

    let (from, until) = (number("iat"), number("exp"));
    assert!(from <= now() + LEEWAY && now() <= until + LEEWAY + 1);
    assert!(until - from <= MAX_LIFETIME);
    let begins = claims.get("nbf").filter(|begins| !begins.is_null());
    assert!(begins.is_none_or(|begins| begins.as_f64().unwrap() <= (now() + LEEWAY + 1) as f64));

    assert_eq!(text("jti"), principal.jti.as_deref());
    assert!(principal.scopes == text("scope").map_or(Scopes::ALL, Scopes::parse));
    let limited = |name: &str| claims.get(name).is_some_and(|ids| !ids.is_null());
    assert_eq!(limited("channels"), principal.limits.channels.is_some());
    assert_eq!(limited("guilds"), principal.limits.guilds.is_some());
}
