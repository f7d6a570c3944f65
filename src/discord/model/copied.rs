//! What another message says, where a message shows it: a forward, the message that a thread was
//! started from, the one that a reply answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::components;
use super::parts::{Attachment, Author, Embed, Sticker, embeds, shown};
use super::poll::Poll;
use crate::discord::id::{ChannelId, GuildId, MessageId};
use crate::discord::lenient;
use crate::discord::text::brief;
use crate::timestamp::Timestamp;

/// How many characters of a message are quoted above a reply to it.
const QUOTE: usize = 100;

/// What another message says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Copied {
    /// Where it stands or stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// Who wrote it; of what was forwarded Discord does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// The text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// The files with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The cards with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<Embed>,
    /// The stickers in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stickers: Vec<Sticker>,
    /// What its components say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub components: String,
    /// The poll in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
}

/// Where a message stands that another one shows or points at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Origin {
    /// Its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// Its channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
}

/// A few words of the message that a reply answers.
#[derive(Clone, Debug, Serialize)]
pub struct Quote {
    /// The name of who wrote it.
    pub author: String,
    /// How it begins, on one line, at most a hundred characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Copied {
    /// Whether nothing of what was written is there to read.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
            && self.attachments.is_empty()
            && self.embeds.is_empty()
            && self.stickers.is_empty()
            && self.components.is_empty()
            && self.poll.is_none()
    }

    /// Its text, what its components say, and its poll.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let poll = self.poll.iter().flat_map(Poll::texts);
        [&*self.content, &*self.components].into_iter().chain(poll)
    }

    pub(super) fn with_origin(self, from: Option<Origin>) -> Self {
        Self { from, ..self }
    }

    /// How it would be called in a few words: by its text, or by the first of what it has instead.
    fn gist(&self) -> Option<&str> {
        let embeds = (self.embeds.iter())
            .flat_map(|embed| [&embed.title, &embed.description, &embed.url])
            .filter_map(|text| text.as_deref());
        let files = self.attachments.iter().map(|file| &*file.filename);
        let stickers = self.stickers.iter().map(|sticker| &*sticker.name);
        let mut all = self.texts().chain(embeds).chain(files).chain(stickers);
        all.find(|text| !text.trim().is_empty())
    }
}

/// A message as another shows it. Discord's `referenced_message` and the message in a snapshot have
/// these fields of a message in common; each is left out where it is odd.
#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "lenient::maybe")]
    author: Option<Author>,
    #[serde(default, deserialize_with = "shown")]
    content: Option<String>,
    #[serde(default, deserialize_with = "lenient::scalar")]
    timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::elements")]
    attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "embeds")]
    embeds: Vec<Embed>,
    #[serde(default, deserialize_with = "lenient::elements")]
    sticker_items: Vec<Sticker>,
    #[serde(default, deserialize_with = "components::text")]
    components: String,
    #[serde(default, deserialize_with = "lenient::maybe")]
    poll: Option<Poll>,
    message_snapshots: Option<Box<RawValue>>,
}

impl Wire {
    fn copied(self) -> Copied {
        Copied {
            from: None,
            author: self.author,
            content: self.content.unwrap_or_default(),
            timestamp: self.timestamp,
            attachments: self.attachments,
            embeds: self.embeds,
            stickers: self.sticker_items,
            components: self.components,
            poll: self.poll,
        }
    }
}

/// The message that Discord sends along with a reply, a thread starter and the like.
pub(super) fn referenced(raw: &RawValue) -> Option<Copied> {
    lenient::object::<Wire>(raw.get()).map(Wire::copied)
}

/// The message inside a forward. Discord makes one snapshot a forward; of more, the first that can
/// be read would stand for all.
pub(super) fn forwarded(raw: &RawValue) -> Option<Copied> {
    #[derive(Deserialize)]
    struct Snapshot {
        message: Box<RawValue>,
    }
    let (snapshots, _) = lenient::list::<Snapshot>(raw.get())?;
    let mut snapshots = snapshots.iter();
    snapshots.find_map(|snapshot| referenced(&snapshot.message))
}

/// A few words of the message that Discord sends along with a reply.
pub(super) fn quote(raw: &RawValue) -> Option<Quote> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default, deserialize_with = "lenient::maybe")]
        author: Option<Author>,
        #[serde(default, deserialize_with = "shown")]
        content: Option<String>,
    }
    let Said { author, content } = lenient::object(raw.get())?;
    let content = content.filter(|text| !text.trim().is_empty());
    // Nearly all have a text, and then nothing else of them need be read.
    let text = content.map_or_else(|| gist(raw), |text| brief(&text, QUOTE));
    Some(Quote {
        author: brief(author.as_ref().map_or("unknown", Author::shown), QUOTE),
        text,
    })
}

/// What a message without a text is called by, or the one that is forwarded with it.
fn gist(raw: &RawValue) -> String {
    let Some(mut wire) = lenient::object::<Wire>(raw.get()) else {
        return String::new();
    };
    let inner = wire.message_snapshots.take();
    let answered = wire.copied();
    let inner = inner.and_then(|inner| forwarded(&inner));
    let text = answered.gist().or(inner.as_ref().and_then(Copied::gist));
    brief(text.unwrap_or_default(), QUOTE)
}
