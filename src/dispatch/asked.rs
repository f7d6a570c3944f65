//! What comes through a door: who calls, and what is asked for.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::RequestId;
use crate::auth::Principal;
use crate::discord::GuildId;
use crate::error::Error;
use crate::tools;

/// Who calls, and from where.
pub struct Caller {
    /// What the bearer stands for.
    pub principal: Arc<Principal>,
    /// The way in: `rest` or `mcp`.
    pub door: &'static str,
    /// The request, whose id the caller reads too, and where it comes from.
    pub request: RequestId,
    /// Whether its user can and must be asked before something is deleted.
    pub confirm: bool,
    /// Cancelled when the caller no longer wants the call.
    pub cancelled: Option<CancellationToken>,
    /// Where to tell how far the call has come.
    pub progress: Option<UnboundedSender<Progress>>,
    /// Whether it reads results as text, besides JSON.
    pub text: bool,
}

impl Caller {
    /// A caller who wants an answer and nothing else.
    pub fn new(principal: Arc<Principal>, door: &'static str, request: RequestId) -> Self {
        Self {
            principal,
            door,
            request,
            confirm: false,
            cancelled: None,
            progress: None,
            text: false,
        }
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Messages read.
    pub done: usize,
    /// Messages that will be read at most.
    pub total: usize,
}

/// What is asked for.
pub struct Invocation {
    /// The name of a tool.
    pub tool: String,
    /// Its parameters.
    pub params: Map<String, Value>,
}

/// What came through the door.
pub enum Asked {
    /// A tool to run.
    Run(Invocation),
    /// What the caller may use, to be listed.
    List(Listing),
    /// Something that the door refuses, to be recorded.
    Refused(Option<Invocation>, Error),
}

/// A list of what the caller may use.
#[derive(Clone, Copy, Debug)]
pub enum Listing {
    /// Of the servers.
    Guilds,
    /// Of a server's channels.
    Channels(GuildId),
    /// Of the channels of all servers, each with its server's name.
    AllChannels,
}

impl Listing {
    /// Its name in the trail, where tools have theirs.
    fn name(self) -> &'static str {
        match self {
            Self::Guilds => "list_guilds",
            Self::Channels(_) | Self::AllChannels => "list_channels",
        }
    }

    fn params(self) -> Map<String, Value> {
        match self {
            Self::Guilds | Self::AllChannels => Map::new(),
            Self::Channels(guild) => {
                Map::from_iter([("guild_id".to_owned(), guild.to_string().into())])
            }
        }
    }
}

impl Asked {
    /// What the trail calls it, and with which parameters.
    pub(super) fn named(&self) -> Option<(String, Cow<'_, Map<String, Value>>)> {
        match self {
            Self::Run(Invocation { tool, params })
            | Self::Refused(Some(Invocation { tool, params }), _) => {
                Some((tools::printable(tool), tools::recorded(tool, params)))
            }
            Self::List(listing) => Some((listing.name().to_owned(), Cow::Owned(listing.params()))),
            Self::Refused(None, _) => None,
        }
    }

    /// What metrics call it: no name that a caller chooses.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Run(Invocation { tool, .. })
            | Self::Refused(Some(Invocation { tool, .. }), _) => {
                tools::find(tool).map_or("other", |tool| tool.name)
            }
            Self::List(listing) => listing.name(),
            Self::Refused(None, _) => "other",
        }
    }
}
