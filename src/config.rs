//! The configuration: the environment, read once at start. The only reader of the environment.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::audit::{ContentPolicy, holds_secret};

/// Everything that can be configured.
///
/// | variable | default | meaning |
/// |---|---|---|
/// | `BIND_ADDR` | `127.0.0.1:8000` | address and port to listen on |
/// | `AUDIT_LOG` | `audit.log` | file of the audit trail |
/// | `AUDIT_CONTENT` | `full` | what people wrote, in the trail: `full`, `digest` or `none` |
/// | `AUDIT_SYNC` | `off` | `on`: lines are safe from a loss of power before a call goes on |
/// | `KEYS_DIR` | `keys` | folder of the key pair that signs tokens |
/// | `JWT_ISSUER` | `discord-mcp-server` | the `iss` of tokens |
/// | `JWT_AUDIENCE` | `discord-mcp-server` | the `aud` of tokens |
/// | `JWT_MAX_LIFETIME` | `30d` | the longest life of a token |
/// | `DISCORD_API_BASE` | `https://discord.com` | where Discord's API is |
/// | `ALLOW_INSECURE_DISCORD_API` | `false` | plain http to another host than this one |
/// | `DISCORD_TOKEN` | unset | the bot token, only for minting |
/// | `ALLOWED_HOSTS` | loopback | names that this server goes by, besides loopback ones and `BIND_ADDR`; `*` for any |
/// | `ALLOWED_ORIGINS` | none | origins of web pages that may call it |
/// | `CONFIRM_DELETIONS` | `true` | MCP clients that can ask their user must ask before a deletion |
/// | `DISCORD_MCP_TOKEN` | unset | the JWT of the `stdio` subcommand |
/// | `CALL_DEADLINE` | `30s` | bound of a tool call, waits included |
/// | `MAX_CALLS` | `256` | calls in flight before new ones are shed |
/// | `MAX_CONNECTIONS` | `1024` | open connections |
/// | `DRAIN_TIMEOUT` | `10s` | bound of a shutdown |
/// | `RUST_LOG` | `info` | what the server log shows |
/// | `LOG_DIR` | unset | folder for daily log files beside the console |
pub struct Config {
    /// Address and port to listen on.
    pub bind_addr: SocketAddr,
    /// File of the audit trail.
    pub audit_log: PathBuf,
    /// How much of what people wrote the trail keeps.
    pub audit_content: ContentPolicy,
    /// Whether lines are safe from a loss of power before a call goes on.
    pub audit_sync: bool,
    /// Folder of the key pair.
    pub keys_dir: PathBuf,
    /// The `iss` of tokens.
    pub jwt_issuer: String,
    /// The `aud` of tokens.
    pub jwt_audience: String,
    /// The longest life of a token.
    pub jwt_max_lifetime: Duration,
    /// Scheme, host and port of Discord's API.
    pub discord_api_base: String,
    /// The bot token, only for minting.
    pub discord_token: Option<SecretString>,
    /// Names that this server goes by besides its own.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call it.
    pub allowed_origins: Vec<String>,
    /// Whether MCP clients that can ask their user must ask before a deletion.
    pub confirm_deletions: bool,
    /// The JWT of the `stdio` subcommand.
    pub discord_mcp_token: Option<SecretString>,
    /// Bound of a tool call, waits included.
    pub call_deadline: Duration,
    /// Calls in flight before new ones are shed.
    pub max_calls: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Bound of a shutdown.
    pub drain_timeout: Duration,
    /// Filter of the server log, in tracing's directives.
    pub log: String,
    /// Folder for daily log files.
    pub log_dir: Option<PathBuf>,
}

/// The names of all variables, in the order of `.env.example`.
pub const VARIABLES: [&str; 21] = [
    "DISCORD_TOKEN",
    "BIND_ADDR",
    "AUDIT_LOG",
    "AUDIT_CONTENT",
    "AUDIT_SYNC",
    "KEYS_DIR",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_MAX_LIFETIME",
    "DISCORD_API_BASE",
    "ALLOW_INSECURE_DISCORD_API",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "CONFIRM_DELETIONS",
    "DISCORD_MCP_TOKEN",
    "CALL_DEADLINE",
    "MAX_CALLS",
    "MAX_CONNECTIONS",
    "DRAIN_TIMEOUT",
    "RUST_LOG",
    "LOG_DIR",
];

