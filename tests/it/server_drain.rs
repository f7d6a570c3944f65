//! How a server stops: calls in flight are finished, answered and recorded, nobody else is waited
//! for, and the process is gone in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, On, StandIn};
use crate::support::process::Process;
use crate::support::raw::{HALF_HEAD, HEALTH, Raw, call, call_of};
use crate::support::served::{RELOADED, Server};
use crate::support::{tokens, until};

/// What the log says when no connection is accepted any more.
const STOPPING: &str = "shutting down; a second signal ends at once";

/// Clients whose calls are in flight.
async fn callers(server: &Server, count: usize) -> Vec<Raw> {
    let before = server.discord.requests().len();
    let mut callers = Vec::new();
    for at in 0..count {
        let mut client = Raw::open(&server.process.url).await;
        client.send(&call(&format!("call-{at}"))).await;
        callers.push(client);
    }
    until("all calls are in flight", || {
        server.discord.requests().len() == before + count
    })
    .await;
    callers
}

/// A client whose message is being sent.
async fn sender(server: &Server, id: &str) -> Raw {
    let before = server.discord.requests().len();
    let params = json!({"channel_id": GENERAL, "message": "bye"});
    let body = json!({"method": "send_message", "params": params}).to_string();
    let mut client = Raw::open(&server.process.url).await;
    client.send(&call_of(&tokens::token(), id, &body)).await;
    until("it is in flight", || {
        server.discord.requests().len() > before
    })
    .await;
    client
}

/// A client of every kind that keeps a server waiting.
async fn waiting(server: &Server) -> Vec<Raw> {
    let url = &server.process.url;
    let mut half_head = Raw::open(url).await;
    half_head.send(HALF_HEAD).await;
    let mut half_body = Raw::open(url).await;
    half_body.half_body().await;
    let mut idle = Raw::open(url).await;
    assert_eq!(idle.ask(HEALTH).await.status, 200);
    vec![Raw::open(url).await, half_head, half_body, idle]
}

