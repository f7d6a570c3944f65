//! Callers: each has a connection of its own, and makes one call after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The largest answer that is expected; a page of messages is half of it.
const ANSWER_LIMIT: usize = 256 << 10;

/// Whole requests, as they go over the wire, one for each bearer. Callers take them in turns.
pub struct Requests {
    bytes: Vec<Vec<u8>>,
    next: AtomicUsize,
}

/// What callers saw in one round.
#[derive(Default)]
pub struct Seen {
    /// How long each call took, in microseconds.
    pub latencies: Vec<u32>,
    /// How long all of it took.
    pub time: Duration,
}

impl Requests {
    /// Calls of the REST door with this body.
    pub fn new(bearers: &[String], body: &str) -> Arc<Self> {
        let request = |bearer: &String| {
            format!(
                "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {bearer}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Arc::new(Self {
            bytes: bearers.iter().map(request).collect(),
            next: AtomicUsize::new(0),
        })
    }

    fn next(&self) -> &[u8] {
        &self.bytes[self.next.fetch_add(1, Ordering::Relaxed) % self.bytes.len()]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Callers with open connections.
pub struct Callers {
    connections: Vec<Connection>,
    requests: Arc<Requests>,
}

impl Seen {
    /// Calls a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }
}

impl Callers {
    /// Connects so many, each of whom makes a first call that does not count.
    pub async fn connect(address: SocketAddr, number: usize, requests: &Arc<Requests>) -> Self {
        let mut connections = Vec::new();
        for _ in 0..number {
            let mut connection = Connection::open(address).await;
            connection.call(requests.next()).await;
            connections.push(connection);
        }
        Self {
            connections,
            requests: Arc::clone(requests),
        }
    }

    /// Lets the first of them make so many calls.
    pub async fn call_times(&mut self, times: usize) {
        for _ in 0..times {
            self.connections[0].call(self.requests.next()).await;
        }
    }

    /// Lets all of them call for so long. A call that has begun is finished.
    pub async fn call_for(&mut self, time: Duration) -> Seen {
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let requests = Arc::clone(&self.requests);
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while began.elapsed() < time {
                    let call = Instant::now();
                    connection.call(requests.next()).await;
                    latencies.push(u32::try_from(call.elapsed().as_micros()).unwrap());
                }
                (connection, latencies)
            });
        }
        let mut seen = Seen::default();
        while let Some(ended) = tasks.join_next().await {
            let (connection, latencies) = ended.unwrap();
            self.connections.push(connection);
            seen.latencies.extend(latencies);
        }
        seen.time = began.elapsed();
        seen
    }
}

/// A kept connection. It reads no more of an answer than it takes to know that it was good and
/// where it ends, since what callers cost is taken from the machine that is measured.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            answer: vec![0; ANSWER_LIMIT],
        }
    }

    async fn call(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        let (mut read, mut end) = (0, None);
        while end.is_none_or(|end| read < end) {
            let more = self.stream.read(&mut self.answer[read..]).await.unwrap();
            assert!(more > 0, "the connection was closed");
            read += more;
            if end.is_none() {
                end = end_of(&self.answer[..read]);
            }
        }
        let answer = &self.answer[..read];
        let is_good = answer.starts_with(b"HTTP/1.1 200 ");
        assert!(is_good, "{}", String::from_utf8_lossy(answer));
    }
}

/// How long an answer is, once its head is there.
fn end_of(answer: &[u8]) -> Option<usize> {
    const LENGTH: &str = "\r\ncontent-length: ";
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let digits = &text[text.find(LENGTH).unwrap() + LENGTH.len()..];
    let digits = digits.split('\r').next().unwrap();
    Some(head + 4 + digits.parse::<usize>().unwrap())
}
