//! Mints a token: `TOKEN=$(cargo run -q --example mint_token)`.

use std::process::ExitCode;

fn main() -> ExitCode {
    discord_mcp_server::cli::mint_token::main()
}
