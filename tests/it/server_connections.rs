//! How many connections there may be, who must go for a newer one, and what a client may leave
//! half done, and for how long.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::discord::{Fault, On};
use crate::support::raw::{HALF_HEAD, HEALTH, Raw, Reply, call, call_of};
use crate::support::{App, tokens, until};

/// A head is waited for five seconds; nobody may count on more than six.
const HALF_OPEN: Duration = Duration::from_secs(6);
/// After so long without a byte, none will come.
const MOMENT: Duration = Duration::from_millis(500);
const HEADER_BYTES: usize = 32 << 10;
const HEADERS: usize = 64;

async fn full(connections: &str) -> App {
    App::with(&[("MAX_CONNECTIONS", connections)]).await
}

/// A client that has begun to ask, and got no answer to wait for.
async fn half_head(app: &App) -> Raw {
    let mut client = Raw::open(&app.url).await;
    client.send(HALF_HEAD).await;
    client
}

async fn half_body(app: &App) -> Raw {
    let mut client = Raw::open(&app.url).await;
    client.half_body().await;
    client
}

/// A client that has had its answer and keeps its connection.
async fn idle(app: &App) -> Raw {
    let mut client = Raw::open(&app.url).await;
    assert_eq!(client.ask(HEALTH).await.status, 200);
    client
}

#[tokio::test]
async fn a_full_server_closes_who_has_waited_longest_for_a_newer_client() {
    let app = full("4").await;
    let mut waiting = vec![
        Raw::open(&app.url).await,
        half_head(&app).await,
        half_body(&app).await,
        idle(&app).await,
    ];
    for newer in 0..8 {
        // It is served, at the cost of one that waits, and of no other.
        waiting.push(idle(&app).await);
        assert_eq!(waiting.remove(0).rest().await, "", "{newer}");
        assert!(waiting.iter().all(Raw::is_open), "{newer}");
    }
}

#[tokio::test]
async fn who_asks_again_has_not_waited_long() {
    let app = full("2").await;
    let (mut first, mut second) = (idle(&app).await, idle(&app).await);
    // The kernel's clock and ours tell milliseconds apart.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(first.ask(HEALTH).await.status, 200);
    let _third = idle(&app).await;
    assert_eq!(second.rest().await, "");
    assert_eq!(first.ask(HEALTH).await.status, 200);
}

/// So connections that are kept outlive a storm of such as never come to anything.
#[tokio::test]
async fn who_never_came_to_an_answer_goes_before_who_did() {
    let app = full("2").await;
    let mut kept = idle(&app).await;
    let mut half = half_head(&app).await;
    let mut newer = idle(&app).await;
    assert_eq!(half.rest().await, "");
    assert_eq!(kept.ask(HEALTH).await.status, 200);
    assert_eq!(newer.ask(HEALTH).await.status, 200);
}

/// Nor do connections that called once keep out who needs a while to begin, as over a slow line.
#[tokio::test]
async fn who_called_once_has_at_most_half_of_a_full_server() {
    let app = full("8").await;
    let mut kept = Vec::new();
    for _ in 0..8 {
        kept.push(idle(&app).await);
    }
    let mut slow = Raw::open(&app.url).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        silent.push(Raw::open(&app.url).await);
    }
    assert_eq!(slow.ask(HEALTH).await.status, 200);
    // The older half has gone, and no more.
    for (at, mut kept) in kept.into_iter().enumerate() {
        if at < 4 {
            assert_eq!(kept.rest().await, "", "{at}");
        } else {
            assert_eq!(kept.ask(HEALTH).await.status, 200, "{at}");
        }
    }
}

#[tokio::test]
async fn a_call_in_flight_is_not_closed_for_a_newer_client_who_is_served_in_turn() {
    let app = full("4").await;
    let slow = Fault::Delay(Duration::from_millis(400));
    app.discord.fault(On::Any, 4, slow);
    let mut callers = Vec::new();
    for at in 0..4 {
        let mut client = Raw::open(&app.url).await;
        client.send(&call(&format!("call-{at}"))).await;
        callers.push(client);
    }
    until("all calls are in flight", || {
        app.discord.requests().len() == 4
    })
    .await;
    let newer = join_all((0..3).map(|_| async {
        let mut client = Raw::open(&app.url).await;
        let answer = client.ask(HEALTH).await;
        // None of the calls had to end for it before its time.
        (answer.status, !app.audit().is_empty())
    }));
    let answers = async {
        let answers = join_all(callers.iter_mut().map(Raw::answer)).await;
        answers.into_iter().map(|answer| answer.status).collect()
    };
    let (newer, answers): (_, Vec<_>) = tokio::join!(newer, answers);
    assert_eq!(answers, [200; 4]);
    assert_eq!(newer, [(200, true); 3]);
    assert_eq!(app.audit().len(), 4);
}

