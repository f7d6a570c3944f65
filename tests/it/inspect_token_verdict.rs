//! The verdict of `inspect-token` is the server's own: the reason that it gives is of a token that is
//! refused at the door.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::inspect_token::{SECRET, claims_of, folder, inspect, minted, readable};
use crate::support::forge::{self, forge, good_header};
use crate::support::{App, tokens};

/// Tokens that are refused, and the reason.
pub fn refused(dir: &Path) -> Vec<(String, &'static str)> {
    let now = tokens::now();
    let changed = |changes: Value| readable(changes);
    let theirs = forge::signing(&forge::stranger().private);
    let ours = forge::our_key();
    let forged = |header: Value, key: &EncodingKey| {
        let payload = tokens::claims().to_string();
        forge(header.to_string(), &payload, key, Algorithm::RS256)
    };
    let with = |name: &str, value: Value| {
        let mut header = good_header();
        header[name] = value;
        header
    };
    let good = changed(json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let sealed = claims_of(&minted(dir, &[]))["discord_token_sealed"].clone();
    let both = json!({"discord_token_sealed": sealed});
    let touched = sealed.as_str().unwrap().replacen('.', ".A", 1);
    let touched = json!({"discord_token": null, "discord_token_sealed": touched});
    let elsewhere = folder_of_a_foreign_seal();
    let foreign = minted(elsewhere.path(), &[]);
    let signature = "its signature does not hold: it was changed, or signed with another key";
    let key = "its kid names no key that is here: it was signed elsewhere, or the key was removed";
    let shape = "it is not a JWT: three parts of base64url with dots between";
    let header = "its header has a member that is not taken: crit, b64, zip, enc, jku, jwk, x5u, x5c, or another typ than JWT or at+jwt";
    let claims = "a claim is missing, given twice or of the wrong type: iss, aud, sub, exp and iat are needed, and one bot token at most";
    let ahead = "it is not valid yet: its iat or nbf lies ahead; do the clocks agree?";
    vec![
        (
            changed(json!({"iat": now - 7200, "exp": now - 3600})),
            "it has expired",
        ),
        (changed(json!({"nbf": now + 600})), ahead),
        (changed(json!({"iat": now + 600})), ahead),
        (
            changed(json!({"aud": "another"})),
            "its aud is not JWT_AUDIENCE",
        ),
        (
            changed(json!({"iss": "another"})),
            "its iss is neither JWT_ISSUER nor JWT_JWKS_ISSUER",
        ),
        (
            changed(json!({"exp": now + 31 * 86_400})),
            "it lives longer than JWT_MAX_LIFETIME allows",
        ),
        (changed(json!({"sub": null})), claims),
        (changed(json!({"channels": "general"})), claims),
        (changed(both), claims),
        (forged(good_header(), &theirs), signature),
        (format!("{signed}.AAAA"), signature),
        (forged(with("kid", "another".into()), &ours), key),
        (forged(with("crit", json!(["exp"])), &ours), header),
        (
            forged(with("alg", "RS512".into()), &ours),
            "it is not signed with RS256",
        ),
        (changed(json!({"jti": "revoked"})), "it was revoked"),
        (changed(json!({"sub": "mallory"})), "it was revoked"),
        (
            foreign,
            "its bot token is sealed for a key that is not here",
        ),
        (changed(touched), "its sealed bot token does not open"),
        (
            changed(json!({"padding": "x".repeat(9000)})),
            "it is longer than 8 KiB",
        ),
        ("nonsense".to_owned(), shape),
        (signed.to_owned(), shape),
        (format!("{signed}."), signature),
        ("a.b.c".to_owned(), shape),
        ("..".to_owned(), shape),
        (SECRET.to_owned(), shape),
    ]
}

/// Our signing keys beside the sealing keys of somebody else.
fn folder_of_a_foreign_seal() -> tempfile::TempDir {
    let dir = folder();
    for name in [tokens::SEAL_PRIVATE, tokens::SEAL_PUBLIC] {
        fs::remove_file(dir.path().join("keys").join(name)).unwrap();
    }
    dir
}

/// The verdict is the server's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_told_why_and_the_server_refuses_it_too() {
    let dir = folder();
    let list = dir.path().join("revoked.jsonl");
    let all = OffsetDateTime::now_utc() + time::Duration::hours(1);
    let lines = [
        json!({"jti": "revoked"}),
        json!({"sub": "mallory", "issued_before": all.format(&Rfc3339).unwrap()}),
    ];
    fs::write(&list, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let keys = dir.path().join("keys");
    let variables = [
        ("KEYS_DIR", keys.to_str().unwrap()),
        ("REVOKED_TOKENS", list.to_str().unwrap()),
    ];
    let app = App::with(&variables).await;
    for (token, reason) in refused(dir.path()) {
        let told = inspect(dir.path(), &[], &token);
        let last = told.stdout.lines().last();
        let expected = format!("refused: {reason}");
        assert_eq!(
            (told.code, last),
            (Some(1), Some(&*expected)),
            "{}",
            told.stdout
        );
        assert_eq!(told.stderr, "", "{reason}");
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{reason}"
        );
        // What can be read of it is shown all the same.
        if let Some(claims) = claims_if_readable(&token)
            && let Some(aud) = claims["aud"].as_str()
        {
            let row = format!("audience   {aud}\n");
            assert!(told.stdout.contains(&row), "{}", told.stdout);
        }
    }
    fs::create_dir(dir.path().join("empty")).unwrap();
    for (variables, token, reason) in [
        (
            [("REQUIRE_SEALED_TOKENS", "true")],
            readable(json!({})),
            "its bot token is readable, and REQUIRE_SEALED_TOKENS is set",
        ),
        (
            [("JWT_MAX_LIFETIME", "10m")],
            readable(json!({})),
            "it lives longer than JWT_MAX_LIFETIME allows",
        ),
        (
            [("JWT_AUDIENCE", "another")],
            minted(dir.path(), &[]),
            "its aud is not JWT_AUDIENCE",
        ),
        (
            [("KEYS_DIR", "empty")],
            minted(dir.path(), &[]),
            "its kid names no key that is here: it was signed elsewhere, or the key was removed",
        ),
    ] {
        let told = inspect(dir.path(), &variables, &token);
        let expected = format!("\nrefused: {reason}\n");
        assert!(told.stdout.ends_with(&expected), "{}", told.stdout);
        assert_eq!(told.code, Some(1), "{reason}");
    }
}

fn claims_if_readable(token: &str) -> Option<Value> {
    let [_, payload, _] = token.split('.').collect::<Vec<_>>()[..] else {
        return None;
    };
    let payload = URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&payload.ok()?).ok()
}

/// Where tokens are minted they need not be opened, and are not.
#[test]
fn without_the_key_that_opens_a_seal_the_verdict_is_a_servers_that_has_none() {
    let dir = folder();
    fs::remove_file(dir.path().join("keys").join(tokens::SEAL_PRIVATE)).unwrap();
    let token = minted(dir.path(), &[]);
    let told = inspect(dir.path(), &[], &token);
    let expected =
        "bot token  sealed\nrefused: its bot token is sealed for a key that is not here\n";
    assert!(told.stdout.ends_with(expected), "{}", told.stdout);
    assert_eq!(told.code, Some(1));
}
