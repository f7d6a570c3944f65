//! The way of one call: find the tool, authorise, record the intent, run under the deadline.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Asked, CallResult, Dispatcher, Invocation, Listing, Progress, names};
use crate::audit::{Record, Touched};
use crate::auth::{Barrier, Credential, Principal, Scope};
use crate::boxed::boxed;
use crate::discord::{ChannelId, Discord, timed_out};
use crate::error::{Code, Error};
use crate::tools::{self, Call, Entry, Prepared, References, TOOLS};

/// One call on its way.
pub(super) struct Run {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) principal: Arc<Principal>,
    pub(super) record: Arc<Record>,
    pub(super) touched: Arc<Mutex<Touched>>,
    pub(super) requests: Arc<AtomicU32>,
    pub(super) deadline: Instant,
    pub(super) confirm: bool,
    pub(super) cancelled: Option<CancellationToken>,
    pub(super) progress: Option<UnboundedSender<Progress>>,
    pub(super) text: bool,
}

impl Run {
    /// Does what is asked for.
    pub(super) async fn through(self, asked: Asked) -> CallResult {
        match asked {
            Asked::Run(invocation) => self.invoke(invocation).await,
            // In boxes is what few calls do, so that the others take less memory.
            Asked::List(listing) => boxed(|| self.list(listing)).await,
            Asked::Refused(_, error) => Err(error),
        }
    }

    /// Lists what the caller may use.
    async fn list(self, listing: Listing) -> CallResult {
        if !self.principal.may(Scope::Read) {
            return Err(Error::insufficient_scope(Scope::Read.as_str()));
        }
        if let Listing::Channels(guild) = listing {
            if let Err(barrier) = self.principal.allows_guild(guild) {
                return Err(not_allowed(barrier));
            }
            self.touched().guild_id = Some(guild);
        }
        let (discord, soft_deadline) = self.open().await?;
        let listing = names::list(&discord, &self.principal, listing);
        let listing = tokio::time::timeout_at(soft_deadline, listing);
        tokio::select! {
            result = listing => result.unwrap_or_else(|_| Err(timed_out(false))),
            error = self.given_up() => Err(error),
        }
    }

    /// Finds the tool, authorises, records the intent, runs.
    async fn invoke(self, Invocation { tool, params }: Invocation) -> CallResult {
        let entry = tools::find(&tool).ok_or_else(unknown_tool)?;
        if self.principal.is_barred(entry.scope) {
            return Err(Error::new(Code::NotAllowed, "This server is read-only"));
        }
        if !self.principal.may(entry.scope) {
            return Err(Error::insufficient_scope(entry.scope.as_str()));
        }
        let references = References::read(params)?;
        // With names still open, all else is checked before anything is asked of Discord.
        let (prepared, references) = if references.is_open() {
            let params = references.params(entry.acts_on_a_message);
            ((entry.prepare)(params)?, Some(references))
        } else {
            let params = references.into_params(entry.acts_on_a_message);
            ((entry.prepare)(params)?, None)
        };
        self.check_files(prepared.attached())?;
        let named = |references: &References| references.channel.is_some();
        let way = Way {
            entry,
            known: (!references.as_ref().is_some_and(named)).then(|| prepared.channel()),
            references,
            prepared,
        };
        if way.known.is_some() {
            self.touched().channel_id = way.known;
        }
        // A token for no channel at all need not have a name looked up.
        if let Some(Err(barrier)) = self.principal.allows_unseen(way.prepared.channel()) {
            return Err(not_allowed(barrier));
        }
        let (discord, soft_deadline) = self.open().await?;
        if self.confirm && way.prepared.confirmation().is_some() {
            // Nobody is asked about a deletion that would be refused.
            let prepared = self.authorise(&discord, way).await?;
            let question = prepared.confirmation().unwrap_or_default();
            return Err(Error::new(Code::ConfirmationRequired, question));
        }
        let prepared = &way.prepared;
        let has_effect = prepared.has_effect();
        if has_effect && self.dispatcher.audit.intent(&self.record).await.is_err() {
            return Err(Error::new(
                Code::AuditUnavailable,
                "The audit log cannot be written; nothing was sent to Discord",
            ));
        }
        let running = async {
            let prepared = self.authorise(&discord, way).await?;
            self.run(&discord, soft_deadline, prepared).await
        };
        let running = tokio::time::timeout_at(self.deadline, running);
        let result = tokio::select! {
            result = running => result.unwrap_or_else(|_| Err(timed_out(has_effect))),
            // What may already have changed Discord goes on, so that its record is true.
            error = self.given_up(), if !has_effect => Err(error),
        };
        let mut touched = self.touched();
        touched.guild_id = touched
            .channel_id
            .and_then(|channel| discord.known_place(channel)?.guild);
        drop(touched);
        result
    }

