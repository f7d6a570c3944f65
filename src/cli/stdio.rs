//! `stdio`: the MCP door over standard input and output.

use std::sync::Arc;

use super::serve::{dispatcher, verifier};
use crate::auth::{Keys, OwnBearer};
use crate::config::Config;
use crate::mcp::{Door, serve};

/// Serves the one client at standard input, with the bearer of `DISCORD_MCP_TOKEN`. Standard output
/// carries the protocol and nothing else.
pub(super) fn stdio(config: Config) -> Result<(), String> {
    let _log = crate::log::start(&config.log, config.log_dir.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot start: {error}"))?;
    let done = runtime.block_on(run(config));
    // A read of standard input cannot be called off; it must not hold up the end.
    runtime.shutdown_background();
    done
}

async fn run(config: Config) -> Result<(), String> {
    let keys = Keys::load_or_create(&config.keys_dir).map_err(|error| error.to_string())?;
    let Some(bearer) = config.discord_mcp_token.clone() else {
        return Err("DISCORD_MCP_TOKEN is not set: put a JWT there, as `discord-mcp-server mint-token` prints it".into());
    };
    let bearer = OwnBearer::new(verifier(&config, &keys), bearer);
    bearer.verify().map_err(|reason| {
        format!(
            "DISCORD_MCP_TOKEN was refused ({reason:?}): mint a new one with the keys in {}",
            config.keys_dir.display()
        )
    })?;
    let dispatcher = dispatcher(&config)?;
    let door = Door::local(Arc::clone(&dispatcher), config.confirm_deletions, bearer);
    serve(door).await?;
    // Calls that were still running finish, so that their outcome is recorded.
    tokio::time::timeout(config.drain_timeout, dispatcher.drained())
        .await
        .ok();
    Ok(())
}
