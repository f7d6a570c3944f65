//! What the process remembers from one call to the next, so that a busy bot stays welcome: the
//! limits that Discord told of, tokens and channels that it refused, and how it takes this host.
//!
//! Tokens are known by an HMAC under a key made at start. None is stored.

mod bucket;
mod host;
mod pace;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use tokio::time::Instant;

pub(super) use bucket::Place;
pub use host::HeldBack;
pub(super) use host::Host;
pub(super) use token::Token;

use super::token::{BotToken, Tag};

/// How long what is not used is remembered. Longer than a refused token stays refused.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How often what is idle is looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// The memory of the process.
pub(super) struct Memory {
    key: hmac::Key,
    tokens: Mutex<Tokens>,
    /// How Discord takes this host, whichever bot speaks.
    pub(super) host: Host,
}

struct Tokens {
    known: HashMap<Tag, Arc<Token>>,
    swept: Instant,
}

impl Memory {
    /// An empty memory. `None` where the machine has no randomness to give.
    pub(super) fn new() -> Option<Self> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).ok()?;
        Some(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            tokens: Mutex::new(Tokens {
                known: HashMap::new(),
                swept: Instant::now(),
            }),
            host: Host::default(),
        })
    }

    /// What is remembered of a bot token.
    pub(super) fn token(&self, token: &BotToken) -> Arc<Token> {
        let tag = *token.tag(|text| {
            let mut tag = Tag::default();
            tag.copy_from_slice(hmac::sign(&self.key, text).as_ref());
            tag
        });
        let now = Instant::now();
        let mut tokens = lock(&self.tokens);
        if now.saturating_duration_since(tokens.swept) >= SWEEP {
            tokens.swept = now;
            tokens
                .known
                .retain(|_, token| !token.sweep(IDLE) || Arc::strong_count(token) > 1);
        }
        let token = tokens.known.entry(tag).or_default();
        token.used(now);
        Arc::clone(token)
    }
}

/// What no panic leaves half done can be used after one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
