//! `Host` and `Origin`, on every route: what a page of another site sends gets no further.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::discord::seed::GENERAL;
use crate::support::{Answer, App, assert_failure, tokens};

/// Every route, and what it answers to a good request with a good token.
const ROUTES: [(&str, &str, u16); 8] = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/mcp/v1/tools", 200),
    ("POST", "/mcp/v1/tools/invoke", 200),
    ("POST", "/mcp", 200),
    ("GET", "/mcp", 405),
    ("GET", "/nothing/here", 404),
    ("POST", "/register", 404),
];

/// A body that the route takes.
fn body(method: &str, path: &str) -> String {
    let params = json!({"channel_id": GENERAL});
    match (method, path) {
        ("POST", "/mcp") => json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string(),
        ("POST", _) => json!({"method": "get_channel_info", "params": params}).to_string(),
        _ => String::new(),
    }
}

/// Sends a good request of this route with these headers added.
async fn ask(app: &App, (method, path): (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let method_sent = method.parse().unwrap();
    let mut request = app
        .client
        .request(method_sent, format!("{}{path}", app.url))
        .bearer_auth(tokens::token())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body(method, path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    App::answer(request).await
}

/// Sends these bytes; the status and the whole answer.
async fn raw(app: &App, head: &str) -> (u16, String) {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        text,
    )
}

fn host_refused() -> Value {
    json!({
        "code": "host_not_allowed",
        "message": "This server does not go by the name in `Host`",
        "hint": "The operator can add it to ALLOWED_HOSTS.",
    })
}

fn origin_refused() -> Value {
    json!({
        "code": "origin_not_allowed",
        "message": "Web pages of this `Origin` may not call this server",
        "hint": "The operator can add it to ALLOWED_ORIGINS.",
    })
}

/// Whether `GET /healthz` under these headers is let through; any other answer than 200 must be
/// this refusal.
async fn passes(app: &App, headers: &[(&str, &str)], refusal: Value) -> bool {
    let answer = ask(app, ("GET", "/healthz"), headers).await;
    if answer.status == 200 {
        return true;
    }
    assert_failure(&answer, 403, refusal);
    false
}

#[tokio::test]
async fn every_route_answers_to_a_name_of_its_own_and_to_no_other() {
    let app = App::start().await;
    for (method, path, status) in ROUTES {
        let (route, port) = ((method, path), "localhost:9");
        let answer = ask(&app, route, &[("host", port)]).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        let before = (app.audit().len(), app.discord.requests().len());

        let answer = ask(&app, route, &[("host", "evil.example")]).await;
        assert_failure(&answer, 403, host_refused());
        let own = ("origin", "http://localhost:3000");
        let answer = ask(&app, route, &[("host", "evil.example"), own]).await;
        assert_failure(&answer, 403, host_refused());
        let foreign = ("origin", "http://evil.example");
        let answer = ask(&app, route, &[("host", port), foreign]).await;
        assert_failure(&answer, 403, origin_refused());

        let after = (app.audit().len(), app.discord.requests().len());
        assert_eq!(before, after, "{method} {path} did something");
    }
}

#[tokio::test]
async fn a_refusal_comes_before_the_token_is_looked_at() {
    let app = App::start().await;
    for (method, path, _) in ROUTES {
        for bearer in ["Bearer not-a-token", "Basic x"] {
            let request = app
                .client
                .request(method.parse().unwrap(), format!("{}{path}", app.url))
                .header("authorization", bearer)
                .header("host", "evil.example");
            let answer = App::answer(request).await;
            assert_failure(&answer, 403, host_refused());
        }
    }
    assert_eq!(app.audit(), Vec::<Value>::new());
}

#[tokio::test]
async fn the_names_of_this_machine_are_known_whatever_the_port_and_the_case() {
    let app = App::start().await;
    for host in [
        "localhost",
        "localhost:8000",
        "LocalHost:1",
        "127.0.0.1",
        "127.0.0.1:65535",
        "[::1]",
        "[::1]:8000",
        // RFC 3986, section 3.2.3: a port may have no digits.
        "localhost:",
    ] {
        assert!(
            passes(&app, &[("host", host)], host_refused()).await,
            "{host}"
        );
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "notlocalhost",
        "localhost.",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "0.0.0.0",
        "192.168.1.10:8000",
        "[::2]",
        "::1",
        "::1:8000",
        "[::1",
        "[::1]x:8000",
        "localhost:port",
        "localhost:80:80",
        "localhost:80@evil.example",
        "evil.example:80@localhost:80",
        ":8000",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost/evil",
        "localhost, evil.example",
        "localhost evil",
        "",
        "*",
    ] {
        assert!(
            !passes(&app, &[("host", host)], host_refused()).await,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let app = App::start().await;
    for head in [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: evil.example\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET http://localhost/healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    ] {
        let (status, text) = raw(&app, head).await;
        assert_eq!(status, 403, "{head}: {text}");
        assert!(text.contains(r#""code":"host_not_allowed""#), "{text}");
    }
    let (status, text) = raw(&app, "GET /healthz HTTP/1.0\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(status, 200, "{text}");
    let two = "GET /healthz HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\norigin: http://localhost\r\nconnection: close\r\n\r\n";
    let (status, text) = raw(&app, two).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains(r#""code":"origin_not_allowed""#), "{text}");
}

#[tokio::test]
async fn an_operator_adds_names_and_the_defaults_stay() {
    let app = App::with(&[("ALLOWED_HOSTS", "mcp.example, Other.Example,192.168.1.10")]).await;
    for (host, known) in [
        ("mcp.example", true),
        ("MCP.example:443", true),
        ("other.example", true),
        ("192.168.1.10:8000", true),
        ("localhost", true),
        ("sub.mcp.example", false),
        ("example", false),
        ("192.168.1.11", false),
    ] {
        let passed = passes(&app, &[("host", host)], host_refused()).await;
        assert_eq!(passed, known, "{host}");
    }
}

#[tokio::test]
async fn a_star_stands_for_any_name_but_not_for_none_and_not_for_origins() {
    let app = App::with(&[("ALLOWED_HOSTS", "*")]).await;
    for host in ["anything.example", "localhost", "10.0.0.1:1"] {
        assert!(
            passes(&app, &[("host", host)], host_refused()).await,
            "{host}"
        );
    }
    let (status, text) = raw(&app, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!(status, 403, "{text}");
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    assert!(!passes(&app, &rebound, origin_refused()).await);
}

#[tokio::test]
async fn the_address_that_is_listened_on_is_a_name_too() {
    let app = App::with(&[("BIND_ADDR", "127.0.0.2:0")]).await;
    for (host, known) in [
        ("127.0.0.2", true),
        ("127.0.0.2:80", true),
        ("127.0.0.3", false),
    ] {
        let passed = passes(&app, &[("host", host)], host_refused()).await;
        assert_eq!(passed, known, "{host}");
    }
    // All addresses at once are no name.
    let app = App::with(&[("BIND_ADDR", "0.0.0.0:0")]).await;
    for (host, known) in [("0.0.0.0", false), ("localhost", true)] {
        let passed = passes(&app, &[("host", host)], host_refused()).await;
        assert_eq!(passed, known, "{host}");
    }
}

#[tokio::test]
async fn pages_of_this_machine_may_call_and_others_may_not() {
    let app = App::start().await;
    for (origin, allowed) in [
        ("http://localhost", true),
        ("http://localhost:3000", true),
        ("https://localhost:6274", true),
        ("http://127.0.0.1:5173", true),
        ("http://[::1]:8080", true),
        ("HTTP://LOCALHOST", true),
        ("http://evil.example", false),
        ("https://evil.example:443", false),
        ("http://localhost.evil.example", false),
        ("http://127.0.0.1.evil.example", false),
        ("http://localhost@evil.example", false),
        ("http://evil.example#@localhost", false),
        ("http://192.168.1.10", false),
        ("http://127.0.0.2", false),
        ("null", false),
        ("", false),
        ("localhost", false),
        ("//localhost", false),
        ("file://localhost", false),
        ("ftp://localhost", false),
        ("chrome-extension://localhost", false),
        ("http://localhost http://evil.example", false),
    ] {
        let headers = [("host", "localhost"), ("origin", origin)];
        let passed = passes(&app, &headers, origin_refused()).await;
        assert_eq!(passed, allowed, "{origin:?}");
    }
    let no_page = [("host", "localhost")];
    assert!(passes(&app, &no_page, origin_refused()).await);
}

#[tokio::test]
async fn pages_of_the_servers_own_name_may_call_it() {
    let app = App::with(&[("ALLOWED_HOSTS", "mcp.example")]).await;
    for (origin, allowed) in [
        ("https://mcp.example", true),
        ("http://mcp.example:8000", true),
        ("https://sub.mcp.example", false),
        ("https://mcp.example.evil.example", false),
    ] {
        let headers = [("host", "mcp.example"), ("origin", origin)];
        let passed = passes(&app, &headers, origin_refused()).await;
        assert_eq!(passed, allowed, "{origin}");
    }
}

#[tokio::test]
async fn an_allowed_origin_is_exactly_that_one() {
    let list = "https://app.example, http://Dev.Example:3000,https://plain.example:443";
    let app = App::with(&[("ALLOWED_ORIGINS", list)]).await;
    for (origin, allowed) in [
        ("https://app.example", true),
        ("https://app.example:443", true),
        ("https://APP.example", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("https://sub.app.example", false),
        ("http://dev.example:3000", true),
        ("http://dev.example", false),
        ("https://dev.example:3000", false),
        ("https://plain.example", true),
        ("http://localhost:3000", true),
    ] {
        let headers = [("host", "localhost"), ("origin", origin)];
        let passed = passes(&app, &headers, origin_refused()).await;
        assert_eq!(passed, allowed, "{origin}");
    }
    // A page that may call is not a name of this server.
    let name = [("host", "app.example")];
    assert!(!passes(&app, &name, host_refused()).await);
}
