//! The real binary as a process of its own, with an environment of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::app::NO_CDN;

/// How long a start or a stop may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The binary, with nothing of this process's environment but what is given.
pub fn binary(dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_discord-mcp-server"));
    command
        .env_clear()
        .current_dir(dir)
        // Tests make in a second what no caller may make in a minute.
        .envs([
            ("RATE_LIMIT_PER_MINUTE", "100000"),
            ("RATE_LIMIT_BURST", "100000"),
            ("DISCORD_CDN_BASE", NO_CDN),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command of the binary to its end, with nothing to read.
pub fn run(dir: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Finished {
    finish(binary(dir, variables).args(arguments), "")
}

/// Runs a command to its end, with this text to read. One that does not end, such as a server that
/// should not have started, is killed and fails the test.
pub fn finish(command: &mut Command, input: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdout, stderr) = (Arc::default(), Arc::default());
    let readers = [
        collect(child.stdout.take().unwrap(), &stdout),
        collect(child.stderr.take().unwrap(), &stderr),
    ];
    // A command that reads nothing may be over already.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > PATIENCE {
            child.kill().ok();
            child.wait().ok();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    for reader in readers {
        reader.join().unwrap();
    }
    let text = |bytes: &Mutex<Vec<u8>>| String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    let finished = Finished {
        code: status.and_then(|status| status.code()),
        stdout: text(&stdout),
        stderr: text(&stderr),
    };
    assert!(status.is_some(), "it did not end: {finished:?}");
    finished
}

/// A running server. Dropped, it is killed.
pub struct Process {
    pub url: String,
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the server in `dir` on a port that the kernel chooses.
    pub fn start(dir: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_on(Stdio::null(), dir, variables)
    }

    /// The same, with something else to read from.
    pub fn start_on(stdin: Stdio, dir: &Path, variables: &[(&str, &str)]) -> Self {
        let anywhere = [("BIND_ADDR", "127.0.0.1:0")];
        let mut child = binary(dir, &[&anywhere, variables].concat())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            collect(child.stdout.take().unwrap(), &output),
            collect(child.stderr.take().unwrap(), &output),
        ];
        let mut process = Self {
            url: String::new(),
            child,
            output,
            readers,
        };
        let began = Instant::now();
        while process.url.is_empty() {
            assert!(
                began.elapsed() < PATIENCE,
                "the server did not start:\n{}",
                process.output()
            );
            std::thread::sleep(Duration::from_millis(10));
            let output = process.output();
            let first = output
                .lines()
                .find(|line| line.starts_with("Discord MCP server"));
            if let Some((_, url)) = first.and_then(|line| line.split_once(" on ")) {
                process.url = url.replace("localhost", "127.0.0.1");
            }
        }
        process
    }

    /// Everything it has printed so far, on both streams.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    /// The memory that it holds, in KiB, as Linux counts it.
    #[allow(dead_code, reason = "only the heavy tests look at it")]
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    /// How many files and connections it has open.
    #[allow(dead_code, reason = "only the heavy tests look at it")]
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).unwrap().count()
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Sends SIGTERM and waits; the exit status and everything that was printed.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it has ended; the exit status and everything that was printed.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the server did not stop:\n{}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.output())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn collect(
    mut stream: impl std::io::Read + Send + 'static,
    output: &Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            output.lock().unwrap().extend_from_slice(&chunk[..read]);
        }
    })
}
