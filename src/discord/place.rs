//! Where channels are: in which guild, and a thread in which channel.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::id::{ChannelId, GuildId};
use super::model::Channel;

/// How long a place is remembered. It never changes; what ends is what we owe to memory.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);
/// How many places are remembered before the memory starts afresh.
const REMEMBERED: usize = 10_000;

/// Where a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its guild; a direct message has none.
    pub guild: Option<GuildId>,
    /// For a thread, the channel it was started in. A category is nobody's parent in this sense.
    pub thread_of: Option<ChannelId>,
    /// Whether it holds posts and no messages of its own.
    pub is_forum: bool,
}

impl Place {
    pub(super) fn of(channel: &Channel) -> Self {
        Self {
            guild: channel.guild_id,
            thread_of: channel.parent_id.filter(|_| channel.kind.is_thread()),
            is_forum: channel.kind.is_forum(),
        }
    }
}

/// The places that were seen lately, by whichever call.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<ChannelId, (Place, Instant)>>);

impl Places {
    pub(super) fn get(&self, channel: ChannelId) -> Option<Place> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, seen) = places.get(&channel)?;
        (seen.elapsed() < REMEMBERED_FOR).then_some(*place)
    }

    pub(super) fn remember(&self, channel: ChannelId, place: Place) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= REMEMBERED {
            places.clear();
        }
        places.insert(channel, (place, Instant::now()));
    }
}
