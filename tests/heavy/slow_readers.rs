//! Clients that read long answers slowly get the whole of them; those that read nothing are closed
//! after half a minute, and hold no memory any longer.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::raw::call_of;
use crate::support::{App, tokens};

/// How long nothing may be read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Calls that a client sends at once; the kernel holds the first answers.
const CALLS: usize = 16;

/// An app in whose voice channel a hundred messages stand that are as long as can be.
async fn app() -> App {
    let app = App::start().await;
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        for _ in 0..100 {
            world.post(VOICE, ALICE, &"\u{1f980}".repeat(1_000));
        }
    });
    app
}

/// A connection with a small window, on which all the calls have been sent.
async fn asked(app: &App) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let params = json!({"channel_id": VOICE, "limit": 100});
    let body = json!({"method": "get_messages", "params": params}).to_string();
    let call = call_of(&tokens::token(), "slow", &body);
    stream
        .write_all(call.repeat(CALLS).as_bytes())
        .await
        .unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_gets_all_and_who_reads_nothing_is_closed() {
    if !crate::wanted() {
        return;
    }
    let app = app().await;
    let slow = async {
        let (mut stream, began) = (asked(&app).await, Instant::now());
        let (mut read, mut answers, mut tail) = (0, 0, Vec::new());
        let mut chunk = vec![0; 256 << 10];
        while answers < CALLS {
            let now = stream.read(&mut chunk).await.unwrap();
            assert!(now > 0, "closed after {answers} answers and {read} bytes");
            read += now;
            tail.extend_from_slice(&chunk[..now]);
            let text = String::from_utf8_lossy(&tail);
            answers += text.matches("HTTP/1.1 200 OK\r\n").count();
            let keep = tail.len().min(16);
            tail.drain(..tail.len() - keep);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (read, began.elapsed())
    };
    let silent = async {
        let (mut stream, began) = (asked(&app).await, Instant::now());
        // Nothing is read; that the other side has gone, only the next byte of ours finds out.
        tokio::time::sleep(PATIENCE - Duration::from_secs(5)).await;
        stream.write_all(b"\r\n").await.unwrap();
        while stream.write_all(b"\r\n").await.is_ok() {
            let took = began.elapsed();
            assert!(took < PATIENCE + Duration::from_secs(10), "{took:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        began.elapsed()
    };
    let ((read, slowly), closed) = tokio::join!(slow, silent);
    println!(
        "slow readers: {read} bytes of {CALLS} answers in {slowly:.1?}; who read nothing was closed after {closed:.1?}"
    );
    assert!(slowly > Duration::from_secs(6), "not slow: {slowly:?}");
}
