//! Callers: each has a connection of its own, and makes one call after the other.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long callers call before their rate is taken: many take longer until all have an answer, and
/// neither that nor the last calls, when others have ended, are what a server does that has many.
const LEAD: Duration = Duration::from_millis(150);

thread_local! {
    /// What is read goes here, whosoever it is. A page of messages is half of it.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 << 10]);
}

/// Whole requests, as they go over the wire, one for each bearer. Callers take them in turns.
pub struct Requests {
    bytes: Vec<Vec<u8>>,
    next: AtomicUsize,
}

/// What callers saw in one round.
pub struct Seen {
    /// How long each call took, in microseconds.
    pub latencies: Vec<u32>,
    /// Calls a second, of those that ended while all callers were calling.
    pub rate: f64,
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

    /// Lets all of them call for so long, and [`LEAD`] before. A call that has begun is finished.
    pub async fn call_for(&mut self, time: Duration) -> Seen {
        let began = Instant::now();
        let counted = LEAD..LEAD + time;
        let mut tasks = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let requests = Arc::clone(&self.requests);
            let counted = counted.clone();
            tasks.spawn(async move {
                let (mut latencies, mut number, mut now) = (Vec::new(), 0, began.elapsed());
                while now < counted.end {
                    connection.call(requests.next()).await;
                    let ended = began.elapsed();
                    latencies.push(u32::try_from((ended - now).as_micros()).unwrap());
                    number += usize::from(counted.contains(&ended));
                    now = ended;
                }
                (connection, latencies, number)
            });
        }
        let (mut all, mut number) = (Vec::new(), 0);
        while let Some(ended) = tasks.join_next().await {
            let (connection, latencies, counted) = ended.unwrap();
            self.connections.push(connection);
            all.extend(latencies);
            number += counted;
        }
        Seen {
            latencies: all,
            rate: number as f64 / time.as_secs_f64(),
        }
    }
}

/// A kept connection. No more of an answer is looked at than it takes to know that it was good and
/// where it ends, and none of it kept, since what callers cost is taken from the machine that is
/// measured.
struct Connection(TcpStream);

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    async fn call(&mut self, request: &[u8]) {
        self.0.write_all(request).await.unwrap();
        let (mut read, mut end) = (0, None);
        while end.is_none_or(|end| read < end) {
            self.0.readable().await.unwrap();
            read += BUFFER.with_borrow_mut(|buffer| match self.0.try_read(buffer) {
                Ok(0) => panic!("the connection was closed"),
                Ok(more) => {
                    // The head is small, and comes whole.
                    end.get_or_insert_with(|| end_of(&buffer[..more]));
                    more
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => panic!("{error}"),
            });
        }
    }
}

/// How long a good answer is, by its head.
fn end_of(answer: &[u8]) -> usize {
    const LENGTH: &str = "\r\ncontent-length: ";
    let is_good = answer.starts_with(b"HTTP/1.1 200 ");
    assert!(is_good, "{}", String::from_utf8_lossy(answer));
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let head = head.unwrap();
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let digits = &text[text.find(LENGTH).unwrap() + LENGTH.len()..];
    let digits = digits.split('\r').next().unwrap();
    head + 4 + digits.parse::<usize>().unwrap()
}
