//! One key pair for the test process, and tokens of any kind signed with it.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use discord_mcp_server::auth::Keys;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::discord::seed::BOT_TOKEN;

pub const PRIVATE: &str = "jwt.private.pem";
pub const PUBLIC: &str = "jwt.public.pem";

struct Pair {
    private: Vec<u8>,
    public: Vec<u8>,
    kid: String,
}

/// Made once by the code under test, in a folder that is gone at once.
fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(dir.path()).unwrap();
        Pair {
            private: std::fs::read(dir.path().join(PRIVATE)).unwrap(),
            public: std::fs::read(dir.path().join(PUBLIC)).unwrap(),
            kid: keys.kid().to_owned(),
        }
    })
}

/// Puts the test keys into `dir`.
pub fn install_keys(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(PRIVATE), &pair().private).unwrap();
    std::fs::write(dir.join(PUBLIC), &pair().public).unwrap();
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
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(kid().to_owned());
    sign_with(&header, claims)
}

/// Signs these claims under this header.
pub fn sign_with(header: &Header, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(&pair().private).unwrap();
    encode(header, claims, &key).unwrap()
}

/// A good token with these claims changed.
pub fn token_with(changes: Value) -> String {
    sign(&claims_with(changes))
}

/// A good token with all scopes.
pub fn token() -> String {
    sign(&claims())
}
