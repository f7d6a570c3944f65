//! What the provider answers.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

/// What the provider answers.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Whole(String),
    /// The text in pieces, with a pause before each and no length announced.
    Pieces(String, usize, Duration),
    /// One space after the other, for ever.
    Endless,
}

impl Reply {
    /// A set of these keys.
    pub fn set(keys: impl IntoIterator<Item = Value>) -> Self {
        let keys: Vec<_> = keys.into_iter().collect();
        Self::text(json!({ "keys": keys }).to_string())
    }

    /// This text, said to be JSON.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            content: Content::Whole(text.into()),
        }
    }

    /// Spaces without end.
    pub fn endless() -> Self {
        Self {
            content: Content::Endless,
            ..Self::text("")
        }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this header, in place of one of the same name.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// In pieces of this many bytes, with a pause before each.
    pub fn in_pieces(mut self, bytes: usize, pause: Duration) -> Self {
        if let Content::Whole(text) = self.content {
            self.content = Content::Pieces(text, bytes, pause);
        }
        self
    }

    pub(super) fn response(self) -> Response {
        // Without kept connections, one that is taken away is gone at once.
        let mut response = Response::builder()
            .status(self.status)
            .header("connection", "close");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = match self.content {
            Content::Whole(text) => Body::from(text),
            Content::Pieces(text, bytes, pause) => {
                let pieces: Vec<_> = text
                    .as_bytes()
                    .chunks(bytes)
                    .map(Bytes::copy_from_slice)
                    .collect();
                Body::from_stream(stream::unfold(
                    pieces.into_iter(),
                    move |mut rest| async move {
                        tokio::time::sleep(pause).await;
                        let piece = rest.next()?;
                        Some((Ok::<_, std::io::Error>(piece), rest))
                    },
                ))
            }
            Content::Endless => Body::from_stream(stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1 << 10]))
            })),
        };
        response.body(body).unwrap()
    }
}
