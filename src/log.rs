//! The server log: the console, and with `LOG_DIR` a daily file.

mod events;
mod fields;
mod lines;

use std::io::IsTerminal as _;
use std::path::Path;

use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use events::{Clock, Events};
use fields::Fields;
use lines::Lines;
pub use lines::LogGuard;

/// Starts logging to standard error and, where `dir` is set, to a daily file there: in lines for
/// people, or with `json` in one object each. The guards flush both when they are dropped.
///
/// `filter` is a list of tracing directives. Whatever it says, serenity stays silent: it would log
/// the bodies of requests. rmcp is held to errors: it would log the arguments of calls.
///
/// # Errors
/// When the folder cannot be written to, in one line.
pub fn start(filter: &str, json: bool, dir: Option<&Path>) -> Result<Vec<LogGuard>, String> {
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
    // A reader of the console who has stopped to read must not stop the server.
    let no_thread = |_| "the log cannot have a thread".to_owned();
    let (console, guard) = Lines::to(std::io::stderr()).map_err(no_thread)?;
    let mut guards = vec![guard];
    let console = lines(console, json, std::io::stderr().is_terminal());
    let file = match dir {
        None => None,
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
            let (writer, guard) = Lines::to(appender).map_err(no_thread)?;
            guards.push(guard);
            Some(lines(writer, json, false))
        }
    };
    tracing_subscriber::registry()
        .with(console.with_filter(targets.clone().and(filter_fn(loud))))
        .with(file.map(|file| file.with_filter(targets.and(filter_fn(loud)))))
        .try_init()
        .map_err(|_| "logging was started twice".to_owned())?;
    Ok(guards)
}

/// A layer that writes lines: for people, or one JSON object each.
fn lines<S>(writer: Lines, json: bool, ansi: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = fmt::layer().with_writer(writer).with_ansi(ansi);
    if json {
        layer.json().flatten_event(true).with_timer(Clock).boxed()
    } else {
        layer.fmt_fields(Fields).event_format(Events::new()).boxed()
    }
}
