//! Sealed bot tokens (compact JWE, RFC 7516) made by hand from the primitives, with nothing of the
//! server's own code: good ones, and ones that are wrong in a single place.
//!
//! ```ignore
//! let token = jwe::token(&jwe::sealed(BOT_TOKEN));             // a good JWT with a good seal
//! let touched = Jwe { iv: vec![0; 12], ..Jwe::good() };
//! let old = Jwe::made(&jwe::header_with(&json!({"alg": "RSA1_5"})), Wrap::Pkcs1, Enc::A256Gcm);
//! ```

use std::sync::OnceLock;

use aws_lc_rs::aead::{
    self, AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::cipher::{self, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPublicKey;
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use serde_json::{Value, json};

use super::discord::seed::BOT_TOKEN;
use super::forge::{changed, pem, stranger, thumbprint};
use super::tokens;

/// The public half of the key that the server opens seals with.
pub fn seal_public() -> &'static RsaPublicKey {
    static KEY: OnceLock<RsaPublicKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPublicKey::from_public_key_pem(&pem(tokens::SEAL_PUBLIC)).unwrap())
}

pub fn seal_kid() -> String {
    static KID: OnceLock<String> = OnceLock::new();
    KID.get_or_init(|| thumbprint(seal_public())).clone()
}

/// A compact JWE in its parts, before they are encoded.
#[derive(Clone)]
pub struct Jwe {
    pub header: String,
    pub key: Vec<u8>,
    pub iv: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub tag: Vec<u8>,
}

/// How the content key is hidden.
#[derive(Clone, Copy)]
pub enum Wrap<'a> {
    /// RSA-OAEP-256, for this key.
    Oaep256(&'a RsaPublicKey),
    /// RSA-OAEP, which is over SHA-1.
    Oaep1,
    /// RSA1_5.
    Pkcs1,
    /// `dir`: not at all; it is a hash of the public key, which anybody can make.
    Dir,
    /// A256KW, with that same hash.
    AesKw,
}

/// How the content is hidden.
#[derive(Clone, Copy)]
pub enum Enc {
    A128Gcm,
    A192Gcm,
    A256Gcm,
    A256CbcHs512,
}

impl Jwe {
    /// A good one of the tests' bot token.
    pub fn good() -> Self {
        Self::under(&good_header().to_string())
    }

    /// One made by the book, under exactly this header.
    pub fn under(header: &str) -> Self {
        Self::of(
            header,
            Wrap::Oaep256(seal_public()),
            Enc::A256Gcm,
            BOT_TOKEN.as_bytes(),
        )
    }

    /// One of the tests' bot token in another way.
    pub fn made(header: &str, wrap: Wrap<'_>, enc: Enc) -> Self {
        Self::of(header, wrap, enc, BOT_TOKEN.as_bytes())
    }

    /// One of any content.
    pub fn of(header: &str, wrap: Wrap<'_>, enc: Enc, content: &[u8]) -> Self {
        let cek = match wrap {
            Wrap::Dir => known_to_all(),
            _ => random(match enc {
                Enc::A128Gcm => 16,
                Enc::A192Gcm => 24,
                Enc::A256Gcm => 32,
                Enc::A256CbcHs512 => 64,
            }),
        };
        let (iv, ciphertext, tag) = encrypt(enc, &cek, aad(header).as_bytes(), content);
        Self {
            header: header.to_owned(),
            key: hide(wrap, &cek),
            iv,
            ciphertext,
            tag,
        }
    }

    /// The five parts, encoded.
    pub fn parts(&self) -> [String; 5] {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        [
            aad(&self.header),
            encode(&self.key),
            encode(&self.iv),
            encode(&self.ciphertext),
            encode(&self.tag),
        ]
    }

    /// The text that stands in the claim.
    pub fn compact(&self) -> String {
        self.parts().join(".")
    }
}

pub fn good_header() -> Value {
    json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": seal_kid()})
}

/// The good header with these changed; null takes one away.
pub fn header_with(changes: &Value) -> String {
    changed(good_header(), changes).to_string()
}

/// A good seal around this text.
pub fn sealed(content: &str) -> String {
    let header = good_header().to_string();
    let wrap = Wrap::Oaep256(seal_public());
    Jwe::of(&header, wrap, Enc::A256Gcm, content.as_bytes()).compact()
}

/// A seal that only somebody else can open, under this `kid`.
pub fn sealed_for_a_stranger(kid: &str) -> String {
    let header = header_with(&json!({"kid": kid}));
    let wrap = Wrap::Oaep256(&stranger().public);
    Jwe::made(&header, wrap, Enc::A256Gcm).compact()
}

