//! One key pair for the test process, and tokens of any kind signed with it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use discord_mcp_server::auth::Keys;
use serde_json::{Value, json};

use super::discord::seed::BOT_TOKEN;

pub const PRIVATE: &str = "jwt.private.pem";
pub const PUBLIC: &str = "jwt.public.pem";
pub const SEAL_PRIVATE: &str = "seal.private.pem";
pub const SEAL_PUBLIC: &str = "seal.public.pem";

struct Pair {
    private: Vec<u8>,
    public: Vec<u8>,
    seal_private: Vec<u8>,
    seal_public: Vec<u8>,
    kid: String,
}

/// Made once by the code under test, in a folder that is gone at once.
fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(dir.path()).unwrap();
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        Pair {
            private: read(PRIVATE),
            public: read(PUBLIC),
            seal_private: read(SEAL_PRIVATE),
            seal_public: read(SEAL_PUBLIC),
            kid: keys.kid().to_owned(),
        }
    })
}

/// Puts the test keys into `dir`.
pub fn install_keys(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, content) in [
        (PRIVATE, &pair().private),
        (PUBLIC, &pair().public),
        (SEAL_PRIVATE, &pair().seal_private),
        (SEAL_PUBLIC, &pair().seal_public),
    ] {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        // As the server makes them: it warns of private keys that others can read.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub fn kid() -> &'static str {
    &pair().kid
}

pub fn public_pem() -> &'static [u8] {
    &pair().public
}

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The claims of a good token with all scopes.
pub fn claims() -> Value {
    json!({
        "iss": "discord-mcp-server",
        "aud": "discord-mcp-server",
        "sub": "tester",
        "iat": now(),
        "exp": now() + 3600,
        "jti": "jti-of-the-test",
        "discord_token": BOT_TOKEN,
    })
}

/// The good claims with these changed; null takes one away.
pub fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Signs these claims as the server's own minting does.
pub fn sign(claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": kid()});
    signed(header.to_string(), claims.to_string())
}

/// A token of exactly this header and payload, signed with our key by RS256.
pub fn signed(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    // Reading a key costs more than signing with it.
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let pem = str::from_utf8(&pair().private).unwrap();
        KeyPair::from_pkcs8(&der(pem)).unwrap()
    });
    let (header, payload) = (
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload),
    );
    let text = format!("{header}.{payload}");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The bytes in a PEM file.
pub fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// A good token with these claims changed.
pub fn token_with(changes: Value) -> String {
    sign(&claims_with(changes))
}

/// A good token with all scopes.
pub fn token() -> String {
    sign(&claims())
}
