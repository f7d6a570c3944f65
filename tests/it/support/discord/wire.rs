//! From an answer to bytes on a connection: at once, slowly, or cut short.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Response,
    body::{Body, Bytes, Frame, SizeHint},
};
use tokio::sync::mpsc;

use super::answer::Answer;

/// The request gets no answer: the connection closes.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// An answer as bytes, and how fast they go out.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub pace: Pace,
}

/// How fast the body goes out.
pub enum Pace {
    AtOnce,
    /// In pieces, spread over that time.
    Slow(Duration),
    /// The announced length is never reached.
    Truncated,
}

impl Reply {
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body,
            pace: Pace::AtOnce,
        }
    }

    /// Must be called inside the runtime: a slow body is sent by a task of its own.
    pub fn into_response(self) -> Response<Outgoing> {
        let (status, length) = (self.status, self.body.len());
        let mut response = Response::builder().status(status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match self.pace {
            Pace::AtOnce => Outgoing::Whole(Some(Bytes::from(self.body))),
            Pace::Slow(time) => {
                response = response.header("content-length", length);
                Outgoing::Pieces(slowly(self.body, time))
            }
            Pace::Truncated => {
                // At least ten bytes are missing, also from an empty body.
                response = response.header("content-length", length + 10);
                Outgoing::Pieces(cut_short(self.body))
            }
        };
        response.body(body).expect("a fault has valid headers")
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let mut reply = match answer.body {
            Some(body) => Self::json(answer.status, body.to_string().into_bytes()),
            None => Self {
                headers: Vec::new(),
                ..Self::json(answer.status, Vec::new())
            },
        };
        // A header of the answer replaces the one that goes with the body.
        for (name, value) in answer.headers {
            reply
                .headers
                .retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            reply.headers.push((name, value));
        }
        reply
    }
}

/// The body of an answer.
pub enum Outgoing {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Frame::data).map(Ok)),
            Self::Pieces(pieces) => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// Twenty pieces at most. The task ends with the connection, because the channel then closes.
fn slowly(body: Vec<u8>, time: Duration) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(1);
    let size = body.len().div_ceil(20).max(1);
    let count = u32::try_from(body.len().div_ceil(size))
        .unwrap_or(20)
        .max(1);
    tokio::spawn(async move {
        let body = Bytes::from(body);
        let mut start = 0;
        while start < body.len() {
            tokio::time::sleep(time / count).await;
            let end = (start + size).min(body.len());
            if sender.send(Ok(body.slice(start..end))).await.is_err() {
                return;
            }
            start = end;
        }
    });
    receiver
}

/// The first half, time for it to reach the other side, then an error, on which hyper hangs up.
fn cut_short(body: Vec<u8>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let body = Bytes::from(body);
        if sender.send(Ok(body.slice(..body.len() / 2))).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = sender
                .send(Err(io::ErrorKind::ConnectionReset.into()))
                .await;
        }
    });
    receiver
}
