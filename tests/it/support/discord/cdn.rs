//! The stand-in for Discord's CDN: it serves what a test gives it, lies and all, on a port of its
//! own, and keeps every byte of every request.
//!
//! ```ignore
//! let cdn = app.discord.cdn();
//! cdn.serve("/attachments/1/2/buoy.png", Served::file("image/png", &png));
//! cdn.serve("/attachments/1/3/sea.png", Served::file("image/png", &png).length(7).then(Then::Wait));
//! assert_eq!(cdn.requests(), Vec::<String>::new());
//! ```

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A handle to a running CDN; clones are the same one.
#[derive(Clone)]
pub struct Cdn {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: Arc<Task>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Served>,
    requests: Vec<String>,
    connections: usize,
}

/// What is answered under one path.
#[derive(Clone)]
pub struct Served {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    then: Then,
}

/// What follows the body.
#[derive(Clone, Copy)]
pub enum Then {
    /// The end of the connection.
    Close,
    /// Nothing, and the connection stays.
    Wait,
    /// The body again and again.
    Again,
}

impl Served {
    /// A file of this type.
    pub fn file(kind: &str, body: &[u8]) -> Self {
        Self {
            status: "200 OK",
            headers: vec![
                ("content-type", kind.to_owned()),
                ("content-length", body.len().to_string()),
            ],
            body: body.to_vec(),
            then: Then::Close,
        }
    }

    pub fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    /// With this header, in place of one of the same name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Without this header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    /// Announces this many bytes, however many come.
    pub fn length(self, bytes: usize) -> Self {
        self.header("content-length", &bytes.to_string())
    }

    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

impl Cdn {
    /// Starts on a free port of 127.0.0.1, with no file.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::<Mutex<State>>::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _task: Arc::new(Task(task)),
        }
    }

    /// `http://127.0.0.1:PORT`, what `DISCORD_CDN_BASE` takes.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers this under a path, which is written without a query.
    pub fn serve(&self, path: &str, served: Served) {
        lock(&self.state).files.insert(path.to_owned(), served);
    }

    /// The bytes of every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }

    /// The paths of every request so far, with their queries, in alphabetical order.
    pub fn paths(&self) -> Vec<String> {
        let requests = self.requests();
        let path = |request: &String| request.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut paths: Vec<_> = requests.iter().map(path).collect();
        paths.sort();
        paths
    }

    /// How many connections were opened, those without a request included.
    pub fn connections(&self) -> usize {
        lock(&self.state).connections
    }
}

/// Stops the server, its connections included, with the last handle.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        lock(&state).connections += 1;
        let state = Arc::clone(&state);
        // An error here is a client that has read enough.
        connections.spawn(async move { answer(stream, &state).await.ok() });
    }
}

/// Reads one request, and answers it as the test has it.
async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split([' ', '?']).nth(1).unwrap_or_default();
    let served = {
        let mut state = lock(state);
        let served = state.files.get(path).cloned();
        state.requests.push(request);
        served
    };
    let unknown = || Served::file("text/plain", b"").status("404 Not Found");
    let served = served.unwrap_or_else(unknown);
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", served.status);
    for (name, value) in &served.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes()).await?;
    stream.write_all(&served.body).await?;
    match served.then {
        Then::Again => loop {
            stream.write_all(&served.body).await?;
        },
        // Until the client has had enough.
        Then::Wait => stream.read_buf(&mut Vec::new()).await.map(|_| ())?,
        Then::Close => {}
    }
    stream.shutdown().await
}

/// A test that failed while it held the lock must not hide its reason behind a poisoned one.
fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
