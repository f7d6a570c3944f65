//! Keys made for this run, a verifier that knows them, and two good tokens.

// Each target uses the part of this that it needs.
#![allow(dead_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use discord_mcp_server::auth::{
    Grant, Keys, OperatorLimits, Principal, Rejection, Revocations, Rules, Scopes, Verifier, mint,
};
use discord_mcp_server::discord::BotToken;
use tokio::runtime::{Builder, Runtime};

/// The issuer, the audience and the user.
pub const NAME: &str = "fuzz";
/// Of a bot token's form, and nobody's.
pub const BOT: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB";
pub const DAY: u64 = 86_400;
pub const MAX_LIFETIME: u64 = 30 * DAY;

pub struct Stage {
    verifier: Verifier,
    runtime: Runtime,
    signing: KeyPair,
    pub kid: String,
    /// One with a readable bot token, one with a sealed one.
    pub good: [String; 2],
}

pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

impl Stage {
    pub fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [signing, _sealing] = ["jwt", "seal"].map(|name| make_key(&dir.path().join(name)));
        let keys = Arc::new(Keys::load_or_create(dir.path()).unwrap());
        let good = [true, false].map(|plain| {
            let grant = Grant {
                sub: NAME.to_owned(),
                scopes: Scopes::ALL,
                ttl: Duration::from_secs(7 * DAY),
                channels: Vec::new(),
                guilds: Vec::new(),
                plain,
            };
            let bot = BotToken::parse(BOT).unwrap();
            mint(&keys, NAME, NAME, &grant, &bot).unwrap().jwt
        });
        let rules = Rules {
            issuer: NAME.to_owned(),
            audience: NAME.to_owned(),
            max_lifetime: Duration::from_secs(MAX_LIFETIME),
            require_sealed: false,
            operator: OperatorLimits::default(),
            revocations: Revocations::open(&dir.path().join("revoked.jsonl")).unwrap(),
            provider: None,
        };
        let stage = Self {
            kid: keys.kid().to_owned(),
            verifier: Verifier::new(keys, rules),
            runtime: Builder::new_current_thread().build().unwrap(),
            signing,
            good,
        };
        // Without this, a verifier that refuses everything would pass every check.
        assert!(stage.good.iter().all(|good| stage.verify(good).is_ok()));
        stage
    }

    pub fn verify(&self, bearer: &str) -> Result<Arc<Principal>, Rejection> {
        self.runtime.block_on(self.verifier.verify(bearer))
    }

    /// What becomes of this header and these claims once they are signed. Signing is slow, so only
    /// what is refused for nothing but its signature is signed.
    pub fn verify_signed(&self, header: &str, claims: &str) -> Result<Arc<Principal>, Rejection> {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(header), encode(claims));
        match self.verify(&format!("{message}.{}", encode("no signature"))) {
            Ok(_) => panic!("a token without a signature was let in"),
            Err(Rejection::BadSignature) => {}
            Err(rejection) => return Err(rejection),
        }
        let mut signature = vec![0; self.signing.public_modulus_len()];
        let (padding, random) = (&RSA_PKCS1_SHA256, SystemRandom::new());
        (self.signing)
            .sign(padding, &random, message.as_bytes(), &mut signature)
            .unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        self.verify(&format!("{message}.{signature}"))
    }
}

/// Makes a private key, in PEM. The server would, but its key generation takes a minute here: it is
/// Rust, and instrumented.
fn make_key(path: &Path) -> KeyPair {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines = lines.collect::<Vec<_>>().join("\n");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    std::fs::write(path.with_extension("private.pem"), pem).unwrap();
    pair
}
