//! What a scan reads: the history of a channel or thread, or the posts of a forum as one history.
//!
//! A forum holds no messages; its posts are threads. They are listed, the archived ones page by page
//! and only as far back as the scan has come, and merged by the ids of their messages, which all of
//! Discord counts together: so one id tells how far a scan of many threads has come.

use std::cmp::Reverse;
use std::collections::HashSet;

use time::{Duration, OffsetDateTime};

use super::merge::{Merge, Next};
use super::wanted::Wanted;
use super::{Call, SearchMessages, intent_hint};
use crate::discord::{
    Bounds, ChannelId, GuildId, Message, MessageId, PAGE, Place, Snowflake, ThreadPage,
};
use crate::error::{Code, Error};

/// How many requests may be made until the first message is seen. To go on in a forum from a
/// message in the past, every post that was alive then has to be opened.
const REQUESTS_TO_BEGIN: usize = 120;
/// How many may follow. A channel never needs so many: 5000 messages are 50 pages.
const REQUESTS_TO_GO_ON: usize = 60;
/// How far the clocks that stamp messages and archived threads may be apart.
const CLOCKS_DIFFER: Duration = Duration::seconds(5);

/// Reads messages newest first.
pub(super) struct Reader<'a> {
    call: &'a Call<'a>,
    channel: ChannelId,
    wanted: Wanted<'a>,
    newer_than: Option<Snowflake>,
    /// Only what is older than this is left to see.
    below: Option<Snowflake>,
    merge: Merge<Source, Seen>,
    begun: bool,
    forum: bool,
    posts: HashSet<ChannelId>,
    requests: usize,
    allowed: usize,
    gaps: bool,
    blank: Option<&'static str>,
    readable: bool,
}

/// Where messages come from, or more such sources.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A channel, thread or post.
    Messages(ChannelId),
    /// The posts that are not archived.
    Active(GuildId),
    /// The posts that were archived before this time.
    Archived(Option<OffsetDateTime>),
}

/// A message that was read.
pub(super) struct Seen {
    pub(super) id: MessageId,
    /// The message itself, if it is what is searched for. Posts are opened long before they are
    /// read to their end, and what nobody wants need not be kept.
    pub(super) result: Option<Box<Message>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(call: &'a Call<'a>, search: &'a SearchMessages) -> Self {
        let channel = search.channel_id;
        let mut reader = Self {
            call,
            channel,
            wanted: Wanted::new(search),
            newer_than: search.newer_than(),
            below: search.older_than(),
            merge: Merge::new(),
            begun: false,
            forum: false,
            posts: HashSet::new(),
            requests: 0,
            allowed: REQUESTS_TO_BEGIN,
            gaps: false,
            blank: None,
            readable: false,
        };
        match call.discord.known_place(channel).and_then(forum_in) {
            Some(guild) => reader.add_posts(guild),
            None => reader.add(Source::Messages(channel), None),
        }
        reader
    }

    /// Whether nothing is left that was asked for.
    pub(super) fn is_at_end(&self) -> bool {
        self.merge
            .bound()
            .is_none_or(|bound| self.newer_than.is_some_and(|after| bound <= after.get()))
    }

    /// Whether as many requests were made as one call may make.
    pub(super) fn is_spent(&self) -> bool {
        self.requests >= self.allowed
    }

    /// Whether something was passed over that could not be read.
    pub(super) fn has_gaps(&self) -> bool {
        self.gaps
    }

