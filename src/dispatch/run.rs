//! The way of one call: find the tool, authorise, record the intent, run under the deadline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CallResult, Dispatcher, Invocation, Progress};
use crate::audit::{Subject, Touched};
use crate::auth::{Credential, Principal};
use crate::discord::{ChannelId, Discord, timed_out};
use crate::error::{Code, Error};
use crate::tools::{self, Call, Prepared, TOOLS};

/// One call on its way.
pub(super) struct Run {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) principal: Arc<Principal>,
    pub(super) subject: Arc<Subject>,
    pub(super) touched: Arc<Mutex<Touched>>,
    pub(super) deadline: Instant,
    pub(super) confirm: bool,
    pub(super) cancelled: CancellationToken,
    pub(super) progress: Option<UnboundedSender<Progress>>,
}

impl Run {
    /// Finds the tool, authorises, records the intent, runs.
    pub(super) async fn through(self, Invocation { tool, params }: Invocation) -> CallResult {
        let entry = tools::find(&tool).ok_or_else(unknown_tool)?;
        if !self.principal.may(entry.scope) {
            return Err(Error::insufficient_scope(entry.scope.as_str()));
        }
        let prepared = (entry.prepare)(params)?;
        let channel = prepared.channel();
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .channel_id = Some(channel);
        if self
            .principal
            .channels
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(&channel))
        {
            return Err(not_allowed("channel"));
        }
        let discord = match &self.principal.credential {
            Credential::Token(token) => self.dispatcher.connector.open(token),
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
            return Err(Error::new(Code::ConfirmationRequired, question));
        }
        let has_effect = prepared.has_effect();
        if has_effect && self.dispatcher.audit.intent(&self.subject).await.is_err() {
            return Err(Error::new(
                Code::AuditUnavailable,
                "The audit log cannot be written; nothing was sent to Discord",
            ));
        }
        let running = self.authorise_and_run(&discord, channel, prepared);
        let running = tokio::time::timeout_at(self.deadline, running);
        let result = tokio::select! {
            result = running => result.unwrap_or_else(|_| Err(timed_out(has_effect))),
            // What may already have changed Discord goes on, so that its record is true.
            () = self.cancelled.cancelled(), if !has_effect => Err(Error::new(Code::Cancelled, "The caller cancelled the call")),
        };
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.guild_id = discord.known_guild(channel).flatten();
        drop(touched);
        result
    }

    /// Which guild a channel belongs to only Discord knows, so that limit is checked last.
    async fn authorise_and_run(
        &self,
        discord: &Discord,
        channel: ChannelId,
        prepared: Box<dyn Prepared>,
    ) -> CallResult {
        if let Some(allowed) = &self.principal.guilds {
            let guild = discord.guild_of(channel).await?;
            if !guild.is_some_and(|guild| allowed.contains(&guild)) {
                return Err(not_allowed("server"));
            }
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let call = Call {
            discord,
            // A twentieth, at most a second and a half, is left for answering with what there is.
            soft_deadline: self.deadline - (left / 20).min(Duration::from_millis(1500)),
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

fn not_allowed(what: &str) -> Error {
    Error::new(
        Code::NotAllowed,
        format!("This token is limited to other {what}s than this one"),
    )
}
