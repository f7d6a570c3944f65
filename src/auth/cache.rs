//! What was verified lately, so that a signature, a seal and the claims are paid for once.
//!
//! An entry is known by the SHA-256 of its bearer, and holds no longer than what it was made of:
//! its `exp`, the keys that verified and opened it, and the list of what is revoked are looked at
//! each time. Its bot token stays in memory for five minutes at most after it was verified, or
//! until newer entries have pushed it out; it is wiped then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;
use quick_cache::sync::Cache;

use super::keys::Keys;
use super::principal::Principal;

/// How many entries there may be. One takes about two KiB.
const ENTRIES: usize = 1_024;
/// How long an entry lives.
const LIFE: Duration = Duration::from_secs(300);

/// What a bearer was found to stand for, and on what grounds.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) principal: Arc<Principal>,
    /// Our keys at that time: one of them verified the signature or opened the seal.
    pub(super) keys: Arc<Keys>,
    /// The provider's key that verified the signature, by its name, where it was one.
    pub(super) theirs: Option<(String, Arc<DecodingKey>)>,
    /// Seconds since 1970.
    pub(super) iat: u64,
    /// Seconds since 1970.
    pub(super) exp: u64,
}

struct Entry {
    verified: Verified,
    since: Instant,
}

/// The entries, by the SHA-256 of the bearer.
pub(super) struct VerifiedBearers {
    entries: Cache<[u8; 32], Arc<Entry>>,
}

impl VerifiedBearers {
    pub(super) fn new() -> Self {
        Self {
            entries: Cache::new(ENTRIES),
        }
    }

    /// What this bearer was found to stand for, if that was lately.
    pub(super) fn get(&self, bearer: &str) -> Option<Verified> {
        let name = name(bearer);
        let entry = self.entries.get(&name)?;
        if entry.since.elapsed() >= LIFE {
            self.entries.remove(&name);
            return None;
        }
        Some(entry.verified.clone())
    }

    /// Keeps what this bearer was found to stand for.
    pub(super) fn keep(&self, bearer: &str, verified: Verified) {
        let since = Instant::now();
        let entry = Arc::new(Entry { verified, since });
        self.entries.insert(name(bearer), entry);
    }

    /// Forgets a bearer whose grounds no longer hold.
    pub(super) fn forget(&self, bearer: &str) {
        self.entries.remove(&name(bearer));
    }

    /// Forgets all, as when the keys change.
    pub(super) fn clear(&self) {
        self.entries.clear();
    }
}

fn name(bearer: &str) -> [u8; 32] {
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, bearer.as_bytes()).as_ref());
    name
}
