//! A server in a process of its own, with the keys of the tests in its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::discord::StandIn;
use super::discord::seed::GENERAL;
use super::process::Process;
use super::{Answer, App, tokens};

/// What the log says of a SIGHUP.
pub const RELOADED: &str = "keys were reloaded";

/// A running server, its files and its Discord. Dropped, they are gone.
pub struct Server {
    pub keys: PathBuf,
    pub process: Process,
    client: reqwest::Client,
    pub discord: StandIn,
    dir: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(&[], |_| {}).await
    }

    /// Starts a server with these variables, after its folder of keys was prepared.
    pub async fn with(variables: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        let server = Self::starting(variables, prepare).await;
        // Whoever answers hears signals, too.
        assert_eq!(server.get("/healthz", None).await.status, 200);
        server
    }

    /// Starts a server and does not wait until it answers.
    pub async fn starting(variables: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        let (discord, dir) = (StandIn::start().await, tempfile::tempdir().unwrap());
        let keys = dir.path().join("keys");
        tokens::install_keys(&keys);
        prepare(&keys);
        let base = discord.base();
        let mut all = vec![("DISCORD_API_BASE", &*base)];
        all.extend(variables);
        let process = Process::start(dir.path(), &all);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            keys,
            process,
            client,
            discord,
            dir,
        }
    }

    /// The folder that it works in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Gets a path, with this token if there is one.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.client.get(format!("{}{path}", self.process.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        App::answer(request).await
    }

    /// Whether a call with this token succeeds. Anything but that or the one refusal fails the test.
    pub async fn is_let_in(&self, token: &str) -> bool {
        let call = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
        let url = format!("{}/mcp/v1/tools/invoke", self.process.url);
        let request = self.client.post(url).bearer_auth(token);
        let request = request.header("content-type", "application/json");
        let answer = App::answer(request.body(call.to_string())).await;
        match (answer.status, answer.code()) {
            (200, _) => true,
            (401, "invalid_token") => false,
            _ => panic!("{}: {}", answer.status, answer.text),
        }
    }

    /// Sends SIGHUP, and waits until the log has said so many times what came of it.
    pub async fn hang_up(&self, what: &str, times: usize) {
        self.process.signal("HUP");
        self.says(what, times).await;
    }

    /// Waits until the log has said so so many times.
    pub async fn says(&self, what: &str, times: usize) {
        let began = Instant::now();
        while self.process.output().matches(what).count() < times {
            let output = self.process.output();
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "never {what}: {output}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends SIGTERM and waits; the exit status and everything that was printed. Discord must be
    /// served by other threads than this.
    pub fn stop(&mut self) -> (ExitStatus, String) {
        self.process.signal("TERM");
        self.process.wait()
    }

    /// The outcomes in the trail, by the id of their request.
    pub fn outcomes(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.dir().join("audit.log")).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let outcomes = lines.filter(|line| line["stage"] == "outcome");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        outcomes
            .map(|line| (text(&line["request_id"]), text(&line["status"])))
            .collect()
    }
}
