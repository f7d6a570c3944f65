//! Which keys of a provider's set are used: RSA keys for RS256 signatures, of a size and exponent
//! that are safe, under a name that is theirs alone. The others spoil nothing.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::traits::PrivateKeyParts as _;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};

use crate::support::provider::{ISSUER, Key, Provider, claims, is_let_in, key, new_key};
use crate::support::served::Server;
use crate::support::tokens;

/// Publishes all these JWKs at once, each under a `kid` of its own unless it changes that itself,
/// and calls with a token under each: those that are used must be these.
async fn expect(rows: Vec<(Value, bool)>) {
    let provider = Provider::start().await;
    let named = |at: usize, changes: &Value| {
        let mut jwk = key(0).jwk_with(json!({"kid": format!("row-{at}")}));
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
            if *value == json!("absent") {
                jwk.as_object_mut().unwrap().remove(name);
            }
        }
        jwk
    };
    provider.publish(
        rows.iter()
            .enumerate()
            .map(|(at, (changes, _))| named(at, changes)),
    );
    let app = provider.app(&[]).await;
    let mut wrong = Vec::new();
    for (at, (changes, used)) in rows.iter().enumerate() {
        let token = key(0).sign(&format!("row-{at}"), &claims());
        if is_let_in(&app, &token).await != *used {
            wrong.push(changes);
        }
    }
    assert_eq!(wrong, Vec::<&Value>::new());
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_key_is_used_for_what_its_publisher_says_it_is_for() {
    let (yes, no) = (true, false);
    expect(vec![
        (json!({}), yes),
        (json!({"use": "absent"}), yes),
        (json!({"alg": "absent"}), yes),
        (json!({"use": "absent", "alg": "absent"}), yes),
        (json!({"key_ops": ["verify"]}), yes),
        (json!({"key_ops": ["sign", "verify"]}), yes),
        (json!({"key_ops": ["verify"], "use": "absent"}), yes),
        (json!({"x5t": "q80", "x5c": ["MIIB"], "nbf": 1}), yes),
        (json!({"use": "enc"}), no),
        (json!({"use": "SIG"}), no),
        (json!({"use": ""}), no),
        (json!({"use": ["sig"]}), no),
        (json!({"use": 7}), no),
        (json!({"alg": "RS384"}), no),
        (json!({"alg": "RS512"}), no),
        (json!({"alg": "PS256"}), no),
        (json!({"alg": "RSA-OAEP-256"}), no),
        (json!({"alg": "HS256"}), no),
        (json!({"alg": "none"}), no),
        (json!({"alg": "rs256"}), no),
        (json!({"alg": ""}), no),
        (json!({"alg": 7}), no),
        (json!({"key_ops": []}), no),
        (json!({"key_ops": ["sign"]}), no),
        (json!({"key_ops": ["encrypt", "wrapKey"]}), no),
        (json!({"key_ops": ["VERIFY"]}), no),
        (json!({"key_ops": "verify"}), no),
        (json!({"key_ops": {"verify": true}}), no),
        (json!({"key_ops": ["verify"], "use": "enc"}), no),
        (json!({"key_ops": ["verify"], "alg": "RS512"}), no),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_rsa_key_with_a_name_is_left_out_and_spoils_nothing() {
    let (yes, no) = (true, false);
    let modulus = key(0).jwk()["n"].as_str().unwrap().to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(&modulus).unwrap();
    let with_sign = |last: &str| format!("{}{last}", &modulus[..modulus.len() - 1]);
    expect(vec![
        (json!({"kty": "absent"}), no),
        (json!({"kty": "rsa"}), no),
        (json!({"kty": "EC"}), no),
        (
            json!({"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}),
            no,
        ),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": "AQ"}), no),
        (json!({"kty": "oct", "k": modulus}), no),
        (json!({"kty": 7}), no),
        (json!({"kid": "absent"}), no),
        (json!({"kid": null}), no),
        (json!({"kid": ["row-8"]}), no),
        (json!({"n": "absent"}), no),
        (json!({"n": ""}), no),
        (json!({"n": "?"}), no),
        (json!({"n": 7}), no),
        (json!({"n": null}), no),
        (json!({"n": "AQAB"}), no),
        (json!({"n": modulus[..170]}), no),
        (json!({"n": with_sign("?")}), no),
        (json!({"n": format!("{modulus}=")}), no),
        (json!({"n": format!("{modulus} ")}), no),
        (json!({"n": STANDARD.encode(&bytes)}), no),
        (json!({"e": "absent"}), no),
        (json!({"e": ""}), no),
        (json!({"e": "?"}), no),
        (json!({"e": 65537}), no),
        (json!({"e": "AQ"}), no),
        (json!({"e": "Aw"}), no),
        (json!({"e": "AQAA"}), no),
        (json!({"e": modulus}), no),
        (json!({}), yes),
    ])
    .await;
}

#[tokio::test]
async fn elements_that_are_no_keys_spoil_nothing() {
    let provider = Provider::start().await;
    let odd = [
        json!(null),
        json!(7),
        json!("RSA"),
        json!([]),
        json!({}),
        json!([key(1).jwk()]),
    ];
    provider.publish(odd.into_iter().chain([key(0).jwk()]));
    let app = provider.app(&[]).await;
    assert!(is_let_in(&app, &key(0).token()).await);
    assert!(!is_let_in(&app, &key(1).token()).await);
}

#[tokio::test]
async fn of_two_keys_under_one_name_neither_is_used() {
    let provider = Provider::start().await;
    let second = key(1).jwk_with(json!({"kid": key(0).kid}));
    provider.publish([key(0).jwk(), key(2).jwk(), second]);
    let app = provider.app(&[]).await;
    assert!(!is_let_in(&app, &key(0).token()).await);
    assert!(!is_let_in(&app, &key(1).sign(key(0).kid, &claims())).await);
    assert!(is_let_in(&app, &key(2).token()).await);
    // One key twice is as unclear as two.
    provider.publish([key(0).jwk(), key(2).jwk(), key(0).jwk()]);
    let app = provider.app(&[]).await;
    assert!(!is_let_in(&app, &key(0).token()).await);
    assert!(is_let_in(&app, &key(2).token()).await);
    // A key for something else takes nobody's name away.
    let sealing = key(1).jwk_with(json!({"kid": key(0).kid, "use": "enc", "alg": "RSA-OAEP-256"}));
    provider.publish([sealing, key(0).jwk()]);
    let app = provider.app(&[]).await;
    assert!(is_let_in(&app, &key(0).token()).await);
}

/// A key of the primes of the provider's keys, with the first of these exponents that they allow.
fn of_primes(count: usize, exponents: &[u32]) -> RsaPrivateKey {
    let all = (0..3).map(|at| &key(at).private).chain([fourth()]);
    let primes: Vec<_> = all
        .flat_map(|key| key.primes().to_vec())
        .take(count)
        .collect();
    let mut keys = exponents
        .iter()
        .map(|exponent| RsaPrivateKey::from_primes(primes.clone(), BigUint::from(*exponent)));
    keys.find_map(Result::ok).unwrap()
}

fn fourth() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(new_key)
}

#[tokio::test]
async fn large_keys_are_used_and_those_with_another_exponent_are_not() {
    let odd = of_primes(2, &[3, 5, 7, 11, 13, 17, 257, 65_539]);
    let rows = [
        (Key::of("4096", of_primes(4, &[65_537])), true),
        (Key::of("8192", of_primes(8, &[65_537])), true),
        (Key::of("another exponent", odd), false),
    ];
    let provider = Provider::start().await;
    provider.publish(rows.iter().map(|(key, _)| key.jwk()));
    let app = provider.app(&[]).await;
    for (key, used) in rows {
        assert_eq!(is_let_in(&app, &key.token()).await, used, "{}", key.kid);
    }
}

/// What would verify signatures refuses such keys too, so that only the log tells who did.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_unsafe_size_or_exponent_are_left_out_and_told_of() {
    let rows = [
        (
            1024,
            "AQAB",
            "holds a key of 1024 bits; allowed: 2048 to 8192",
        ),
        (
            2047,
            "AQAB",
            "holds a key of 2047 bits; allowed: 2048 to 8192",
        ),
        (2048, "Aw", "holds a key whose public exponent is not 65537"),
        (
            8193,
            "AQAB",
            "is not an RSA public key of at most 8192 bits",
        ),
    ];
    let modulus = |bits: usize| {
        let number = (BigUint::from(1_u32) << (bits - 1)) + BigUint::from(1_u32);
        URL_SAFE_NO_PAD.encode(number.to_bytes_be())
    };
    let provider = Provider::start().await;
    let odd = rows.map(|(bits, exponent, _)| {
        let kid = format!("{bits} {exponent}");
        key(0).jwk_with(json!({"kid": kid, "n": modulus(bits), "e": exponent}))
    });
    provider.publish(odd.into_iter().chain([key(0).jwk()]));
    let url = provider.url();
    let variables = [("JWT_JWKS_URL", &*url), ("JWT_JWKS_ISSUER", ISSUER)];
    // It answers when the first fetch is done.
    let server = Server::with(&variables, |_| {}).await;
    let (_, output) = server.process.stop();
    for (bits, exponent, problem) in rows {
        let kid = format!("kid=\"{bits} {exponent}\"");
        let line = output.lines().find(|line| line.contains(&kid));
        let line = line.unwrap_or_else(|| panic!("{kid} is not told of: {output}"));
        assert!(line.contains(" WARN ") && line.contains(problem), "{line}");
    }
    assert!(output.contains("keys=1"), "{output}");
}

#[tokio::test]
async fn a_set_with_private_parts_is_a_set_of_public_keys() {
    // Whoever publishes these has other troubles; ours is that nothing of them is used or shown.
    let provider = Provider::start().await;
    provider.publish([key(0).jwk_with(json!({"d": "AQAB", "p": "AQAB"}))]);
    let app = provider.app(&[]).await;
    assert!(is_let_in(&app, &tokens::token()).await);
    let published = app.get("/.well-known/jwks.json", None).await;
    assert!(!published.text.contains(key(0).kid));
}
