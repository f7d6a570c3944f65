//! The RSA key pair that signs tokens: made on first use, kept in `KEYS_DIR`.
//!
//! The `rsa` crate makes keys and reads PEM. It never signs: its private-key operations are not
//! constant-time (RUSTSEC-2023-0071), so signing goes through jsonwebtoken's aws-lc back end.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    LineEnding,
};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};

const PRIVATE: &str = "jwt.private.pem";
const PUBLIC: &str = "jwt.public.pem";
/// The size of a new key; also the smallest that is accepted (RFC 7518 section 3.3).
const MIN_BITS: usize = 2048;
/// Larger keys make every verification slow, and nobody has a reason for one.
const MAX_BITS: usize = 8192;
/// The public exponent of every key in practice; smaller ones have a history of attacks.
const EXPONENT: u32 = 65_537;

/// The keys of this server.
pub struct Keys {
    pub(super) kid: String,
    pub(super) verifying: DecodingKey,
    pub(super) signing: Option<EncodingKey>,
    /// Whether this start made them.
    pub created: bool,
}

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

impl Keys {
    /// Loads the key pair from `dir`, or makes one (RSA 2048; PKCS#8 private and SPKI public PEM;
    /// the private file 0600 in a folder 0700) where there is neither file. A public key alone is
    /// enough to verify; a private key alone has its public half written beside it.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds a key outside the policy: RSA of 2048 to
    /// 8192 bits with the exponent 65537.
    pub fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        let (private_path, public_path) = (dir.join(PRIVATE), dir.join(PUBLIC));
        let mut created = false;
        if !exists(&private_path)? && !exists(&public_path)? {
            created = create(dir, &private_path)?;
        }
        let private = read_private(&private_path)?;
        if let Some((key, _)) = &private
            && !exists(&public_path)?
        {
            let pem = (key.to_public_key().to_public_key_pem(LineEnding::LF))
                .map_err(|_| problem(&public_path, "the public key cannot be encoded"))?;
            publish(&public_path, pem.as_bytes(), 0o644)?;
        }
        let public = read_public(&public_path)?;
        if private
            .as_ref()
            .is_some_and(|(key, _)| key.to_public_key() != public)
        {
            return Err(problem(
                &public_path,
                "is not the public half of the private key beside it",
            ));
        }
        let verifying = DecodingKey::from_rsa_raw_components(
            &public.n().to_bytes_be(),
            &public.e().to_bytes_be(),
        );
        let kid = thumbprint(&verifying)
            .ok_or_else(|| problem(&public_path, "its thumbprint cannot be computed"))?;
        Ok(Self {
            kid,
            verifying,
            signing: private.map(|(_, signing)| signing),
            created,
        })
    }

    /// The RFC 7638 thumbprint of the public key, which is the `kid` of the tokens it verifies.
    pub fn kid(&self) -> &str {
        &self.kid
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
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        publish(path, hex.as_bytes(), 0o600)?;
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

fn exists(path: &Path) -> Result<bool, KeyError> {
    path.try_exists()
        .map_err(|error| io(path, "cannot be looked at", &error))
}

fn read_private(path: &Path) -> Result<Option<(RsaPrivateKey, EncodingKey)>, KeyError> {
    if !exists(path)? {
        return Ok(None);
    }
    let pem = fs::read_to_string(path).map_err(|error| io(path, "cannot be read", &error))?;
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
    check(path, &key.to_public_key())?;
    let der = key
        .to_pkcs1_der()
        .map_err(|_| problem(path, "cannot be used for signing"))?;
    let signing = EncodingKey::from_rsa_der(der.as_bytes());
    Ok(Some((key, signing)))
}

fn read_public(path: &Path) -> Result<RsaPublicKey, KeyError> {
    let pem = fs::read_to_string(path).map_err(|error| io(path, "cannot be read", &error))?;
    let key = RsaPublicKey::from_public_key_pem(&pem).map_err(|_| {
        problem(
            path,
            "is not an RSA public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)",
        )
    })?;
    check(path, &key)?;
    Ok(key)
}

fn check(path: &Path, key: &RsaPublicKey) -> Result<(), KeyError> {
    let bits = key.n().bits();
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(problem(
            path,
            format!("holds a key of {bits} bits; allowed: {MIN_BITS} to {MAX_BITS}"),
        ));
    }
    if *key.e() != BigUint::from(EXPONENT) {
        return Err(problem(
            path,
            format!("holds a key whose public exponent is not {EXPONENT}"),
        ));
    }
    Ok(())
}

/// Makes a private key. False where another process was faster; its key is then the one to use.
fn create(dir: &Path, path: &Path) -> Result<bool, KeyError> {
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

fn thumbprint(key: &DecodingKey) -> Option<String> {
    Jwk::from_decoding_key(key, Some(Algorithm::RS256))
        .ok()?
        .thumbprint(ThumbprintHash::SHA256)
        .ok()
}

fn problem(path: &Path, problem: impl Into<String>) -> KeyError {
    KeyError {
        path: path.into(),
        problem: problem.into(),
    }
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> KeyError {
    problem(path, format!("{what}: {error}"))
}
