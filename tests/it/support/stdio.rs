//! The binary's `stdio` subcommand as a process, driven line by line.
//!
//! ```ignore
//! let discord = StandIn::start().await;
//! let mut client = Stdio::start(&discord, &tokens::token(), &[]);
//! client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", …}));
//! assert_eq!(client.receive()["id"], 1);
//! let ended = client.end();
//! assert_eq!(ended.code, Some(0));
//! ```

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::discord::StandIn;
use super::mcp::MODERN;
use super::process::binary;
use super::tokens;

/// How long an answer or an end may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running process. Dropped, it is killed.
pub struct Stdio {
    pub audit_log: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Option<JoinHandle<String>>,
    _dir: TempDir,
}

/// A process that has ended.
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What was left on standard output.
    pub lines: Vec<String>,
    /// All of standard error.
    pub log: String,
    /// All of the audit log.
    pub audit: Vec<Value>,
}

impl Stdio {
    /// Starts it with the test keys and this token, in front of this stand-in.
    pub fn start(discord: &StandIn, token: &str, variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        tokens::install_keys(&keys);
        // Otherwise the log begins with a warning.
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(keys.join(tokens::PRIVATE), owner_only).unwrap();
        let base = discord.base();
        let mut child = binary(dir.path(), &[("DISCORD_API_BASE", &base)])
            .envs(variables.iter().copied())
            .env("DISCORD_MCP_TOKEN", token)
            .arg("stdio")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut errors = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            errors.read_to_end(&mut log).ok();
            String::from_utf8_lossy(&log).into_owned()
        });
        Self {
            audit_log: dir.path().join("audit.log"),
            input: child.stdin.take(),
            child,
            lines,
            log: Some(log),
            _dir: dir,
        }
    }

    /// Sends one message. A process that has ended takes none, which its end will tell.
    pub fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{message}")
            .and_then(|()| input.flush())
            .ok();
    }

    /// The next line, which must be a JSON-RPC message.
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
        message(&line)
    }

    /// Sends one request and takes its answer, the next line.
    #[track_caller]
    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(request);
        let answer = self.receive();
        assert_eq!(answer["id"], request["id"], "{answer}");
        answer
    }

    /// The audit log so far.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.audit_log).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// Ends its input and waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        self.input = None;
        let began = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(began.elapsed() < PATIENCE, "the process did not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let log = self.log.take().unwrap().join().unwrap();
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            lines.push(line);
        }
        Ended {
            code,
            lines,
            log,
            audit: self.audit(),
        }
    }
}

/// A line of standard output, which must be a JSON-RPC message and nothing else.
#[track_caller]
pub fn message(line: &str) -> Value {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    message
}

/// A request of the newest revision, from a client that can show its user a form or cannot.
pub fn modern(id: u64, method: &str, mut params: Value, asks: bool) -> Value {
    let capabilities = if asks {
        json!({"elicitation": {}})
    } else {
        json!({})
    };
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
    legacy(id, method, params)
}

/// A request of the revisions before.
pub fn legacy(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The handshake of this revision, as request 0.
pub fn initialize(version: &str) -> Value {
    legacy(
        0,
        "initialize",
        json!({
            "protocolVersion": version,
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "tests", "version": "1"},
        }),
    )
}

/// The parameters of a call of this tool.
pub fn called(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// Ends the process: well, with nothing more to say, and nothing wrong at the stand-in.
#[track_caller]
pub fn end_well(client: Stdio, discord: &StandIn) -> Ended {
    let ended = client.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(ended.lines, Vec::<String>::new());
    assert_eq!(discord.violations(), Vec::<String>::new());
    ended
}

/// The statuses of the outcomes of each call, which must be of this door and this user.
pub fn outcomes(audit: &[Value]) -> Vec<String> {
    let outcomes = audit.iter().filter(|line| line["stage"] == "outcome");
    outcomes
        .map(|line| {
            assert_eq!(
                (&line["door"], &line["user_id"]),
                (&json!("mcp"), &json!("tester"))
            );
            line["status"].as_str().unwrap().to_owned()
        })
        .collect()
}

impl Drop for Stdio {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
