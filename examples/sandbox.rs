//! The whole server with no Discord account: a stand-in for Discord with a small, believable
//! server, the real MCP server in front of it on port 8000, a token, and commands to paste.
//!
//! `cargo run --example sandbox` serves until Ctrl-C. With `-- --once` it runs the five commands
//! itself, shows the answers, and ends. `-- --bind ADDRESS` serves elsewhere than on port 8000.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "an example talks, and indexing a JSON value cannot panic"
)]

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use discord_mcp_server::auth::{Grant, Keys, Scopes, mint};
use discord_mcp_server::cli::assemble;
use discord_mcp_server::config::Config;
use discord_mcp_server::discord::BotToken;
use discord_mcp_server::http::router;
use discord_mcp_server::log;
use discord_mcp_server::server::{self, Limits, Workers};
use serde_json::{Value, json};

#[path = "../tests/it/support/discord/mod.rs"]
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "shared with the tests"
)]
mod discord;

use discord::StandIn;
use discord::seed::{BOT_TOKEN, GENERAL, TRICKY_MESSAGE};

/// One runtime is enough for it.
static HERE: Workers = Workers::here();

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let once = arguments.iter().any(|argument| argument == "--once");
    let bind = arguments
        .iter()
        .skip_while(|argument| *argument != "--bind")
        .nth(1);
    let bind = bind.map_or(
        if once {
            "127.0.0.1:0"
        } else {
            "127.0.0.1:8000"
        },
        String::as_str,
    );
    let dir = std::env::temp_dir().join("discord-mcp-sandbox");
    std::fs::create_dir_all(&dir)?;
    let discord = StandIn::start().await;
    let config = configuration(&discord, &dir, bind)?;
    let _log = log::start(if once { "warn" } else { "info" }, false, None)?;
    let keys = Arc::new(Keys::load_or_create(&config.keys_dir)?);
    let token = token(&config, &keys)?;
    let listener = server::listen(config.bind_addr).map_err(|error| {
        format!("{bind} cannot be used: {error}; is another server running there?")
    })?;
    let url = format!("http://{}", listener.local_addr()?).replace("127.0.0.1", "localhost");
    let limits = Limits {
        connections: config.max_connections,
        drain: Duration::from_secs(5),
    };
    let app = assemble(&config, &keys, None)?;

    if once {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = async {
            stopped.await.ok();
        };
        let serving = server::run(listener, router(app), None, limits, &HERE, stopped, || {});
        let serving = tokio::spawn(serving);
        run_all(&url, &token).await?;
        stop.send(()).ok();
        serving.await?;
        println!(
            "All five tools answered. Audit trail: {}",
            config.audit_log.display()
        );
        return Ok(());
    }

    let token_file = dir.join("token");
    write_secret(&token_file, &token)?;
    println!("Discord MCP server on {url}, in front of a stand-in for Discord.");
    println!(
        "Nothing here reaches Discord. Audit trail: {}",
        config.audit_log.display()
    );
    println!("MCP clients: {url}/mcp");
    println!(
        "\nIn another terminal:\n\nTOKEN=$(cat {})\n",
        token_file.display()
    );
    for call in calls() {
        println!("{}\n", curl(&url, &call));
    }
    println!("Ctrl-C stops it; what was sent is then forgotten.\n");
    let stopped = async {
        tokio::signal::ctrl_c().await.ok();
    };
    server::run(listener, router(app), None, limits, &HERE, stopped, || {}).await;
    Ok(())
}

/// The server's configuration: its defaults, with keys and audit trail out of the way.
fn configuration(discord: &StandIn, dir: &Path, bind: &str) -> Result<Config, Box<dyn Error>> {
    let config = Config::read(|name| match name {
        "DISCORD_API_BASE" => Some(discord.base().into()),
        "DISCORD_CDN_BASE" => Some(discord.cdn().base().into()),
        "BIND_ADDR" => Some(bind.into()),
        "KEYS_DIR" => Some(dir.join("keys").into()),
        "AUDIT_LOG" => Some(dir.join("audit.log").into()),
        "REVOKED_TOKENS" => Some(dir.join("revoked.jsonl").into()),
        // Test suites of MCP clients make in a second what no caller may make in a minute.
        "RATE_LIMIT_PER_MINUTE" | "RATE_LIMIT_BURST" => Some("100000".into()),
        _ => None::<OsString>,
    })?;
    Ok(config)
}

fn token(config: &Config, keys: &Keys) -> Result<String, Box<dyn Error>> {
    let grant = Grant {
        sub: "sandbox".into(),
        scopes: Scopes::ALL,
        ttl: Duration::from_secs(24 * 3600),
        channels: Vec::new(),
        guilds: Vec::new(),
        plain: false,
    };
    let bot = BotToken::parse(BOT_TOKEN).ok_or("the sandbox's bot token is misshapen")?;
    Ok(mint(keys, &config.jwt_issuer, &config.jwt_audience, &grant, &bot)?.jwt)
}

/// One call of each tool.
fn calls() -> [Value; 5] {
    [
        json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}}),
        json!({"method": "send_message", "params": {"channel_id": GENERAL, "message": "Hello from MCP server!"}}),
        json!({"method": "get_messages", "params": {"channel_id": GENERAL, "limit": 3}}),
        json!({"method": "search_messages", "params": {"channel_id": GENERAL, "query": "hello", "limit": 10}}),
        json!({"method": "moderate_content", "params": {"channel_id": GENERAL, "message_id": TRICKY_MESSAGE}}),
    ]
}

fn curl(url: &str, call: &Value) -> String {
    format!(
        "curl -s -X POST {url}/mcp/v1/tools/invoke \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{call}'"
    )
}

async fn run_all(url: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(35))
        .build()?;
    for call in calls() {
        println!("{}\n", curl(url, &call));
        let answer = client
            .post(format!("{url}/mcp/v1/tools/invoke"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(call.to_string())
            .send()
            .await?;
        let status = answer.status();
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        println!("{status}\n{body:#}\n");
        if !status.is_success() {
            return Err(format!("{} failed", call["method"]).into());
        }
    }
    Ok(())
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::remove_file(path).ok();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(secret.as_bytes())
}
