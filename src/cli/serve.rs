//! `serve`: runs the server until it is asked to stop.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::assemble::{assemble, keys_of_server, metrics_at};
use super::say;
use super::welcome::welcome;
use crate::auth::Keys;
use crate::config::{Config, MetricsAddr};
use crate::http::{App, MetricsAt, metrics_router, router};
use crate::metrics::Metrics;
use crate::server::{self, Limits, Workers};
use crate::tls::Tls;

/// Open files besides those of connections and calls: logs, keys, the trail, the runtime's own.
const OTHER_FILES: u64 = 64;
/// How often what was measured is put in order. Until then it takes 20 bytes each: a server with
/// 25,000 calls a second would hold 12 MiB of it after five seconds.
const UPKEEP: Duration = Duration::from_millis(250);
/// What the listener for metrics takes on.
const FOR_METRICS: Limits = Limits {
    connections: 16,
    drain: Duration::ZERO,
};

/// Serves until SIGTERM or Ctrl-C; a second signal ends the process at once.
pub(super) fn serve(config: Config) -> Result<(), String> {
    let _log = crate::log::start(&config.log, config.log_json, config.log_dir.as_deref())?;
    count_panics();
    raise_open_files(&config);
    let metrics = metrics(&config)?;
    let no_runtime = |error| format!("the runtime cannot start: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(no_runtime)?;
    let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let workers = Workers::start(cores).map_err(no_runtime)?;
    runtime.block_on(run(config, metrics, &workers))
}

/// Starts counting, where anybody may read it.
fn metrics(config: &Config) -> Result<Option<Metrics>, String> {
    let nowhere = match config.metrics {
        MetricsAddr::Off => true,
        MetricsAddr::Default => metrics_at(config) == MetricsAt::Elsewhere,
        MetricsAddr::At(_) => false,
    };
    if nowhere {
        return Ok(None);
    }
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = started.map_or(0.0, |since| since.as_secs_f64());
    crate::metrics::start(started).map(Some)
}

/// Takes as many open files as the system gives: each connection is one, and each call may be
/// another. Half-open connections that used them up would shut everybody out.
fn raise_open_files(config: &Config) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).ok();
    let open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = (config.max_connections + config.max_calls) as u64 + OTHER_FILES;
    if open < needed {
        tracing::warn!(
            open,
            needed,
            "the system lets this process open fewer files than MAX_CONNECTIONS and MAX_CALLS need; raise its limit or lower them"
        );
    }
    if config.max_connections <= config.max_calls {
        tracing::warn!(
            connections = config.max_connections,
            calls = config.max_calls,
            "MAX_CONNECTIONS is not above MAX_CALLS: when all of them have a call, the next caller waits instead of being told that there is no room"
        );
    }
}

/// Panics are counted, and the log tells where they were. What they say may hold what a caller sent.
fn count_panics() {
    std::panic::set_hook(Box::new(|panic| {
        crate::metrics::panicked();
        let at = panic.location().map(ToString::to_string);
        tracing::error!(at, "a call panicked");
    }));
}

