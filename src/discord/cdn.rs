//! Attachments, fetched from Discord's CDN: the only requests that leave for any other host than
//! that of the API. They carry no token, follow no redirect, use no proxy and keep no cookie, and
//! their links are held against one rule: a link stands in a message, and so may be anybody's.

mod address;
mod link;
mod media;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use reqwest::{Client, Url};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

pub(crate) use address::is_public;
use address::{NotPublic, PublicOnly};
use media::{essence, image, image_of, text_of};

use super::model::Attachment;
use super::text::visible;

/// Where attachments are, unless the operator says otherwise.
pub(crate) const PUBLIC_CDN: &str = "https://cdn.discordapp.com";
/// How long one attachment may take, from the name look-up to the last byte.
const TIME: Duration = Duration::from_secs(10);
/// How many calls fetch at a time: each may hold several megabytes.
const TURNS: usize = 16;

/// A client of the CDN, which knows no secret.
pub struct Cdn {
    client: Client,
    /// Where all is fetched from in place of the host that a link names.
    base: Option<Url>,
    time: Duration,
    turns: Semaphore,
}

/// A picture.
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A text, without what a reader would not see.
pub struct Text {
    /// The text.
    pub text: String,
    /// Whether there was more of it.
    pub cut: bool,
}

/// Why an attachment was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfetched {
    /// Its link leads elsewhere than to an attachment at Discord's CDN.
    BadLink,
    /// The CDN's name leads to an address that is not of the public internet.
    PrivateAddress,
    /// Nothing answered.
    Unreachable,
    /// The answer was not a 200: a redirect, for one, or a link that has expired.
    Refused,
    /// The answer ended before it was whole.
    BrokenOff,
    /// It took too long.
    TooLate,
    /// It is larger than one file may be.
    TooLarge,
    /// There is more of it than the message says.
    WrongSize,
    /// It is not what the message says, or what its sender says.
    WrongType,
    /// Other files have used up what all may have together.
    NoRoom,
}

