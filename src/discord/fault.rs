//! From what Discord, or the way to it, did wrong to the error a caller reads.
//! Codes: <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::lenient;
use super::transport::Breach;
use crate::error::{Code, Error};

/// What was asked of Discord. It decides what a refusal most likely means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ReadChannel,
    ReadMessages,
    Send,
    SendFiles,
    OpenPost,
    StartThread,
    Delete,
    Search,
    ReadGuild,
}

impl Operation {
    /// Whether Discord may have changed although no answer came.
    pub(super) fn has_effect(self) -> bool {
        matches!(
            self,
            Self::Send | Self::SendFiles | Self::OpenPost | Self::StartThread | Self::Delete
        )
    }

    /// Whether doing it twice is as good as once. Posts and threads have no nonce.
    pub(super) fn is_repeatable(self) -> bool {
        !matches!(self, Self::OpenPost | Self::StartThread)
    }

    /// What the bot could not do, and the permission that it most likely lacks.
    fn forbidden(self) -> (&'static str, &'static str) {
        match self {
            Self::ReadChannel => ("see this channel", "VIEW_CHANNEL"),
            Self::ReadMessages => ("read messages in this channel", "READ_MESSAGE_HISTORY"),
            Self::Send => (
                "send messages in this channel",
                "SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS)",
            ),
            Self::SendFiles => (
                "send files in this channel",
                "SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS) and ATTACH_FILES",
            ),
            Self::OpenPost => (
                "open this post",
                "SEND_MESSAGES, for files ATTACH_FILES, for tags that moderators keep to themselves MANAGE_THREADS",
            ),
            Self::StartThread => ("start threads in this channel", "CREATE_PUBLIC_THREADS"),
            Self::Delete => (
                "delete messages of others in this channel",
                "MANAGE_MESSAGES",
            ),
            Self::Search => ("search this server", "READ_MESSAGE_HISTORY"),
            Self::ReadGuild => ("look into this server", "VIEW_CHANNEL"),
        }
    }
}

/// No answer came.
pub(super) fn unanswered(operation: Operation, breach: Breach) -> Error {
    tracing::warn!(?operation, ?breach, "Discord did not answer");
    match breach {
        Breach::Unreachable => Error::new(
            Code::DiscordError,
            "Discord could not be reached; nothing was sent",
        )
        .hint("Check the network and DISCORD_API_BASE, or try again in a moment."),
        breach => broken_off(operation, breach),
    }
}

/// The call's time is up. For a call with an effect the caller must know that it may have happened.
pub(crate) fn timed_out(has_effect: bool) -> Error {
    if has_effect {
        return Error::new(
            Code::DiscordTimeout,
            "Discord did not answer in time; whether the change was made is unknown",
        )
        .hint("Read the channel before trying again, or send with an `idempotency_key`.");
    }
    Error::new(Code::DiscordTimeout, "Discord did not answer in time")
}

/// An answer began and its body could not be read.
pub(super) fn unread(operation: Operation, status: StatusCode, breach: Breach) -> Error {
    tracing::warn!(
        ?operation,
        status = status.as_u16(),
        ?breach,
        "an answer of Discord could not be read"
    );
    broken_off(operation, breach).discord(status.as_u16(), None)
}

fn broken_off(operation: Operation, breach: Breach) -> Error {
    match breach {
        Breach::TooLate => timed_out(operation.has_effect()),
        Breach::TooLarge => broken(operation, "Discord's answer is larger than 8 MiB"),
        Breach::Unreachable | Breach::Broken => {
            broken(operation, "The connection to Discord broke")
        }
    }
}

/// A status of success with a body that is not what Discord documents.
pub(super) fn unintelligible(operation: Operation, status: StatusCode) -> Error {
    tracing::warn!(
        ?operation,
        status = status.as_u16(),
        "an answer of Discord is not of the documented form"
    );
    broken(operation, "Discord's answer could not be read").discord(status.as_u16(), None)
}

fn broken(operation: Operation, what: &str) -> Error {
    if operation.has_effect() {
        return Error::new(
            Code::DiscordError,
            format!("{what}; whether the change was made is unknown"),
        )
        .hint("Read the channel before trying again.");
    }
    Error::new(Code::DiscordError, what.to_owned()).hint("Try again in a moment.")
}

