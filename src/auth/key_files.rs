//! Key files: RSA keys in PEM, read under one policy, made on first use, never written over.
//!
//! The `rsa` crate makes keys and reads PEM. It never signs or decrypts: its private-key operations
//! are not constant-time (RUSTSEC-2023-0071), so those go through aws-lc.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    LineEnding,
};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

use crate::hex;

/// The size of a new key; also the smallest that is accepted (RFC 7518 section 3.3).
const MIN_BITS: usize = 2048;
/// Larger keys make every verification slow, and nobody has a reason for one.
const MAX_BITS: usize = 8192;
/// The public exponent of every key in practice; smaller ones have a history of attacks.
const EXPONENT: u32 = 65_537;

/// Why the keys cannot be used; the text names the file.
#[derive(Debug)]
pub struct KeyError {
    path: PathBuf,
    problem: String,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for KeyError {}

/// A public key within the policy: RSA of 2048 to 8192 bits with the exponent 65537.
pub(super) struct PublicKey {
    /// The RFC 7638 thumbprint.
    pub(super) kid: String,
    key: RsaPublicKey,
}

impl PublicKey {
    /// Reads SPKI PEM.
    pub(super) fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = fs::read_to_string(path).map_err(|error| io(path, "cannot be read", &error))?;
        let key = RsaPublicKey::from_public_key_pem(&pem).map_err(|_| {
            problem(
                path,
                "is not an RSA public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)",
            )
        })?;
        Self::new(key).map_err(|why| problem(path, why))
    }

    /// Takes the numbers of a JWK (RFC 7518 section 6.3.1).
    ///
    /// # Errors
    /// What is wrong with the key, as a phrase.
    pub(super) fn from_components(n: &[u8], e: &[u8]) -> Result<Self, String> {
        let (n, e) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
        let key = RsaPublicKey::new_with_max_size(n, e, MAX_BITS)
            .map_err(|_| "is not an RSA public key of at most 8192 bits".to_owned())?;
        Self::new(key)
    }

    fn new(key: RsaPublicKey) -> Result<Self, String> {
        let bits = key.n().bits();
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(format!(
                "holds a key of {bits} bits; allowed: {MIN_BITS} to {MAX_BITS}"
            ));
        }
        if *key.e() != BigUint::from(EXPONENT) {
            return Err(format!(
                "holds a key whose public exponent is not {EXPONENT}"
            ));
        }
        // RFC 7638 section 3: the required members, in this order, without spaces.
        let (n, e) = components(&key);
        let required = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, required.as_bytes());
        let kid = URL_SAFE_NO_PAD.encode(digest);
        Ok(Self { kid, key })
    }

    /// The key as what verifies signatures.
    pub(super) fn verifying(&self) -> DecodingKey {
        DecodingKey::from_rsa_raw_components(
            &self.key.n().to_bytes_be(),
            &self.key.e().to_bytes_be(),
        )
    }

    /// The key in SPKI DER; `None` where it cannot be encoded.
    pub(super) fn spki(&self) -> Option<Vec<u8>> {
        Some(self.key.to_public_key_der().ok()?.into_vec())
    }

    /// The key as a JWK (RFC 7517) for this use and algorithm.
    pub(super) fn jwk(&self, usage: &str, algorithm: &str) -> Value {
        let (n, e) = components(&self.key);
        json!({"kty": "RSA", "use": usage, "alg": algorithm, "kid": self.kid, "n": n, "e": e})
    }

    /// Writes SPKI PEM. False where the name was taken.
    pub(super) fn publish(&self, path: &Path) -> Result<bool, KeyError> {
        let pem = (self.key.to_public_key_pem(LineEnding::LF))
            .map_err(|_| problem(path, "the public key cannot be encoded"))?;
        publish(path, pem.as_bytes(), 0o644)
    }
}

fn components(key: &RsaPublicKey) -> (String, String) {
    (
        URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()),
        URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()),
    )
}

/// A private key within the policy. It holds a secret and so has no `Debug`.
pub(super) struct PrivateKey {
    pub(super) public: PublicKey,
    /// PKCS#1 DER, as jsonwebtoken takes it.
    pub(super) pkcs1: rsa::pkcs8::SecretDocument,
    /// PKCS#8 DER, as aws-lc takes it.
    pub(super) pkcs8: rsa::pkcs8::SecretDocument,
}

