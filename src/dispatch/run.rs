//! The way of one call: find the tool, authorise, record the intent, run under the deadline.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CallResult, Dispatcher, Invocation, Progress};
use crate::audit::{Subject, Touched};
use crate::auth::{Barrier, Credential, Principal};
use crate::discord::{ChannelId, Discord, timed_out};
use crate::error::{Code, Error};
use crate::tools::{self, Call, Prepared, TOOLS};

/// One call on its way.
pub(super) struct Run {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) principal: Arc<Principal>,
    pub(super) subject: Arc<Subject>,
    pub(super) touched: Arc<Mutex<Touched>>,
    pub(super) requests: Arc<AtomicU32>,
    pub(super) deadline: Instant,
    pub(super) confirm: bool,
    pub(super) cancelled: CancellationToken,
    pub(super) progress: Option<UnboundedSender<Progress>>,
}

impl Run {
    /// Finds the tool, authorises, records the intent, runs.
    pub(super) async fn through(self, Invocation { tool, params }: Invocation) -> CallResult {
        let entry = tools::find(&tool).ok_or_else(unknown_tool)?;
        if self.principal.is_barred(entry.scope) {
            return Err(Error::new(Code::NotAllowed, "This server is read-only"));
        }
        if !self.principal.may(entry.scope) {
            return Err(Error::insufficient_scope(entry.scope.as_str()));
        }
        let prepared = (entry.prepare)(params)?;
        let channel = prepared.channel();
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .channel_id = Some(channel);
        let settled = match self.principal.allows_unseen(channel) {
            Some(Err(barrier)) => return Err(not_allowed(barrier)),
            Some(Ok(())) => true,
            None => false,
        };
        // A twentieth, at most a second and a half, is left for answering with what there is.
        let left = self.deadline.saturating_duration_since(Instant::now());
        let soft_deadline = self.deadline - (left / 20).min(Duration::from_millis(1500));
        let discord = match &self.principal.credential {
            Credential::Token(token) => {
                let requests = Arc::clone(&self.requests);
                let connector = &self.dispatcher.connector;
                connector.open(token, soft_deadline, requests).await?
            }
            Credential::Missing => {
                return Err(Error::new(
                    Code::MissingDiscordToken,
                    "No Discord token found in authentication",
                )
                .hint("Mint a token with DISCORD_TOKEN set."));
            }
            Credential::Misshapen => {
                return Err(Error::new(
                    Code::DiscordTokenRejected,
                    "The Discord token in this JWT is not of the form of a bot token; it was not sent to Discord",
                )
                .hint("Copy the bot token from Discord's developer portal and mint a new JWT."));
            }
        };
        if self.confirm
            && let Some(question) = prepared.confirmation()
        {
            // Nobody is asked about a deletion that would be refused.
            if !settled {
                self.authorise(&discord, channel).await?;
            }
            return Err(Error::new(Code::ConfirmationRequired, question));
        }
        let has_effect = prepared.has_effect();
        if has_effect && self.dispatcher.audit.intent(&self.subject).await.is_err() {
            return Err(Error::new(
                Code::AuditUnavailable,
                "The audit log cannot be written; nothing was sent to Discord",
            ));
        }
        let running = async {
            if !settled {
                self.authorise(&discord, channel).await?;
            }
            self.run(&discord, soft_deadline, prepared).await
        };
        let running = tokio::time::timeout_at(self.deadline, running);
        let result = tokio::select! {
            result = running => result.unwrap_or_else(|_| Err(timed_out(has_effect))),
            // What may already have changed Discord goes on, so that its record is true.
            () = self.cancelled.cancelled(), if !has_effect => Err(Error::new(Code::Cancelled, "The caller cancelled the call")),
            () = self.dispatcher.ended.cancelled(), if !has_effect => Err(Error::new(Code::Cancelled, "The server has shut down")),
        };
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.guild_id = discord.known_place(channel).and_then(|place| place.guild);
        drop(touched);
        result
    }

    /// Checks the limits that only Discord can tell of: which guild a channel belongs to, and of
    /// which channel it is a thread.
    async fn authorise(&self, discord: &Discord, channel: ChannelId) -> Result<(), Error> {
        let place = tokio::time::timeout_at(self.deadline, discord.place(channel)).await;
        // Whatever the call would change, it has not begun to.
        match place.unwrap_or_else(|_| Err(timed_out(false))) {
            Ok(place) => self.principal.allows(channel, &place).map_err(not_allowed),
            // Whether there is a channel that is not listed is nothing to be learned.
            Err(error) => Err(match self.principal.unlisted(channel) {
                Some(barrier) if is_refusal(&error) => not_allowed(barrier),
                _ => error,
            }),
        }
    }

    async fn run(
        &self,
        discord: &Discord,
        soft_deadline: Instant,
        prepared: Box<dyn Prepared>,
    ) -> CallResult {
        let call = Call {
            discord,
            soft_deadline,
            touched: &self.touched,
            progress: &|done, total| {
                // A caller who has stopped listening misses the rest.
                self.progress
                    .as_ref()
                    .map(|progress| progress.send(Progress { done, total }).ok());
            },
        };
        prepared.run(&call).await
    }
}

fn unknown_tool() -> Error {
    let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
    Error::new(
        Code::UnknownTool,
        format!("There is no such tool; the tools are {}", names.join(", ")),
    )
}

fn not_allowed(barrier: Barrier) -> Error {
    let who = if barrier.operator {
        "The operator limits calls"
    } else {
        "This token is limited"
    };
    let what = if barrier.guilds {
        "servers"
    } else {
        "channels"
    };
    let text = format!("{who} to other {what} than this one");
    Error::new(Code::NotAllowed, text)
}

/// Whether Discord said that the bot may not see a channel, or that there is none.
fn is_refusal(error: &Error) -> bool {
    matches!(error.code(), Code::UnknownChannel | Code::MissingPermission)
}
