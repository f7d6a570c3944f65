//! The accept loop: how many connections, how long each may keep the server waiting, TLS, how long
//! to drain. It knows no routes.

mod connections;
mod watched;
mod workers;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower::{Service, ServiceExt as _};

use crate::boxed::boxed;
use crate::tls::Tls;
use connections::{Connection, Connections};
use watched::{Answering, Asking, Leaving};
pub use workers::Workers;

/// Bytes of a request's head, and the headers in it.
const HEADER_BYTES: usize = 32 << 10;
const HEADERS: usize = 64;
/// Connections that the kernel may hold for us; `TcpListener::bind` would ask for 128.
const BACKLOG: i32 = 4096;
/// The pause after a failure to accept, as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a full server looks for a connection that it can close.
const FULL_PAUSE: Duration = Duration::from_millis(20);
/// How long a client may keep a server waiting that shuts down, and how often that is looked at.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
const DRAIN_PAUSE: Duration = Duration::from_millis(100);
/// How long calls that are cut off may take to be recorded and answered.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How much the server takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections. When there are more, the one that has waited longest for its client is
    /// closed.
    pub connections: usize,
    /// How long connections may go on after the shutdown began.
    pub drain: Duration,
}

impl Limits {
    /// How much of the drain time is left for answering calls that are cut off: at most a quarter.
    pub fn last_words(&self) -> Duration {
        LAST_WORDS.min(self.drain / 4)
    }
}

/// Listens on `address`.
///
/// # Errors
/// When the address is taken or not ours.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves `service` on `listener`, over TLS where there is `tls`, by `workers`, until `shutdown`
/// completes. Then requests in flight finish, for at most the drain time, and clients that keep the
/// server waiting for a second are no longer waited for. Shortly before that time is over `cut_off` is
/// called, and what it makes calls say is still handed to their clients.
pub async fn run<S>(
    listener: TcpListener,
    service: S,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    workers: &Workers,
    shutdown: impl Future<Output = ()>,
    cut_off: impl FnOnce(),
) where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = Arc::new(Connections::default());
    let graceful = GracefulShutdown::new();
    let shutdown = async {
        tokio::select! {
            () = shutdown => {}
            () = connections.look_over() => {}
        }
    };
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits, &connections) => accepted,
            () = &mut shutdown => break,
        };
        let accepted = accepted
            .and_then(|(stream, address, permit)| Ok((stream.into_std()?, address, permit)));
        let (stream, address, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                connections.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let serving = Serving {
            service: service.clone(),
            address,
            watcher: graceful.watcher(),
        };
        let acceptor = tls.as_ref().map(|tls| tls.acceptor());
        let open = connections.open();
        workers.spawn(async move {
            let connection = Arc::clone(&open.connection);
            let served = async {
                // From here on the thread that serves it hears of it.
                let Ok(stream) = TcpStream::from_std(stream) else {
                    return;
                };
                let Some(acceptor) = acceptor else {
                    return serving.serve(stream, &connection).await;
                };
                // What TLS needs is in boxes, so that connections without it are a fifth as large.
                if let Ok(stream) = boxed(|| acceptor.accept(stream)).await {
                    boxed(|| serving.serve(stream, &connection)).await;
                }
            };
            tokio::select! {
                // What can be read is read before anybody is found to keep the server waiting.
                biased;
                () = served => {}
                () = connection.is_to_be_closed() => {}
            }
            drop((open, permit));
        });
    }
    drop(listener);
    let drained = async {
        let impatience = async {
            loop {
                tokio::time::sleep(DRAIN_PAUSE).await;
                connections.close_waiting(DRAIN_PATIENCE);
            }
        };
        tokio::select! {
            () = graceful.shutdown() => {}
            () = impatience => {}
        }
    };
    tokio::pin!(drained);
    let last_words = limits.last_words();
    if timeout(limits.drain - last_words, &mut drained)
        .await
        .is_err()
    {
        tracing::warn!("connections were still open when the drain time ended");
        cut_off();
        timeout(last_words, drained).await.ok();
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    connections: &Connections,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Ok((stream, address, permit));
    }
    loop {
        connections.make_room();
        let free = Arc::clone(permits).acquire_owned();
        // The semaphore is never closed.
        if let Ok(permit) = timeout(FULL_PAUSE, free).await {
            return Ok((stream, address, permit.map_err(io::Error::other)?));
        }
    }
}

/// What a connection is served with.
struct Serving<T> {
    service: T,
    address: SocketAddr,
    watcher: Watcher,
}

impl<T> Serving<T>
where
    T: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    async fn serve<S>(self, stream: S, connection: &Arc<Connection>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let Self {
            service,
            address,
            watcher,
        } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(|body| Body::new(Asking::new(body, connection)));
            request.extensions_mut().insert(ConnectInfo(address));
            let answer = service.clone().oneshot(request);
            let connection = Arc::clone(connection);
            async move {
                let answer = answer.await.map_err(|never: Infallible| never)?;
                Ok::<_, Infallible>(answer.map(|body| Answering::new(body, connection)))
            }
        });
        let serving = http1::Builder::new()
            .max_buf_size(HEADER_BYTES)
            .max_header_size(HEADER_BYTES)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(Leaving::new(stream, connection)), service);
        // A client that breaks off is no event: its call, if it made one, is recorded anyway. What is
        // no HTTP has been answered, and nobody else has seen it.
        if let Err(error) = watcher.watch(serving).await
            && error.is_parse()
        {
            let large = error.is_parse_too_large();
            let reason = if large { "head_too_large" } else { "bad_head" };
            crate::metrics::refused(reason);
            tracing::debug!(client = %address.ip(), reason, "refused before authentication");
        }
    }
}
