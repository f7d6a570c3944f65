//! A client that speaks HTTP/1.1 byte by byte, and leaves requests half done.
//!
//! ```ignore
//! let mut slow = Raw::open(&app.url).await;
//! slow.send(HALF_HEAD).await;
//! assert!(slow.is_open().await);
//! assert_eq!(slow.rest().await, "");        // until the server closes
//!
//! let answer = Raw::open(&app.url).await.ask(&call("the-id")).await;
//! assert_eq!(answer.status, 200);
//! ```

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::discord::seed::GENERAL;
use super::tokens;

/// How long an answer may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// The beginning of a request's head.
pub const HALF_HEAD: &str = "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: localhost\r\n";
/// A whole request whose connection stays open.
pub const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A connection.
pub struct Raw {
    stream: TcpStream,
    /// What was read and belongs to no answer yet.
    read: Vec<u8>,
}

/// An answer, as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Head and body.
    pub text: String,
}

/// A whole call that reads, on a connection that stays open.
pub fn call(request_id: &str) -> String {
    call_of(
        &tokens::token(),
        request_id,
        &json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}}).to_string(),
    )
}

/// A whole call with this token and this body.
pub fn call_of(token: &str, request_id: &str, body: &str) -> String {
    format!(
        "{HALF_HEAD}authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         x-request-id: {request_id}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Raw {
    pub async fn open(url: &str) -> Self {
        Self::open_from(IpAddr::from([127, 0, 0, 1]), url)
            .await
            .unwrap()
    }

    /// Opens a connection from this address of this machine. Fails where ports or descriptors run
    /// out.
    pub async fn open_from(source: IpAddr, url: &str) -> std::io::Result<Self> {
        let (_, address) = url.split_once("://").unwrap();
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(source, 0))?;
        let stream = socket.connect(address.parse().unwrap()).await?;
        stream.set_nodelay(true)?;
        let read = Vec::new();
        Ok(Self { stream, read })
    }

    pub async fn send(&mut self, text: &str) {
        self.try_send(text).await.unwrap();
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends to a server that may have closed.
    pub async fn try_send(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }

    /// Sends the head of a call and half of its body, once the server has asked for the body.
    pub async fn half_body(&mut self) {
        let head =
            "content-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
        self.send(&format!("{HALF_HEAD}{head}")).await;
        let go_on = self.answer().await;
        assert_eq!(go_on.status, 100, "{}", go_on.text);
        self.send("{").await;
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &str) -> Reply {
        self.send(request).await;
        self.answer().await
    }

    /// Reads one answer, whose head tells its length. Whatever else comes is a failure.
    pub async fn answer(&mut self) -> Reply {
        let reply = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(reply) = self.whole() {
                    return reply;
                }
                let open = self.fill().await;
                let so_far = String::from_utf8_lossy(&self.read);
                assert!(open, "closed after {so_far:?}");
            }
        });
        reply.await.expect("no answer came")
    }

    /// Reads until this has come.
    pub async fn until(&mut self, text: &str) {
        let come = tokio::time::timeout(PATIENCE, async {
            while !String::from_utf8_lossy(&self.read).contains(text) {
                assert!(self.fill().await, "closed before {text:?}");
            }
        });
        come.await.expect("it never came");
    }

    /// Reads what comes until the server closes.
    pub async fn rest(&mut self) -> String {
        String::from_utf8_lossy(&self.rest_bytes().await).into_owned()
    }

    /// Reads what comes until the server closes.
    pub async fn rest_bytes(&mut self) -> Vec<u8> {
        let end = tokio::time::timeout(PATIENCE, async { while self.fill().await {} });
        let closed = end.await.is_ok();
        let bytes = std::mem::take(&mut self.read);
        assert!(closed, "still open after {bytes:?}");
        bytes
    }

    /// Whether the server has neither closed nor sent anything that was not read.
    pub fn is_open(&self) -> bool {
        let mut byte = [0];
        match self.stream.try_read(&mut byte) {
            Err(error) => error.kind() == ErrorKind::WouldBlock,
            Ok(_) => false,
        }
    }

    /// Takes the first answer out of what was read.
    fn whole(&mut self) -> Option<Reply> {
        let text = String::from_utf8_lossy(&self.read);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().unwrap())
        });
        let (status, end) = (
            head.split(' ').nth(1)?,
            head.len() + 4 + length.unwrap_or(0),
        );
        let status = status.parse().unwrap();
        if self.read.len() < end {
            return None;
        }
        let whole: Vec<u8> = self.read.drain(..end).collect();
        let text = String::from_utf8_lossy(&whole).into_owned();
        Some(Reply { status, text })
    }

    /// Reads more; whether there may be more still. A reset is an end, too.
    async fn fill(&mut self) -> bool {
        match self.stream.read_buf(&mut self.read).await {
            Ok(read) => read > 0,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                false
            }
        }
    }
}