#[tokio::test]
async fn an_answer_that_streams_is_not_cut_for_a_newer_client() {
    let app = full("1").await;
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        for number in 0..250 {
            world.post(VOICE, ALICE, &format!("talk {number}"));
        }
    });
    // The first steps are told, and the last page takes its time.
    app.discord.fault(On::Any, 2, Fault::Headers(Vec::new()));
    let slow = Fault::Delay(Duration::from_millis(400));
    app.discord.fault(On::Any, 1, slow);
    let scan = json!({"channel_id": VOICE, "query": "submarine", "mode": "scan"});
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "search_messages", "arguments": scan, "_meta": {"progressToken": 1}},
    });
    let request = call_of(&tokens::token(), "stream", &message.to_string())
        .replace("POST /mcp/v1/tools/invoke", "POST /mcp")
        .replace(
            "host: ",
            "accept: application/json, text/event-stream\r\nconnection: close\r\n\
             mcp-protocol-version: 2025-11-25\r\nhost: ",
        );
    let mut streaming = Raw::open(&app.url).await;
    streaming.send(&request).await;
    streaming.until("200 of at most").await;
    let mut newer = Raw::open(&app.url).await;
    let (rest, health) = tokio::join!(streaming.rest(), newer.ask(HEALTH));
    assert!(rest.contains(r#""scanned":250"#), "{rest}");
    assert_eq!(health.status, 200);
}

/// Answers that are not read fill the buffers, and the server can do no more for that client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_no_answers_is_closed_for_a_newer_one() {
    let app = full("1").await;
    let list = format!(
        "GET /mcp/v1/tools HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        tokens::token()
    );
    let mut deaf = Raw::open(&app.url).await;
    // Until nothing moves any more.
    while let Ok(sent) = tokio::time::timeout(MOMENT, deaf.try_send(&list)).await {
        sent.unwrap();
    }
    assert_eq!(idle(&app).await.ask(HEALTH).await.status, 200);
}

/// Each of them is closed within its time, and none long before it.
async fn assert_closed_in_time(clients: Vec<Raw>, began: Instant) {
    for mut client in clients {
        assert_eq!(client.rest().await, "");
        let took = began.elapsed();
        assert!(took < HALF_OPEN, "{took:?}");
        assert!(took > HALF_OPEN / 2, "{took:?}");
    }
}

#[tokio::test]
async fn who_does_not_finish_a_head_or_never_begins_is_closed_within_six_seconds() {
    let app = App::start().await;
    let mut kept = idle(&app).await;
    let mut second = idle(&app).await;
    let began = Instant::now();
    second.send(HALF_HEAD).await;
    let clients = vec![Raw::open(&app.url).await, half_head(&app).await, second];
    let mut trickling = half_head(&app).await;
    let trickle = async {
        // A byte now and then buys no time.
        while trickling.try_send("x").await.is_ok() {
            let took = began.elapsed();
            assert!(took < HALF_OPEN, "{took:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(assert_closed_in_time(clients, began), trickle);
    // Who had its answer may be idle for longer.
    assert_eq!(kept.ask(HEALTH).await.status, 200);
}

/// A request with so many headers, and one of them filled up until the head has so many bytes.
fn head(headers: usize, bytes: usize) -> String {
    let mut head = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n".to_owned();
    for number in 2..headers {
        head += &format!("x-{number}: y\r\n");
    }
    head += "x-filling: ";
    let filling = bytes.saturating_sub(head.len() + 4);
    head + &"f".repeat(filling) + "\r\n\r\n"
}

#[tokio::test]
async fn heads_with_too_many_headers_or_bytes_are_refused_and_the_server_lives() {
    let app = App::start().await;
    for (headers, bytes, status) in [
        (HEADERS, 0, 200),
        (HEADERS + 1, 0, 431),
        (1000, 0, 431),
        (3, HEADER_BYTES, 200),
        (3, HEADER_BYTES + 1, 431),
        (3, 1 << 20, 431),
    ] {
        let mut client = Raw::open(&app.url).await;
        // Of a long one the server does not read the end.
        client.try_send(&head(headers, bytes)).await.ok();
        let Reply { status: got, text } = client.answer().await;
        assert_eq!(got, status, "{headers} headers, {bytes} bytes: {text}");
        if status != 200 {
            assert_eq!(client.rest().await, "");
        }
    }
    assert_eq!(idle(&app).await.ask(HEALTH).await.status, 200);
    assert!(app.audit().is_empty());
}
