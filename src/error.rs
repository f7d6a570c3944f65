//! The one error of the crate and the only map from what went wrong to what a caller reads.
//!
//! Every text here is ours and fixed, apart from names of parameters, scopes and permissions,
//! ids and numbers: never a library's `Display`, never text that came from Discord's users.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;

/// What went wrong, as the `code` of an answer and the `status` of an audit line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is not JSON, or not the envelope.
    InvalidRequest,
    /// No bearer, or one that does not verify.
    InvalidToken,
    /// The JWT is good but carries no Discord token.
    MissingDiscordToken,
    /// Discord refuses the bot token.
    DiscordTokenRejected,
    /// The JWT's scope does not cover the tool.
    InsufficientScope,
    /// The JWT is limited to other guilds or channels.
    NotAllowed,
    /// Discord says that the bot lacks a permission.
    MissingPermission,
    /// Nothing is served under this path and method.
    NotFound,
    /// No tool has this name.
    UnknownTool,
    /// Discord knows no such channel.
    UnknownChannel,
    /// Discord knows no such message.
    UnknownMessage,
    /// Discord knows no such guild.
    UnknownGuild,
    /// Several channels have the name.
    AmbiguousChannel,
    /// The body is larger than the server takes.
    PayloadTooLarge,
    /// The body was not sent as `application/json`.
    UnsupportedMediaType,
    /// The caller does not take the form that answers have.
    NotAcceptable,
    /// A parameter is missing, unknown, of the wrong type or out of range.
    InvalidParams,
    /// A rate limit, ours or Discord's.
    RateLimited,
    /// Discord failed, or answered something that cannot be read.
    DiscordError,
    /// The audit line cannot be written.
    AuditUnavailable,
    /// The server has as much work as it takes on.
    Overloaded,
    /// The caller did not send the body in time.
    RequestTimeout,
    /// Discord did not answer within the call's deadline.
    DiscordTimeout,
    /// The user must be asked first; only a client that can ask gets this, in its protocol's form.
    ConfirmationRequired,
    /// The user was asked and did not say yes.
    Declined,
    /// The caller cancelled the call.
    Cancelled,
    /// The `Host` is not one that this server goes by.
    HostNotAllowed,
    /// The `Origin` is not one that may call this server.
    OriginNotAllowed,
    /// Our own fault.
    Internal,
}

impl Code {
    /// Every code, in the order of the README's table.
    pub const ALL: [Self; 29] = [
        Self::InvalidRequest,
        Self::InvalidToken,
        Self::MissingDiscordToken,
        Self::DiscordTokenRejected,
        Self::InsufficientScope,
        Self::NotAllowed,
        Self::MissingPermission,
        Self::NotFound,
        Self::UnknownTool,
        Self::UnknownChannel,
        Self::UnknownMessage,
        Self::UnknownGuild,
        Self::AmbiguousChannel,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::NotAcceptable,
        Self::InvalidParams,
        Self::RateLimited,
        Self::DiscordError,
        Self::AuditUnavailable,
        Self::Overloaded,
        Self::RequestTimeout,
        Self::DiscordTimeout,
        Self::ConfirmationRequired,
        Self::Declined,
        Self::Cancelled,
        Self::HostNotAllowed,
        Self::OriginNotAllowed,
        Self::Internal,
    ];

