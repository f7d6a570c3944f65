//! The server log: the console, and with `LOG_DIR` a daily file.

use std::io::IsTerminal as _;
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
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
    let targets = targets
        .with_target("serenity", LevelFilter::OFF)
        .with_target("rmcp", LevelFilter::ERROR);
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
        .with(console.with_filter(targets.clone()))
        .with(file.map(|file| file.with_filter(targets)))
        .try_init()
        .map_err(|_| "logging was started twice".to_owned())?;
    Ok(guard)
}
