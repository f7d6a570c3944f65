//! Bodies that are too large, not JSON, or not said to be: refused before anything acts on them.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::discord::seed::GENERAL;
use crate::support::{App, assert_failure, tokens};

const LIMIT: usize = 64 << 10;
const EXAMPLE: &str = r#"For example {"method": "get_channel_info", "params": {"channel_id": "1234567890123456789"}}"#;

/// A good call padded with spaces to this many bytes.
fn body_of(length: usize) -> String {
    let params = json!({"channel_id": GENERAL});
    let call = json!({"method": "get_channel_info", "params": params}).to_string();
    let padding = " ".repeat(length - call.len());
    call + &padding
}

/// Sends these bytes and reads until the server hangs up.
async fn raw(app: &App, request: &[u8]) -> String {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_body_of_64_kib_is_taken_and_one_byte_more_is_not() {
    let app = App::start().await;
    let answer = app.post(&tokens::token(), body_of(LIMIT)).await;
    assert_eq!((answer.status, app.audit().len()), (200, 1));
    // Who may send files is told, and on the record, that there are none.
    let files = "The call is larger than 64 KiB, not counting the data of files";
    let body = "The body is larger than 64 KiB";
    let read = tokens::token_with(json!({"scope": "discord:read"}));
    for length in [LIMIT + 1, 65 << 10, 1 << 20] {
        for (token, message, close) in [
            (&tokens::token(), files, None),
            (&read, body, Some("close")),
            (&"nobody".to_owned(), body, Some("close")),
        ] {
            let answer = app.post(token, body_of(length)).await;
            let error = json!({"code": "payload_too_large", "message": message});
            assert_failure(&answer, 413, error);
            assert_eq!(answer.header("connection"), close);
        }
    }
    assert_eq!((app.audit().len(), app.discord.requests().len()), (4, 1));
}

#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    let app = App::start().await;
    for (length, status) in [(LIMIT, "200 OK"), (LIMIT + 1, "413 Payload Too Large")] {
        let body = body_of(length);
        let mut request = format!(
            "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n",
            tokens::token()
        );
        for chunk in body.as_bytes().chunks(10_000) {
            let chunk = std::str::from_utf8(chunk).unwrap();
            request += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
        }
        request += "0\r\n\r\n";
        let answer = raw(&app, request.as_bytes()).await;
        let first = answer.lines().next().unwrap();
        assert_eq!(first, format!("HTTP/1.1 {status}"));
    }
    assert_eq!((app.audit().len(), app.discord.requests().len()), (2, 1));
}

#[tokio::test]
async fn an_announced_giant_is_refused_without_waiting_for_it() {
    let app = App::start().await;
    let head = "POST /mcp/v1/tools/invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999999999\r\n\r\n";
    let answer = raw(&app, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    let head = head.replace("9999999999", "65537\r\nexpect: 100-continue");
    let answer = raw(&app, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
}

#[tokio::test]
async fn what_is_not_json_is_400() {
    let app = App::start().await;
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let call = |params: &str| format!(r#"{{"method": "get_messages", "params": {params}}}"#);
    let bodies = [
        deep("[", "]").into_bytes(),
        "[".repeat(60_000).into_bytes(),
        call(&deep(r#"{"a":"#, "}").replace("}}", "0}}")).into_bytes(),
        call(&format!(r#"{{"channel_id": {}}}"#, deep("[", "]"))).into_bytes(),
        b"{\"method\": \"get_messages\xff\", \"params\": {}}".to_vec(),
        b"{\"method\": \"get_messages\", \"params\": {\"channel_id\": \"\xc3\x28\"}}".to_vec(),
        b"\xef\xbb\xbf{\"method\": \"get_messages\"}".to_vec(),
        b"{\"method\": \"\\ud800\", \"params\": {}}".to_vec(),
        br#"{"method": "get_messages", "params": {"limit": NaN}}"#.to_vec(),
        br#"{"method": "get_messages", "params": {"limit": 1e999}}"#.to_vec(),
        br#"{"method": "get_messages", "params": {"limit": 010}}"#.to_vec(),
        br#"{"method": "get_messages"} {"method": "get_messages"}"#.to_vec(),
        br#"method=get_messages"#.to_vec(),
        vec![0; 1000],
    ];
    let count = bodies.len();
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = app.post(&tokens::token(), body).await;
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text);
        let message = "The body is not JSON, or nested too deeply";
        let error = json!({"code": "invalid_request", "message": message, "hint": EXAMPLE});
        assert_failure(&answer, 400, error);
    }
    assert_eq!(app.audit().len(), count);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let app = App::start().await;
    let error = json!({
        "code": "unsupported_media_type",
        "message": "The body must be sent with `Content-Type: application/json`",
    });
    let refused = [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("application/json2; charset=utf-8"),
        Some("text/plain; application/json"),
    ];
    let taken = [
        Some("application/json"),
        Some("Application/JSON"),
        Some("application/json; charset=utf-8"),
        Some("application/json;charset=\"utf-8\""),
    ];
    for (expected, types) in [(415, &refused[..]), (200, &taken[..])] {
        for content_type in types {
            let url = format!("{}/mcp/v1/tools/invoke", app.url);
            let mut request = app.client.post(url).bearer_auth(tokens::token());
            if let Some(content_type) = content_type {
                request = request.header("content-type", *content_type);
            }
            let answer = App::answer(request.body(body_of(200))).await;
            assert_eq!(answer.status, expected, "{content_type:?}");
            if expected == 415 {
                assert_failure(&answer, 415, error.clone());
            }
        }
    }
    assert_eq!(app.audit().len(), refused.len() + taken.len());
    assert_eq!(app.discord.requests().len(), taken.len());
}
