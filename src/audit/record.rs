//! What the lines say.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::discord::{ChannelId, GuildId, MessageId};

/// Who calls what.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The call, by an id that is ours and unique.
    pub call_id: String,
    /// The request, by the id that the caller knows.
    pub request_id: String,
    /// The way in: `rest` or `mcp`.
    pub door: &'static str,
    /// The token's `sub`.
    pub user_id: String,
    /// The token's `jti`.
    pub jti: Option<String>,
    /// The caller's address.
    pub client: Option<IpAddr>,
    /// The tool, or null where the request did not get as far as naming one.
    pub tool: Option<String>,
}

/// A call in the trail: what every line of it says, as JSON already, since most of it is the same
/// in each.
pub struct Record {
    /// Who calls what.
    pub subject: Subject,
    /// The object of it and of the parameters.
    pub(super) object: serde_json::Result<Vec<u8>>,
}

/// How a call ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether it did what was asked.
    pub success: bool,
    /// `ok`, or the code of the error.
    pub status: &'static str,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Requests to Discord, those that were tried again included.
    #[serde(skip_serializing_if = "is_none")]
    pub requests: u32,
    /// What the call touched.
    #[serde(flatten)]
    pub touched: Touched,
}

/// The ids that a call touched.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Touched {
    /// The guild, where the call learned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// The thread that was started, or the post that was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ChannelId>,
    /// The messages that were sent or deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub message_ids: Vec<MessageId>,
}

/// A call that has begun to change Discord and has not ended: what its outcome must say if it
/// never does.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) call_id: String,
    #[serde(default)]
    pub(super) request_id: String,
    #[serde(default)]
    pub(super) door: String,
    #[serde(default)]
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) jti: Option<String>,
    #[serde(default)]
    pub(super) tool: Option<String>,
}

impl From<&Subject> for Pending {
    fn from(subject: &Subject) -> Self {
        Self {
            call_id: subject.call_id.clone(),
            request_id: subject.request_id.clone(),
            door: subject.door.to_owned(),
            user_id: subject.user_id.clone(),
            jti: subject.jti.clone(),
            tool: subject.tool.clone(),
        }
    }
}

/// What every line of a call says.
#[derive(Serialize)]
pub(super) struct CallObject<'a> {
    #[serde(flatten)]
    pub(super) subject: &'a Subject,
    pub(super) params: Option<&'a Map<String, Value>>,
}

/// The outcome of a call that a stop of the process cut off.
#[derive(Serialize)]
pub(super) struct UnknownLine<'a> {
    pub(super) ts: String,
    pub(super) stage: &'static str,
    #[serde(flatten)]
    pub(super) call: &'a Pending,
    pub(super) success: bool,
    pub(super) status: &'static str,
}

/// A line of the trail itself: where a file begins or goes on, and which calls are open there.
#[derive(Serialize)]
pub(super) struct CheckpointLine {
    pub(super) ts: String,
    pub(super) stage: &'static str,
    /// Bytes of an unfinished line that a stop of the machine left, and that were taken off.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) torn_bytes: u64,
    pub(super) pending: Vec<Pending>,
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