    /// What may be wrong.
    pub(super) fn hint(&self) -> Option<&'static str> {
        if self.is_spent() && !self.begun {
            return Some(
                "This forum has more posts from before that time than one call opens; search a post by its own id, or use `mode` index.",
            );
        }
        // A post can be so short that its being empty says nothing while others are not.
        self.blank.filter(|_| !(self.forum && self.readable))
    }

    /// The next message, or what has to be read before it is known.
    pub(super) fn next(&mut self) -> Option<Next<Source, Seen>> {
        let next = self.merge.next();
        if let Some(Next::Entry(seen)) = &next {
            self.below = Some(seen.id.0);
            if !self.begun {
                self.begun = true;
                self.allowed = self.requests + REQUESTS_TO_GO_ON;
            }
        }
        next
    }

    /// Reads from a source, of messages no more than there is `room` for.
    pub(super) async fn read(&mut self, source: Source, room: usize) -> Result<(), Error> {
        self.requests += 1;
        match source {
            Source::Messages(channel) => self.read_messages(channel, PAGE.min(room)).await,
            Source::Active(guild) => {
                let page = self.call.discord.active_threads(guild).await?;
                self.take_in(page);
                // Only now, so that a post which is archived meanwhile is on one of the lists.
                self.add(Source::Archived(None), None);
                Ok(())
            }
            Source::Archived(before) => {
                let page = self
                    .call
                    .discord
                    .archived_threads(self.channel, before)
                    .await?;
                let next = page.next;
                self.take_in(page);
                match next {
                    // More than a page of them, archived in one moment.
                    Some(next) if before.is_some_and(|before| next >= before) => self.gaps = true,
                    Some(next) => {
                        let newest = Snowflake::at(next.saturating_add(CLOCKS_DIFFER));
                        self.add(Source::Archived(Some(next)), newest);
                    }
                    None => {}
                }
                Ok(())
            }
        }
    }

    async fn read_messages(&mut self, channel: ChannelId, asked: usize) -> Result<(), Error> {
        let bounds = self.below.map_or(Bounds::Newest, Bounds::Before);
        let read = self.call.discord.messages(channel, bounds, asked).await;
        if channel == self.channel {
            let nothing = match &read {
                Ok(page) => page.received == 0,
                Err(error) => error.code() == Code::InvalidParams,
            };
            // A channel without messages may be a forum; one with messages need not be looked up.
            if nothing && self.requests == 1 {
                let place = self.call.discord.place(channel).await?;
                if let Some(guild) = forum_in(place) {
                    self.add_posts(guild);
                    return Ok(());
                }
            }
        }
        let page = match read {
            Ok(page) => page,
            // Deleted since it was listed, and all that was in it.
            Err(error) if channel != self.channel && error.code() == Code::UnknownChannel => {
                return Ok(());
            }
            Err(error) if channel != self.channel && error.code() == Code::MissingPermission => {
                self.gaps = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let bot = self.call.discord.bot();
        self.blank = self.blank.or_else(|| intent_hint(&page.messages, bot));
        self.readable |= (page.messages.iter()).any(|message| {
            message.is_plain() && message.author.id != Some(bot) && !message.is_empty()
        });
        self.gaps |= page.messages.len() < page.received;
        let older = |message: &Message| self.below.is_none_or(|below| message.id.0 < below);
        let mut entries: Vec<_> = (page.messages.into_iter().filter(older))
            .map(|message| (message.id.0.get(), self.seen(message)))
            .collect();
        entries.sort_unstable_by_key(|&(id, _)| Reverse(id));
        let more = page.received >= asked;
        // Nothing then tells where the next page begins.
        self.gaps |= entries.is_empty() && more;
        self.merge.put(Source::Messages(channel), entries, more);
        Ok(())
    }

    fn seen(&self, message: Message) -> Seen {
        Seen {
            id: message.id,
            result: (self.wanted.matches(&message)).then(|| Box::new(message)),
        }
    }

    fn add_posts(&mut self, guild: GuildId) {
        self.forum = true;
        self.add(Source::Active(guild), None);
    }

    /// Adds a source whose messages are no newer than `newest`, where that is known.
    fn add(&mut self, source: Source, newest: Option<Snowflake>) {
        let newest = newest.map_or(u64::MAX, Snowflake::get);
        self.merge.add(source, newest);
    }

    /// Adds the posts of a list that are not known yet and can hold something older.
    fn take_in(&mut self, page: ThreadPage) {
        self.gaps |= !page.whole;
        for thread in page.threads {
            let older = self.below.is_none_or(|below| thread.id.0 < below);
            if thread.parent_id == Some(self.channel) && older && self.posts.insert(thread.id) {
                let newest = thread.last_message_id.map(|id| id.0);
                // A post with messages that should have been seen by now.
                self.gaps |= self.begun && newest.is_some_and(|newest| self.below < Some(newest));
                self.add(Source::Messages(thread.id), newest);
            }
        }
    }
}

/// The guild of a forum, if this is one.
fn forum_in(place: Place) -> Option<GuildId> {
    place.guild.filter(|_| place.is_forum)
}
