//! `mint-token`: what a new token says, what is said of it, and what is not minted. What it is minted
//! from is in `mint_sources`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::discord::seed::{BOT_TOKEN, GENERAL, GUILD, OTHER_GUILD, QUIET};
use crate::support::process::{Finished, run};
use crate::support::tokens;

pub const BOT: &[(&str, &str)] = &[("DISCORD_TOKEN", BOT_TOKEN)];

/// A folder with the keys of the tests.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    dir
}

pub fn mint(dir: &Path, arguments: &[&str]) -> Finished {
    run(dir, BOT, &[&["mint-token"], arguments].concat())
}

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&decode(part)).unwrap()
}

/// The header and the claims of the one token on standard output.
#[track_caller]
pub fn minted(told: &Finished) -> (Value, Value) {
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let jwt = told.stdout.strip_suffix('\n').unwrap();
    let [header, claims, _] = jwt.split('.').collect::<Vec<_>>()[..] else {
        panic!("{jwt} is no token");
    };
    (json_of(header), json_of(claims))
}

/// Takes the claims away that differ from token to token, after a look at them.
#[track_caller]
pub fn settled(mut claims: Value, ttl: u64) -> Value {
    let mut take = |name: &str| claims.as_object_mut().unwrap().remove(name).unwrap();
    let (iat, exp) = (take("iat").as_u64().unwrap(), take("exp").as_u64().unwrap());
    assert!(tokens::now().abs_diff(iat) < 60);
    assert_eq!(exp - iat, ttl);
    assert_eq!(take("jti").as_str().unwrap().len(), 36);
    claims
}

const ALL: &str = "discord:read discord:write discord:moderate";

#[test]
fn a_token_is_sealed_unless_it_is_asked_to_be_readable() {
    let dir = folder();
    let (header, claims) = minted(&mint(dir.path(), &[]));
    let expected = json!({"alg": "RS256", "typ": "JWT", "kid": tokens::kid()});
    assert_eq!(header, expected);
    let mut claims = settled(claims, 3600);
    let sealed = claims
        .as_object_mut()
        .unwrap()
        .remove("discord_token_sealed");
    let rest = json!({
        "iss": "discord-mcp-server",
        "aud": "discord-mcp-server",
        "sub": "default-user",
        "scope": ALL,
    });
    assert_eq!(claims, rest);

    let sealed = sealed.unwrap();
    let parts: Vec<_> = sealed.as_str().unwrap().split('.').collect();
    assert_eq!(parts.len(), 5);
    let mut header = json_of(parts[0]);
    let kid = header.as_object_mut().unwrap().remove("kid").unwrap();
    assert_eq!(kid.as_str().unwrap().len(), 43);
    assert_ne!(kid, tokens::kid());
    assert_eq!(header, json!({"alg": "RSA-OAEP-256", "enc": "A256GCM"}));
    let lengths: Vec<_> = parts[1..].iter().map(|part| decode(part).len()).collect();
    assert_eq!(lengths, [256, 12, BOT_TOKEN.len(), 16]);

    let (_, claims) = minted(&mint(dir.path(), &["--plain"]));
    let mut expected = rest;
    expected["discord_token"] = BOT_TOKEN.into();
    assert_eq!(settled(claims, 3600), expected);
}

#[test]
fn no_two_seals_are_alike() {
    let dir = folder();
    let seals = [(); 2].map(|()| {
        let (_, claims) = minted(&mint(dir.path(), &[]));
        let sealed = claims["discord_token_sealed"].as_str().unwrap().to_owned();
        sealed.split('.').map(str::to_owned).collect::<Vec<_>>()
    });
    // The header is the same; the key, the nonce, the content and the tag are not.
    let parts = seals[0].iter().zip(&seals[1]).skip(1);
    assert_eq!(parts.clone().count(), 4);
    assert!(parts.into_iter().all(|(one, other)| one != other));
}

