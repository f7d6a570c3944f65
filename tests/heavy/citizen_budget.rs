//! Discord blocks an address after ten thousand requests in ten minutes that it had to refuse. After
//! five thousand this server sends nothing more, for nobody, and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::bots::{call, recruit, spread};
use crate::callers::client;
use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, On, StandIn};
use crate::support::process::Process;
use crate::support::{App, tokens};

const WARNED: usize = 1000;
const STOPPED: usize = 5000;
const BOTS: usize = 150;
const WORKERS: usize = 48;
/// Limits that others used up do not count.
const SHARED: usize = 500;

const WARNING: &str = "Discord had to refuse many requests in ten minutes";
const STOP: &str = "nothing is sent to Discord for a while";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_5000_refusals_nothing_is_sent() {
    if !crate::wanted() {
        return;
    }
    let (began, discord) = (Instant::now(), StandIn::start().await);
    let bots = Arc::new(recruit(&discord, BOTS));
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let variables = [
        ("DISCORD_API_BASE", base.as_str()),
        ("RATE_LIMIT_PER_MINUTE", "100000"),
        ("RATE_LIMIT_BURST", "100000"),
        ("RUST_LOG", "warn"),
    ];
    let server = Process::start(dir.path(), &variables);
    let http = client();
    let storm = |calls: usize| {
        let (http, url, bots) = (http.clone(), server.url.clone(), Arc::clone(&bots));
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&refused);
        async move {
            spread(WORKERS, calls, move |at| {
                let (http, url, bots) = (http.clone(), url.clone(), Arc::clone(&bots));
                let counted = Arc::clone(&counted);
                async move {
                    let params = json!({"channel_id": GENERAL});
                    let bearer = &bots[at % bots.len()].bearer;
                    let reply = call(&http, &url, bearer, "get_messages", params).await;
                    let overloaded = reply.word() == "overloaded";
                    counted.fetch_add(usize::from(overloaded), Ordering::Relaxed);
                }
            })
            .await;
            refused.load(Ordering::Relaxed)
        }
    };
    let ready = async || {
        let answer = App::answer(http.get(format!("{}/readyz", server.url))).await;
        (answer.status, answer.body["failing"].clone())
    };

    // A second try of each of these works, so each call is one shared 429.
    let limited = Fault::RateLimited {
        retry_after: 0.01,
        scope: "shared",
    };
    discord.fault(On::Any, SHARED, limited);
    storm(SHARED).await;
    assert!(!server.output().contains(WARNING));

    // A refusal that is about nothing in particular, so that no memory of it holds back the next.
    discord.clear_faults();
    discord.clear_requests();
    discord.weather(|_| {
        Some(Fault::Error {
            status: 403,
            code: 20,
            message: "As Discord words it",
        })
    });
    assert_eq!(storm(WARNED - 1).await, 0);
    assert!(!server.output().contains(WARNING), "too early");
    assert_eq!(storm(1).await, 0);
    crate::support::until("the operator is warned", || {
        server.output().contains(WARNING)
    })
    .await;
    assert_eq!(storm(STOPPED - WARNED - 1).await, 0);
    assert_eq!(discord.requests().len(), STOPPED - 1);
    assert_eq!(ready().await.0, 200);

    let held_back = storm(200).await;
    let sent = discord.requests().len();
    println!(
        "budget: {sent} requests refused in {:.1?}; {held_back} of the last 200 calls sent nothing",
        began.elapsed()
    );
    assert!((STOPPED..STOPPED + WORKERS).contains(&sent), "{sent}");
    assert_eq!(held_back, STOPPED + 199 - sent);
    let output = server.output();
    assert_eq!(output.matches(WARNING).count(), 1);
    assert!(output.contains(STOP), "{output}");
    assert_eq!(ready().await, (503, json!(["discord"])));

    discord.clear_faults();
    let params = json!({"channel_id": GENERAL});
    let reply = call(&http, &server.url, &bots[0].bearer, "get_messages", params).await;
    let wait = reply.body["error"]["retry_after"].as_f64().unwrap();
    let message =
        "Discord has refused too many requests of this server; it pauses so as not to be blocked";
    let error = json!({"code": "overloaded", "message": message, "retry_after": wait});
    assert_eq!(reply.body["error"], error);
    assert!((1.0..=600.0).contains(&wait), "{wait}");
    assert_eq!(discord.requests().len(), sent);
}
