//! The provider's keys, and its tokens.

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};

use crate::support::forge::{changed, forge_by};
use crate::support::tokens;

/// The `iss` of the provider's tokens.
pub const ISSUER: &str = "https://id.example.com/";

/// A key of the provider.
pub struct Key {
    pub kid: &'static str,
    pub private: RsaPrivateKey,
}

/// The provider's keys, made once for the test process.
pub fn key(index: usize) -> &'static Key {
    static KEYS: [OnceLock<Key>; 3] = [const { OnceLock::new() }; 3];
    const KIDS: [&str; 3] = ["2026-a", "2026-b", "2026-c"];
    KEYS[index].get_or_init(|| Key::of(KIDS[index], new_key()))
}

/// A key of 2048 bits, made by what makes them fastest.
pub fn new_key() -> RsaPrivateKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    RsaPrivateKey::from_pkcs8_der(der.as_ref()).unwrap()
}

/// The good claims of the provider's tokens.
pub fn claims() -> Value {
    let theirs = json!({"iss": ISSUER, "sub": "id|alice", "jti": "jti-of-the-provider"});
    changed(tokens::claims(), &theirs)
}

/// The good claims with these changed; null takes one away.
pub fn claims_with(changes: Value) -> Value {
    changed(claims(), &changes)
}

impl Key {
    pub fn of(kid: &'static str, private: RsaPrivateKey) -> Self {
        Self { kid, private }
    }

    /// The public half as providers publish it.
    pub fn jwk(&self) -> Value {
        let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": number(self.private.n()), "e": number(self.private.e()),
        })
    }

    /// The public half with these members changed; null takes one away.
    pub fn jwk_with(&self, changes: Value) -> Value {
        changed(self.jwk(), &changes)
    }

    /// A good token.
    pub fn token(&self) -> String {
        self.token_with(json!({}))
    }

    /// A good token with these claims changed.
    pub fn token_with(&self, changes: Value) -> String {
        self.sign(self.kid, &claims_with(changes))
    }

    /// A token with these claims under this `kid`.
    pub fn sign(&self, kid: &str, claims: &Value) -> String {
        self.sign_under(&json!({"alg": "RS256", "typ": "JWT", "kid": kid}), claims)
    }

    /// A token with this header and these claims.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token with exactly this header and payload. The crate that reads keys signs it, since it
    /// does so with keys which no other would take.
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        // RFC 8017 section 9.2: what stands before a SHA-256 digest.
        let prefix = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01];
        let prefix = [&prefix[..], &[0x65, 3, 4, 2, 1, 5, 0, 4, 0x20]].concat();
        forge_by(header, payload, |text| {
            let padding = Pkcs1v15Sign {
                hash_len: Some(32),
                prefix: prefix.into(),
            };
            let digest = digest(&SHA256, text);
            self.private.sign(padding, digest.as_ref()).unwrap()
        })
    }
}
