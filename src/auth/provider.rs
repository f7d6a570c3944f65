//! An identity provider's keys: fetched, kept, and fetched again when they must be.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;

use super::jwks;

/// How long one fetch may take, from the name look-up to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const BODY_LIMIT: usize = 256 << 10;

/// Where a provider's keys are, and how often they may be asked for.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Its JWK set (RFC 7517): https, or http on loopback.
    pub jwks_url: reqwest::Url,
    /// The claim that holds the bot token, sealed or not; `None` for the two that our own tokens
    /// have.
    pub token_claim: Option<String>,
    /// The least time between two fetches.
    pub cooldown: Duration,
    /// How old a set may become before it is fetched anew.
    pub max_age: Duration,
}

/// The keys of one provider.
pub struct Provider {
    config: ProviderConfig,
    client: reqwest::Client,
    state: RwLock<State>,
    /// Whoever has it fetches.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, Arc<DecodingKey>>,
    fetched: Option<Instant>,
    attempted: Option<Instant>,
}

impl Provider {
    /// A provider whose keys are not fetched yet.
    ///
    /// # Errors
    /// When the TLS backend cannot be set up.
    pub fn new(config: ProviderConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            config,
            client,
            state: RwLock::default(),
            fetching: Mutex::default(),
        })
    }

    pub(super) fn config(&self) -> &ProviderConfig {
        &self.config
    }

    /// Whether there is a key to verify with.
    pub(super) fn has_keys(&self) -> bool {
        !self.read().keys.is_empty()
    }

    /// The key of this `kid`. A `kid` that is not known is worth a fetch, if the last one was long
    /// enough ago. A set that is too old is fetched anew by one call; others meanwhile go on with
    /// what there is.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Option<Arc<DecodingKey>> {
        let known = self.known(kid);
        let is_fresh = self
            .read()
            .fetched
            .is_some_and(|fetched| fetched.elapsed() < self.config.max_age);
        match known {
            Some(key) if is_fresh => return Some(key),
            // Somebody is fetching already.
            Some(key) if self.fetching.try_lock().is_err() => return Some(key),
            _ => self.fetch().await,
        }
        self.known(kid)
    }

    /// Fetches the keys, unless that was tried a short time ago. It goes on when its caller hangs
    /// up: else whoever calls and hangs up in time could keep the keys from ever being fetched.
    pub(super) async fn fetch(self: &Arc<Self>) {
        let (this, before) = (Arc::clone(self), self.read().attempted);
        let fetching = tokio::spawn(async move {
            let _turn = this.fetching.lock().await;
            // What ended while this waited for its turn was as good as its own.
            if this.read().attempted == before {
                this.fetch_if_due().await;
            }
        });
        fetching.await.ok();
    }

    /// Only for whoever has the turn.
    async fn fetch_if_due(&self) {
        let attempted = self.read().attempted;
        if attempted.is_some_and(|attempted| attempted.elapsed() < self.config.cooldown) {
            return;
        }
        let answer = self.request().await;
        let now = Instant::now();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // From its end on, so that those who waited for it do not try the same again.
        state.attempted = Some(now);
        match answer {
            Ok(keys) => {
                tracing::info!(
                    issuer = self.config.issuer,
                    keys = keys.len(),
                    "the identity provider's keys were fetched"
                );
                let keys = keys.into_iter().map(|(kid, key)| (kid, Arc::new(key)));
                (state.keys, state.fetched) = (keys.collect(), Some(now));
            }
            Err(problem) => {
                tracing::warn!(
                    issuer = self.config.issuer,
                    kept = state.keys.len(),
                    problem,
                    "the identity provider's keys could not be fetched"
                );
            }
        }
    }

    async fn request(&self) -> Result<HashMap<String, DecodingKey>, &'static str> {
        let mut answer = self
            .client
            .get(self.config.jwks_url.clone())
            .send()
            .await
            .map_err(|error| {
                if error.is_timeout() {
                    "no answer in time"
                } else {
                    "no connection"
                }
            })?;
        if answer.status().as_u16() != 200 {
            return Err("the answer is not a 200");
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|_| "the answer broke off or took too long")?
        {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err("the answer is larger than 256 KiB");
            }
            body.extend_from_slice(&chunk);
        }
        jwks::read(&body)
    }

    fn known(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.read().keys.get(kid).cloned()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}
