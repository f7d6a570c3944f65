//! Bodies above 64 KiB: taken from those who may send files, for files, and a few at a time.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::discord::seed::GENERAL;
use crate::support::discord::{Fault, On, StandIn};
use crate::support::mcp::{LEGACY, structured};
use crate::support::operations::CREATE;
use crate::support::stdio::Stdio;
use crate::support::{Answer, App, Mcp, assert_failure, tokens};

const MIB: usize = 1 << 20;
const WITHOUT_FILES: &str = "The call is larger than 64 KiB, not counting the data of files";

fn params(size: usize) -> Value {
    let data: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    json!({"channel_id": GENERAL, "files": [{"name": "a.bin", "data": STANDARD.encode(data)}]})
}

fn body(size: usize) -> String {
    json!({"method": "send_message", "params": params(size)}).to_string()
}

/// How large the files are that have arrived.
fn arrived(discord: &StandIn) -> Vec<usize> {
    discord.with(|world| world.uploads.values().map(Vec::len).collect())
}

fn refused(text: &str) -> Value {
    json!({"code": "payload_too_large", "message": text})
}

/// A connection on which a call with this head has begun.
async fn begin(app: &App, head: &str) -> TcpStream {
    begin_as(app, "tester", head).await
}

/// The same, of this caller.
async fn begin_as(app: &App, sub: &str, head: &str) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = tokens::token_with(json!({"sub": sub}));
    let head = format!(
        "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{head}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Sends a small file until the answer has this status.
async fn until_status(app: &App, status: u16) -> Answer {
    let began = Instant::now();
    loop {
        let answer = app.post(&tokens::token(), body(64 << 10)).await;
        if answer.status == status {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn files_of_8_mib_come_through_both_doors_and_one_byte_more_does_not() {
    let app = App::start().await;
    let answer = app.post(&tokens::token(), body(8 * MIB)).await;
    assert_eq!(
        answer.result()["message"]["attachments"][0]["size"],
        8 * MIB
    );
    let answer = Mcp::modern(&app)
        .call("send_message", params(8 * MIB))
        .await;
    assert_eq!(
        structured(&answer)["message"]["attachments"][0]["size"],
        8 * MIB
    );
    let old = Mcp::legacy(&app, LEGACY[0]);
    let answer = old.call("send_message", params(100_000)).await;
    assert_eq!(
        structured(&answer)["message"]["attachments"][0]["size"],
        100_000
    );
    assert_eq!(arrived(&app.discord), [8 * MIB, 8 * MIB, 100_000]);
    assert_eq!(app.audit().len(), 6);
    app.discord.clear_requests();
    let answer = app.post(&tokens::token(), body(8 * MIB + 1)).await;
    let text = "`files` hold 8388609 bytes; this server sends at most 8388608 in all";
    assert_failure(&answer, 413, refused(text));
    assert_eq!(app.audit().len(), 7);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_standard_input_may_carry_files_too() {
    let discord = StandIn::start().await;
    let mut client = Stdio::start(&discord, &tokens::token(), &[("ATTACHMENT_LIMIT", "24MiB")]);
    let app_less = |size: usize, id: u64| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        });
        let call = json!({"name": "send_message", "arguments": params(size), "_meta": meta});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call})
    };
    client.send(&app_less(13 * MIB, 1));
    let answer = client.receive();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let mut large = app_less(1, 2);
    large["params"]["arguments"]["message"] = "x".repeat(70_000).into();
    client.send(&large);
    let answer = client.receive();
    assert_eq!(answer["result"]["isError"], true);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(WITHOUT_FILES), "{text}");
    assert_eq!(arrived(&discord), [13 * MIB]);
}

