//! One client for a call, over the connections that all calls share, and one way to execute a request.

mod attempt;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serenity::constants::USER_AGENT;
use serenity::http::{LightMethod, Route};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::catalogue::Catalogue;
use super::cdn::Cdn;
use super::fault::Operation;
use super::id::UserId;
use super::memory::{HeldBack, Memory, Token};
use super::place::Places;
use super::retry::Again;
use super::route::RouteKey;
use super::token::BotToken;
use super::transport::Transport;
use crate::boxed::boxed;
use crate::error::{Code, Error};

/// How long before the end of a call waiting ends, so that the call can say why.
const MARGIN: Duration = Duration::from_millis(20);
/// The address in every path that serenity's routes build.
const PUBLIC_ORIGIN: &str = "https://discord.com";

/// Makes clients, each for one call.
pub struct Connector(Arc<Shared>);

/// What all calls share: pooled connections to one Discord API, what it told of its limits, and no
/// secret.
pub(super) struct Shared {
    transport: Transport,
    origin: String,
    /// The name in `origin`, as each request carries it. Without one nothing is sent.
    host: Option<HeaderValue>,
    pub(super) places: Places,
    memory: Memory,
    cdn: Cdn,
}

impl Connector {
    /// A connector to the Discord API at `origin`, such as `https://discord.com`, and to `cdn`. A token goes
    /// to `origin` or nowhere. `None` when TLS or randomness is not available.
    pub fn new(origin: &str, cdn: Cdn) -> Option<Self> {
        Some(Self(Arc::new(Shared {
            transport: Transport::new()?,
            host: host_of(origin),
            origin: origin.trim_end_matches('/').into(),
            places: Places::default(),
            memory: Memory::new()?,
            cdn,
        })))
    }

    /// The client of one call, which ends with it, and waits for nothing beyond `deadline`. Nothing
    /// is sent before the first operation: the operation itself tells whether the token is good.
    /// Requests are counted in `requests`.
    ///
    /// # Errors
    /// `overloaded` where the bot has as many calls in flight as one may have.
    pub async fn open(
        &self,
        token: &BotToken,
        deadline: Instant,
        requests: Arc<AtomicU32>,
    ) -> Result<Discord, Error> {
        let authorization = token.authorization();
        let known = self.0.memory.token(token);
        let place = known.admit().await.ok_or_else(|| {
            Error::new(
                Code::Overloaded,
                "This bot has as many calls in flight as one may have; nothing was done",
            )
            .retry_after(Duration::from_secs(1))
        })?;
        Ok(Discord {
            shared: Arc::clone(&self.0),
            token: known,
            authorization,
            bot: token.user_id(),
            deadline: deadline.checked_sub(MARGIN).unwrap_or(deadline),
            requests,
            _place: place,
        })
    }

    /// How many requests Discord had to refuse in the last ten minutes.
    pub fn invalid_requests(&self) -> u32 {
        self.0.memory.host.refusals()
    }

    /// Why nothing is sent to Discord at present, if so.
    pub fn held_back(&self) -> Option<HeldBack> {
        self.0.memory.host.held_back()
    }
}

/// A Discord client for one call, under that call's bot token.
pub struct Discord {
    pub(super) shared: Arc<Shared>,
    token: Arc<Token>,
    authorization: SecretString,
    bot: UserId,
    deadline: Instant,
    requests: Arc<AtomicU32>,
    /// Among the calls of this bot.
    _place: OwnedSemaphorePermit,
}

/// What Discord answered with a status of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as text; what is not UTF-8 in it is replaced. To find that out once for all of it
    /// costs a tenth of finding it out string by string.
    pub(super) fn text(&self) -> Cow<'_, str> {
        // The slower look is for those that need it.
        std::str::from_utf8(&self.body)
            .map_or_else(|_| String::from_utf8_lossy(&self.body), Cow::Borrowed)
    }
}

