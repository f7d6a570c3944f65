//! The configuration: the environment, read once at start. The only reader of the environment.

mod variables;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::audit::ContentPolicy;
use crate::auth::{Limits, OperatorLimits, ProviderConfig};
use crate::discord::{ChannelId, GuildId, PUBLIC_CDN};
use crate::tls::TlsFiles;
pub use variables::duration;
use variables::{Variables, cdn, document, is_shown, log_filter, on_or_off, origin, size, switch};

/// Everything that can be configured.
///
/// | variable | default | meaning |
/// |---|---|---|
/// | `BIND_ADDR` | `127.0.0.1:8000` | address and port to listen on |
/// | `AUDIT_LOG` | `audit.log` | file of the audit trail |
/// | `AUDIT_CONTENT` | `full` | what people wrote, in the trail: `full`, `digest` or `none` |
/// | `AUDIT_SYNC` | `off` | `on`: lines are safe from a loss of power before a call goes on |
/// | `KEYS_DIR` | `keys` | folder of the key pairs that sign tokens and seal the bot token in them |
/// | `JWT_ISSUER` | `discord-mcp-server` | the `iss` of tokens |
/// | `JWT_AUDIENCE` | `discord-mcp-server` | the `aud` of tokens |
/// | `JWT_MAX_LIFETIME` | `30d` | the longest life of a token |
/// | `REQUIRE_SEALED_TOKENS` | `false` | refuse tokens whose bot token is readable |
/// | `REVOKED_TOKENS` | `revoked.jsonl` | file of the tokens that are refused |
/// | `JWT_JWKS_URL` | unset | the keys of an identity provider whose tokens are taken too |
/// | `JWT_JWKS_ISSUER` | unset | the `iss` of its tokens |
/// | `JWT_JWKS_TOKEN_CLAIM` | unset | the claim of its tokens that holds the bot token |
/// | `JWT_JWKS_COOLDOWN` | `30s` | the least time between two fetches of its keys |
/// | `JWT_JWKS_MAX_AGE` | `10m` | how old its keys may become before they are fetched anew |
/// | `PUBLIC_URL` | from `BIND_ADDR` | the origin under which clients reach this server |
/// | `ALLOWED_CHANNELS` | all | the only channels that any token may use |
/// | `ALLOWED_GUILDS` | all | the only servers that any token may use |
/// | `READ_ONLY` | `false` | refuse whatever would change Discord |
/// | `DISCORD_API_BASE` | `https://discord.com` | where Discord's API is |
/// | `ALLOW_INSECURE_DISCORD_API` | `false` | plain http to another host than this one |
/// | `DISCORD_CDN_BASE` | `https://cdn.discordapp.com` | where attachments are fetched |
/// | `DISCORD_TOKEN` | unset | the bot token, only for minting |
/// | `ALLOWED_HOSTS` | loopback | names that this server goes by, besides loopback ones and `BIND_ADDR`; `*` for any |
/// | `ALLOWED_ORIGINS` | none | origins of web pages that may call it |
/// | `CONFIRM_DELETIONS` | `true` | MCP clients that can ask their user must ask before a deletion |
/// | `DISCORD_MCP_TOKEN` | unset | the JWT of the `stdio` subcommand |
/// | `CALL_DEADLINE` | `30s` | bound of a tool call, waits included |
/// | `ATTACHMENT_LIMIT` | `8MiB` | the files of one call, in all; `0` for none |
/// | `MAX_CALLS` | `256` | calls in flight before new ones are shed |
/// | `RATE_LIMIT_PER_MINUTE` | `600` | requests of one caller (`sub`) in a minute |
/// | `RATE_LIMIT_BURST` | `120` | how many of them may come at once |
/// | `MAX_CONNECTIONS` | `1024` | open connections; for more, those that wait longest for their client are closed |
/// | `DRAIN_DELAY` | unset | how long a server that shuts down still accepts, `/readyz` failing already |
/// | `DRAIN_TIMEOUT` | `10s` | bound of a shutdown |
/// | `TLS_CERT` | unset | PEM file of the certificate chain; with `TLS_KEY` the server speaks TLS |
/// | `TLS_KEY` | unset | PEM file of its private key |
/// | `TRUSTED_PROXIES` | none | addresses and ranges of proxies that are believed who calls |
/// | `METRICS_ADDR` | on loopback | a listener of its own for `/metrics`, or `off` |
/// | `RUST_LOG` | `info` | what the server log shows |
/// | `LOG_FORMAT` | `text` | `text` for people, `json` for machines |
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
    /// Whether tokens whose bot token is readable are refused.
    pub require_sealed_tokens: bool,
    /// File of the tokens that are refused.
    pub revoked_tokens: PathBuf,
    /// An identity provider whose tokens are taken too.
    pub provider: Option<ProviderConfig>,
    /// The origin under which clients reach this server, where it is not that of `bind_addr`.
    pub public_url: Option<String>,
    /// What the operator lets anybody do.
    pub operator: OperatorLimits,
    /// Scheme, host and port of Discord's API.
    pub discord_api_base: String,
    /// Scheme, host and port from which attachments are fetched.
    pub discord_cdn_base: String,
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
    /// The files of one call, in bytes, all together.
    pub attachment_limit: usize,
    /// Calls in flight before new ones are shed.
    pub max_calls: usize,
    /// Requests of one caller in a minute.
    pub rate_limit_per_minute: NonZeroU32,
    /// Requests of one caller at once.
    pub rate_limit_burst: NonZeroU32,
    /// Open connections.
    pub max_connections: usize,
    /// How long a server that shuts down still accepts.
    pub drain_delay: Duration,
    /// Bound of a shutdown.
    pub drain_timeout: Duration,
    /// The certificate, where the server speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The proxies that are believed who calls.
    pub trusted_proxies: Vec<IpNet>,
    /// Where metrics are read.
    pub metrics: MetricsAddr,
    /// Filter of the server log, in tracing's directives.
    pub log: String,
    /// Whether the server log is JSON.
    pub log_json: bool,
    /// Folder for daily log files.
    pub log_dir: Option<PathBuf>,
}