#[tokio::test]
async fn nobody_else_sends_more_than_64_kib() {
    let error = refused("The body is larger than 64 KiB");
    let app = App::start().await;
    let read = tokens::token_with(json!({"scope": "discord:read discord:moderate"}));
    for token in ["nobody", &read] {
        let answer = app.post(token, body(64 << 10)).await;
        assert_failure(&answer, 413, error.clone());
        assert_eq!(answer.header("connection"), Some("close"));
    }
    for path in ["/mcp/v1/tools", "/healthz", "/nowhere"] {
        let request = app.client.post(format!("{}{path}", app.url));
        let request = request.bearer_auth(tokens::token()).body(body(64 << 10));
        assert_failure(&App::answer(request).await, 413, error.clone());
    }
    for variable in [("READ_ONLY", "true"), ("ATTACHMENT_LIMIT", "0")] {
        let app = App::with(&[variable]).await;
        let answer = app.post(&tokens::token(), body(64 << 10)).await;
        assert_failure(&answer, 413, error.clone());
        assert!(app.audit().is_empty());
    }
    assert!(app.audit().is_empty());
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn only_files_make_a_call_large() {
    let app = App::start().await;
    let long = "x".repeat(70_000);
    let small = json!([{"name": "a", "data": "eA=="}]);
    let calls = [
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": long}),
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": long, "files": small}),
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "files": [{"name": long, "data": "eA=="}]}),
        ),
        (
            "send_message",
            json!({"channel_id": GENERAL, "files": long}),
        ),
        (
            "get_messages",
            json!({"channel_id": GENERAL, "files": [{"name": "a", "data": long}]}),
        ),
        (
            "no_such_tool",
            json!({"files": [{"name": "a", "data": long}]}),
        ),
        ("send_message", json!({"channel_id": GENERAL, "data": long})),
    ];
    for (tool, params) in &calls {
        let answer = app.invoke(tool, params.clone()).await;
        assert_failure(&answer, 413, refused(WITHOUT_FILES));
        let line = app.audit().pop().unwrap();
        assert_eq!(
            (&line["tool"], &line["status"]),
            (&json!(tool), &json!("payload_too_large"))
        );
        assert_eq!(line["params"], json!({}));
        let answer = Mcp::modern(&app).call(tool, params.clone()).await;
        assert_eq!(
            (answer.status, &answer.body["id"]),
            (413, &json!(1)),
            "{}",
            answer.text
        );
        assert_eq!(answer.body["error"]["data"]["code"], "payload_too_large");
        assert_eq!(app.audit().pop().unwrap()["tool"], *tool);
    }
    let answer = Mcp::modern(&app)
        .send("tools/list", json!({"x": long}))
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]["message"]),
        (413, &json!(WITHOUT_FILES))
    );
    assert_eq!(app.audit().len(), calls.len() * 2 + 1);
    assert!(app.discord.requests().is_empty());
    // White space between members counts for nothing where there are files.
    let padded = body(64 << 10) + &" ".repeat(70_000);
    assert_eq!(app.post(&tokens::token(), padded).await.status, 200);
}