/// What Discord says with a status that is not one of success.
#[derive(Deserialize, Default)]
pub(super) struct Refusal {
    #[serde(default, deserialize_with = "lenient::maybe")]
    code: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    retry_after: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    global: Option<bool>,
    errors: Option<Value>,
}

impl Refusal {
    /// Reads the body of an answer; `None` where it is none of Discord's API.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Whether a 429 is about all that the bot sends.
    pub(super) fn is_global(&self) -> bool {
        self.global == Some(true)
    }

    /// Whether a 403 is about what the bot may do at all, and not about this one request.
    pub(super) fn is_for_want_of_permission(&self) -> bool {
        matches!(self.code, Some(50_001 | 50_013))
    }
}

/// Discord answered with a status that is not one of success.
pub(super) fn refused(
    operation: Operation,
    status: StatusCode,
    headers: &HeaderMap,
    refusal: Option<&Refusal>,
) -> Error {
    let from_edge = refusal.is_none();
    let nothing = Refusal::default();
    let refusal = refusal.unwrap_or(&nothing);
    // A channel or message that is not there is the caller's affair; the rest is the operator's too.
    if matches!(status.as_u16(), 400 | 404) {
        tracing::debug!(
            ?operation,
            status = status.as_u16(),
            code = refusal.code,
            "Discord refused"
        );
    } else {
        tracing::warn!(
            ?operation,
            status = status.as_u16(),
            code = refusal.code,
            from_edge,
            "Discord refused"
        );
    }
    let error = match status.as_u16() {
        401 => token_rejected(),
        429 => rate_limited(headers, refusal),
        403 if from_edge => Error::new(Code::DiscordError, "Discord's edge refused the request")
            .hint("The address of this server may be blocked; wait before trying again."),
        500.. => Error::new(
            Code::DiscordError,
            if refusal.code == Some(130_000) {
                "Discord is overloaded"
            } else {
                "Discord failed"
            },
        )
        .hint(if operation.has_effect() {
            "Read the channel before trying again: the change may have been made."
        } else {
            "Try again in a moment."
        }),
        400..=499 => by_code(operation, status, refusal),
        _ => Error::new(
            Code::DiscordError,
            "Discord answered in a way that this server does not expect",
        ),
    };
    error.discord(status.as_u16(), refusal.code)
}

/// Discord does not know the bot token.
pub(super) fn token_rejected() -> Error {
    Error::new(Code::DiscordTokenRejected, "Discord rejected the bot token in this JWT")
        .hint("The bot token was reset or mistyped. Copy it anew from Discord's developer portal and mint a new JWT.")
}

/// Discord keeps some of its own notices for ever.
pub(crate) fn undeletable() -> Error {
    Error::invalid_params("`message_id` is one of Discord's own notices, which cannot be deleted")
}

/// Why a request found no place in Discord's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There is none for so long.
    For(Duration),
    /// Discord does not answer those who came before, and has told of no limit.
    Silence,
}

/// Discord's limits have no room for the request before the call must end.
pub(super) fn no_room(why: NoPlace) -> Error {
    let NoPlace::For(wait) = why else {
        return timed_out(false);
    };
    Error::new(
        Code::RateLimited,
        "Discord's limits have no room for this call in time; nothing was sent",
    )
    .retry_after(wait)
    .hint("Wait `retry_after` seconds before the next call.")
}

fn rate_limited(headers: &HeaderMap, refusal: &Refusal) -> Error {
    let header = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    // A second where Discord does not say, or asks for less than nothing or more than a year.
    let seconds = refusal
        .retry_after
        .or(header)
        .filter(|seconds| (0.0..=31_536_000.0).contains(seconds));
    let wait = Duration::from_secs_f64(seconds.unwrap_or(1.0));
    let what = match refusal.code {
        Some(20016) => "The channel's slow mode asks for a pause",
        Some(20028) => "This channel has been written to as often as Discord allows",
        _ => "Discord asks for a pause",
    };
    Error::new(Code::RateLimited, what)
        .retry_after(wait)
        .hint("Wait `retry_after` seconds before the next call.")
}