/// Where metrics are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAddr {
    /// At the server's own address, where that is loopback.
    Default,
    /// Nowhere.
    Off,
    /// At this address; at the server's own, if it is the same.
    At(SocketAddr),
}

/// The names of all variables, in the order of `.env.example`.
pub const VARIABLES: [&str; 42] = [
    "DISCORD_TOKEN",
    "BIND_ADDR",
    "AUDIT_LOG",
    "AUDIT_CONTENT",
    "AUDIT_SYNC",
    "KEYS_DIR",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_MAX_LIFETIME",
    "REQUIRE_SEALED_TOKENS",
    "REVOKED_TOKENS",
    "JWT_JWKS_URL",
    "JWT_JWKS_ISSUER",
    "JWT_JWKS_TOKEN_CLAIM",
    "JWT_JWKS_COOLDOWN",
    "JWT_JWKS_MAX_AGE",
    "PUBLIC_URL",
    "ALLOWED_CHANNELS",
    "ALLOWED_GUILDS",
    "READ_ONLY",
    "DISCORD_API_BASE",
    "ALLOW_INSECURE_DISCORD_API",
    "DISCORD_CDN_BASE",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "CONFIRM_DELETIONS",
    "DISCORD_MCP_TOKEN",
    "CALL_DEADLINE",
    "ATTACHMENT_LIMIT",
    "MAX_CALLS",
    "RATE_LIMIT_PER_MINUTE",
    "RATE_LIMIT_BURST",
    "MAX_CONNECTIONS",
    "DRAIN_DELAY",
    "DRAIN_TIMEOUT",
    "TLS_CERT",
    "TLS_KEY",
    "TRUSTED_PROXIES",
    "METRICS_ADDR",
    "RUST_LOG",
    "LOG_FORMAT",
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
        let jwt_issuer = env.text("JWT_ISSUER", "discord-mcp-server")?;
        Ok(Self {
            bind_addr: env.parsed("BIND_ADDR", "127.0.0.1:8000", "an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000", |text| text.parse().ok())?,
            audit_log: env.text("AUDIT_LOG", "audit.log")?.into(),
            audit_content: env.parsed("AUDIT_CONTENT", "full", "full, digest or none", |text| text.parse().ok())?,
            audit_sync: env.parsed("AUDIT_SYNC", "off", "on or off", on_or_off)?,
            keys_dir: env.text("KEYS_DIR", "keys")?.into(),
            provider: provider(&env, &jwt_issuer)?,
            jwt_issuer,
            jwt_audience: env.text("JWT_AUDIENCE", "discord-mcp-server")?,
            jwt_max_lifetime: env.duration("JWT_MAX_LIFETIME", "30d")?,
            require_sealed_tokens: env.parsed("REQUIRE_SEALED_TOKENS", "false", "true or false", switch)?,
            revoked_tokens: env.text("REVOKED_TOKENS", "revoked.jsonl")?.into(),
            public_url: env.parsed("PUBLIC_URL", "", "an origin such as https://discord-mcp.example, without a path", |text| {
                if text.is_empty() { Some(None) } else { origin(text, true).map(Some) }
            })?,
            operator: OperatorLimits {
                limits: Limits {
                    channels: env.ids("ALLOWED_CHANNELS")?.map(|ids| ids.into_iter().map(ChannelId).collect()),
                    guilds: env.ids("ALLOWED_GUILDS")?.map(|ids| ids.into_iter().map(GuildId).collect()),
                },
                read_only: env.parsed("READ_ONLY", "false", "true or false", switch)?,
            },
            discord_api_base: env.parsed(
                "DISCORD_API_BASE",
                "https://discord.com",
                "an origin such as https://discord.com, without a path; http only on loopback, or with ALLOW_INSECURE_DISCORD_API=true",
                |text| origin(text, insecure),
            )?,
            discord_cdn_base: env.parsed(
                "DISCORD_CDN_BASE",
                PUBLIC_CDN,
                "an origin such as https://cdn.discordapp.com, without a path; an address must be public or loopback, and http only to loopback such as http://127.0.0.1:9000",
                cdn,
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
            attachment_limit: env.parsed("ATTACHMENT_LIMIT", "8MiB", "a size from 1KiB to 24MiB such as 8MiB, or 0 for none", size)?,
            max_calls: env.count("MAX_CALLS", "256")?,
            rate_limit_per_minute: env.number("RATE_LIMIT_PER_MINUTE", "600")?,
            rate_limit_burst: env.number("RATE_LIMIT_BURST", "120")?,
            max_connections: env.count("MAX_CONNECTIONS", "1024")?,
            drain_delay: env.parsed("DRAIN_DELAY", "", "a duration above zero such as 5s; unset for none", |text| {
                if text.is_empty() { Some(Duration::ZERO) } else { duration(text) }
            })?,
            drain_timeout: env.duration("DRAIN_TIMEOUT", "10s")?,
            tls: tls(&env)?,
            trusted_proxies: env.networks("TRUSTED_PROXIES")?,
            metrics: env.parsed("METRICS_ADDR", "", "an IP address and a port, such as 127.0.0.1:9100, or off", |text| match text {
                "" => Some(MetricsAddr::Default),
                "off" => Some(MetricsAddr::Off),
                _ => text.parse().ok().map(MetricsAddr::At),
            })?,
            log: env.parsed("RUST_LOG", "info", "levels (off, error, warn, info, debug, trace) and targets with a level, such as info or warn,discord_mcp_server=debug", log_filter)?,
            log_json: env.parsed("LOG_FORMAT", "text", "text or json", |text| match text {
                "text" => Some(false),
                "json" => Some(true),
                _ => None,
            })?,
            log_dir: env.optional("LOG_DIR")?.map(PathBuf::from),
        })
    }
}

