//! Tokens that no minting of ours would make: any header, any payload, any signature.

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

use super::tokens;

/// A pair of keys that the server has never seen.
pub struct Stranger {
    pub private: RsaPrivateKey,
    pub public: RsaPublicKey,
}

/// Made once for all tests.
pub fn stranger() -> &'static Stranger {
    static STRANGER: OnceLock<Stranger> = OnceLock::new();
    STRANGER.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let private = RsaPrivateKey::from_pkcs8_der(der.as_ref()).unwrap();
        let public = private.to_public_key();
        Stranger { private, public }
    })
}

/// One of the files that the tests' keys are installed as.
pub fn pem(name: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(dir.path());
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

/// The public half of the key that signs tokens.
pub fn our_public() -> RsaPublicKey {
    RsaPublicKey::from_public_key_pem(&pem(tokens::PUBLIC)).unwrap()
}

/// The key that signs tokens.
pub fn our_key() -> EncodingKey {
    EncodingKey::from_rsa_pem(pem(tokens::PRIVATE).as_bytes()).unwrap()
}

/// A private key as one that signs.
pub fn signing(key: &RsaPrivateKey) -> EncodingKey {
    EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes())
}

/// The members of a JWK of a public key that its thumbprint is made of (RFC 7638), in their order.
pub fn jwk(key: &RsaPublicKey) -> Value {
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({"e": number(key.e()), "kty": "RSA", "n": number(key.n())})
}

/// The RFC 7638 thumbprint of a public key.
pub fn thumbprint(key: &RsaPublicKey) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk(key).to_string().as_bytes()))
}

pub fn good_header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": tokens::kid()})
}

/// The good header with these changed; null takes one away.
pub fn header_with(changes: &Value) -> String {
    changed(good_header(), changes).to_string()
}

/// An object with these members changed; null takes one away.
pub fn changed(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

/// Header and payload as they are signed.
pub fn signed_text(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let (header, payload) = (
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload),
    );
    format!("{header}.{payload}")
}

/// A token with exactly this header and payload, signed like that.
pub fn forge(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let text = signed_text(header, payload);
    let signature = sign(text.as_bytes(), key, algorithm).unwrap();
    format!("{text}.{signature}")
}

/// A token with exactly this header and payload, over which `signature` says what is signed.
pub fn forge_by(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    signature: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let text = signed_text(header, payload);
    let signature = URL_SAFE_NO_PAD.encode(signature(text.as_bytes()));
    format!("{text}.{signature}")
}

/// A token with this header and the good claims, signed with our key.
pub fn under(header: impl AsRef<[u8]>) -> String {
    tokens::signed(header, tokens::claims().to_string())
}

/// A token with this payload and the good header, signed with our key.
pub fn saying(payload: impl AsRef<[u8]>) -> String {
    tokens::signed(good_header().to_string(), payload)
}

/// A JSON object's text with this member put before the others.
pub fn with_first(member: &str, object: &Value) -> String {
    object.to_string().replacen('{', &format!("{{{member},"), 1)
}
