//! Sealing: the bot token in a token as a compact JWE (RFC 7516), `RSA-OAEP-256` with `A256GCM`
//! (RFC 7518 sections 4.3 and 5.3). All cryptography is aws-lc's.

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::json;

use super::key_files::{PrivateKey, PublicKey};
use super::rejection::Rejection;

const ALGORITHM: &str = "RSA-OAEP-256";
const ENCRYPTION: &str = "A256GCM";
/// Bytes of the key that encrypts the content.
const KEY_LEN: usize = 32;

/// The public half: it seals.
pub(super) struct SealingKey {
    kid: String,
    key: OaepPublicEncryptingKey,
}

impl SealingKey {
    pub(super) fn new(key: &PublicKey) -> Option<Self> {
        let spki = PublicEncryptingKey::from_der(&key.spki()?).ok()?;
        Some(Self {
            kid: key.kid.clone(),
            key: OaepPublicEncryptingKey::new(spki).ok()?,
        })
    }

    /// Seals a secret. `None` where the machine has no randomness to give.
    pub(super) fn seal(&self, secret: &str) -> Option<String> {
        let header = json!({"alg": ALGORITHM, "enc": ENCRYPTION, "kid": self.kid});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let mut content_key = Zeroizing::new([0; KEY_LEN]);
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut *content_key).ok()?;
        rand::fill(&mut nonce).ok()?;
        let mut encrypted_key = vec![0; self.key.ciphertext_size()];
        let encrypted_key = self
            .key
            .encrypt(
                &OAEP_SHA256_MGF1SHA256,
                &*content_key,
                &mut encrypted_key,
                None,
            )
            .ok()?;
        // The buffer is encrypted in place, so that no copy of the secret is left.
        let mut content = Zeroizing::new(secret.as_bytes().to_vec());
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*content_key).ok()?);
        let tag = cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(header.as_bytes()),
                &mut content,
            )
            .ok()?;
        let parts: [&[u8]; 4] = [encrypted_key, &nonce, &content, tag.as_ref()];
        let parts = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
        Some(format!("{header}.{}", parts.join(".")))
    }
}

/// The private half: it opens.
pub(super) struct OpeningKey {
    key: OaepPrivateDecryptingKey,
}

impl OpeningKey {
    pub(super) fn new(key: &PrivateKey) -> Option<Self> {
        let private = PrivateDecryptingKey::from_pkcs8(key.pkcs8.as_bytes()).ok()?;
        Some(Self {
            key: OaepPrivateDecryptingKey::new(private).ok()?,
        })
    }

    /// The key of the content. What is wrong with the encrypted key must not show (RFC 7516 section
    /// 11.5), so a random one stands for it, and the content does not open.
    fn content_key(&self, encrypted: &[u8]) -> Option<Zeroizing<[u8; KEY_LEN]>> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rand::fill(&mut *key).ok()?;
        let mut output = Zeroizing::new(vec![0; self.key.min_output_size()]);
        if let Ok(plain) = self
            .key
            .decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut output, None)
            && plain.len() == KEY_LEN
        {
            key.copy_from_slice(plain);
        }
        Some(key)
    }
}

/// The protected header. What it does not name is refused, and so is what stands there twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    #[serde(rename = "typ")]
    _typ: Option<String>,
    #[serde(rename = "cty")]
    _cty: Option<String>,
}

/// Opens what was sealed with one of `keys`.
///
/// # Errors
/// `UnknownSealingKey` where it names none of them, `Unsealable` for all else.
pub(super) fn open(
    keys: &HashMap<String, OpeningKey>,
    sealed: &str,
) -> Result<SecretString, Rejection> {
    let unsealable = Rejection::Unsealable;
    let parts: Vec<&str> = sealed.split('.').collect();
    let [header_text, encrypted_key, nonce, content, tag] = parts[..] else {
        return Err(unsealable);
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unsealable);
    let header = decode(header_text)?;
    // A list of its values would be read as one, too.
    if !header.starts_with(b"{") {
        return Err(unsealable);
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| unsealable)?;
    if header.alg != ALGORITHM || header.enc != ENCRYPTION {
        return Err(unsealable);
    }
    let key = keys.get(&header.kid).ok_or(Rejection::UnknownSealingKey)?;
    let nonce = Nonce::try_assume_unique_for_key(&decode(nonce)?).map_err(|_| unsealable)?;
    let tag = decode(tag)?;
    if tag.len() != AES_256_GCM.tag_len() {
        return Err(unsealable);
    }
    let mut content = Zeroizing::new(decode(content)?);
    content.extend_from_slice(&tag);
    let content_key = key.content_key(&decode(encrypted_key)?).ok_or(unsealable)?;
    let cipher =
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*content_key).map_err(|_| unsealable)?);
    let plain = cipher
        .open_in_place(nonce, Aad::from(header_text.as_bytes()), &mut content)
        .map_err(|_| unsealable)?;
    let text = std::str::from_utf8(plain).map_err(|_| unsealable)?;
    Ok(SecretString::from(text))
}
