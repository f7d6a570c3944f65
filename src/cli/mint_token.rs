//! Minting a token from the command line: the JWT alone on standard output, all else on standard
//! error.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;
use time::OffsetDateTime;

use super::assemble::keys;
use super::{configuration, finish, parse, say};
use crate::auth::{Grant, Scope, Scopes, mint};
use crate::config::{Config, duration};
use crate::discord::{BotToken, ChannelId, GuildId, Snowflake};
use crate::timestamp::Timestamp;

/// Mint a token (JWT) that carries a Discord bot token.
///
/// The bot token is taken from DISCORD_TOKEN, from .env, or from standard input.
#[derive(Parser)]
#[command(name = "mint_token")]
pub(super) struct Args {
    /// The user that the audit log will name
    #[arg(long, default_value = "default-user", value_name = "NAME")]
    sub: String,
    /// What the token allows, space-separated: discord:read discord:write discord:moderate
    #[arg(long, value_parser = scopes, default_value = "discord:read discord:write discord:moderate")]
    scope: Scopes,
    /// How long it lives: 30s, 10m, 1h, 30d
    #[arg(long, value_parser = ttl, default_value = "1h")]
    ttl: Duration,
    /// Limit it to this channel; may be given several times
    #[arg(long = "channel", value_name = "ID", value_parser = channel)]
    channels: Vec<ChannelId>,
    /// Limit it to this server; may be given several times
    #[arg(long = "guild", value_name = "ID", value_parser = guild)]
    guilds: Vec<GuildId>,
    /// Leave the bot token in it readable, for servers without a sealing key
    #[arg(long)]
    plain: bool,
    /// The bot token; better left out, since other users of this machine can see arguments
    #[arg(value_name = "DISCORD_TOKEN")]
    token: Option<String>,
}

/// Mints what the command line asks for.
pub fn main() -> ExitCode {
    match parse() {
        Ok(args) => finish(run(args)),
        Err(ended) => ended,
    }
}

pub(super) fn run(args: Args) -> Result<(), String> {
    let config = configuration()?;
    let longest = config.jwt_max_lifetime;
    if args.ttl > longest {
        return Err(format!(
            "--ttl is longer than JWT_MAX_LIFETIME allows: at most {}",
            spoken(longest)
        ));
    }
    if args.sub.is_empty() || args.sub.len() > 256 {
        return Err("--sub must be 1 to 256 bytes long".into());
    }
    let token = bot_token(&config, args.token)?;
    let keys = keys(&config)?;
    let grant = Grant {
        sub: args.sub,
        scopes: args.scope,
        ttl: args.ttl,
        channels: args.channels,
        guilds: args.guilds,
        plain: args.plain,
    };
    let minted = mint(
        &keys,
        &config.jwt_issuer,
        &config.jwt_audience,
        &grant,
        &token,
    )
    .map_err(|error| error.to_string())?;
    let expires = i64::try_from(minted.exp)
        .ok()
        .and_then(|exp| OffsetDateTime::from_unix_timestamp(exp).ok());
    let limits = |ids: Vec<String>| {
        if ids.is_empty() {
            "all".to_owned()
        } else {
            ids.join(", ")
        }
    };
    say(
        std::io::stderr(),
        &format!(
            "Token for {sub}\n  scope     {scope}\n  channels  {channels}\n  servers   {guilds}\n  expires   {expires}\n  jti       {jti}\n{worth}\n",
            sub = grant.sub,
            scope = grant.scopes,
            channels = limits(grant.channels.iter().map(ToString::to_string).collect()),
            guilds = limits(grant.guilds.iter().map(ToString::to_string).collect()),
            expires = expires
                .map(|time| Timestamp::of(time).to_string())
                .unwrap_or_default(),
            jti = minted.jti,
            worth = if grant.plain {
                "Whoever holds it can use it, and can read the bot token in it."
            } else {
                "Whoever holds it can use it. The bot token in it is sealed: only the server can read it."
            },
        ),
    );
    say(std::io::stdout(), &format!("{}\n", minted.jwt));
    Ok(())
}

/// The bot token: of the command line, else of the configuration, else of standard input.
fn bot_token(config: &Config, argument: Option<String>) -> Result<BotToken, String> {
    let text = match argument
        .map(SecretString::from)
        .or_else(|| config.discord_token.clone())
    {
        Some(text) => text,
        None => ask()?,
    };
    BotToken::from_pasted(&text).ok_or_else(|| {
        "that is not a bot token: copy it from Discord's developer portal, under Bot, Reset Token; it has three parts with dots between".to_owned()
    })
}

const NO_TOKEN: &str =
    "no bot token: set DISCORD_TOKEN, put it into .env, or give it on standard input";

fn ask() -> Result<SecretString, String> {
    let unread = |_| NO_TOKEN.to_owned();
    if std::io::stdin().is_terminal() {
        say(std::io::stderr(), "Discord bot token (not shown): ");
        return rpassword::read_password()
            .map(SecretString::from)
            .map_err(unread);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(unread)?;
    if text.trim().is_empty() {
        return Err(NO_TOKEN.to_owned());
    }
    Ok(text.into())
}

/// A duration as JWT_MAX_LIFETIME has it, in its largest whole unit.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    unit.map_or_else(
        || format!("{seconds}s"),
        |(unit, name)| format!("{}{name}", seconds / unit),
    )
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let known = |word: &str| Scope::ALL.iter().any(|scope| scope.as_str() == word);
    if text.trim().is_empty() || !text.split_whitespace().all(known) {
        return Err(
            "allowed, space-separated: discord:read, discord:write, discord:moderate".into(),
        );
    }
    Ok(Scopes::parse(text))
}

fn ttl(text: &str) -> Result<Duration, String> {
    let whole_seconds = |ttl: &Duration| ttl.as_secs() > 0;
    duration(text)
        .filter(whole_seconds)
        .ok_or_else(|| "a duration of at least 1s, such as 30s, 10m, 1h or 30d".into())
}

fn channel(text: &str) -> Result<ChannelId, String> {
    Snowflake::parse(text)
        .map(ChannelId)
        .ok_or_else(|| "a Discord id: decimal digits".into())
}

fn guild(text: &str) -> Result<GuildId, String> {
    Snowflake::parse(text)
        .map(GuildId)
        .ok_or_else(|| "a Discord id: decimal digits".into())
}
