//! Handles of metrics, kept by what they count: to look one up by its labels costs more than to count.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The handles `H` of one metric, or of some with the same labels, by those labels: those of one
/// thread, which needs no lock to find them. There are never more than there are values of labels.
pub(super) struct Kept<K, H>(RefCell<BTreeMap<K, H>>);

impl<K: Ord, H> Kept<K, H> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }

    /// Counts with the handle of `key`, which is made where there is none yet.
    pub(super) fn with(&self, key: K, make: impl FnOnce(&K) -> H, count: impl FnOnce(&H)) {
        let mut kept = self.0.borrow_mut();
        match kept.entry(key) {
            Entry::Occupied(handle) => count(handle.get()),
            Entry::Vacant(place) => {
                let handle = make(place.key());
                count(place.insert(handle));
            }
        }
    }
}