impl Cdn {
    /// A client that fetches from `base`, an origin. For the public one, links are followed to the
    /// host that they name. `None` when TLS is not available, or `base` is no address.
    pub fn new(base: &str) -> Option<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(PublicOnly))
            .build()
            .ok()?;
        let base = Url::parse(base).ok()?;
        Some(Self {
            client,
            base: Some(base).filter(|base| base.origin().ascii_serialization() != PUBLIC_CDN),
            time: TIME,
            turns: Semaphore::new(TURNS),
        })
    }

    /// Waits until a call may fetch. It holds its turn until it drops it.
    ///
    /// # Errors
    /// `TooLate` where that does not come before `deadline`.
    pub async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Unfetched> {
        match timeout_at(deadline, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Unfetched::TooLate),
        }
    }

    /// Fetches a picture of at most `limit` bytes.
    ///
    /// # Errors
    /// Why there is none to show.
    pub async fn image(
        &self,
        file: &Attachment,
        limit: usize,
        deadline: Instant,
    ) -> Result<Image, Unfetched> {
        let accept = |kind: &str| image(kind).is_some();
        let fetched = self.fetch(file, limit, accept, deadline).await?;
        if fetched.cut {
            return Err(Unfetched::TooLarge);
        }
        let media_type = image_of(&fetched.bytes).ok_or(Unfetched::WrongType)?;
        if image(&fetched.kind) != Some(media_type) {
            return Err(Unfetched::WrongType);
        }
        Ok(Image {
            media_type,
            bytes: fetched.bytes,
        })
    }

    /// Fetches at most the first `limit` bytes of a text.
    ///
    /// # Errors
    /// Why there is none to show.
    pub async fn text(
        &self,
        file: &Attachment,
        limit: usize,
        deadline: Instant,
    ) -> Result<Text, Unfetched> {
        let accept = |kind: &str| file.may_be_served_as(kind);
        let fetched = self.fetch(file, limit, accept, deadline).await?;
        let text = text_of(&fetched.bytes, fetched.cut).ok_or(Unfetched::WrongType)?;
        Ok(Text {
            text: visible(text),
            cut: fetched.cut,
        })
    }

    async fn fetch(
        &self,
        file: &Attachment,
        limit: usize,
        accept: impl Fn(&str) -> bool,
        deadline: Instant,
    ) -> Result<Fetched, Unfetched> {
        let deadline = deadline.min(Instant::now() + self.time);
        timeout_at(deadline, self.read(file, limit, accept))
            .await
            .unwrap_or(Err(Unfetched::TooLate))
    }

    /// Reads as much as `limit` allows, and never more than the message says that there is.
    async fn read(
        &self,
        file: &Attachment,
        limit: usize,
        accept: impl Fn(&str) -> bool,
    ) -> Result<Fetched, Unfetched> {
        let link = link::attachment(&file.url).ok_or(Unfetched::BadLink)?;
        let request = self
            .client
            .get(self.target(link))
            .header(header::USER_AGENT, serenity::constants::USER_AGENT);
        let mut answer = request.send().await.map_err(|error| unanswered(&error))?;
        if answer.status().as_u16() != 200 {
            return Err(Unfetched::Refused);
        }
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = essence(kind).to_owned();
        if !accept(&kind) {
            return Err(Unfetched::WrongType);
        }
        let said = file
            .size
            .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let most = said.map_or(limit, |said| said.min(limit));
        let mut bytes = Vec::new();
        while let Some(mut chunk) = (answer.chunk().await).map_err(|_| Unfetched::BrokenOff)? {
            let room = most.saturating_sub(bytes.len());
            let cut = chunk.len() > room;
            if cut && said.is_some_and(|said| said <= limit) {
                return Err(Unfetched::WrongSize);
            }
            chunk.truncate(room);
            bytes.extend_from_slice(&chunk);
            if cut {
                return Ok(Fetched { kind, bytes, cut });
            }
        }
        Ok(Fetched {
            kind,
            bytes,
            cut: false,
        })
    }

    /// Where a good link is fetched.
    fn target(&self, link: Url) -> Url {
        match self.base.clone() {
            None => link,
            Some(mut base) => {
                base.set_path(link.path());
                base.set_query(link.query());
                base
            }
        }
    }
}

/// What was fetched: its type as the CDN says it, its bytes, and whether there were more of them.
struct Fetched {
    kind: String,
    bytes: Vec<u8>,
    cut: bool,
}

/// Why there was no answer.
fn unanswered(error: &reqwest::Error) -> Unfetched {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return Unfetched::PrivateAddress;
        }
        cause = error.source();
    }
    Unfetched::Unreachable
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;

    fn picture() -> Attachment {
        let url = "https://cdn.discordapp.com/attachments/1/2/buoy.png";
        let form = format!(r#"{{"id":"2","content_type":"image/png","url":"{url}"}}"#);
        serde_json::from_str(&form).unwrap()
    }

    #[tokio::test]
    async fn an_attachment_that_takes_too_long_is_given_up_long_before_the_call_is() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut cdn = Cdn::new(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        assert_eq!(cdn.time, Duration::from_secs(10));
        cdn.time = Duration::from_millis(50);
        let started = Instant::now();
        let deadline = started + Duration::from_secs(60);
        let fetched = cdn.image(&picture(), 1 << 20, deadline).await;
        assert_eq!(fetched.err(), Some(Unfetched::TooLate));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_link_is_followed_to_its_own_host_unless_another_is_set() {
        let link = "https://media.discordapp.net/attachments/1/2/a%20b.png?ex=1&hm=%2f";
        for (base, target) in [
            (PUBLIC_CDN, link),
            ("https://cdn.discordapp.com:443/", link),
            (
                "http://127.0.0.1:9000",
                "http://127.0.0.1:9000/attachments/1/2/a%20b.png?ex=1&hm=%2f",
            ),
        ] {
            let url = link::attachment(link).unwrap();
            assert_eq!(Cdn::new(base).unwrap().target(url).as_str(), target);
        }
    }
}