#[test]
fn what_is_asked_for_is_in_the_claims() {
    let dir = folder();
    let arguments = [
        "--sub",
        "Zoë",
        "--scope",
        "discord:moderate discord:read",
        "--ttl",
        "90s",
        "--channel",
        GENERAL,
        "--channel",
        QUIET,
        "--guild",
        GUILD,
        "--guild",
        OTHER_GUILD,
        "--plain",
    ];
    let told = mint(dir.path(), &arguments);
    let (_, claims) = minted(&told);
    let expected = json!({
        "iss": "discord-mcp-server", "aud": "discord-mcp-server", "sub": "Zoë",
        "scope": "discord:read discord:moderate", "discord_token": BOT_TOKEN,
        "channels": [GENERAL, QUIET], "guilds": [GUILD, OTHER_GUILD],
    });
    assert_eq!(settled(claims, 90), expected);

    let ours = [("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "them"), BOT[0]];
    let told = run(dir.path(), &ours, &["mint-token"]);
    let (_, claims) = minted(&told);
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("us"), &json!("them"))
    );
}

#[test]
fn a_token_that_would_live_too_long_is_not_minted() {
    let dir = folder();
    for (longest, ttl, allowed) in [
        ("", "30d", None),
        ("", "31d", Some("30d")),
        ("", "2592001s", Some("30d")),
        ("1h", "1h", None),
        ("1h", "61m", Some("1h")),
        ("10m", "1h", Some("10m")),
    ] {
        let variables = [("JWT_MAX_LIFETIME", longest), BOT[0]];
        let told = run(dir.path(), &variables, &["mint-token", "--ttl", ttl]);
        let Some(allowed) = allowed else {
            minted(&told);
            continue;
        };
        assert_eq!((told.code, &*told.stdout), (Some(2), ""), "{ttl}");
        let expected =
            format!("error: --ttl is longer than JWT_MAX_LIFETIME allows: at most {allowed}\n");
        assert_eq!(told.stderr, expected);
    }
}

#[test]
fn what_cannot_be_granted_is_not_minted() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(257);
    let rows: &[&[&str]] = &[
        &["--sub", ""],
        &["--sub", &long],
        &["--scope", ""],
        &["--scope", "discord:admin"],
        &["--scope", "discord:read,discord:write"],
        &["--ttl", "0s"],
        &["--ttl", "500ms"],
        &["--ttl", "forever"],
        &["--channel", "general"],
        &["--channel", "0"],
        &["--guild", ""],
        &["--plain", "true", "x"],
    ];
    for arguments in rows {
        let told = mint(dir.path(), arguments);
        assert_eq!((told.code, &*told.stdout), (Some(2), ""), "{arguments:?}");
        assert!(told.stderr.starts_with("error: "), "{}", told.stderr);
        // Before anything is made.
        assert!(!dir.path().join("keys").exists(), "{arguments:?}");
    }
}

#[test]
fn it_says_on_standard_error_what_it_minted() {
    let dir = folder();
    let sealed =
        "Whoever holds it can use it. The bot token in it is sealed: only the server can read it.";
    let plain = "Whoever holds it can use it, and can read the bot token in it.";
    for (arguments, scope, channels, worth) in [
        (
            &["--channel", GENERAL, "--channel", QUIET][..],
            ALL,
            [GENERAL, QUIET].join(", "),
            sealed,
        ),
        (
            &["--scope", "discord:read", "--plain"],
            "discord:read",
            "all".to_owned(),
            plain,
        ),
    ] {
        let told = mint(dir.path(), arguments);
        let (_, claims) = minted(&told);
        let (jti, exp) = (
            claims["jti"].as_str().unwrap(),
            claims["exp"].as_i64().unwrap(),
        );
        let expires = OffsetDateTime::from_unix_timestamp(exp).unwrap();
        let expires = expires.format(&Rfc3339).unwrap();
        let expected = format!(
            "Token for default-user\n  scope     {scope}\n  channels  {channels}\n  servers   all\n  expires   {expires}\n  jti       {jti}\n{worth}\n"
        );
        assert_eq!(told.stderr, expected);
    }
}
