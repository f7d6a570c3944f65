//! Processes of their own, and what Linux counts of each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that serves. Dropped, it is killed.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    /// Open for as long as this is: a part of the bench that reads its end is alone, and ends.
    _stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the server in `dir`, with the keys there and these variables besides its own, and
    /// waits until it has said where it listens. Its log goes to a file, as where it runs for good.
    pub fn server(dir: &Path, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(dir.join("server.log")).unwrap();
        let mut command = Command::new(binary());
        command
            .env_clear()
            .envs(std::env::var_os("RUST_LOG").map(|filter| ("RUST_LOG", filter)))
            .env("BIND_ADDR", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .current_dir(dir)
            .stdin(Stdio::null())
            .stderr(log);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        Self::listening(child, |line| {
            line.split_once(" on http://localhost:")?.1.parse().ok()
        })
    }

    /// Starts a part of this bench, and waits until it listens.
    pub fn part(arguments: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self::listening(child, |line| line.parse().ok())
    }

    /// Reads lines until one has the port.
    fn listening(mut child: Child, port: impl Fn(&str) -> Option<u16>) -> Self {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map(Result::unwrap).find_map(|line| port(&line));
        Self {
            address: ([127, 0, 0, 1], port.unwrap()).into(),
            _stdin: child.stdin.take(),
            child,
        }
    }

    /// User and system time so far, of all its threads.
    pub fn cpu(&self) -> Duration {
        let stat = self.read("stat");
        // The name of the process, in parentheses, may have spaces in it.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
        // Fields 14 and 15 of proc(5), in hundredths of a second on every Linux there is.
        Duration::from_millis((ticks(12) + ticks(13)) * 10)
    }

    /// The memory that it holds, in KiB.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it has held since [`Process::forget_peak`], in KiB.
    pub fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Begins to look for the most memory anew.
    pub fn forget_peak(&self) {
        std::fs::write(self.path("clear_refs"), "5").unwrap();
    }

    fn memory(&self, field: &str) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    fn path(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How long it takes from starting the server until it has answered.
pub fn start_time(dir: &Path, variables: &[(&str, &str)]) -> Duration {
    let began = Instant::now();
    let server = Process::server(dir, variables);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let time = began.elapsed();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    time
}

/// The server's file: `BENCH_SERVER`, or the one that was built with this bench.
pub fn binary() -> PathBuf {
    let own = || env!("CARGO_BIN_EXE_discord-mcp-server").into();
    std::env::var_os("BENCH_SERVER").map_or_else(own, PathBuf::from)
}