/// The certificate and its key belong together.
fn tls<F>(env: &Variables<F>) -> Result<Option<TlsFiles>, ConfigError>
where
    F: Fn(&'static str) -> Option<OsString>,
{
    let [cert, key] = [env.optional("TLS_CERT")?, env.optional("TLS_KEY")?];
    let missing = |variable, allowed| {
        Err(ConfigError {
            variable,
            value: None,
            allowed,
        })
    };
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(TlsFiles {
            cert: cert.into(),
            key: key.into(),
        })),
        (Some(_), None) => missing(
            "TLS_KEY",
            "TLS_CERT needs it: the certificate's private key, a PEM file",
        ),
        (None, Some(_)) => missing(
            "TLS_CERT",
            "TLS_KEY needs it: the certificate chain, a PEM file",
        ),
    }
}

/// The identity provider: its address and its issuer belong together.
fn provider<F>(env: &Variables<F>, own: &str) -> Result<Option<ProviderConfig>, ConfigError>
where
    F: Fn(&'static str) -> Option<OsString>,
{
    let allowed = "https, or http on loopback, without a user, such as https://id.example/.well-known/jwks.json";
    let url = env.parsed("JWT_JWKS_URL", "", allowed, |text| {
        if text.is_empty() {
            Some(None)
        } else {
            document(text).map(Some)
        }
    })?;
    let issuer = env.optional("JWT_JWKS_ISSUER")?;
    let wrong = |value: Option<String>, allowed| ConfigError {
        variable: "JWT_JWKS_ISSUER",
        value: value.filter(|value| is_shown(value)),
        allowed,
    };
    let token_claim = env.optional("JWT_JWKS_TOKEN_CLAIM")?;
    let cooldown = env.duration("JWT_JWKS_COOLDOWN", "30s")?;
    let max_age = env.duration("JWT_JWKS_MAX_AGE", "10m")?;
    let (url, issuer) = match (url, issuer) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            let allowed = "JWT_JWKS_URL needs it: the iss of the provider's tokens";
            return Err(wrong(None, allowed));
        }
        (None, Some(issuer)) => {
            let allowed = "it needs JWT_JWKS_URL: where the provider's keys are";
            return Err(wrong(Some(issuer), allowed));
        }
        (Some(_), Some(issuer)) if issuer == own => {
            let allowed =
                "another issuer than JWT_ISSUER: the issuer decides which keys verify a token";
            return Err(wrong(Some(issuer), allowed));
        }
        (Some(url), Some(issuer)) => (url, issuer),
    };
    Ok(Some(ProviderConfig {
        issuer,
        jwks_url: url,
        token_claim,
        cooldown,
        max_age,
    }))
}
