//! The command line, and how the parts are put together at start.
//!
//! Exit codes: 0 done, or nothing wrong; 1 it found what it looks for; 2 wrong usage or
//! configuration.

mod assemble;
mod audit;
mod healthcheck;
mod inspect_token;
pub mod mint_token;
mod revoke;
mod rotate_keys;
mod serve;
mod stdio;
mod verify_audit;
mod welcome;

use std::process::ExitCode;

pub use assemble::assemble;

use clap::{Parser, Subcommand};

use crate::audit::holds_secret;
use crate::config::Config;

/// An MCP and REST server through which AI agents act on Discord.
#[derive(Parser)]
#[command(name = "discord-mcp-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Speak MCP on standard input and output, with the JWT in DISCORD_MCP_TOKEN
    Stdio,
    /// Mint a token (JWT) that carries a Discord bot token
    MintToken(mint_token::Args),
    /// Show what a token (JWT) grants, and why it would be refused
    InspectToken(inspect_token::InspectToken),
    /// Make the next keys, and put them to use without refusing the last ones' tokens
    RotateKeys(rotate_keys::RotateKeys),
    /// Refuse a token, or all that a user has, from the next call on
    Revoke(revoke::Revoke),
    /// Read the audit trail: a table on a terminal, JSON lines in a pipe
    Audit(audit::AuditArgs),
    /// Say whether the audit trail is as it was written, and where it is not
    VerifyAudit(verify_audit::VerifyAudit),
    /// Say whether the server that BIND_ADDR names is ready, for container runtimes and scripts
    Healthcheck,
}

/// It found what it looks for: a broken chain, a token that would be refused, a server not ready.
const FOUND: u8 = 1;
/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// Why no HTTP client can be made.
const NO_TLS: &str = "the HTTP client cannot be set up: TLS is not available";

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let cli: Cli = match parse() {
        Ok(cli) => cli,
        Err(ended) => return ended,
    };
    finish(match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => configuration().and_then(serve::serve),
        Command::Stdio => configuration().and_then(stdio::stdio),
        Command::MintToken(args) => mint_token::run(args),
        Command::InspectToken(args) => return inspect_token::run(&args),
        Command::RotateKeys(args) => rotate_keys::run(&args),
        Command::Revoke(args) => revoke::run(args),
        Command::Audit(args) => return audit::run(&args),
        Command::VerifyAudit(args) => return verify_audit::run(&args),
        Command::Healthcheck => return healthcheck::run(),
    })
}

/// Reads the command line. The parser shows what it did not expect, which may be a token that was
/// pasted in the wrong place.
fn parse<T: Parser>() -> Result<T, ExitCode> {
    T::try_parse().map_err(|error| {
        if holds_secret(&error.to_string()) {
            let text =
                "error: unexpected argument, not shown because it looks like a token; see --help\n";
            say(std::io::stderr(), text);
            return ExitCode::from(USAGE);
        }
        error.print().ok();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
    })
}

fn finish(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(std::io::stderr(), &format!("error: {problem}\n"));
            ExitCode::from(USAGE)
        }
    }
}

/// Reads `.env` in the working directory, where there is one, and then the environment, which wins.
fn configuration() -> Result<Config, String> {
    match dotenvy::from_path(".env") {
        Ok(()) => {}
        Err(error) if error.not_found() => {}
        // The library's own text would show the line, which may hold a secret.
        Err(_) => {
            return Err(".env cannot be read: every line must be NAME=value or a # comment".into());
        }
    }
    Config::from_env().map_err(|error| error.to_string())
}

/// Writes text for people. A closed pipe is their choice, not our failure.
fn say(mut to: impl std::io::Write, text: &str) {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).ok();
}