impl Discord {
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.token.catalogue
    }

    /// The bot's own user id.
    pub fn bot(&self) -> UserId {
        self.bot
    }

    /// Where attachments are, to which the bot token never goes.
    pub fn cdn(&self) -> &Cdn {
        &self.shared.cdn
    }

    /// Executes one of serenity's routes. A body is JSON unless `headers` say otherwise.
    pub(super) async fn execute(
        &self,
        operation: Operation,
        route: Route<'_>,
        method: LightMethod,
        query: &[(&'static str, String)],
        body: Option<Vec<u8>>,
        headers: HeaderMap,
    ) -> Result<Answer, Error> {
        let path = route.path();
        let path = path.strip_prefix(PUBLIC_ORIGIN).ok_or_else(|| {
            tracing::error!("a route leads to another host than Discord's");
            Error::internal()
        })?;
        let method = method.reqwest_method();
        let route = RouteKey::of(&method, path, query, &headers);
        let outgoing = self.outgoing(method, path, query, body, headers)?;
        // In a box, so that what is around it is small: a call's future is moved several times.
        boxed(|| self.send(operation, &route, outgoing)).await
    }

    /// Executes a GET that serenity has no route for.
    pub(super) async fn get(
        &self,
        operation: Operation,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Answer, Error> {
        let path = format!("/api/v10{path}");
        let route = RouteKey::of(&Method::GET, &path, query, &HeaderMap::new());
        let outgoing = self.outgoing(Method::GET, &path, query, None, HeaderMap::new())?;
        boxed(|| self.send(operation, &route, outgoing)).await
    }

    /// What is sent: to `origin`, since a path begins with a slash, and under this call's token.
    fn outgoing(
        &self,
        method: Method,
        path: &str,
        query: &[(&'static str, String)],
        body: Option<Vec<u8>>,
        mut headers: HeaderMap,
    ) -> Result<Outgoing, Error> {
        let mut address = String::with_capacity(self.shared.origin.len() + path.len() + 64);
        address.push_str(&self.shared.origin);
        address.push_str(path);
        for (at, (name, value)) in query.iter().enumerate() {
            address.push(if at == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let mut authorization = HeaderValue::from_str(self.authorization.expose_secret())
            .map_err(|_| Error::internal())?;
        authorization.set_sensitive(true);
        let host = self.shared.host.clone().ok_or_else(Error::internal)?;
        headers.insert(header::HOST, host);
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            headers.entry(header::CONTENT_TYPE).or_insert(json);
        }
        Ok(Outgoing {
            method,
            address: Uri::try_from(address).map_err(|_| Error::internal())?,
            headers,
            body: body.unwrap_or_default().into(),
        })
    }

    /// The one place from which requests leave: tried again where that is safe and there is time.
    async fn send(
        &self,
        operation: Operation,
        route: &RouteKey,
        outgoing: Outgoing,
    ) -> Result<Answer, Error> {
        let (mut attempts, mut doubt) = (0, None);
        loop {
            let request = outgoing.request();
            let failure = match self.attempt(operation, route, request, attempts).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            // What has no nonce is not sent again once it may have been done.
            if failure.again == Again::MayBeDone && !operation.is_repeatable() {
                return Err(failure.error);
            }
            if doubt.is_some()
                && outgoing.method == Method::DELETE
                && let Some(answer) = failure.deleted_before()
            {
                return Ok(answer);
            }
            attempts += 1;
            let pause = failure.pause(attempts);
            let Some(pause) = pause.filter(|&pause| Instant::now() + pause < self.deadline) else {
                return Err(failure.after(doubt));
            };
            if failure.again == Again::MayBeDone && operation.has_effect() {
                doubt = Some(failure.error);
            }
            tracing::debug!(?operation, attempts, "a request to Discord is tried again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// What `Host` says of an address: its name, and its port unless that is the scheme's own.
/// RFC 9110, section 7.2.
fn host_of(origin: &str) -> Option<HeaderValue> {
    let origin: Uri = origin.parse().ok()?;
    let own = if origin.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let host = origin.host()?;
    match origin.port_u16().filter(|&port| port != own) {
        Some(port) => format!("{host}:{port}").try_into().ok(),
        None => host.try_into().ok(),
    }
}

/// A request that may be sent more than once.
struct Outgoing {
    method: Method,
    address: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.address.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}
