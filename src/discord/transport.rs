//! Requests to Discord over pooled connections: HTTP/1.1, TLS where the address asks for it, and no
//! more. No redirect is followed and no proxy of the environment used: a token goes to the address
//! that the operator named, or nowhere.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use thread_local::ThreadLocal;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tower::Service;

use super::crowd::{Crowd, Member};

/// How long connecting may take: to find the address, to reach it, and to agree on keys.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one request may take, its answer's body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is kept while nobody uses it. Each takes some 40 KiB, and after a burst
/// there are many.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a connection on which nothing comes is asked whether it still stands.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// In what pieces an answer is read, at most. Each connection keeps a buffer of the size that its
/// largest answers took, and the headers of an answer must fit into one.
const READ_BUFFER: usize = 32 << 10;
/// The largest answer that is read: 100 messages with all that can hang on them stay below it.
const BODY_LIMIT: usize = 8 << 20;

/// Why there is no answer, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// There was no connection, so nothing was sent.
    Unreachable,
    /// The time was up.
    TooLate,
    /// The connection broke.
    Broken,
    /// The answer is larger than [`BODY_LIMIT`].
    TooLarge,
}

/// The pooled connections: a pool for each thread that sends requests, so that no request waits for
/// another thread to pass it on.
pub(super) struct Transport {
    pools: ThreadLocal<Pool>,
    connector: Connector,
}

/// The connections of a thread.
struct Pool {
    client: Client<Connector, Full<Bytes>>,
    crowd: Arc<Crowd>,
}

/// An answer whose body has not been read.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    until: Instant,
    _crowded: Option<Member>,
}

impl Transport {
    /// A pool without connections. `None` when TLS is not available.
    pub(super) fn new() -> Option<Self> {
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(aws_lc_rs::default_provider())
            .ok()?;
        Some(Self::over(tls))
    }

    fn over(tls: HttpsConnectorBuilder<WantsSchemes>) -> Self {
        Self {
            pools: ThreadLocal::new(),
            connector: Connector::over(tls),
        }
    }

    /// The pool of this thread.
    fn pool(&self) -> &Pool {
        self.pools.get_or(|| Pool {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .http1_max_buf_size(READ_BUFFER)
                .build(self.connector.clone()),
            crowd: Crowd::new(),
        })
    }

    /// Sends a request, which takes from `now` on what it may take. One that found a connection which
    /// was just being closed is sent on another.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        crowded: Option<Member>,
        now: Instant,
    ) -> Result<Response, Breach> {
        let until = now + REQUEST_TIMEOUT;
        let answered = timeout_at(until, self.pool().client.request(request)).await;
        let answered = answered.map_err(|_| Breach::TooLate)?;
        let (head, body) = match answered {
            Ok(response) => response.into_parts(),
            Err(error) if error.is_connect() => return Err(Breach::Unreachable),
            Err(_) => return Err(Breach::Broken),
        };
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            until,
            _crowded: crowded,
        })
    }

    /// A place among the new requests of this thread, where there is one in time.
    pub(super) async fn join(&self) -> Option<Member> {
        self.pool().crowd.join().await
    }
}

impl Response {
    /// Reads the body.
    pub(super) async fn body(self) -> Result<Bytes, Breach> {
        let body = Limited::new(self.body, BODY_LIMIT).collect();
        match timeout_at(self.until, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Breach::TooLarge),
            Ok(Err(_)) => Err(Breach::Broken),
            Err(_) => Err(Breach::TooLate),
        }
    }
}

/// Makes connections, for which it takes so long and no longer.
#[derive(Clone)]
struct Connector(HttpsConnector<HttpConnector>);

impl Connector {
    fn over(tls: HttpsConnectorBuilder<WantsSchemes>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        Self(tls.https_or_http().enable_http1().wrap_connector(tcp))
    }
}

type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Connecting<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = self.0.call(address);
        Box::pin(async move { timeout(CONNECT_TIMEOUT, connecting).await? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

    use super::*;
    use crate::discord::crowd::CROWD;

    /// Answers `ok` over TLS, for ever, under a certificate of its own making.
    async fn answer(listener: TcpListener, made: &CertifiedKey<KeyPair>) {
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let length = stream.read(&mut [0; 1024]).await.unwrap();
                assert!(length > 0);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
            }
        }
    }

    fn request(address: &Uri) -> Request<Full<Bytes>> {
        Request::get(address).body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn tls_is_spoken_with_whom_the_roots_vouch_for_and_with_nobody_else() {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address: Uri = format!("https://localhost:{port}/").parse().unwrap();

        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let trusting = Transport::over(HttpsConnectorBuilder::new().with_tls_config(config));
        let asking = async {
            let answer = trusting
                .send(request(&address), None, Instant::now())
                .await
                .unwrap();
            assert_eq!(answer.status.as_u16(), 200);
            assert_eq!(answer.body().await.unwrap(), "ok");

            // Nothing is sent to whom the public roots do not vouch for.
            let public = Transport::new().unwrap();
            let refused = public.send(request(&address), None, Instant::now()).await;
            assert_eq!(refused.err(), Some(Breach::Unreachable));
        };
        tokio::select! {
            () = asking => {}
            () = answer(listener, &made) => {}
        }
    }

    /// Answers `ok`, for ever, from when there are so many connections. Counts them.
    async fn answer_once_there_are(
        least: usize,
        listener: TcpListener,
        open: watch::Sender<usize>,
    ) {
        while let Ok((mut stream, _)) = listener.accept().await {
            open.send_modify(|number| *number += 1);
            let mut open = open.subscribe();
            tokio::spawn(async move {
                while stream.read(&mut [0; 1024]).await.unwrap() > 0 {
                    open.wait_for(|&number| number >= least).await.unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    }

    /// How many connections so many requests at once made.
    async fn crowd(requests: usize, least: usize) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address: Uri = format!("http://localhost:{port}/").parse().unwrap();
        let (open, seen) = watch::channel(0);
        tokio::spawn(answer_once_there_are(least, listener, open));
        let transport = Transport::new().unwrap();
        let answers = (0..requests).map(|_| async {
            let crowded = transport.join().await;
            let answer = transport.send(request(&address), crowded, Instant::now());
            let answer = answer.await;
            assert_eq!(answer.unwrap().body().await.unwrap(), "ok");
        });
        futures_util::future::join_all(answers).await;
        *seen.borrow()
    }

    #[tokio::test]
    async fn a_crowd_shares_connections_and_gets_more_where_answers_are_slow() {
        let shared = crowd(1000, 1).await;
        assert!(shared < 2 * CROWD, "{shared}");
        let slow = crowd(100, CROWD + 1).await;
        assert!(slow > CROWD, "{slow}");
    }
}