#[tokio::test]
async fn a_body_that_no_files_can_fill_is_refused_before_it_is_read() {
    let app = App::with(&[("ATTACHMENT_LIMIT", "96KiB")]).await;
    // 96 KiB in base64, a sixteenth for slashes that some escape, and 64 KiB for the rest.
    let largest = (96 << 10) / 3 * 4 + (6 << 10) + (64 << 10);
    let error = json!({
        "code": "payload_too_large",
        "message": format!("The body is larger than {largest} bytes"),
        "hint": "Send smaller files, or fewer at once.",
    });
    let call = body(96 << 10);
    let full = " ".repeat(largest - call.len());
    let answer = app.post(&tokens::token(), call.clone() + &full).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = app.post(&tokens::token(), call + &full + " ").await;
    assert_failure(&answer, 413, error);
    for more in ["", "\r\nexpect: 100-continue"] {
        let head = format!("content-length: {}{more}", largest + 1);
        let mut answer = String::new();
        let mut stream = begin(&app, &head).await;
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"),
            "{answer}"
        );
    }
    // One that says nothing of its length is read as far as that.
    let mut stream = begin(&app, "transfer-encoding: chunked").await;
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, " ".repeat(64 << 10));
    let chunks = chunk.repeat(largest / (64 << 10) + 1);
    stream.write_all(chunks.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_sender_that_waits_to_be_asked_is_asked_for_files() {
    let app = App::start().await;
    let body = body(100_000);
    let head = format!("content-length: {}\r\nexpect: 100-continue", body.len());
    let mut stream = begin(&app, &head).await;
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn there_are_four_at_once() {
    let app = App::start().await;
    let mut waiting = Vec::new();
    for sub in ["a", "a", "b", "b"] {
        waiting.push(begin_as(&app, sub, "content-length: 100000").await);
    }
    let answer = until_status(&app, 503).await;
    let error = json!({
        "code": "overloaded",
        "message": "The server is taking as many files as it can; nothing was done",
        "retry_after": 1.0,
    });
    assert_failure(&answer, 503, error);
    // Smaller calls are none of theirs.
    let small = json!({"channel_id": GENERAL, "message": "hi"});
    assert_eq!(app.invoke("send_message", small).await.status, 200);
    waiting.pop();
    until_status(&app, 200).await;
}

#[tokio::test]
async fn one_caller_may_send_two_at_once_and_keeps_nobody_else_out() {
    let app = App::start().await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(begin(&app, "content-length: 100000").await);
    }
    let answer = until_status(&app, 503).await;
    let error = json!({
        "code": "overloaded",
        "message": "You are sending as many files at once as one caller may; nothing was done",
        "retry_after": 1.0,
    });
    assert_failure(&answer, 503, error);
    let other = app
        .post(
            &tokens::token_with(json!({"sub": "another"})),
            body(100_000),
        )
        .await;
    assert_eq!(other.status, 200, "{}", other.text);
    // Who sends nothing for five seconds is no longer waited for.
    let mut answer = String::new();
    let mut silent = waiting.pop().unwrap();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("The body did not arrive within 5 seconds"),
        "{answer}"
    );
    until_status(&app, 200).await;
}

/// Millions of values in little text would take hundreds of MiB.
#[tokio::test]
async fn a_large_body_that_is_not_large_by_its_files_is_read_by_no_parser() {
    let app = App::start().await;
    let files = r#"{"":0},"#.repeat(430_000);
    for end in ["{}]}}", "this is no JSON"] {
        let call = format!(
            r#"{{"method":"send_message","params":{{"channel_id":"1","files":[{files}{end}"#
        );
        let answer = app.post(&tokens::token(), call).await;
        assert_failure(&answer, 413, refused(WITHOUT_FILES));
    }
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"send_message","arguments":{{"files":[{files}{{}}]}}}}}}"#
    );
    let answer = Mcp::modern(&app).post(call).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    let expected = json!({"jsonrpc": "2.0", "error": {
        "code": -32600,
        "message": WITHOUT_FILES,
        "data": refused(WITHOUT_FILES),
    }});
    assert_eq!(answer.body, expected);
    let recorded: Vec<_> = (app.audit().iter())
        .map(|line| line["status"].clone())
        .collect();
    assert_eq!(recorded, ["payload_too_large"; 3]);
}

#[tokio::test]
async fn a_large_call_counts_until_it_has_ended_whoever_has_gone() {
    let app = App::with(&[("CALL_DEADLINE", "3s")]).await;
    // The server must know that the bot token is good, or it would send one request at a time.
    let small = json!({"channel_id": GENERAL, "message": "hi"});
    assert_eq!(app.invoke("send_message", small).await.status, 200);
    app.discord.clear_requests();
    app.discord.fault(On::Route(CREATE), 4, Fault::Hang);
    let body = body(100_000);
    for sent in 1..=4 {
        let head = format!("content-length: {}", body.len());
        let sub = if sent > 2 { "a" } else { "b" };
        let mut stream = begin_as(&app, sub, &head).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        crate::support::until("the call is with Discord", || {
            app.discord.requests().len() >= sent
        })
        .await;
    }
    let answer = app.post(&tokens::token(), body.clone()).await;
    assert_eq!(answer.code(), "overloaded", "{}", answer.text);
    until_status(&app, 200).await;
    let ended = app.audit();
    let timed_out = ended
        .iter()
        .filter(|line| line["status"] == "discord_timeout");
    assert!(timed_out.count() >= 1);
}