fn by_code(operation: Operation, status: StatusCode, refusal: &Refusal) -> Error {
    let invalid = |text: &'static str| Error::invalid_params(text);
    match (refusal.code.unwrap_or(0), status.as_u16()) {
        (10003, _) => Error::new(
            Code::UnknownChannel,
            "Discord knows no channel with this id, or the bot is not in its server",
        ),
        (10004, _) => Error::new(
            Code::UnknownGuild,
            "Discord knows no server with this id, or the bot is not in it",
        ),
        (10008, _) => Error::new(
            Code::UnknownMessage,
            "Discord knows no such message in this channel; it may have been deleted",
        ),
        (20016 | 20028, _) => rate_limited(&HeaderMap::new(), refusal),
        (40001 | 50014, _) => token_rejected(),
        (50001, _) if operation == Operation::Search => forbidden_by(operation),
        (50001, _) => forbidden("see this channel", "VIEW_CHANNEL"),
        (50013, _) => forbidden_by(operation),
        (160002, _) => forbidden("reply here", "READ_MESSAGE_HISTORY"),
        (160005, _) => forbidden("write in this locked thread", "MANAGE_THREADS"),
        (50003, _) => {
            invalid("`channel_id` is a direct message, where Discord does not allow this")
        }
        (50006, _) => invalid("`message` is empty once Discord has trimmed it"),
        (50007, _) => Error::new(
            Code::MissingPermission,
            "Bot doesn't have permission to write to this user: an open direct message",
        )
        .hint("The user does not take direct messages from this bot."),
        (50024, _) if operation == Operation::StartThread => {
            invalid("`channel_id` is a channel in which no thread can be started")
        }
        (50008 | 50024, _) => invalid(
            "`channel_id` is a channel of a type that holds no messages, such as a category or a forum; a forum's posts are threads with ids of their own",
        ),
        (50021, _) => undeletable(),
        (50034, _) => invalid("`message_ids` has a message older than 14 days"),
        (50083, _) => invalid("`channel_id` is an archived thread that cannot be written to"),
        (50068, _) => invalid("`reply_to` is a message from which no thread can be started"),
        (40005, _) | (_, 413) => Error::new(
            Code::PayloadTooLarge,
            "Discord takes no files of this size here",
        )
        .hint("Send smaller files."),
        (40067, _) => invalid("`tags` must name a tag: this channel takes no posts without"),
        (160004, _) => invalid("`reply_to` has a thread already")
            .hint("Send into it: a thread that was started from a message has the message's id."),
        (160006, _) => invalid("The server has as many active threads as Discord allows"),
        (200000, _) => invalid("The server's AutoMod refused the text of `message`"),
        (200001, _) => invalid("The server's AutoMod refused the `title`"),
        (240000, _) => invalid("`message` holds a link that Discord blocks as harmful"),
        (50035, _) => form(refusal),
        (_, 403) => forbidden_by(operation),
        (_, 404) => match operation {
            Operation::Search | Operation::ReadGuild => {
                Error::new(Code::UnknownGuild, "Discord found nothing under this id")
            }
            Operation::Delete => {
                Error::new(Code::UnknownMessage, "Discord found nothing under this id")
            }
            _ => Error::new(Code::UnknownChannel, "Discord found nothing under this id"),
        },
        _ => invalid("Discord refused the request as it stands; its code is in `discord`"),
    }
}

fn forbidden_by(operation: Operation) -> Error {
    let (what, permission) = operation.forbidden();
    forbidden(what, permission)
}

fn forbidden(what: &str, permission: &str) -> Error {
    Error::new(Code::MissingPermission, format!("Bot doesn't have permission to {what}: {permission}"))
        .hint("Give the bot's role this permission in the server's settings, and look at the channel's own overrides.")
}

/// Discord's form errors name the fields of its request, which are not all ours.
fn form(refusal: &Refusal) -> Error {
    let at = |field: &str| {
        refusal.errors.as_ref().is_some_and(|errors| {
            // The first message of a post stands in an object of its own.
            let inner = errors.get("message").and_then(|first| first.get(field));
            errors.get(field).or(inner).is_some()
        })
    };
    if at("message_reference") {
        return Error::new(
            Code::UnknownMessage,
            "`reply_to` is no message of this channel",
        );
    }
    if at("allowed_mentions") {
        return Error::invalid_params("`mentions` was refused by Discord");
    }
    if at("content") {
        return Error::invalid_params("`message` was refused by Discord: too long or not allowed");
    }
    if at("applied_tags") {
        return Error::invalid_params("`tags` was refused by Discord");
    }
    if at("name") {
        return Error::invalid_params("The title or name was refused by Discord");
    }
    if at("attachments") || at("files") {
        return Error::invalid_params("`files` was refused by Discord");
    }
    Error::invalid_params("Discord refused the form of the request")
}
