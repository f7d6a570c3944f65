//! Which results of the index stand in the channel that was asked for.

use std::collections::HashMap;

use tokio::time::{Instant, timeout_at};

use super::Call;
use crate::discord::{ChannelId, ListedThread};

/// How many threads a call looks up that Discord said nothing of.
const LOOKUPS: usize = 10;

/// Tells the channel that was asked for, and the threads and posts in it, from others.
pub(super) struct Inside {
    asked: ChannelId,
    known: HashMap<ChannelId, bool>,
    lookups: usize,
    /// Whether it could not be told of some channel.
    pub(super) unsure: bool,
}

impl Inside {
    pub(super) fn new(asked: ChannelId) -> Self {
        Self {
            asked,
            known: HashMap::from([(asked, true)]),
            lookups: 0,
            unsure: false,
        }
    }

    /// Learns of the threads that came with results.
    pub(super) fn learn(&mut self, threads: &[ListedThread]) {
        for thread in threads {
            if let Some(parent) = thread.parent_id {
                let inside = parent == self.asked;
                self.known.entry(thread.id).or_insert(inside);
            }
        }
    }

    /// Whether this channel is the one asked for, or in it.
    pub(super) async fn has(&mut self, call: &Call<'_>, channel: ChannelId) -> bool {
        if let Some(&known) = self.known.get(&channel) {
            return known;
        }
        let late = Instant::now() >= call.soft_deadline;
        if late || self.lookups == LOOKUPS {
            self.unsure = true;
            return false;
        }
        self.lookups += 1;
        let inside = match timeout_at(call.soft_deadline, call.discord.place(channel)).await {
            Ok(Ok(place)) => place.thread_of == Some(self.asked),
            _ => {
                self.unsure = true;
                false
            }
        };
        self.known.insert(channel, inside);
        inside
    }
}
