//! One connection pool for the process, one client for a call, one way to execute a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serenity::http::{LightMethod, Request, Route};

use super::fault::{self, Operation, Unread};
use super::place::Places;
use super::token::BotToken;
use crate::error::Error;

/// How long connecting to Discord may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one request to Discord may take, its answer's body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer that is read: 100 messages with all that can hang on them stay below it.
const BODY_LIMIT: usize = 8 << 20;
/// The address in every path that serenity's routes build, which [`Request::build`] replaces.
const PUBLIC_ORIGIN: &str = "https://discord.com";

/// What all calls share: pooled connections to one Discord API, and no secret.
pub struct Connector {
    client: reqwest::Client,
    origin: Arc<str>,
    places: Arc<Places>,
}

impl Connector {
    /// A connector to the Discord API at `origin`, such as `https://discord.com`. It follows no
    /// redirect and uses no proxy of the environment: a token goes to `origin` or nowhere.
    ///
    /// # Errors
    /// When the TLS backend cannot be set up.
    pub fn new(origin: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            origin: origin.trim_end_matches('/').into(),
            places: Arc::default(),
        })
    }

    /// The client of one call, which ends with it. Nothing is sent before the first operation:
    /// the operation itself tells whether the token is good.
    pub fn open(&self, token: &BotToken) -> Discord {
        Discord {
            client: self.client.clone(),
            origin: Arc::clone(&self.origin),
            places: Arc::clone(&self.places),
            authorization: token.authorization(),
            bot: token.user_id(),
        }
    }
}

/// A Discord client for one call, under that call's bot token.
pub struct Discord {
    client: reqwest::Client,
    origin: Arc<str>,
    pub(super) places: Arc<Places>,
    authorization: SecretString,
    bot: Option<super::UserId>,
}

/// What Discord answered with a status of success.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Discord {
    /// The bot's own user id.
    pub fn bot(&self) -> Option<super::UserId> {
        self.bot
    }

    /// Executes one of serenity's routes. `query` values must be ids, numbers or words of ours:
    /// serenity does not escape them.
    pub(super) async fn execute(
        &self,
        operation: Operation,
        route: Route<'_>,
        method: LightMethod,
        query: Vec<(&'static str, String)>,
        body: Option<Vec<u8>>,
        headers: HeaderMap,
    ) -> Result<Answer, Error> {
        let request = Request::new(route, method)
            .params((!query.is_empty()).then_some(query))
            .body(body)
            .headers(Some(headers))
            .build(
                &self.client,
                self.authorization.expose_secret(),
                Some(&self.origin),
            )
            .map_err(|_| {
                tracing::error!("a request to Discord could not be built");
                Error::internal()
            })?;
        self.send(operation, request).await
    }

    /// Executes a GET that serenity has no route for, with `query` escaped.
    pub(super) async fn get(
        &self,
        operation: Operation,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Answer, Error> {
        let mut authorization = HeaderValue::from_str(self.authorization.expose_secret())
            .map_err(|_| Error::internal())?;
        authorization.set_sensitive(true);
        let request = self
            .client
            .get(format!("{}/api/v10{path}", self.origin))
            .header(header::USER_AGENT, serenity::constants::USER_AGENT)
            .header(header::AUTHORIZATION, authorization)
            .query(query);
        self.send(operation, request).await
    }

    /// The one place from which requests leave.
    async fn send(
        &self,
        operation: Operation,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, Error> {
        let request = request.build().map_err(|_| Error::internal())?;
        // A route that did not begin with the public origin would not have been redirected to
        // ours, and the token would travel to an address nobody configured.
        if self.origin.as_ref() != PUBLIC_ORIGIN
            && !request.url().as_str().starts_with(&*self.origin)
        {
            tracing::error!("a request would have left for another host than DISCORD_API_BASE");
            return Err(Error::internal());
        }
        let mut response = self
            .client
            .execute(request)
            .await
            .map_err(|error| fault::unanswered(operation, &error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = read(response)
            .await
            .map_err(|unread| fault::unread(operation, status, unread))?;
        if status.is_success() {
            Ok(Answer { status, body })
        } else {
            Err(fault::refused(operation, status, &headers, &body))
        }
    }
}

async fn read(mut response: reqwest::Response) -> Result<Bytes, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