/// A variable whose value cannot be used. Its text is one line: the variable, the value unless it
/// may be a secret, and what is allowed. An address with an `@` may hold a password,
/// and anything may hold a token in the wrong place.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    value: Option<String>,
    allowed: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(
                f,
                "{}={value:?} cannot be used: {}",
                self.variable, self.allowed
            ),
            None => write!(f, "{} cannot be used: {}", self.variable, self.allowed),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(std::env::var_os)
    }

    /// Reads variables from `lookup`. An empty variable counts as unset, as compose files and
    /// unit files write it.
    ///
    /// # Errors
    /// The first variable that cannot be used.
    pub fn read(lookup: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let env = Variables(lookup);
        let insecure = env.parsed(
            "ALLOW_INSECURE_DISCORD_API",
            "false",
            "true or false",
            switch,
        )?;
        Ok(Self {
            bind_addr: env.parsed("BIND_ADDR", "127.0.0.1:8000", "an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000", |text| text.parse().ok())?,
            audit_log: env.text("AUDIT_LOG", "audit.log")?.into(),
            audit_content: env.parsed("AUDIT_CONTENT", "full", "full, digest or none", |text| text.parse().ok())?,
            audit_sync: env.parsed("AUDIT_SYNC", "off", "on or off", on_or_off)?,
            keys_dir: env.text("KEYS_DIR", "keys")?.into(),
            jwt_issuer: env.text("JWT_ISSUER", "discord-mcp-server")?,
            jwt_audience: env.text("JWT_AUDIENCE", "discord-mcp-server")?,
            jwt_max_lifetime: env.duration("JWT_MAX_LIFETIME", "30d")?,
            discord_api_base: env.parsed(
                "DISCORD_API_BASE",
                "https://discord.com",
                "an origin such as https://discord.com, without a path; http only on loopback, or with ALLOW_INSECURE_DISCORD_API=true",
                |text| origin(text, insecure),
            )?,
            discord_token: env.optional("DISCORD_TOKEN")?.map(SecretString::from),
            allowed_hosts: env.list(
                "ALLOWED_HOSTS",
                "host names without scheme and port, comma-separated, such as discord-mcp.example; or *",
                |host| host == "*" || host.parse::<axum::http::uri::Authority>().is_ok_and(|name| name.port().is_none() && !host.contains(['@', '*'])),
            )?,
            allowed_origins: env.list(
                "ALLOWED_ORIGINS",
                "origins, comma-separated, such as https://app.example",
                |text| origin(text, true).is_some(),
            )?,
            confirm_deletions: env.parsed("CONFIRM_DELETIONS", "true", "true or false", switch)?,
            discord_mcp_token: env.optional("DISCORD_MCP_TOKEN")?.map(SecretString::from),
            call_deadline: env.duration("CALL_DEADLINE", "30s")?,
            max_calls: env.count("MAX_CALLS", "256")?,
            max_connections: env.count("MAX_CONNECTIONS", "1024")?,
            drain_timeout: env.duration("DRAIN_TIMEOUT", "10s")?,
            log: env.parsed("RUST_LOG", "info", "levels and targets, such as info or warn,discord_mcp_server=debug", |text| {
                text.parse::<tracing_subscriber::filter::Targets>().ok().map(|_| text.to_owned())
            })?,
            log_dir: env.optional("LOG_DIR")?.map(PathBuf::from),
        })
    }
}

struct Variables<F>(F);

impl<F: Fn(&'static str) -> Option<OsString>> Variables<F> {
    fn optional(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = (self.0)(variable) else {
            return Ok(None);
        };
        let text = value.into_string().map_err(|_| ConfigError {
            variable,
            value: None,
            allowed: "text in UTF-8",
        })?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    fn text(&self, variable: &'static str, default: &'static str) -> Result<String, ConfigError> {
        Ok(self
            .optional(variable)?
            .unwrap_or_else(|| default.to_owned()))
    }

    fn parsed<T>(
        &self,
        variable: &'static str,
        default: &'static str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self.text(variable, default)?;
        let value = Some(text.clone()).filter(|text| !text.contains('@') && !holds_secret(text));
        parse(&text).ok_or(ConfigError {
            variable,
            value,
            allowed,
        })
    }

    fn list(
        &self,
        variable: &'static str,
        allowed: &'static str,
        good: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, ConfigError> {
        self.parsed(variable, "", allowed, |text| {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items
                .map(|item| good(item).then(|| item.to_owned()))
                .collect()
        })
    }

    fn duration(
        &self,
        variable: &'static str,
        default: &'static str,
    ) -> Result<Duration, ConfigError> {
        self.parsed(
            variable,
            default,
            "a duration above zero such as 500ms, 30s, 10m, 1h or 30d",
            duration,
        )
    }

    fn count(&self, variable: &'static str, default: &'static str) -> Result<usize, ConfigError> {
        self.parsed(
            variable,
            default,
            "a whole number from 1 to 100000",
            |text| {
                text.parse()
                    .ok()
                    .filter(|count| (1..=100_000).contains(count))
            },
        )
    }
}

fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn switch(text: &str) -> Option<bool> {
    text.parse().ok()
}

/// Reads `500ms`, `30s`, `10m`, `1h`, `30d`: a whole number above zero and a unit, at most 10 years.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let milliseconds_a_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let milliseconds = number
        .parse::<u64>()
        .ok()?
        .checked_mul(milliseconds_a_unit)?;
    (1..=315_576_000_000)
        .contains(&milliseconds)
        .then(|| Duration::from_millis(milliseconds))
}

/// Takes a bare origin whose traffic nobody on the way can read: https, or http to this machine.
fn origin(text: &str, insecure: bool) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let host = url.host_str()?;
    let loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    let private = url.scheme() == "https" || (url.scheme() == "http" && (loopback || insecure));
    (bare && private).then(|| url.origin().ascii_serialization())
}
