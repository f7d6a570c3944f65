//! A provider that is down, slow, broken or hostile: the keys that were there stay good, nobody new
//! comes in, nothing waits longer than three seconds, and it needs no restart when it is well again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::provider::{
    ISSUER, Provider, Reply, claims, is_let_in, key, provoke_fetch, until_let_in,
};
use crate::support::served::{RELOADED, Server};
use crate::support::{tokens, until};

const ALWAYS: (&str, &str) = ("JWT_JWKS_COOLDOWN", "1ms");
/// The most bytes of a set.
const LIMIT: usize = 256 << 10;

/// What the provider would have to say to be believed.
fn good() -> Reply {
    Reply::set([key(1).jwk()])
}

/// The good set, and so much white space that it has this many bytes.
fn padded(bytes: usize) -> String {
    let text = json!({"keys": [key(1).jwk()]}).to_string();
    let padding = " ".repeat(bytes - text.len());
    text + &padding
}

/// The new key among so many others that there are this many.
fn crowd(count: usize) -> Vec<Value> {
    let others = (1..count).map(|at| key(2).jwk_with(json!({"kid": format!("other-{at}")})));
    others.chain([key(1).jwk()]).collect()
}

fn failures() -> Vec<(String, Reply)> {
    let set = json!({"keys": [key(1).jwk()]}).to_string();
    let statuses = [
        201, 202, 203, 204, 206, 304, 400, 401, 403, 404, 429, 500, 502, 503,
    ];
    let statuses = statuses.map(|status| (format!("status {status}"), good().status(status)));
    let redirects = [301, 302, 303, 307, 308].map(|status| {
        let reply = good().status(status).header("location", "/elsewhere");
        (format!("redirect {status}"), reply)
    });
    let html =
        Reply::text("<!doctype html><title>Sign in</title>").header("content-type", "text/html");
    let cut = &set[..set.len() - 1];
    let texts = [
        "",
        " ",
        "null",
        "true",
        "7",
        "\"keys\"",
        "[]",
        "{}",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":"none"}"#,
        r#"{"Keys":[]}"#,
        cut,
        &format!("{set}x"),
        &format!("{set}{set}"),
        &format!("[{set}]"),
        // A list of the values of a set, which a careless reader takes for the set.
        &format!("[[{}]]", key(1).jwk()),
        &format!("callback({set})"),
    ]
    .map(|text| (format!("text {text}"), Reply::text(text)));
    let piece = Duration::ZERO;
    let large = [
        ("a byte too many", Reply::text(padded(LIMIT + 1))),
        (
            "a byte too many in pieces",
            Reply::text(padded(LIMIT + 1)).in_pieces(16 << 10, piece),
        ),
        ("without end", Reply::endless()),
        ("a key too many", Reply::set(crowd(101))),
    ]
    .map(|(what, reply)| (what.to_owned(), reply));
    let html = [("HTML".to_owned(), html)];
    statuses
        .into_iter()
        .chain(redirects)
        .chain(html)
        .chain(texts)
        .chain(large)
        .collect()
}

