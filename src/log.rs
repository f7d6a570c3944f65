//! The server log: the console, and with `LOG_DIR` a daily file.

use std::io::IsTerminal as _;
use std::path::Path;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to standard error and, where `dir` is set, to a daily file there. The guard
/// flushes the file when it is dropped.
///
/// `filter` is a list of tracing directives. Whatever it says, serenity stays silent: it would log
/// the bodies of requests. rmcp is held to errors: it would log the arguments of calls.
///
/// # Errors
/// When the folder cannot be written to, in one line.
pub fn start(filter: &str, dir: Option<&Path>) -> Result<Option<WorkerGuard>, String> {
    let targets: Targets = filter
        .parse()
        .map_err(|_| "RUST_LOG cannot be read".to_owned())?;
    // A directive for one of their modules would win over one for the whole, hence a second filter.
    let loud = |metadata: &Metadata<'_>| {
        let target = metadata.target();
        let quiet = target.starts_with("serenity")
            || (target.starts_with("rmcp") && *metadata.level() != Level::ERROR);
        !quiet
    };
    let console = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let (file, guard) = match dir {
        None => (None, None),
        Some(dir) => {
            let appender = tracing_appender::rolling::Builder::new()
                .rotation(tracing_appender::rolling::Rotation::DAILY)
                .filename_prefix("server")
                .filename_suffix("log")
                .build(dir)
                .map_err(|_| {
                    format!(
                        "LOG_DIR={:?} cannot be used: a folder that can be written to",
                        dir.display()
                    )
                })?;
            let (writer, guard) = tracing_appender::non_blocking(appender);
            (
                Some(fmt::layer().with_writer(writer).with_ansi(false)),
                Some(guard),
            )
        }
    };
    tracing_subscriber::registry()
        .with(console.with_filter(targets.clone().and(filter_fn(loud))))
        .with(file.map(|file| file.with_filter(targets.and(filter_fn(loud)))))
        .try_init()
        .map_err(|_| "logging was started twice".to_owned())?;
    Ok(guard)
}
