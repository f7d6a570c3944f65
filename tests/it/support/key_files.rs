//! Keys in files, as operators put them there, and tokens that need them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use serde_json::json;

use super::discord::seed::BOT_TOKEN;
use super::forge::{forge, signing, thumbprint};
use super::jwe::{Enc, Jwe, Wrap};
use super::tokens;

/// A token of ours that this key signed, under its thumbprint.
pub fn signed(key: &RsaPrivateKey) -> String {
    signed_under(&thumbprint(&key.to_public_key()), key)
}

/// A token of ours that this key signed, under this `kid`.
pub fn signed_under(kid: &str, key: &RsaPrivateKey) -> String {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid}).to_string();
    let claims = tokens::claims().to_string();
    forge(header, claims, &signing(key), Algorithm::RS256)
}

/// A token of ours whose bot token is sealed with this key, under its thumbprint.
pub fn sealed(key: &RsaPrivateKey) -> String {
    let public = key.to_public_key();
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": thumbprint(&public)});
    let wrap = Wrap::Oaep256(&public);
    let sealed = Jwe::of(
        &header.to_string(),
        wrap,
        Enc::A256Gcm,
        BOT_TOKEN.as_bytes(),
    );
    tokens::token_with(json!({"discord_token": null, "discord_token_sealed": sealed.compact()}))
}

pub fn write_public(path: &Path, key: &RsaPrivateKey) {
    let pem = key.to_public_key().to_public_key_pem(LineEnding::LF);
    fs::write(path, pem.unwrap()).unwrap();
}

pub fn write_private(path: &Path, key: &RsaPrivateKey) {
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    fs::write(path, pem.as_bytes()).unwrap();
}

/// Every file in `dir`: its name and its mode.
pub fn modes(dir: &Path) -> BTreeMap<String, u32> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        (entry.file_name().into_string().unwrap(), mode)
    });
    entries.collect()
}

/// Every file in `dir`: its name and what it holds.
pub fn contents(dir: &Path) -> BTreeMap<String, String> {
    let read = |name: String| {
        let text = fs::read_to_string(dir.join(&name)).unwrap();
        (name, text)
    };
    modes(dir).into_keys().map(read).collect()
}

/// Every file in `dir`: its name and a digest of what it holds, to compare and to show.
pub fn digests(dir: &Path) -> BTreeMap<String, String> {
    let shorten = |(name, text): (String, String)| {
        let hash = digest(&SHA256, text.as_bytes());
        (name, URL_SAFE_NO_PAD.encode(&hash.as_ref()[..6]))
    };
    contents(dir).into_iter().map(shorten).collect()
}