/// A good token whose claim `discord_token_sealed` is this, and which has no readable one.
pub fn token(sealed: impl Into<Value>) -> String {
    let sealed = sealed.into();
    tokens::token_with(json!({"discord_token": null, "discord_token_sealed": sealed}))
}

/// What is in a seal, opened with the private key in this PEM; with its header.
pub fn open(compact: &str, private_pem: &str) -> (Value, String) {
    let parts: Vec<&str> = compact.split('.').collect();
    let [header, key, iv, ciphertext, tag] = parts[..] else {
        panic!("a compact JWE has five parts, not {}", parts.len());
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let private = PrivateDecryptingKey::from_pkcs8(&tokens::der(private_pem)).unwrap();
    let private = OaepPrivateDecryptingKey::new(private).unwrap();
    let mut cek = vec![0; private.min_output_size()];
    let cek = private
        .decrypt(&OAEP_SHA256_MGF1SHA256, &decode(key), &mut cek, None)
        .unwrap();
    let opening = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cek).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&decode(iv)).unwrap();
    let mut text = decode(ciphertext);
    text.extend(decode(tag));
    let text = opening
        .open_in_place(nonce, Aad::from(header.as_bytes()), &mut text)
        .unwrap();
    let header = serde_json::from_slice(&decode(header)).unwrap();
    (header, String::from_utf8(text.to_vec()).unwrap())
}

/// What is authenticated beside the content: the header as it is written.
fn aad(header: &str) -> String {
    URL_SAFE_NO_PAD.encode(header)
}

fn random(bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    rand::fill(&mut random).unwrap();
    random
}

/// A symmetric key that everybody has who has the public key.
fn known_to_all() -> Vec<u8> {
    let spki = seal_public().to_public_key_der().unwrap();
    digest(&SHA256, spki.as_bytes()).as_ref().to_vec()
}

fn hide(wrap: Wrap<'_>, cek: &[u8]) -> Vec<u8> {
    match wrap {
        Wrap::Oaep256(key) => oaep(key, &OAEP_SHA256_MGF1SHA256, cek),
        Wrap::Oaep1 => oaep(seal_public(), &OAEP_SHA1_MGF1SHA1, cek),
        Wrap::Pkcs1 => {
            let key = Pkcs1PublicEncryptingKey::new(encrypting(seal_public())).unwrap();
            let mut hidden = vec![0; key.ciphertext_size()];
            key.encrypt(cek, &mut hidden).unwrap().to_vec()
        }
        Wrap::Dir => Vec::new(),
        Wrap::AesKw => {
            let kek = AesKek::new(&key_wrap::AES_256, &known_to_all()).unwrap();
            let mut hidden = vec![0; cek.len() + 8];
            kek.wrap(cek, &mut hidden).unwrap().to_vec()
        }
    }
}

fn oaep(key: &RsaPublicKey, algorithm: &'static OaepAlgorithm, cek: &[u8]) -> Vec<u8> {
    let key = OaepPublicEncryptingKey::new(encrypting(key)).unwrap();
    let mut hidden = vec![0; key.ciphertext_size()];
    key.encrypt(algorithm, cek, &mut hidden, None)
        .unwrap()
        .to_vec()
}

fn encrypting(key: &RsaPublicKey) -> PublicEncryptingKey {
    PublicEncryptingKey::from_der(key.to_public_key_der().unwrap().as_bytes()).unwrap()
}

fn encrypt(enc: Enc, cek: &[u8], aad: &[u8], content: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut text = content.to_vec();
    let gcm: &'static aead::Algorithm = match enc {
        Enc::A128Gcm => &AES_128_GCM,
        Enc::A192Gcm => &AES_192_GCM,
        Enc::A256Gcm => &AES_256_GCM,
        Enc::A256CbcHs512 => {
            let iv = random(16);
            let (mac, key) = cek.split_at(32);
            let key = UnboundCipherKey::new(&cipher::AES_256, key).unwrap();
            let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
            let context =
                EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(&iv[..]).unwrap()));
            key.less_safe_encrypt(&mut text, context).unwrap();
            let bits = u64::try_from(aad.len() * 8).unwrap().to_be_bytes();
            let mac = hmac::Key::new(hmac::HMAC_SHA512, mac);
            let tag = hmac::sign(&mac, &[aad, &iv, &text, &bits].concat());
            return (iv, text, tag.as_ref()[..32].to_vec());
        }
    };
    let key = LessSafeKey::new(UnboundKey::new(gcm, cek).unwrap());
    let iv = random(12);
    let nonce = Nonce::try_assume_unique_for_key(&iv).unwrap();
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text)
        .unwrap();
    (iv, text, tag.as_ref().to_vec())
}