    /// The code as callers read it.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// The table: a code's text and its HTTP status.
    fn row(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST),
            Self::InvalidToken => ("invalid_token", StatusCode::UNAUTHORIZED),
            Self::MissingDiscordToken => ("missing_discord_token", StatusCode::UNAUTHORIZED),
            Self::DiscordTokenRejected => ("discord_token_rejected", StatusCode::UNAUTHORIZED),
            Self::InsufficientScope => ("insufficient_scope", StatusCode::FORBIDDEN),
            Self::NotAllowed => ("not_allowed", StatusCode::FORBIDDEN),
            Self::MissingPermission => ("missing_permission", StatusCode::FORBIDDEN),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::UnknownTool => ("unknown_tool", StatusCode::NOT_FOUND),
            Self::UnknownChannel => ("unknown_channel", StatusCode::NOT_FOUND),
            Self::UnknownMessage => ("unknown_message", StatusCode::NOT_FOUND),
            Self::UnknownGuild => ("unknown_guild", StatusCode::NOT_FOUND),
            Self::AmbiguousChannel => ("ambiguous_channel", StatusCode::CONFLICT),
            Self::PayloadTooLarge => ("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::NotAcceptable => ("not_acceptable", StatusCode::NOT_ACCEPTABLE),
            Self::InvalidParams => ("invalid_params", StatusCode::UNPROCESSABLE_ENTITY),
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS),
            Self::DiscordError => ("discord_error", StatusCode::BAD_GATEWAY),
            Self::AuditUnavailable => ("audit_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::DiscordTimeout => ("discord_timeout", StatusCode::GATEWAY_TIMEOUT),
            Self::ConfirmationRequired => {
                ("confirmation_required", StatusCode::PRECONDITION_REQUIRED)
            }
            Self::Declined => ("declined", StatusCode::FORBIDDEN),
            // Nobody is there to read it; proxies know the number for that.
            Self::Cancelled => (
                "cancelled",
                StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            ),
            Self::HostNotAllowed => ("host_not_allowed", StatusCode::FORBIDDEN),
            Self::OriginNotAllowed => ("origin_not_allowed", StatusCode::FORBIDDEN),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// What Discord answered, where an error comes from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DiscordAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Discord's own error code, where the answer had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u64>,
}

/// Why a call failed, in the words its caller reads.
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: Code,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    discord: Option<DiscordAnswer>,
    scope: Option<&'static str>,
}

impl Error {
    /// An error with this code; `message` says what was wrong and what is allowed.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            hint: None,
            retry_after: None,
            discord: None,
            scope: None,
        }))
    }

    /// The bearer did not verify. The text is one and the same whatever the reason, so that a
    /// forger learns nothing; the reason goes to the server log.
    pub fn invalid_token() -> Self {
        Self::new(Code::InvalidToken, "Invalid token: the bearer token is missing, malformed, expired or not for this server")
            .hint("Send `Authorization: Bearer <JWT>`. Tokens live 1 hour unless minted for longer; mint a new one with `discord-mcp-server mint-token` or `cargo run --example mint_token`.")
    }

    /// The tool needs a scope that the JWT does not have.
    pub fn insufficient_scope(scope: &'static str) -> Self {
        let mut error = Self::new(
            Code::InsufficientScope,
            format!("This token's scope does not cover `{scope}`"),
        );
        error.0.scope = Some(scope);
        error.hint("Mint a token whose `scope` names it.")
    }

    /// A parameter is wrong; `message` names it.
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidParams, message)
    }

    /// Our own fault. The caller learns nothing more; the server log does.
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "Internal error; the server log has the details",
        )
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds how long to wait before another try.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds what Discord answered.
    #[must_use]
    pub fn discord(mut self, status: u16, code: Option<u64>) -> Self {
        self.0.discord = Some(DiscordAnswer { status, code });
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What Discord answered, where the error comes from there.
    pub fn discord_answer(&self) -> Option<DiscordAnswer> {
        self.0.discord
    }

    /// The scope that was missing.
    pub fn scope(&self) -> Option<&'static str> {
        self.0.scope
    }

    /// How long to wait before another try.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The wait in whole seconds, rounded up, as the `Retry-After` header has it (RFC 9110 10.2.3).
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0
            .retry_after
            .map(|wait| wait.as_millis().div_ceil(1000) as u64)
    }

    /// The error as text, for models: the code, the message, what to do.
    pub fn to_text(&self) -> String {
        let parts = &*self.0;
        let mut text = format!("{}: {}", parts.code.as_str(), parts.message);
        if let Some(hint) = &parts.hint {
            text = format!("{text}\nhint: {hint}");
        }
        if let Some(wait) = parts.retry_after {
            text = format!(
                "{text}\nretry_after: {} seconds",
                wait.as_millis() as f64 / 1000.0
            );
        }
        text
    }

    /// The `error` object of an answer.
    pub fn body(&self) -> ErrorBody<'_> {
        let parts = &*self.0;
        ErrorBody {
            code: parts.code.as_str(),
            message: &parts.message,
            hint: parts.hint.as_deref(),
            retry_after: parts
                .retry_after
                .map(|wait| wait.as_millis() as f64 / 1000.0),
            discord: parts.discord,
        }
    }
}

/// The `error` object of an answer, in the order in which people read it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discord: Option<DiscordAnswer>,
}
