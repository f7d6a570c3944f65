//! One good token with one bit flipped, or cut anywhere: never let in, and never another token.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use discord_mcp_server::auth::{
    Keys, OperatorLimits, Rejection, Revocations, Rules, Verifier, bearer,
};
use tempfile::TempDir;

use crate::support::discord::seed::BOT_TOKEN;
use crate::support::{App, jwe, tokens};

/// The server's own way from the bytes of the header's value to a principal, without the network.
struct Way {
    verifier: Verifier,
    _dir: TempDir,
}

impl Way {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        tokens::install_keys(dir.path());
        let keys = Arc::new(Keys::load_or_create(dir.path()).unwrap());
        let rules = Rules {
            issuer: "discord-mcp-server".to_owned(),
            audience: "discord-mcp-server".to_owned(),
            max_lifetime: Duration::from_secs(86_400),
            require_sealed: false,
            operator: OperatorLimits::default(),
            revocations: Revocations::open(&dir.path().join("revoked.jsonl")).unwrap(),
            provider: None,
        };
        Self {
            verifier: Verifier::new(keys, rules),
            _dir: dir,
        }
    }

    /// Whether this token is let in; none where HTTP does not carry such bytes.
    async fn lets_in(&self, token: &[u8]) -> Option<bool> {
        let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok()?;
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        let bearer: Result<&str, Rejection> = bearer(&headers);
        Some(match bearer {
            Ok(bearer) => self.verifier.verify(bearer).await.is_ok(),
            Err(_) => false,
        })
    }
}

/// Both kinds of token.
fn good() -> [(&'static str, String); 2] {
    let sealed = jwe::token(jwe::sealed(BOT_TOKEN));
    [("readable", tokens::token()), ("sealed", sealed)]
}

/// Every text that differs from this one in one bit.
fn flips(token: &str) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..token.len() * 8).map(|bit| {
        let mut flipped = token.as_bytes().to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit, flipped)
    })
}

#[tokio::test]
async fn no_flip_of_one_bit_leaves_a_token() {
    let way = Way::open();
    for (kind, token) in good() {
        assert_eq!(way.lets_in(token.as_bytes()).await, Some(true), "{kind}");
        let (mut looked_at, mut not_carried) = (0, 0);
        for (bit, flipped) in flips(&token) {
            match way.lets_in(&flipped).await {
                Some(true) => panic!(
                    "{kind}: bit {bit} of {} makes no difference",
                    token.len() * 8
                ),
                Some(false) => looked_at += 1,
                None => not_carried += 1,
            }
        }
        assert_eq!(looked_at + not_carried, token.len() * 8);
        // Control characters alone are not carried by HTTP: most flips got as far as the verifier.
        assert!(looked_at > token.len() * 6, "{looked_at}");
        eprintln!("{kind}: {looked_at} flips refused, {not_carried} not carried by HTTP");
    }
}

#[tokio::test]
async fn no_part_of_a_token_is_a_token() {
    let way = Way::open();
    for (kind, token) in good() {
        let bytes = token.as_bytes();
        for at in 0..bytes.len() {
            assert_eq!(
                way.lets_in(&bytes[..at]).await,
                Some(false),
                "{kind}: the first {at}"
            );
            if at > 0 {
                assert_eq!(
                    way.lets_in(&bytes[at..]).await,
                    Some(false),
                    "{kind}: from {at} on"
                );
                let without = [&bytes[..at], &bytes[at + 1..]].concat();
                assert_eq!(
                    way.lets_in(&without).await,
                    Some(false),
                    "{kind}: without {at}"
                );
            }
        }
    }
}

/// The last character of a signature of 256 bytes has four bits that belong to no byte. A reader that
/// does not look at them would take sixteen texts for one token.
#[tokio::test]
async fn the_bits_that_belong_to_no_byte_are_looked_at() {
    let way = Way::open();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (kind, token) in good() {
        // In each part: of four characters none is free, of three two bits, of two four.
        let mut end = 0;
        for part in token.split('.') {
            end += part.len();
            let free = [0, 0, 4, 2][part.len() % 4];
            let value = alphabet
                .iter()
                .position(|sign| *sign == token.as_bytes()[end - 1]);
            let value = value.unwrap();
            assert_eq!(
                value % (1 << free),
                0,
                "{kind}: what was encoded says nothing in them"
            );
            for other in 1..1 << free {
                let mut text = token.clone().into_bytes();
                text[end - 1] = alphabet[value + other];
                assert_eq!(
                    way.lets_in(&text).await,
                    Some(false),
                    "{kind}: {other} at {end}"
                );
            }
            end += 1;
        }
    }
}

#[tokio::test]
async fn over_http_it_is_the_same() {
    let app = App::start().await;
    for (kind, token) in good() {
        // Every bit of a place is among them, and places in all three parts.
        for (bit, flipped) in flips(&token).step_by(97) {
            let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", &flipped[..]].concat()) else {
                continue;
            };
            let request = app.client.get(format!("{}/mcp/v1/tools", app.url));
            let answer = App::answer(request.header("authorization", value)).await;
            let got = (answer.status, answer.code());
            assert_eq!(got, (401, "invalid_token"), "{kind}: bit {bit}");
        }
        for at in (0..token.len()).step_by(53) {
            let answer = app.get("/mcp/v1/tools", Some(&token[..at])).await;
            let got = (answer.status, answer.code());
            assert_eq!(got, (401, "invalid_token"), "{kind}: the first {at}");
        }
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
    assert!(app.discord.requests().is_empty());
}
