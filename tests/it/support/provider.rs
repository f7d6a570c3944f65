//! A stand-in identity provider on loopback: it publishes its keys (a JWKS), answers whatever else
//! a test wants it to, counts who asked, and signs tokens.
//!
//! ```ignore
//! let provider = Provider::start().await;
//! let app = provider.app(&[]).await;
//! assert!(is_let_in(&app, &key(0).token()).await);
//! provider.publish([key(1).jwk()]);
//! provider.reply(Reply::good().status(500));
//! assert_eq!(provider.fetches(), 1);
//! ```

mod keys;
mod reply;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::App;
pub use keys::{ISSUER, Key, claims, claims_with, key, new_key};
pub use reply::Reply;

/// Where its keys are.
const PATH: &str = "/jwks.json";

/// A request that the provider got.
#[derive(Clone)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
}

struct Shared {
    reply: Mutex<Reply>,
    elsewhere: Mutex<Reply>,
    asked: Mutex<Vec<Asked>>,
    held: watch::Sender<bool>,
}

/// A running provider, or one that is down. When it is dropped, it is gone.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Bound and not listening: it keeps the port while the provider is down.
    _reserved: Socket,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Provider {
    /// Starts one that publishes its first key.
    pub async fn start() -> Self {
        let provider = Self::down();
        provider.up();
        provider
    }

    /// One that nobody can connect to yet.
    pub fn down() -> Self {
        let reserved = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = reserved.local_addr().unwrap().as_socket().unwrap();
        let shared = Shared {
            reply: Mutex::new(Reply::set([key(0).jwk()])),
            elsewhere: Mutex::new(Reply::text("").status(404)),
            asked: Mutex::default(),
            held: watch::Sender::new(false),
        };
        Self {
            address,
            shared: Arc::new(shared),
            _reserved: reserved,
            serving: Mutex::default(),
        }
    }

    /// Starts to listen.
    pub fn up(&self) {
        let socket = socket(self.address);
        socket.listen(128).unwrap();
        let listener = tokio::net::TcpListener::from_std(socket.into()).unwrap();
        let routes = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&self.shared));
        let serving = tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        *self.serving.lock().unwrap() = Some(serving);
    }

    /// Stops to listen: whoever connects from now on is refused.
    pub async fn go_down(&self) {
        let serving = self.serving.lock().unwrap().take().unwrap();
        serving.abort();
        serving.await.unwrap_err();
    }

    /// What `JWT_JWKS_URL` takes.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// A server that trusts this provider, with these variables besides.
    pub async fn app(&self, variables: &[(&str, &str)]) -> App {
        let url = self.url();
        let mut all = vec![("JWT_JWKS_URL", &*url), ("JWT_JWKS_ISSUER", ISSUER)];
        all.extend(variables);
        App::with(&all).await
    }

    /// From now on its set is these keys.
    pub fn publish(&self, keys: impl IntoIterator<Item = Value>) {
        self.reply(Reply::set(keys));
    }

    /// From now on it answers this.
    pub fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap() = reply;
    }

    /// From now on it answers this under every other path.
    pub fn reply_elsewhere(&self, reply: Reply) {
        *self.shared.elsewhere.lock().unwrap() = reply;
    }

    /// From now on requests wait for [`Provider::release`], and are answered as it stands then.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Every request so far, those that still wait included.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.asked().len()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.lock().unwrap().take() {
            serving.abort();
        }
    }
}

/// A socket that is bound to this address and does not listen.
fn socket(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.asked.lock().unwrap().push(Asked {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request.headers().clone(),
    });
    let mut held = shared.held.subscribe();
    held.wait_for(|held| !held).await.unwrap();
    let which = if request.uri().path() == PATH {
        &shared.reply
    } else {
        &shared.elsewhere
    };
    let reply = which.lock().unwrap().clone();
    reply.response()
}

/// Whether this token is let in. Anything but a success or the one refusal fails the test.
pub async fn is_let_in(app: &App, token: &str) -> bool {
    let answer = app.get("/mcp/v1/tools", Some(token)).await;
    match (answer.status, answer.code()) {
        (200, _) => true,
        (401, "invalid_token") => false,
        _ => panic!("{}: {}", answer.status, answer.text),
    }
}

/// Calls with this token until it is let in, or until it is refused.
pub async fn until_let_in(app: &App, token: &str, wanted: bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while is_let_in(app, token).await != wanted {
        assert!(
            tokio::time::Instant::now() < until,
            "the token was never {}",
            if wanted { "let in" } else { "refused" }
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Calls with a `kid` that nobody has until that has brought a fetch, and the answer was looked at.
pub async fn provoke_fetch(app: &App, provider: &Provider) {
    let before = provider.fetches();
    let unknown = key(0).sign("nobody-has-it", &claims());
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while provider.fetches() == before {
        assert!(tokio::time::Instant::now() < until, "nothing was fetched");
        assert!(!is_let_in(app, &unknown).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