    /// Checks what a call would attach, in bytes, against what the operator allows.
    fn check_files(&self, attached: usize) -> Result<(), Error> {
        let limit = self.dispatcher.attachment_limit;
        if attached <= limit {
            return Ok(());
        }
        if limit == 0 {
            return Err(Error::invalid_params("This server sends no `files`"));
        }
        Err(Error::new(
            Code::PayloadTooLarge,
            format!("`files` hold {attached} bytes; this server sends at most {limit} in all"),
        ))
    }

    /// Waits until nobody wants the call any more; why.
    async fn given_up(&self) -> Error {
        tokio::select! {
            () = self.cancelled() => Error::new(Code::Cancelled, "The caller cancelled the call"),
            () = self.dispatcher.ended() => {
                // A proxy may try another instance: this call has changed nothing.
                let text = "The server is shutting down; the call was cut off and changed nothing";
                Error::new(Code::Overloaded, text).retry_after(Duration::from_secs(1))
            }
        }
    }

    /// Waits until the caller no longer wants the call, which most callers cannot say.
    async fn cancelled(&self) {
        match &self.cancelled {
            Some(cancelled) => cancelled.cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the client of this call, and says when the tool is to come to its end.
    async fn open(&self) -> Result<(Discord, Instant), Error> {
        // A twentieth, at most a second and a half, is left for answering with what there is.
        let left = self.deadline.saturating_duration_since(Instant::now());
        let soft_deadline = self.deadline - (left / 20).min(Duration::from_millis(1500));
        match &self.principal.credential {
            Credential::Token(token) => {
                let requests = Arc::clone(&self.requests);
                let connector = &self.dispatcher.connector;
                let discord = connector.open(token, soft_deadline, requests).await?;
                Ok((discord, soft_deadline))
            }
            Credential::Missing => Err(Error::new(
                Code::MissingDiscordToken,
                "No Discord token found in authentication",
            )
            .hint("Mint a token with DISCORD_TOKEN set.")),
            Credential::Misshapen => Err(Error::new(
                Code::DiscordTokenRejected,
                "The Discord token in this JWT is not of the form of a bot token; it was not sent to Discord",
            )
            .hint("Copy the bot token from Discord's developer portal and mint a new JWT.")),
        }
    }

    /// Looks up what the parameters name, and checks the limits that only Discord can tell of: which
    /// guild a channel belongs to, and of which channel it is a thread. The call, ready to run.
    async fn authorise(&self, discord: &Discord, way: Way) -> Result<Box<dyn Prepared>, Error> {
        let Way {
            entry,
            known,
            references,
            prepared,
        } = way;
        if let Some(channel) = known
            && self.principal.allows_unseen(channel).is_none()
        {
            self.within_limits(discord, channel).await?;
        }
        let Some(mut references) = references else {
            return Ok(prepared);
        };
        let looking = boxed(|| names::look_up(discord, &self.principal, &mut references));
        let looked = tokio::time::timeout_at(self.deadline, looking).await;
        looked.unwrap_or_else(|_| Err(timed_out(false)))?;
        let prepared = (entry.prepare)(references.into_params(entry.acts_on_a_message))?;
        self.touched().channel_id = Some(prepared.channel());
        Ok(prepared)
    }

    async fn within_limits(&self, discord: &Discord, channel: ChannelId) -> Result<(), Error> {
        let place = boxed(|| discord.place(channel));
        let place = tokio::time::timeout_at(self.deadline, place).await;
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
            text: self.text,
        };
        prepared.run(&call).await
    }
}

/// A call on its way: what is known of it, and what its parameters name still.
struct Way {
    entry: &'static Entry,
    /// The channel, unless it is to be looked up.
    known: Option<ChannelId>,
    /// What is to be looked up, if anything is.
    references: Option<References>,
    prepared: Box<dyn Prepared>,
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