async fn run(config: Config, metrics: Option<Metrics>, workers: &Workers) -> Result<(), String> {
    // Before anybody is told that there is a server to send them to.
    let no_signals = |error| format!("signals cannot be waited for: {error}");
    let (mut stop, mut stop_at_once) = (
        Stop::new().map_err(no_signals)?,
        Stop::new().map_err(no_signals)?,
    );
    let hangups = signal(SignalKind::hangup()).map_err(no_signals)?;
    let keys = keys_of_server(&config)?;
    let tls = config.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let app = assemble(&config, &keys, metrics)?;
    let listen = |variable: &str, address: SocketAddr| {
        server::listen(address).map_err(|error| {
            format!("{variable}={address} cannot be listened on: {error}; is another server running there?")
        })
    };
    let listener = listen("BIND_ADDR", config.bind_addr)?;
    let for_metrics = match config.metrics {
        MetricsAddr::At(address) if address != config.bind_addr => {
            Some(listen("METRICS_ADDR", address)?)
        }
        _ => None,
    };
    // With port 0 the kernel chooses; the start says what it chose.
    let address = listener.local_addr().unwrap_or(config.bind_addr);
    say(
        std::io::stdout(),
        &welcome(&config, &keys, &address.to_string()),
    );
    tracing::info!(%address, tls = tls.is_some(), "serving");
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "other machines can reach this address, and what they send can be read on the way: tokens and messages. Set TLS_CERT and TLS_KEY, or put a TLS proxy in front"
        );
    }
    let limits = Limits {
        connections: config.max_connections,
        drain: config.drain_timeout,
    };
    let last_words = limits.last_words();
    let drain_end = |began: Option<Instant>| began.unwrap_or_else(Instant::now) + limits.drain;
    let (stopping, terminal_gone) = (Arc::clone(&app), Arc::new(Notify::new()));
    let gone = Arc::clone(&terminal_gone);
    let (began, drain) = tokio::sync::watch::channel(None);
    let delay = config.drain_delay;
    let shutdown = async move {
        tokio::select! {
            () = stop.asked() => {}
            () = gone.notified() => tracing::info!("the terminal is gone"),
        }
        stopping.draining.store(true, Ordering::Relaxed);
        if !delay.is_zero() {
            tracing::info!("still accepting for DRAIN_DELAY; /readyz fails already");
            tokio::time::sleep(delay).await;
        }
        began.send_replace(Some(Instant::now()));
        tracing::info!("shutting down; a second signal ends at once");
    };
    let (dispatcher, hung_up) = (Arc::clone(&app.dispatcher), Arc::clone(&app));
    let serving = async {
        hung_up.verifier.prepare().await;
        server::run(
            listener,
            router(app),
            tls.clone(),
            limits,
            workers,
            shutdown,
            || dispatcher.end(),
        )
        .await;
        // Calls whose clients have gone finish too, in what is left of the drain time.
        let until = drain_end(*drain.borrow()) - last_words;
        let drained = tokio::time::timeout_at(until, dispatcher.drained());
        if drained.await.is_err() {
            tracing::warn!("calls were still in flight when the drain time ended");
        }
    };
    tokio::select! {
        () = serving => {}
        () = reload_on_hangup(hangups, &hung_up, tls.as_deref(), &config, &terminal_gone) => {}
        () = measure(&hung_up, for_metrics) => {}
        () = async { stop_at_once.asked().await; stop_at_once.asked().await } => tracing::warn!("ended at once"),
    }
    dispatcher.end();
    let until = drain_end(*drain.borrow()).min(Instant::now() + last_words);
    let recorded = tokio::time::timeout_at(until, dispatcher.drained());
    recorded.await.ok();
    dispatcher.audit().tell_head().await;
    Ok(())
}

/// SIGHUP says that files have changed: log rotation has moved the trail, keys came or went. Or it
/// says that the terminal is gone on which the server was started, which is a stop.
async fn reload_on_hangup(
    mut hangups: Signal,
    app: &App,
    tls: Option<&Tls>,
    config: &Config,
    terminal_gone: &Notify,
) {
    let has_terminal = || std::io::stdin().is_terminal();
    let had_terminal = has_terminal();
    while hangups.recv().await.is_some() {
        if had_terminal && !has_terminal() {
            terminal_gone.notify_one();
            continue;
        }
        app.dispatcher.audit().reopen().await;
        let keys = Arc::new(Keys::reload(&config.keys_dir));
        app.verifier.use_keys(Arc::clone(&keys));
        tracing::info!(kid = keys.kid(), "keys were reloaded");
        if !app.verifier.has_keys() {
            tracing::error!("no key is left that tokens can be verified with; all are refused");
        }
        match tls.map(Tls::reload) {
            Some(Ok(())) => tracing::info!("the TLS certificate was reloaded"),
            Some(Err(error)) => tracing::error!(%error, "the TLS certificate was not reloaded"),
            None => {}
        }
    }
    std::future::pending().await
}

/// Keeps what is measured in order, and shows it at an address of its own where there is one, for as
/// long as the process lives.
async fn measure(app: &Arc<App>, listener: Option<TcpListener>) {
    let tidying = async {
        while let Some((metrics, _)) = &app.metrics {
            tokio::time::sleep(UPKEEP).await;
            metrics.tidy_up();
        }
        std::future::pending::<()>().await;
    };
    let showing = async {
        if let Some(listener) = listener {
            let router = metrics_router(Arc::clone(app));
            let never = std::future::pending();
            let workers = Workers::here();
            server::run(listener, router, None, FOR_METRICS, &workers, never, || {}).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::join!(tidying, showing);
}

/// The signals that ask a process to stop: SIGTERM and Ctrl-C. What comes from the moment on that
/// this is made is not missed.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until the process is asked to stop, once more.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
