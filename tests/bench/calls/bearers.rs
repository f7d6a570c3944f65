//! Bearers, each for a user and a bot of its own: so many that none comes near what the server lets
//! one caller do, or one bot, or near the forty-five requests a second that it sends of a bot.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use discord_mcp_server::auth::{Grant, Keys, Scopes, mint as sign};
use discord_mcp_server::discord::BotToken;

const NUMBER: u64 = 512;

/// Makes keys in `keys` and bearers that they sign, sealed as `mint-token` makes them. Writes what
/// the floor is to know into `known`: a bearer and its bot token in each line.
pub fn mint(keys: &Path, known: &Path) -> Vec<String> {
    let keys = Keys::load_or_create(keys).unwrap();
    let mut lines = String::new();
    let bearers = (0..NUMBER).map(|at| {
        let id = STANDARD_NO_PAD.encode((1_180_000_000_000_000_000 + at).to_string());
        let bot = format!("{id}.GFaKe0.this-is-not-a-real-token-{at:013}");
        let grant = Grant {
            sub: format!("user-{at}"),
            scopes: Scopes::ALL,
            ttl: Duration::from_secs(3600),
            channels: Vec::new(),
            guilds: Vec::new(),
            plain: false,
        };
        let token = BotToken::parse(&bot).unwrap();
        let issuer = "discord-mcp-server";
        let bearer = sign(&keys, issuer, issuer, &grant, &token).unwrap().jwt;
        writeln!(lines, "{bearer} {bot}").unwrap();
        bearer
    });
    let bearers = bearers.collect();
    std::fs::write(known, lines).unwrap();
    bearers
}
