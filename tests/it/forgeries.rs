//! Tokens that somebody made up: other algorithms, other keys, keys they bring along, changed texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::auth::{expect_in, expect_out, forge, good_header, private_key};
use crate::support::{App, tokens};

fn our_key() -> EncodingKey {
    EncodingKey::from_rsa_pem(&private_key(true)).unwrap()
}

/// The good header with these changed; null takes one away.
fn header_with(changes: &Value) -> String {
    let mut header = good_header();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value.clone();
        }
    }
    header.to_string()
}

#[tokio::test]
async fn only_rs256_with_our_key_verifies() {
    let app = App::start().await;
    let payload = tokens::claims().to_string();
    let header = |algorithm: &str| header_with(&json!({"alg": algorithm}));
    let ours = our_key();
    let other = EncodingKey::from_rsa_pem(&private_key(false)).unwrap();
    // The classic: the public key, which everybody may have, taken for a shared secret.
    let public = EncodingKey::from_secret(tokens::public_pem());
    let text = String::from_utf8(tokens::public_pem().to_vec()).unwrap();
    let trimmed = EncodingKey::from_secret(text.trim_end().as_bytes());
    let unsigned = |algorithm: &str| {
        let header = URL_SAFE_NO_PAD.encode(header(algorithm));
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(&payload))
    };
    let named = |name: &str, algorithm: Algorithm, key: &EncodingKey| {
        forge(&header(name), &payload, key, algorithm)
    };
    let bad = [
        ("another key", named("RS256", Algorithm::RS256, &other)),
        (
            "HS256 with the public key",
            named("HS256", Algorithm::HS256, &public),
        ),
        (
            "HS256 without its last newline",
            named("HS256", Algorithm::HS256, &trimmed),
        ),
        (
            "HS256 that says RS256",
            named("RS256", Algorithm::HS256, &public),
        ),
        (
            "HS512 with the public key",
            named("HS512", Algorithm::HS512, &public),
        ),
        ("RS384", named("RS384", Algorithm::RS384, &ours)),
        ("RS512", named("RS512", Algorithm::RS512, &ours)),
        ("PS256", named("PS256", Algorithm::PS256, &ours)),
        (
            "RS512 that says RS256",
            named("RS256", Algorithm::RS512, &ours),
        ),
        (
            "RS256 that says none",
            named("none", Algorithm::RS256, &ours),
        ),
        (
            "RS256 in small letters",
            named("rs256", Algorithm::RS256, &ours),
        ),
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("NONE", unsigned("NONE")),
        ("no algorithm", unsigned("")),
        ("RS256 without a signature", unsigned("RS256")),
    ];
    let bad = bad.map(|(what, token)| (what.to_owned(), token));
    expect_out(&app, bad).await;
    let good = named("RS256", Algorithm::RS256, &ours);
    expect_in(&app, "RS256 with our key", &good).await;
}

#[tokio::test]
async fn a_header_names_our_key_and_brings_nothing_along() {
    let app = App::start().await;
    let payload = tokens::claims().to_string();
    let key = our_key();
    let jwk = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": tokens::kid()});
    let bad = [
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": "another"}),
        json!({"kid": format!("{}x", tokens::kid())}),
        json!({"kid": format!("../keys/{}", tokens::kid())}),
        json!({"kid": 7}),
        json!({"kid": [tokens::kid()]}),
        json!({"jku": "https://keys.example.com/jwks.json"}),
        json!({"jwk": jwk}),
        json!({"x5u": "https://keys.example.com/cert.pem"}),
        json!({"x5c": ["MIIB"]}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": ["urn:example:strict"], "urn:example:strict": true}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"b64": false}),
        json!({"zip": "DEF"}),
        json!({"enc": "A256GCM"}),
        json!({"typ": "dpop+jwt"}),
        json!({"typ": "logout+jwt"}),
        json!({"alg": null}),
        json!({"alg": ["RS256"]}),
    ];
    let forged = |changes: &Value| forge(&header_with(changes), &payload, &key, Algorithm::RS256);
    let bad = bad.map(|changes| (changes.to_string(), forged(&changes)));
    expect_out(&app, bad).await;
    for changes in [
        json!({}),
        json!({"typ": null}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "jwt"}),
        json!({"something": "else"}),
    ] {
        expect_in(&app, &changes.to_string(), &forged(&changes)).await;
    }
}

#[tokio::test]
async fn headers_that_two_readers_could_read_differently_are_refused() {
    let app = App::start().await;
    let payload = tokens::claims().to_string();
    let (key, good) = (our_key(), good_header().to_string());
    let twice = |field: &str| good.replacen('{', &format!("{{{field},"), 1);
    let bad = [
        twice(r#""alg":"none""#),
        twice(r#""alg":"RS256""#),
        twice(r#""kid":"another""#),
        format!("[{good}]"),
        format!("{good}{good}"),
        "null".to_owned(),
        String::new(),
    ];
    let bad = bad.map(|header| {
        let token = forge(&header, &payload, &key, Algorithm::RS256);
        (header, token)
    });
    expect_out(&app, bad).await;
}

#[tokio::test]
async fn a_token_that_was_touched_is_no_token() {
    let app = App::start().await;
    let token = tokens::token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("a JWT has three parts");
    };
    let richer = tokens::claims_with(json!({"sub": "admin"})).to_string();
    let richer = URL_SAFE_NO_PAD.encode(richer);
    // The first character and not the last, whose lowest bits no decoder looks at.
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let bent = format!("{first}{}", &signature[1..]);
    let bad = [
        format!("{header}.{richer}.{signature}"),
        format!("{header}.{payload}.{bent}"),
        format!("{header}.{payload}.{}", &signature[4..]),
        format!("{header}.{payload}.{signature}AAAA"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{header}={payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{signature}=="),
        format!("{payload}.{header}.{signature}"),
        token.to_lowercase(),
        token.replace('.', ". "),
        "...".to_owned(),
        "..".to_owned(),
        "null".to_owned(),
    ];
    expect_out(&app, bad.map(|token| (token.clone(), token))).await;
    expect_in(&app, "untouched", &token).await;
}

#[tokio::test]
async fn a_header_of_more_than_8_kib_is_not_looked_at() {
    let app = App::start().await;
    let padded = |bytes: usize| tokens::token_with(json!({"padding": "x".repeat(bytes)}));
    let (fits, oversized) = (padded(5000), padded(6000));
    assert!(fits.len() < 8 << 10 && oversized.len() > 8 << 10);
    expect_out(&app, [("oversized".to_owned(), oversized)]).await;
    expect_in(&app, "large", &fits).await;
}
