//! `inspect-token`: what a token grants, and why it would be refused. It never shows the bot token
//! nor the signature.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;

use super::assemble::verifier;
use super::{FOUND, USAGE, configuration, say};
use crate::auth::{Carried, Credential, Keys, OwnBearer, Principal, Rejection, Shown, show};
use crate::config::Config;
use crate::timestamp::Timestamp;

/// The longest text that is taken for a token.
const LIMIT: u64 = 64 << 10;

#[derive(Args)]
pub(super) struct InspectToken {
    /// The token, or - for standard input; DISCORD_MCP_TOKEN where it is left out, else standard input
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
}

/// Exit 0: it would be accepted; 1: refused; 2: there is none, or the configuration is wrong.
pub(super) fn run(args: &InspectToken) -> ExitCode {
    match inspect(args) {
        Ok((text, accepted)) => {
            say(std::io::stdout(), &text);
            if accepted {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(FOUND)
            }
        }
        Err(problem) => {
            say(std::io::stderr(), &format!("error: {problem}\n"));
            ExitCode::from(USAGE)
        }
    }
}

fn inspect(args: &InspectToken) -> Result<(String, bool), String> {
    let config = configuration()?;
    let token = token(args.token.as_deref(), &config)?;
    let keys = Keys::load(&config.keys_dir).map_err(|error| error.to_string())?;
    let verifier = verifier(&config, &Arc::new(keys))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot start: {error}"))?;
    let shown = show(&token);
    let verified = runtime.block_on(OwnBearer::new(verifier, token).verify());
    Ok((report(shown.as_ref(), &verified), verified.is_ok()))
}

fn token(argument: Option<&str>, config: &Config) -> Result<SecretString, String> {
    let missing = "no token: give it as an argument, in DISCORD_MCP_TOKEN, or on standard input";
    match (argument, &config.discord_mcp_token) {
        (Some(text), _) if text != "-" => Ok(bare(text)),
        (None, Some(token)) => Ok(token.clone()),
        (None, None) if std::io::stdin().is_terminal() => Err(missing.to_owned()),
        _ => {
            let mut text = String::new();
            std::io::stdin()
                .take(LIMIT)
                .read_to_string(&mut text)
                .map_err(|_| missing.to_owned())?;
            if text.trim().is_empty() {
                return Err(missing.to_owned());
            }
            Ok(bare(&text))
        }
    }
}

/// A token as people paste it: with white space around it, or as the header has it.
fn bare(text: &str) -> SecretString {
    let text = text.trim();
    text.strip_prefix("Bearer ").unwrap_or(text).trim().into()
}

fn report(shown: Option<&Shown>, verified: &Result<Arc<Principal>, Rejection>) -> String {
    let mut text = String::new();
    if let Some(shown) = shown {
        for (name, value) in rows(shown, verified.as_deref().ok()) {
            text += &format!("{name:<10} {value}\n");
        }
    }
    match verified {
        Ok(principal) if principal.operator.read_only => {
            text += "accepted, by a server that is read-only\n";
        }
        Ok(principal) if !matches!(principal.credential, Credential::Token(_)) => {
            text += "accepted, but it carries no bot token: every call will be refused\n";
        }
        Ok(_) => text += "accepted\n",
        Err(reason) => text += &format!("refused: {reason}\n"),
    }
    text
}

fn rows(shown: &Shown, principal: Option<&Principal>) -> Vec<(&'static str, String)> {
    let claim = |name: &str| shown.claims.get(name).unwrap_or(&Value::Null);
    let or = |value: &Value, absent: &str| match value {
        Value::Null => absent.to_owned(),
        value => plain(value),
    };
    let carried = match shown.carried {
        Carried::Nothing => "none",
        Carried::Readable => "readable by whoever has the token",
        Carried::Sealed => "sealed",
    };
    let bot = match principal.map(|principal| &principal.credential) {
        Some(Credential::Token(token)) => format!(", of the bot {}", token.user_id()),
        Some(Credential::Misshapen) => ", and not of the form of a bot token".to_owned(),
        Some(Credential::Missing) | None => String::new(),
    };
    vec![
        ("issuer", or(claim("iss"), "none")),
        ("audience", or(claim("aud"), "none")),
        ("user", or(claim("sub"), "none")),
        ("id", or(claim("jti"), "none")),
        ("issued", moment(claim("iat"))),
        ("expires", moment(claim("exp"))),
        ("scope", or(claim("scope"), "all")),
        ("channels", or(claim("channels"), "all")),
        ("servers", or(claim("guilds"), "all")),
        (
            "key",
            shown.kid.as_deref().map_or("none".to_owned(), printable),
        ),
        ("bot token", format!("{carried}{bot}")),
    ]
}

/// A claim for a terminal, whatever somebody wrote into it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => printable(&other.to_string()),
    }
}

fn printable(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).collect()
}

fn moment(value: &Value) -> String {
    let time = value
        .as_i64()
        .and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    match (time, value) {
        (Some(time), _) => Timestamp::of(time).to_string(),
        (None, Value::Null) => "none".to_owned(),
        (None, other) => plain(other),
    }
}
