//! Handles of metrics, kept by what they count: to look one up by its labels costs more than to count.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// The handles `H` of one metric, or of some with the same labels, by those labels. There are never
/// more than there are values of labels.
pub(super) struct Kept<K, H>(RwLock<BTreeMap<K, H>>);

impl<K: Ord, H> Kept<K, H> {
    pub(super) const fn new() -> Self {
        Self(RwLock::new(BTreeMap::new()))
    }

    /// Counts with the handle of `key`, which is made where there is none yet.
    pub(super) fn with(&self, key: K, make: impl FnOnce(&K) -> H, count: impl FnOnce(&H)) {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = kept.get(&key) {
            return count(handle);
        }
        drop(kept);
        let handle = make(&key);
        count(&handle);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, handle);
    }
}
