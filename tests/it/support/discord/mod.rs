//! The stand-in for Discord: a stateful HTTP server on loopback.
//!
//! It serves the sixteen routes that the tools use, with Discord's own answers, errors and headers, on
//! top of a small world of guilds, channels and messages that a test can look into and change.
//!
//! ```ignore
//! let discord = StandIn::start().await;
//! let app = App::with_discord(&discord.base()).await;        // DISCORD_API_BASE
//!
//! // The seeded ids have names, and the world can be changed.
//! let id = discord.with(|world| world.post(GENERAL, ALICE, "hello from the quay"));
//! discord.with(|world| world.channel_mut(GENERAL).permissions.send = false);
//!
//! // The next two lists of messages are rate limited; then all is well again.
//! let lists = On::Route("GET /channels/{channel_id}/messages");
//! let limited = Fault::RateLimited { retry_after: 0.2, scope: "user" };
//! discord.fault(lists, 2, limited);
//!
//! // From now on the channel takes five messages in five seconds, and the bot fifty requests a second.
//! let posts = Rule { routes: &["POST /channels/{channel_id}/messages"], limit: 5, window: FIVE };
//! discord.enforce(Limits::new(&[posts]));
//! assert_eq!(discord.statuses(BOT_TOKEN).get(&429), None);
//!
//! // Everything that arrived is there to be asserted on, and so is every effect.
//! assert_eq!(discord.requests().len(), 3);
//! assert_eq!(discord.requests()[0].header("authorization"), Some("Bot …"));
//! assert!(discord.with(|world| world.message(GENERAL, &id).is_some()));
//! assert_eq!(discord.violations(), Vec::<String>::new());
//! ```
//!
//! A test takes a stand-in of its own, which costs little more than a port. The server stops when
//! the last handle is dropped, and every wait in it is bounded.
//!
//! **The contract.** Where the environment variable `DISCORD_OPENAPI` names Discord's own OpenAPI
//! description, every request that arrives on a served route and every answer that leaves is held
//! against it, and [`StandIn::violations`] lists the breaches; [`StandIn::contract_checked`] tells
//! whether that is so. A test that sends something malformed on purpose therefore has violations, and
//! one that puts impossible data into the world sets `World::off_contract`.
//!
//! **The map.** `seed` and `talk` are the world at the start, `world` and `channel` its types, `forms` the
//! messages that are more than a text, `routes` finds the
//! route and reads, `post`, `start`, `delete`, `search`, `threads` and `guilds` do the rest, `form` reads files, `view` is what a reader gets,
//! `mentions` who is pinged, `cdn` where attachments are, `answer` Discord's errors, `limits` how often one may ask, `faults`,
//! `strike` and `wire` what goes wrong, `contract` and `description` Discord's own description.

// Each test file uses the part of this that it needs.
#![allow(dead_code)]

mod answer;
pub mod cdn;
mod channel;
mod contract;
mod delete;
mod description;
mod faults;
mod form;
pub mod forms;
mod guilds;
mod limits;
mod mentions;
mod post;
mod request;
mod routes;
mod search;
pub mod seed;
mod server;
pub mod snowflake;
mod start;
mod strike;
mod talk;
mod threads;
mod view;
mod wire;
mod world;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{net::TcpListener, task::JoinHandle};

#[allow(unused_imports)]
pub use self::{
    channel::{Channel, Message, Permissions},
    faults::{Fault, On, Weather},
    form::Part,
    limits::{Limits, Rule},
    request::Seen,
    world::{Deletion, Guild, World},
};

/// A handle to a running stand-in; clones are the same server.
#[derive(Clone)]
pub struct StandIn {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    cdn: cdn::Cdn,
    _server: Arc<Server>,
}

/// What the handles and the connections share.
struct State {
    world: World,
    faults: faults::Faults,
    counts: limits::Counts,
    seen: Vec<Seen>,
    violations: Vec<String>,
}

impl StandIn {
    /// Starts on a free port of 127.0.0.1, with the world of [`seed`].
    pub async fn start() -> Self {
        // Here and not with the first request, so that a wrong file fails the test by its name.
        contract::get();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(Mutex::new(State {
            world: seed::world(),
            faults: faults::Faults::default(),
            counts: limits::Counts::default(),
            seen: Vec::new(),
            violations: Vec::new(),
        }));
        let task = tokio::spawn(server::accept(listener, Arc::clone(&state)));
        let cdn = cdn::Cdn::start().await;
        let picture = cdn::Served::file("image/png", &seed::picture());
        cdn.serve(seed::PICTURE_PATH, picture);
        Self {
            address,
            state,
            cdn,
            _server: Arc::new(Server { task }),
        }
    }

    /// `http://127.0.0.1:PORT`, what `DISCORD_API_BASE` takes.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The CDN beside it, with the one picture of the seed.
    pub fn cdn(&self) -> &cdn::Cdn {
        &self.cdn
    }

    /// Every request so far, in order of arrival, those that met a fault included.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    pub fn clear_requests(&self) {
        lock(&self.state).seen.clear();
    }

    /// Looks into the world, or changes it. No request is answered meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        look(&mut lock(&self.state).world)
    }

    /// The next `times` requests that match meet the fault; `usize::MAX` means all of them. Faults
    /// that match the same request strike in the order in which they were set.
    pub fn fault(&self, on: On, times: usize, fault: Fault) {
        lock(&self.state).faults.add(on, times, fault);
    }

    /// Chooses a fault for each request that no other fault meets, until the faults are cleared.
    pub fn weather(&self, weather: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static) {
        lock(&self.state).faults.weather(Arc::new(weather));
    }

    pub fn clear_faults(&self) {
        lock(&self.state).faults.clear();
    }

    /// Enforces these limits from now on, as Discord does: what goes beyond them is answered 429.
    pub fn enforce(&self, limits: Limits) {
        lock(&self.state).counts.enforce(Some(limits));
    }

    /// How many answers a bot token got, by their status; those of faults among them, and none for
    /// a connection that was cut.
    pub fn statuses(&self, token: &str) -> BTreeMap<u16, usize> {
        lock(&self.state).counts.statuses(token)
    }

    /// Breaches of Discord's own description so far; empty when it is not checked.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.state).violations.clone()
    }

    /// Whether requests and answers are held against Discord's own description.
    pub fn contract_checked() -> bool {
        contract::get().is_some()
    }
}

/// Stops the server, its connections included, with the last handle.
struct Server {
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A test that failed while it held the lock must not hide its reason behind a poisoned one.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
