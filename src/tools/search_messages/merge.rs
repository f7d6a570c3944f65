//! Several histories read as one. Each is newest first, and so is the whole. A page of a history is
//! asked for only when it may hold the newest entry that is left; fetching it is up to who asks.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

/// Histories of entries `T` with ids, each from a source `S`.
pub(super) struct Merge<S, T> {
    histories: BinaryHeap<History<S, T>>,
}

struct History<S, T> {
    /// No entry that is left has a higher id.
    bound: u64,
    source: S,
    page: VecDeque<(u64, T)>,
    /// Whether there can be entries beyond the page.
    more: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<S, T> {
    /// The newest entry that is left.
    Entry(T),
    /// A page of this source has to be read first. The source is let go of until it is put back.
    Read(S),
}

impl<S, T> Merge<S, T> {
    pub(super) fn new() -> Self {
        Self {
            histories: BinaryHeap::new(),
        }
    }

    /// Takes in a source of which nothing has been read, and no entry has a higher id than `bound`.
    pub(super) fn add(&mut self, source: S, bound: u64) {
        self.histories.push(History {
            bound,
            source,
            page: VecDeque::new(),
            more: true,
        });
    }

    /// Takes in the next page of a source, newest first, and whether there can be older entries.
    /// An empty page ends the source: it does not tell where the next one begins.
    pub(super) fn put(&mut self, source: S, page: Vec<(u64, T)>, more: bool) {
        if let Some(&(bound, _)) = page.first() {
            self.histories.push(History {
                bound,
                source,
                page: page.into(),
                more,
            });
        }
    }

    /// An id above which nothing is left; `None` when nothing is left at all.
    pub(super) fn bound(&self) -> Option<u64> {
        self.histories.peek().map(|history| history.bound)
    }

    /// The next step.
    pub(super) fn next(&mut self) -> Option<Next<S, T>> {
        let mut newest = self.histories.peek_mut()?;
        let Some((id, entry)) = newest.page.pop_front() else {
            return Some(Next::Read(PeekMut::pop(newest).source));
        };
        match newest.page.front() {
            Some(&(next, _)) => newest.bound = next,
            None if newest.more => newest.bound = id.saturating_sub(1),
            None => drop(PeekMut::pop(newest)),
        }
        Some(Next::Entry(entry))
    }
}

/// By what comes next. Of two with the same bound the one that is not read comes first, since it may
/// hold an entry with that id.
impl<S, T> Ord for History<S, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |history: &Self| (history.bound, history.page.is_empty());
        place(self).cmp(&place(other))
    }
}

impl<S, T> PartialOrd for History<S, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S, T> PartialEq for History<S, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<S, T> Eq for History<S, T> {}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Reads everything by pages of `page`, as the one who fetches would; how many pages it took.
    fn read(histories: &[Vec<u64>], bounds: &[Option<u64>], page: usize) -> (Vec<u64>, usize) {
        let mut merge = Merge::new();
        for (source, history) in histories.iter().enumerate() {
            let slack = bounds.get(source).copied().flatten();
            let newest = history.first().copied().unwrap_or(0);
            merge.add(
                source,
                slack.map_or(u64::MAX, |slack| newest.saturating_add(slack)),
            );
        }
        let (mut seen, mut pages, mut below) = (Vec::new(), 0, u64::MAX);
        while let Some(next) = merge.next() {
            match next {
                Next::Entry(id) => {
                    assert!(
                        merge.bound().is_none_or(|bound| bound < id),
                        "{id} is not newest"
                    );
                    below = id;
                    seen.push(id);
                }
                Next::Read(source) => {
                    let left = histories[source].iter().filter(|&&id| id < below);
                    let read: Vec<_> = left.take(page).map(|&id| (id, id)).collect();
                    pages += 1;
                    let more = read.len() == page;
                    merge.put(source, read, more);
                }
            }
        }
        (seen, pages)
    }

    proptest! {
        /// Whatever the histories are, how much was known of them, and however they are paged:
        /// everything comes once, in the order in which a sort would put it.
        #[test]
        fn the_merge_is_the_sort(
            entries in prop::collection::btree_map(1u64..500, 0usize..8, 0..120),
            bounds in prop::collection::vec(prop::option::of(0u64..40), 8),
            page in 1usize..12,
        ) {
            let mut histories = vec![Vec::new(); 8];
            for (&id, &source) in entries.iter().rev() {
                histories[source].push(id);
            }
            let (seen, pages) = read(&histories, &bounds, page);
            let sorted: Vec<_> = entries.keys().rev().copied().collect();
            prop_assert_eq!(seen, sorted);
            // Each source is read to its end, once more where its last page was full.
            let least: usize = histories.iter().map(|history| history.len() / page + 1).sum();
            prop_assert_eq!(pages, least);
        }

        /// Stopping after any entry and beginning anew below it loses nothing and repeats nothing.
        #[test]
        fn a_merge_can_be_taken_up_where_it_was_left(
            entries in prop::collection::btree_map(1u64..300, 0usize..5, 1..80),
            stops in prop::collection::btree_set(1u64..300, 0..6),
        ) {
            let mut seen = Vec::new();
            let mut below = u64::MAX;
            let stops: BTreeSet<u64> = stops.into_iter().chain([0]).collect();
            for stop in stops.into_iter().rev() {
                let mut histories = vec![Vec::new(); 5];
                for (&id, &source) in entries.range(..below).rev() {
                    histories[source].push(id);
                }
                let (part, _) = read(&histories, &[], 7);
                seen.extend(part.into_iter().filter(|&id| id >= stop));
                below = stop;
            }
            let sorted: Vec<_> = entries.keys().rev().copied().collect();
            prop_assert_eq!(seen, sorted);
        }
    }

    #[test]
    fn what_cannot_come_next_is_not_read() {
        let mut merge = Merge::new();
        merge.add("new", 90);
        merge.add("old", 50);
        assert_eq!(merge.next(), Some(Next::Read("new")));
        merge.put("new", vec![(88, 88), (60, 60), (40, 40)], false);
        assert_eq!(merge.next(), Some(Next::Entry(88)));
        assert_eq!(merge.next(), Some(Next::Entry(60)));
        assert_eq!(merge.bound(), Some(50));
        assert_eq!(merge.next(), Some(Next::Read("old")));
        merge.put("old", Vec::new(), true);
        assert_eq!(merge.next(), Some(Next::Entry(40)));
        assert_eq!((merge.bound(), merge.next()), (None, None));
    }
}
