//! `stdio`: the MCP door over standard input and output.

use std::sync::Arc;

use super::assemble::{dispatcher, keys_of_server, verifier};
use super::serve::Stop;
use crate::audit::TAKEN;
use crate::auth::OwnBearer;
use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::mcp::{Door, serve};

/// How many processes may serve at once beside the first.
const PROCESSES: usize = 32;

/// Serves the one client at standard input, with the bearer of `DISCORD_MCP_TOKEN`. Standard output
/// carries the protocol and nothing else.
pub(super) fn stdio(config: Config) -> Result<(), String> {
    let _log = crate::log::start(&config.log, config.log_json, config.log_dir.as_deref())?;
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
    let (confirm, drain) = (config.confirm_deletions, config.drain_timeout);
    let mut stop = Stop::new().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    let keys = keys_of_server(&config)?;
    let Some(bearer) = config.discord_mcp_token.clone() else {
        return Err("DISCORD_MCP_TOKEN is not set: put a JWT there, as `discord-mcp-server mint-token` prints it".into());
    };
    let bearer = OwnBearer::new(verifier(&config, &keys)?, bearer);
    bearer.verify().await.map_err(|reason| {
        format!(
            "DISCORD_MCP_TOKEN was refused: {reason}; mint a new one with the keys in {}",
            config.keys_dir.display()
        )
    })?;
    let dispatcher = with_a_trail_of_its_own(config)?;
    let door = Door::local(Arc::clone(&dispatcher), confirm, bearer);
    tokio::select! {
        served = serve(door) => served?,
        () = stop.asked() => {}
    }
    // Calls that were still running finish, so that their outcome is recorded.
    tokio::time::timeout(drain, dispatcher.drained()).await.ok();
    Ok(())
}

/// One process writes to a trail, and clients start a process for each of their windows: where the
/// trail is taken, the next free one of `audit.log.stdio-1`, `audit.log.stdio-2`, … is used.
fn with_a_trail_of_its_own(mut config: Config) -> Result<Arc<Dispatcher>, String> {
    let first = config.audit_log.clone();
    let mut taken = 0;
    loop {
        match dispatcher(&config) {
            Err(problem) if problem.ends_with(TAKEN) && taken < PROCESSES => {
                taken += 1;
                let mut name = first.clone().into_os_string();
                name.push(format!(".stdio-{taken}"));
                config.audit_log = name.into();
            }
            Ok(dispatcher) => {
                if taken > 0 {
                    tracing::info!(audit_log = %config.audit_log.display(), "the audit log is another process's; this one has its own");
                }
                return Ok(dispatcher);
            }
            Err(problem) => return Err(problem),
        }
    }
}