fn outcomes(count: usize, status: &str) -> BTreeMap<String, String> {
    let calls = (0..count).map(|at| (format!("call-{at}"), status.to_owned()));
    calls.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_in_flight_and_waits_for_nobody_else() {
    let mut server = Server::start().await;
    let slow = Fault::Delay(Duration::from_millis(1500));
    server.discord.fault(On::Any, 4, slow);
    let waiting = waiting(&server).await;
    let callers = callers(&server, 4).await;
    let began = Instant::now();
    let (status, output) = server.stop();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{output}");
    // DRAIN_TIMEOUT is 10 s, and a half-sent request could take as long.
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(server.outcomes(), outcomes(4, "ok"));
    for mut client in callers {
        let answer = client.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(client.rest().await, "");
    }
    for mut client in waiting {
        assert_eq!(client.rest().await, "");
    }
}

/// A call whose client hung up is finished as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_calls_whose_clients_have_gone() {
    let mut server = Server::start().await;
    let slow = Fault::DelayAfter(Duration::from_millis(700));
    server.discord.fault(On::Any, 1, slow);
    let client = sender(&server, "call-0").await;
    drop(client);
    let (status, output) = server.stop();
    assert_eq!(status.code(), Some(0), "{output}");
    assert_eq!(server.outcomes(), outcomes(1, "ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_stop_serves_on_while_readyz_fails_for_whoever_connects() {
    let mut server = Server::with(&[("DRAIN_DELAY", "1500ms")], |_| {}).await;
    let url = server.process.url.clone();
    let ready = "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut kept = Raw::open(&url).await;
    assert_eq!(kept.ask(ready).await.status, 200);
    let began = Instant::now();
    server.process.signal("TERM");
    server.says("still accepting", 1).await;
    let answer = Raw::open(&url).await.ask(ready).await;
    assert_eq!(answer.status, 503);
    let (_, body) = answer.text.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let failing = json!({"status": "unavailable", "failing": ["draining"]});
    assert_eq!(body, failing);
    assert_eq!(kept.ask(ready).await.status, 503);
    assert_eq!(Raw::open(&url).await.ask(HEALTH).await.status, 200);
    let call = Raw::open(&url).await.ask(&call("call-0")).await;
    assert_eq!(call.status, 200, "{}", call.text);
    assert!(!server.process.output().contains(STOPPING));
    let (status, output) = server.process.wait();
    assert_eq!(status.code(), Some(0), "{output}");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(output.contains(STOPPING), "{output}");
    assert_eq!(server.outcomes(), outcomes(1, "ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once_whatever_goes_on() {
    for (delay, said) in [("", STOPPING), ("30s", "still accepting")] {
        for signal in ["TERM", "INT"] {
            let mut server = Server::with(&[("DRAIN_DELAY", delay)], |_| {}).await;
            server.discord.fault(On::Any, 1, Fault::Hang);
            let mut callers = callers(&server, 1).await;
            let began = Instant::now();
            server.process.signal(signal);
            server.says(said, 1).await;
            let (status, output) = server.stop();
            let took = began.elapsed();
            assert_eq!(status.code(), Some(0), "{output}");
            assert!(took < Duration::from_secs(3), "{took:?}");
            assert!(output.contains("ended at once"), "{output}");
            callers[0].rest().await;
            // What was cut off is recorded.
            assert_eq!(server.outcomes(), outcomes(1, "overloaded"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_over_when_the_drain_time_is_and_what_was_cut_off_is_recorded() {
    let mut server = Server::with(&[("DRAIN_TIMEOUT", "1s")], |_| {}).await;
    server.discord.fault(On::Any, 3, Fault::Hang);
    let mut cut_off = callers(&server, 1).await;
    cut_off.push(sender(&server, "call-1").await);
    let began = Instant::now();
    let (status, output) = server.stop();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    let said = "connections were still open when the drain time ended";
    assert!(output.contains(said), "{output}");
    // A proxy may send the read to another instance; what became of a message is not known.
    let answer = cut_off[0].answer().await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text.contains("\r\nretry-after: 1\r\n"),
        "{}",
        answer.text
    );
    let error = r#""error":{"code":"overloaded","message":"The server is shutting down; the call was cut off and changed nothing","retry_after":1.0}"#;
    assert!(answer.text.contains(error), "{}", answer.text);
    assert_eq!(cut_off[1].rest().await, "");
    // A read is over; what became of a message, only the next start can say that nobody knows.
    let mut expected = outcomes(1, "overloaded");
    assert_eq!(server.outcomes(), expected);
    let base = server.discord.base();
    let _next = Process::start(server.dir(), &[("DISCORD_API_BASE", &base)]);
    expected.insert("call-1".to_owned(), "unknown".to_owned());
    assert_eq!(server.outcomes(), expected);
}

/// What `rotate-keys` and logrotate send is a reload on a terminal, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_is_a_reload_until_the_terminal_is_gone_and_then_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let discord = StandIn::start().await;
    let slow = Fault::Delay(Duration::from_millis(700));
    discord.fault(On::Any, 1, slow);
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).unwrap();
    unlockpt(&terminal).unwrap();
    let other_end = ioctl_tiocgptpeer(&terminal, flags).unwrap();
    let base = discord.base();
    let variables = [("DISCORD_API_BASE", &*base)];
    let mut process = Process::start_on(other_end.into(), dir.path(), &variables);
    let mut client = Raw::open(&process.url).await;
    assert_eq!(client.ask(HEALTH).await.status, 200);
    process.signal("HUP");
    until("it is told of", || process.output().contains(RELOADED)).await;
    assert_eq!(client.ask(HEALTH).await.status, 200);
    client.send(&call("call-0")).await;
    until("it is in flight", || discord.requests().len() == 1).await;
    drop(terminal);
    process.signal("HUP");
    // The call is finished first.
    assert_eq!(client.answer().await.status, 200);
    let (status, output) = process.wait();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("the terminal is gone"), "{output}");
    assert_eq!(output.matches(RELOADED).count(), 1, "{output}");
}
