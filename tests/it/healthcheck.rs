//! The command `healthcheck`: whom it asks, the one line that it prints, and how it exits.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::key_files::modes;
use crate::support::process::{Finished, run};
use crate::support::served::{RELOADED, Server};

/// Asks the server that these variables name; the exit code and the one line.
#[track_caller]
fn asked(dir: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let told = run(dir, variables, &["healthcheck"]);
    assert_eq!(told.stderr, "");
    let line = told.stdout.strip_suffix('\n');
    let line = line.unwrap_or_else(|| panic!("not a line: {told:?}"));
    assert!(!line.contains(['\n', '\r']), "{told:?}");
    (told.code, line.to_owned())
}

fn ask(bind: SocketAddr) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    asked(dir.path(), &[("BIND_ADDR", &bind.to_string())])
}

/// Something that takes one connection, answers the request on it with `answer`, and gives back what
/// it was asked.
fn answering(answer: String) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, answering)
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_server_is_exit_0() {
    let server = Server::start().await;
    let (_, address) = server.process.url.split_once("//").unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    let ready = format!("ready: http://127.0.0.1:{port}/readyz");
    // Who listens on all addresses is asked on loopback. A proxy for the world is not for this.
    for bind in [address, &format!("0.0.0.0:{port}")] {
        let variables = [
            ("BIND_ADDR", bind),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
            ("ALL_PROXY", "http://127.0.0.1:9"),
        ];
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(asked(dir.path(), &variables), (Some(0), ready.clone()));
        // It makes no keys and opens no trail.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_may_stand_in_the_env_file() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let address = server.process.url.split_once("//").unwrap().1;
    fs::write(dir.path().join(".env"), format!("BIND_ADDR={address}\n")).unwrap();
    assert_eq!(asked(dir.path(), &[]).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_keys_is_exit_1_and_ready_again_once_they_are_back() {
    let server = Server::start().await;
    let address = server.process.url.split_once("//").unwrap().1;
    let address = address.parse().unwrap();
    let kept = server.dir().join("kept");
    fs::create_dir(&kept).unwrap();
    for name in modes(&server.keys).into_keys() {
        fs::rename(server.keys.join(&name), kept.join(&name)).unwrap();
    }
    server.hang_up(RELOADED, 1).await;
    assert_eq!(ask(address), (Some(1), "not ready: keys".to_owned()));
    for name in modes(&kept).into_keys() {
        fs::rename(kept.join(&name), server.keys.join(&name)).unwrap();
    }
    server.hang_up(RELOADED, 2).await;
    assert_eq!(ask(address).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shuts_down_is_exit_1_while_it_still_answers() {
    let server = Server::with(&[("DRAIN_DELAY", "1h")], |_| {}).await;
    let address = server.process.url.split_once("//").unwrap().1;
    let address = address.parse().unwrap();
    server.process.signal("TERM");
    let began = Instant::now();
    let mut told = ask(address);
    while told.0 == Some(0) && began.elapsed() < Duration::from_secs(10) {
        told = ask(address);
    }
    assert_eq!(told, (Some(1), "not ready: draining".to_owned()));
}

#[test]
fn every_failing_part_is_named() {
    let body = r#"{"status":"unavailable","failing":["audit","draining"]}"#;
    let (address, answering) = answering(http("503 Service Unavailable", body));
    let expected = "not ready: audit, draining".to_owned();
    assert_eq!(ask(address), (Some(1), expected));
    let request = answering.join().unwrap();
    assert!(request.starts_with("GET /readyz HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")));
}

#[test]
fn nothing_at_the_address_is_exit_1() {
    for (domain, bind, shown) in [
        (Domain::IPV4, "127.0.0.1:0", "127.0.0.1"),
        (Domain::IPV6, "[::]:0", "[::1]"),
    ] {
        // A port that is taken and not listened on. Without IPv6 there is nothing at all to take.
        let socket = Socket::new(domain, Type::STREAM, None);
        let mut bind: SocketAddr = bind.parse().unwrap();
        if let Ok(socket) = &socket
            && socket.bind(&bind.into()).is_ok()
        {
            bind = socket.local_addr().unwrap().as_socket().unwrap();
        }
        let url = format!("http://{shown}:{}/readyz", bind.port());
        let expected = format!("not ready: no connection to {url}");
        assert_eq!(ask(bind), (Some(1), expected));
    }
}

#[test]
fn what_is_no_such_server_is_exit_1() {
    let odd = r#"{"failing":["audit\nready: all is well"]}"#;
    let long = format!(r#"{{"failing":["{}"]}}"#, "a".repeat(8_192));
    let moved = "HTTP/1.1 302 Found\r\nlocation: /healthz\r\ncontent-length: 0\r\n\r\n";
    for (answer, told) in [
        (http("404 Not Found", "nothing"), "URL answered 404"),
        (http("503 Service Unavailable", odd), "URL answered 503"),
        (http("503 Service Unavailable", &long), "URL answered 503"),
        (http("204 No Content", ""), "URL answered 204"),
        (moved.to_owned(), "URL answered 302"),
        (
            "220 mail.example ESMTP\r\n".to_owned(),
            "what answers at URL does not speak HTTP",
        ),
    ] {
        let (address, answering) = answering(answer);
        let url = format!("http://{address}/readyz");
        let expected = format!("not ready: {}", told.replace("URL", &url));
        assert_eq!(ask(address), (Some(1), expected));
        answering.join().unwrap();
    }
}

#[test]
fn a_server_that_hangs_is_given_up_on_after_three_seconds() {
    // Connections that nobody accepts are taken by the kernel, and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let began = Instant::now();
    let told = ask(address);
    let took = began.elapsed();
    let expected = format!("not ready: http://{address}/readyz did not answer within 3 seconds");
    assert_eq!(told, (Some(1), expected));
    assert!(took >= Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_wrong_configuration_is_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    let Finished {
        code,
        stdout,
        stderr,
    } = run(dir.path(), &[("BIND_ADDR", "everywhere")], &["healthcheck"]);
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert_eq!(
        stderr,
        "error: BIND_ADDR=\"everywhere\" cannot be used: an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000\n"
    );
}
