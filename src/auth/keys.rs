//! The keys of this server, as they stand in `KEYS_DIR`.
//!
//! | file | who needs it | for |
//! |---|---|---|
//! | `jwt.private.pem` | who mints | signing tokens |
//! | `jwt*.public.pem` | the server | verifying them |
//! | `seal.public.pem` | who mints | sealing the bot token in them |
//! | `seal*.private.pem` | the server | opening it |
//!
//! So a server can open and not mint, and a minter can mint and not open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::key_files::{KeyError, PrivateKey, PublicKey, exists, names, problem};
use super::seal::{OpeningKey, SealingKey};

/// The two pairs of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// Signs and verifies tokens.
    Jwt,
    /// Seals and opens the bot token in them.
    Seal,
}

impl Pair {
    pub(super) const ALL: [Self; 2] = [Self::Jwt, Self::Seal];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Seal => "seal",
        }
    }

    /// The file of the pair's private half, of the pair in use or of a `variant` such as `next`.
    pub(super) fn private(self, dir: &Path, variant: &str) -> PathBuf {
        dir.join(format!("{}{variant}.private.pem", self.name()))
    }

    /// The file of its public half.
    pub(super) fn public(self, dir: &Path, variant: &str) -> PathBuf {
        dir.join(format!("{}{variant}.public.pem", self.name()))
    }

    fn is_private(self, file: &str) -> bool {
        file.starts_with(self.name()) && file.ends_with(".private.pem")
    }

    fn is_public(self, file: &str) -> bool {
        file.starts_with(self.name()) && file.ends_with(".public.pem")
    }
}

/// The keys of this server. They are secrets and so have no `Debug`.
#[derive(Default)]
pub struct Keys {
    /// By `kid`.
    pub(super) verifying: HashMap<String, Arc<DecodingKey>>,
    /// By `kid`.
    pub(super) opening: HashMap<String, OpeningKey>,
    /// With its `kid`.
    pub(super) signing: Option<(String, EncodingKey)>,
    pub(super) sealing: Option<SealingKey>,
    /// Ours to be named first: the one that signs here, or else the first there is.
    kid: String,
    published: Value,
    /// Whether this start made any of them.
    pub created: bool,
}