impl PrivateKey {
    /// Reads PKCS#8 PEM; `None` where there is no such file. A file that others can read is told of
    /// in the log.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        if !exists(path)? {
            return Ok(None);
        }
        let pem = fs::read_to_string(path).map_err(|error| io(path, "cannot be read", &error))?;
        let pem = secrecy::zeroize::Zeroizing::new(pem);
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(file = %path.display(), "this private key can be read by other users; `chmod 600` it");
        }
        let key = RsaPrivateKey::from_pkcs8_pem(&pem).map_err(|_| {
            problem(
                path,
                "is not an RSA private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)",
            )
        })?;
        let public = PublicKey::new(key.to_public_key()).map_err(|why| problem(path, why))?;
        let unusable = || problem(path, "cannot be used as a key");
        Ok(Some(Self {
            public,
            pkcs1: key.to_pkcs1_der().map_err(|_| unusable())?,
            pkcs8: key.to_pkcs8_der().map_err(|_| unusable())?,
        }))
    }

    /// Makes a key of 2048 bits and writes it as PKCS#8 PEM, for its owner alone, in a folder that
    /// is made where there is none. False where another process was faster; its key is then the one
    /// to use.
    pub(super) fn create(dir: &Path, path: &Path) -> Result<bool, KeyError> {
        fs::create_dir_all(dir).map_err(|error| io(dir, "cannot be created", &error))?;
        // A folder that holds nothing is ours to close; one that holds other things is not.
        let mut entries = fs::read_dir(dir).map_err(|error| io(dir, "cannot be listed", &error))?;
        if entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".gitkeep")) {
            fs::set_permissions(dir, Permissions::from_mode(0o700))
                .map_err(|error| io(dir, "cannot be closed to other users", &error))?;
        }
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, MIN_BITS)
            .map_err(|_| problem(path, "no key could be generated"))?;
        let pem = key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| problem(path, "the private key cannot be encoded"))?;
        publish(path, pem.as_bytes(), 0o600)
    }
}

/// Reads the secret in `path`, 32 bytes in hex; makes one, 0600, where there is none.
///
/// # Errors
/// When the file can be neither read nor made, or holds something else.
pub fn secret_file(path: &Path) -> Result<Vec<u8>, KeyError> {
    if !exists(path)? {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| problem(path, "no secret could be made"))?;
        publish(path, hex::encode(&secret).as_bytes(), 0o600)?;
    }
    let text = fs::read_to_string(path).map_err(|error| io(path, "cannot be read", &error))?;
    let text = text.trim();
    let bytes = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    bytes
        .collect::<Option<Vec<u8>>>()
        .filter(|secret| secret.len() == 32)
        .ok_or_else(|| problem(path, "does not hold 32 bytes in hex"))
}

/// The names of the files in `dir`, in order.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, KeyError> {
    let entries = fs::read_dir(dir).map_err(|error| io(dir, "cannot be listed", &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io(dir, "cannot be listed", &error))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

pub(super) fn exists(path: &Path) -> Result<bool, KeyError> {
    path.try_exists()
        .map_err(|error| io(path, "cannot be looked at", &error))
}

/// Gives a file another name, over one that exists.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), KeyError> {
    fs::rename(from, to).map_err(|error| io(from, "cannot be renamed", &error))
}

/// Removes a file; one that is not there is as good as removed.
pub(super) fn remove(path: &Path) -> Result<(), KeyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io(path, "cannot be removed", &error))
        }
        _ => Ok(()),
    }
}

/// Writes a whole file or none, and never over one that exists: it is written under another name
/// and linked into place. False where the name was taken.
fn publish(path: &Path, content: &[u8], mode: u32) -> Result<bool, KeyError> {
    let draft = path.with_extension(format!("{}.tmp", uuid::Uuid::now_v7()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            fs::hard_link(&draft, path)
        });
    // The draft goes whatever happened; a failure to remove it changes nothing for the caller.
    fs::remove_file(&draft).ok();
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io(path, "cannot be written", &error)),
    }
}

pub(super) fn problem(path: &Path, problem: impl Into<String>) -> KeyError {
    KeyError {
        path: path.into(),
        problem: problem.into(),
    }
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> KeyError {
    problem(path, format!("{what}: {error}"))
}
