//! A thread as it stands in a list of threads.

use serde::{Deserialize, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::discord::id::{ChannelId, MessageId};
use crate::discord::lenient;

/// A thread in a list: where it belongs, and how new what it holds can be.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ListedThread {
    /// The thread's id, lower than that of every message in it but its first, which can have the same.
    pub id: ChannelId,
    /// The channel it was started in.
    pub parent_id: Option<ChannelId>,
    /// The newest message that was ever in it; it may be deleted since.
    pub last_message_id: Option<MessageId>,
    /// When it was archived or opened again, in UTC. An archived thread has no later message.
    #[serde(default, rename = "thread_metadata", deserialize_with = "archived_at")]
    pub(in crate::discord) archived_at: Option<OffsetDateTime>,
}

fn archived_at<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    #[derive(Deserialize)]
    struct Metadata {
        archive_timestamp: Option<String>,
    }
    let metadata: Option<Metadata> = lenient::maybe(deserializer)?;
    Ok(metadata
        .and_then(|metadata| metadata.archive_timestamp)
        .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
        .and_then(|time| time.checked_to_offset(UtcOffset::UTC)))
}