impl Keys {
    /// Loads the keys from `dir`, and makes a pair (RSA 2048; PKCS#8 private and SPKI public PEM;
    /// private files 0600 in a folder 0700) where there is neither half of it. A private half alone
    /// has its public half written beside it.
    ///
    /// A folder that cannot be written need hold public keys that verify, and no more.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds a key outside the policy: RSA of 2048 to
    /// 8192 bits with the exponent 65537.
    pub fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        let files = if exists(dir)? {
            names(dir)?
        } else {
            Vec::new()
        };
        let has_jwt = files
            .iter()
            .any(|file| Pair::Jwt.is_public(file) || Pair::Jwt.private(dir, "") == dir.join(file));
        let mut created = !has_jwt && PrivateKey::create(dir, &Pair::Jwt.private(dir, ""))?;
        let has_seal = files.iter().any(|file| {
            Pair::Seal.is_private(file) || Pair::Seal.public(dir, "") == dir.join(file)
        });
        complete(dir, Pair::Jwt)?;
        // Keys that cannot be used are refused before any are made beside them.
        let keys = Self::load(dir)?;
        let made = if has_seal {
            Ok(false)
        } else {
            PrivateKey::create(dir, &Pair::Seal.private(dir, ""))
        };
        let written = made.and_then(|made| Ok((made, complete(dir, Pair::Seal)?)));
        match written {
            // Where another process makes the keys at the same time, not all of them were there yet.
            Ok((_, false)) if keys.sealing.is_some() => Ok(Self { created, ..keys }),
            Ok((made, _)) => {
                created |= made;
                Ok(Self {
                    created,
                    ..Self::load(dir)?
                })
            }
            Err(error) => {
                tracing::warn!(%error, "there is no whole pair of keys to seal tokens with, and none can be made");
                Ok(Self { created, ..keys })
            }
        }
    }

    /// Loads the keys as they stand in `dir`, and writes nothing.
    ///
    /// # Errors
    /// Those of [`Keys::load_or_create`].
    pub fn load(dir: &Path) -> Result<Self, KeyError> {
        Self::read(dir, &mut Err)
    }

    /// The keys that can be used of those that stand in `dir` now. The others are told of in the log:
    /// a key that is gone is not to count because another cannot be read.
    pub fn reload(dir: &Path) -> Self {
        let mut leave_out = |error: KeyError| {
            tracing::error!(%error, "a key is left out");
            Ok(())
        };
        Self::read(dir, &mut leave_out).unwrap_or_default()
    }

    /// Reads the keys; `refused` says whether one that cannot be used is to be left out.
    fn read(dir: &Path, refused: &mut Refused<'_>) -> Result<Self, KeyError> {
        let private = PrivateKey::read(&Pair::Jwt.private(dir, ""));
        let private = taken(private, refused)?.flatten();
        let files = taken(names(dir), refused)?.unwrap_or_default();
        let mut keys = Self::default();
        let mut jwks = Vec::new();
        for file in &files {
            let path = dir.join(file);
            if Pair::Jwt.is_public(file) {
                let Some(key) = taken(PublicKey::read(&path), refused)? else {
                    continue;
                };
                let verifying = Arc::new(key.verifying());
                if keys.verifying.insert(key.kid.clone(), verifying).is_none() {
                    jwks.push(key.jwk("sig", "RS256"));
                }
                if keys.kid.is_empty() {
                    keys.kid = key.kid;
                }
            } else if Pair::Seal.is_private(file) {
                if let Some((kid, opens)) = taken(read_opening(&path), refused)?.flatten() {
                    keys.opening.insert(kid, opens);
                }
            } else if file.ends_with(".pem")
                && !Pair::Jwt.is_private(file)
                && !Pair::Seal.is_public(file)
            {
                tracing::warn!(file = %path.display(), "this key is not used: the names of keys begin with jwt or seal and end with .public.pem or .private.pem");
            }
        }
        if let Some(private) = private {
            taken(keys.sign_with(private, dir), refused)?;
        }
        if let Some((key, seals)) = taken(keys.read_sealing(dir), refused)?.flatten() {
            if keys.opening.contains_key(&key.kid) {
                jwks.push(key.jwk("enc", "RSA-OAEP-256"));
            }
            keys.sealing = Some(seals);
        }
        keys.published = json!({"keys": jwks});
        Ok(keys)
    }

    /// Signs with this key, whose public half must be among those that verify.
    fn sign_with(&mut self, key: PrivateKey, dir: &Path) -> Result<(), KeyError> {
        let kid = key.public.kid;
        if !self.verifying.contains_key(&kid) {
            return Err(not_the_half(&Pair::Jwt.public(dir, "")));
        }
        self.kid.clone_from(&kid);
        self.signing = Some((kid, EncodingKey::from_rsa_der(key.pkcs1.as_bytes())));
        Ok(())
    }

    /// The key that seals, where there is one; its private half must be among those that open, if any
    /// are here.
    fn read_sealing(&self, dir: &Path) -> Result<Option<(PublicKey, SealingKey)>, KeyError> {
        let path = Pair::Seal.public(dir, "");
        if !exists(&path)? {
            return Ok(None);
        }
        let key = PublicKey::read(&path)?;
        if !self.opening.is_empty() && !self.opening.contains_key(&key.kid) {
            return Err(not_the_half(&path));
        }
        let seals =
            SealingKey::new(&key).ok_or_else(|| problem(&path, "cannot be used for sealing"))?;
        Ok(Some((key, seals)))
    }

    /// The RFC 7638 thumbprint of the public key that the tokens minted here need; empty where
    /// there is no key at all.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether there is a key to verify tokens with.
    pub fn can_verify(&self) -> bool {
        !self.verifying.is_empty()
    }

    /// Whether there is a key to open sealed tokens with.
    pub fn can_open(&self) -> bool {
        !self.opening.is_empty()
    }

    /// The public keys as a JWK set (RFC 7517 section 5): those that verify, and the one to seal
    /// with, where what it seals can be opened here.
    pub fn published(&self) -> &Value {
        &self.published
    }
}

/// A key that opens, with its `kid`; `None` where there is no such file.
fn read_opening(path: &Path) -> Result<Option<(String, OpeningKey)>, KeyError> {
    let Some(key) = PrivateKey::read(path)? else {
        return Ok(None);
    };
    let opens = OpeningKey::new(&key).ok_or_else(|| problem(path, "cannot be used for opening"))?;
    Ok(Some((key.public.kid, opens)))
}

/// What becomes of a key that cannot be used: it is left out, or nothing is loaded.
type Refused<'a> = dyn FnMut(KeyError) -> Result<(), KeyError> + 'a;

/// What was read, `None` where it is left out.
fn taken<T>(read: Result<T, KeyError>, refused: &mut Refused<'_>) -> Result<Option<T>, KeyError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => refused(error).map(|()| None),
    }
}

/// Writes the public half of a private key that is alone. Whether it did.
fn complete(dir: &Path, pair: Pair) -> Result<bool, KeyError> {
    let public = pair.public(dir, "");
    if !exists(&public)?
        && let Some(key) = PrivateKey::read(&pair.private(dir, ""))?
    {
        return key.public.publish(&public);
    }
    Ok(false)
}

fn not_the_half(path: &Path) -> KeyError {
    problem(path, "is not the public half of the private key beside it")
}