#[tokio::test]
async fn whatever_the_provider_answers_wrong_the_keys_that_were_there_stay_and_no_others_come() {
    let provider = Provider::start().await;
    provider.reply_elsewhere(good());
    let app = provider.app(&[ALWAYS]).await;
    let mut wrong = Vec::new();
    for (what, reply) in failures() {
        provider.reply(reply);
        provoke_fetch(&app, &provider).await;
        let stayed = is_let_in(&app, &key(0).token()).await;
        let came = is_let_in(&app, &key(1).token()).await;
        if came || !stayed {
            wrong.push(what);
            // The next one finds the first key again.
            provider.publish([key(0).jwk()]);
            provoke_fetch(&app, &provider).await;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(is_let_in(&app, &tokens::token()).await);
    // No redirect was followed.
    let targets = provider.asked().into_iter().map(|asked| asked.target);
    assert!(targets.into_iter().all(|target| target == "/jwks.json"));
    provider.reply(good());
    until_let_in(&app, &key(1).token(), true).await;
    assert!(!is_let_in(&app, &key(0).token()).await);
}

#[tokio::test]
async fn what_is_within_the_bounds_is_taken_in_whatever_form_it_comes() {
    let set = || json!({"keys": [key(1).jwk()]}).to_string();
    let more = json!({"keys": [key(1).jwk()], "issuer": "x", "more": [1, {"deep": null}]});
    for (what, reply) in [
        (
            "another JSON type",
            good().header("content-type", "application/jwk-set+json"),
        ),
        (
            "a charset",
            good().header("content-type", "application/json; charset=utf-8"),
        ),
        ("in pieces", Reply::text(set()).in_pieces(7, Duration::ZERO)),
        ("other members", Reply::text(more.to_string())),
        ("white space", Reply::text(format!("\r\n\t {}\n", set()))),
        ("as large as allowed", Reply::text(padded(LIMIT))),
        ("as many as allowed", Reply::set(crowd(100))),
    ] {
        let provider = Provider::start().await;
        provider.reply(reply);
        let app = provider.app(&[]).await;
        assert!(is_let_in(&app, &key(1).token()).await, "{what}");
    }
}

#[tokio::test]
async fn a_good_answer_without_a_usable_key_leaves_none() {
    for set in [vec![], vec![key(1).jwk_with(json!({"use": "enc"}))]] {
        let provider = Provider::start().await;
        let app = provider.app(&[ALWAYS]).await;
        provider.publish(set);
        provoke_fetch(&app, &provider).await;
        assert!(!is_let_in(&app, &key(0).token()).await);
        assert!(is_let_in(&app, &tokens::token()).await);
    }
}

/// Three seconds bound the whole, however lively the provider seems meanwhile.
#[tokio::test]
async fn a_provider_that_does_not_come_to_its_end_is_given_up_after_three_seconds() {
    let slow = Duration::from_millis(100);
    let runs = [None, Some(good().in_pieces(1, slow))].map(async |reply| {
        let provider = Provider::start().await;
        let app = provider.app(&[ALWAYS]).await;
        match reply {
            None => provider.hold(),
            Some(reply) => provider.reply(reply),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        let began = Instant::now();
        assert!(!is_let_in(&app, &key(1).token()).await);
        let took = began.elapsed();
        let seconds = Duration::from_millis(2500)..Duration::from_secs(6);
        assert!(seconds.contains(&took), "{took:?}");
        assert!(is_let_in(&app, &key(0).token()).await);
        provider.release();
        provider.reply(good());
        until_let_in(&app, &key(1).token(), true).await;
    });
    join_all(runs).await;
}

#[tokio::test]
async fn keys_stay_good_while_the_provider_cannot_be_reached() {
    let provider = Provider::start().await;
    let app = provider.app(&[ALWAYS, ("JWT_JWKS_MAX_AGE", "1ms")]).await;
    provider.publish([key(1).jwk()]);
    provider.go_down().await;
    for _ in 0..10 {
        assert!(is_let_in(&app, &key(0).token()).await);
        assert!(!is_let_in(&app, &key(1).token()).await);
    }
    assert_eq!(provider.fetches(), 1);
    provider.up();
    until_let_in(&app, &key(1).token(), true).await;
}

#[tokio::test]
async fn a_server_that_starts_before_its_provider_serves_ours_and_finds_it_later() {
    let provider = Provider::down();
    let app = provider.app(&[ALWAYS]).await;
    assert!(is_let_in(&app, &tokens::token()).await);
    assert!(!is_let_in(&app, &key(0).token()).await);
    assert_eq!(app.get("/readyz", None).await.status, 200);
    provider.up();
    until_let_in(&app, &key(0).token(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_with_the_provider_is_told_in_the_log_and_never_what_it_said() {
    let provider = Provider::start().await;
    provider.reply(Reply::text("the-words-of-the-provider").status(500));
    let url = provider.url();
    let variables = [("JWT_JWKS_URL", &*url), ("JWT_JWKS_ISSUER", ISSUER)];
    let loud = [&variables[..], &[ALWAYS, ("RUST_LOG", "trace")]].concat();
    let server = Server::with(&loud, |_| {}).await;
    assert!(server.is_let_in(&tokens::token()).await);
    let theirs = key(0).token();
    assert!(!server.is_let_in(&theirs).await);
    let broken = key(0).jwk_with(json!({"n": "the-modulus-of-the-provider"}));
    provider.publish([broken]);
    assert!(!server.is_let_in(&key(1).sign("x", &claims())).await);
    let (_, output) = server.process.stop();
    let told = |text: &str| {
        let mut lines = output.lines();
        lines.any(|line| line.contains(" WARN ") && line.contains(text))
    };
    assert!(
        told("the identity provider's keys could not be fetched"),
        "{output}"
    );
    assert!(
        told("a key of the identity provider is not used"),
        "{output}"
    );
    for words in [
        "the-words-of-the-provider",
        "the-modulus-of-the-provider",
        &theirs,
    ] {
        assert!(!output.contains(words), "{words}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_start_waits_for_the_provider_signals_mean_what_they_always_mean() {
    let provider = Provider::start().await;
    provider.hold();
    let url = provider.url();
    let variables = [("JWT_JWKS_URL", &*url), ("JWT_JWKS_ISSUER", ISSUER)];
    let server = Server::starting(&variables, |_| {}).await;
    until("the provider is asked", || provider.fetches() == 1).await;
    server.hang_up(RELOADED, 1).await;
    provider.release();
    assert!(server.is_let_in(&key(0).token()).await);
    assert_eq!(provider.fetches(), 1);
}
