//! A running server on a port of its own, in front of a stand-in of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use discord_mcp_server::audit::{Audit, Content, ContentPolicy, TAKEN};
use discord_mcp_server::auth::Keys;
use discord_mcp_server::cli::assemble;
use discord_mcp_server::config::Config;
use discord_mcp_server::http::{Served, router};
use discord_mcp_server::server::{self, Limits, Workers};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::discord::StandIn;
use super::discord::seed::{BOT_TOKEN, BOT_USER};
use super::tokens;

/// Servers of tests are served by the runtime of the test.
static HERE: Workers = Workers::here();

/// A running server. When it is dropped it stops, its files go, and the stand-in must have seen
/// nothing that breaks Discord's own description of its API.
pub struct App {
    pub url: String,
    pub discord: StandIn,
    pub client: reqwest::Client,
    pub audit_log: PathBuf,
    dir: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
}

/// What a call answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null where the text is not JSON.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The `error.code` of a failure.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("(no error)")
    }

    /// The `error.message` of a failure.
    pub fn message(&self) -> &str {
        self.body["error"]["message"]
            .as_str()
            .unwrap_or("(no error)")
    }

    /// The `result` of a success; panics with the answer otherwise.
    pub fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.text);
        &self.body["result"]
    }
}

impl App {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server whose environment has these variables besides those that keep it on
    /// loopback and its files in a folder of its own.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let discord = StandIn::start().await;
        let dir = tempfile::tempdir().unwrap();
        let audit_log = dir.path().join("audit.log");
        tokens::install_keys(&dir.path().join("keys"));
        let mut environment: HashMap<&str, String> = HashMap::from([
            ("BIND_ADDR", "127.0.0.1:0".to_owned()),
            ("DISCORD_API_BASE", discord.base()),
            ("DISCORD_CDN_BASE", discord.cdn().base()),
            ("KEYS_DIR", dir.path().join("keys").display().to_string()),
            ("AUDIT_LOG", audit_log.display().to_string()),
            (
                "REVOKED_TOKENS",
                dir.path().join("revoked.jsonl").display().to_string(),
            ),
            ("DRAIN_TIMEOUT", "2s".to_owned()),
            // Tests make in a second what no caller may make in a minute.
            ("RATE_LIMIT_PER_MINUTE", "100000".to_owned()),
            ("RATE_LIMIT_BURST", "100000".to_owned()),
        ]);
        environment.extend(
            variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let config = Config::read(|name| environment.get(name).map(Into::into)).unwrap();
        let keys = Arc::new(Keys::load_or_create(&config.keys_dir).unwrap());
        let app = patiently(
            || assemble(&config, &keys, None),
            |problem| problem.ends_with(TAKEN),
        );
        app.verifier.prepare().await;
        let listener = server::listen(config.bind_addr).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let limits = Limits {
            connections: config.max_connections,
            drain: config.drain_timeout,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { stopped.await.ok().unwrap_or_default() };
        let serving = server::run(listener, router(app), None, limits, &HERE, stopped, || {});
        let serving = tokio::spawn(serving);
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let audit_log = config.audit_log;
        Self {
            url,
            discord,
            client,
            audit_log,
            dir,
            stop: Some(stop),
            serving,
        }
    }

    /// Calls a tool with a good token of all scopes.
    pub async fn invoke(&self, tool: &str, params: Value) -> Answer {
        self.invoke_as(&tokens::token(), tool, params).await
    }

    /// A good token with a bot token that this server has not seen, of the same bot. What the
    /// server learned of another bot token, its limits and refusals, is not true of this one.
    pub fn fresh_token(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (id, _) = BOT_TOKEN.split_once('.').unwrap();
        let bot_token = format!("{id}.GFaKe2.nor-is-this-one-{number:022}");
        self.discord
            .with(|world| world.tokens.insert(bot_token.clone(), BOT_USER.to_owned()));
        tokens::token_with(json!({"discord_token": bot_token}))
    }

    /// Calls a tool with this token.
    pub async fn invoke_as(&self, token: &str, tool: &str, params: Value) -> Answer {
        let call = json!({"method": tool, "params": params});
        self.post(token, call.to_string()).await
    }

    /// Posts a body as it is to the invoke route.
    pub async fn post(&self, token: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .client
            .post(format!("{}/mcp/v1/tools/invoke", self.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body);
        Self::answer(request).await
    }

    /// Gets a path, with this token if there is one.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Self::answer(request).await
    }

    /// Sends a request and reads its answer.
    pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            text,
            body,
        }
    }

    /// Stops the server as SIGTERM does, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        let serving = std::mem::replace(&mut self.serving, tokio::spawn(async {}));
        serving.await.unwrap();
    }

    /// A trail without a server.
    pub fn audit_alone(path: &std::path::Path) -> Audit {
        patiently(|| Self::try_audit(path), |error| error.to_string() == TAKEN)
    }

    /// A trail without a server, where it can be opened.
    pub fn try_audit(path: &std::path::Path) -> std::io::Result<Audit> {
        Audit::open(path, false, Content::new(ContentPolicy::Full, None))
    }

    /// The lines of calls in the audit log, without their places in the chain.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.audit_log).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let calls = lines
            .filter(|line| line["stage"] != "checkpoint")
            .map(|mut line| {
                for place in ["seq", "prev", "hash"] {
                    assert!(
                        line.as_object_mut().unwrap().remove(place).is_some(),
                        "{place}: {line}"
                    );
                }
                line
            });
        calls.collect()
    }

    /// The folder of this server's keys and audit log.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
}

/// Tries again while `passing` says so of the error. A test beside this one that starts a process
/// holds, until that process runs, copies of all open files and so of their locks.
fn patiently<T, E: std::fmt::Debug>(
    attempt: impl Fn() -> Result<T, E>,
    passing: impl Fn(&E) -> bool,
) -> T {
    let until = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        match attempt() {
            Err(error) if passing(&error) && std::time::Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(2));
            }
            done => return done.unwrap(),
        }
    }
}

/// A CDN that is not there: no test reaches the real one.
pub const NO_CDN: &str = "http://127.0.0.1:1";

/// The routes of a server whose Discord is at this address, however odd; no test may give it one
/// that exists. With its audit log, and the folder that goes when it is dropped.
pub fn router_to(api_base: &str) -> (Served, PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let mut config = Config::read(|name| match name {
        "KEYS_DIR" => Some(dir.path().join("keys").into()),
        "AUDIT_LOG" => Some(dir.path().join("audit.log").into()),
        "REVOKED_TOKENS" => Some(dir.path().join("revoked.jsonl").into()),
        "DISCORD_CDN_BASE" => Some(NO_CDN.into()),
        _ => None,
    })
    .unwrap();
    config.discord_api_base = api_base.to_owned();
    let keys = Arc::new(Keys::load_or_create(&config.keys_dir).unwrap());
    (
        router(assemble(&config, &keys, None).unwrap()),
        config.audit_log,
        dir,
    )
}

impl Drop for App {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.discord.violations(), Vec::<String>::new());
        }
    }
}
