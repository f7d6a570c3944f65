//! TLS of the server's own: what is served over it, what gets nothing, and how a certificate is
//! replaced while the server runs.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::tls::Version;
use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::process::run;
use crate::support::raw::{HEALTH, Raw};
use crate::support::served::Server;
use crate::support::{App, tokens};

const FILES: [(&str, &str); 2] = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];
const RELOADED: &str = "the TLS certificate was reloaded";
const NOT_RELOADED: &str = "the TLS certificate was not reloaded";

/// The description in an alert.
const HANDSHAKE_FAILURE: u8 = 40;

/// A certificate of its own making for this machine, and its key, in PEM.
struct Certificate {
    cert: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            cert: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    /// Puts it where [`FILES`] says.
    fn install(&self, dir: &Path) {
        std::fs::write(dir.join("cert.pem"), &self.cert).unwrap();
        std::fs::write(dir.join("key.pem"), &self.key).unwrap();
    }

    /// A client that trusts this certificate alone.
    fn client(&self) -> reqwest::Client {
        self.client_in(Version::TLS_1_2, Version::TLS_1_3)
    }

    fn client_in(&self, least: Version, most: Version) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.cert.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy();
        let builder = builder.tls_built_in_root_certs(false);
        let builder = builder.add_root_certificate(root).https_only(true);
        let builder = builder.min_tls_version(least).max_tls_version(most);
        builder.build().unwrap()
    }
}

async fn start(certificate: &Certificate, more: &[(&str, &str)]) -> Server {
    let variables = [&FILES, more].concat();
    let install = |keys: &Path| certificate.install(keys.parent().unwrap());
    let server = Server::starting(&variables, install).await;
    assert!(server.process.url.starts_with("https://127.0.0.1:"));
    // Whoever answers hears signals, too.
    assert!(is_served(&server, &certificate.client()).await);
    server
}

/// Whether this client gets through to the server. Whatever it is told then must be right.
async fn is_served(server: &Server, client: &reqwest::Client) -> bool {
    let request = client.get(format!("{}/healthz", server.process.url));
    match request.send().await {
        Ok(answer) => {
            assert_eq!(answer.text().await.unwrap(), r#"{"status":"ok"}"#);
            true
        }
        Err(error) => {
            assert!(error.is_connect(), "{error:?}");
            false
        }
    }
}

#[tokio::test]
async fn a_call_works_over_tls_1_2_and_1_3() {
    let certificate = Certificate::new();
    let server = start(&certificate, &[]).await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = certificate.client_in(version, version);
        let call = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
        let request = client.post(format!("{}/mcp/v1/tools/invoke", server.process.url));
        let request = request.header("content-type", "application/json");
        let request = request.bearer_auth(tokens::token()).body(call.to_string());
        let answer = App::answer(request).await;
        assert_eq!(answer.result()["name"], "general", "{version:?}");
    }
    // Who trusts somebody else does not come through.
    assert!(!is_served(&server, &Certificate::new().client()).await);
    // Nothing of the key is said.
    let secret = certificate.key.lines().nth(1).unwrap();
    assert!(!server.process.output().contains(secret));
}

/// The beginning of a handshake in TLS 1.1, which says nothing of later versions.
fn tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session; the two suites that every client of its time knew; no compression.
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

#[tokio::test]
async fn other_ways_of_speaking_get_nothing_and_the_server_lives() {
    let certificate = Certificate::new();
    let server = start(&certificate, &[]).await;
    let url = &server.process.url;
    for bytes in [
        HEALTH.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        &tls_1_1(),
    ] {
        let mut client = Raw::open(url).await;
        client.send_bytes(bytes).await;
        let answer = client.rest_bytes().await;
        // An alert of TLS, and no word of HTTP.
        assert_eq!(answer.first(), Some(&21), "{bytes:?}: {answer:?}");
        assert_eq!(answer.len(), 7, "{bytes:?}: {answer:?}");
        if *bytes == tls_1_1() {
            // It was understood: no malformed message but a handshake that cannot be.
            assert_eq!(answer.last(), Some(&HANDSHAKE_FAILURE), "{answer:?}");
        }
    }
    assert!(is_served(&server, &certificate.client()).await);
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_connections_and_a_broken_one_changes_nothing() {
    let [first, second] = [Certificate::new(), Certificate::new()];
    let server = start(&first, &[]).await;
    let kept = first.client();
    assert!(is_served(&server, &kept).await);
    second.install(server.dir());
    // Until the server is told.
    assert!(is_served(&server, &first.client()).await);
    server.hang_up(RELOADED, 1).await;
    assert!(is_served(&server, &second.client()).await);
    assert!(!is_served(&server, &first.client()).await);
    // What was greeted with the old one goes on.
    assert!(is_served(&server, &kept).await);

    let broken: [(&str, &str, &str); 4] = [
        ("TLS_CERT", "cert.pem", "no certificate here"),
        ("TLS_KEY", "key.pem", ""),
        // The key of the other certificate.
        ("TLS_KEY", "key.pem", &first.key),
        ("TLS_CERT", "cert.pem", &second.key),
    ];
    for (times, (variable, file, text)) in (1..).zip(broken) {
        second.install(server.dir());
        std::fs::write(server.dir().join(file), text).unwrap();
        server.hang_up(NOT_RELOADED, times).await;
        let output = server.process.output();
        let line = output.lines().rfind(|line| line.contains(NOT_RELOADED));
        let line = line.unwrap();
        assert!(line.contains("ERROR") && line.contains(variable), "{line}");
        assert!(is_served(&server, &second.client()).await, "{line}");
    }
    std::fs::remove_file(server.dir().join("key.pem")).unwrap();
    server.hang_up(NOT_RELOADED, 5).await;
    assert!(is_served(&server, &second.client()).await);

    first.install(server.dir());
    server.hang_up(RELOADED, 2).await;
    assert!(is_served(&server, &first.client()).await);
}

#[test]
fn files_that_cannot_be_used_stop_the_start_with_the_variable_named() {
    let [one, other] = [Certificate::new(), Certificate::new()];
    let (cert, key) = FILES.into();
    let alone = [
        (
            cert,
            "error: TLS_KEY cannot be used: TLS_CERT needs it: the certificate's private key, a PEM file\n",
        ),
        (
            key,
            "error: TLS_CERT cannot be used: TLS_KEY needs it: the certificate chain, a PEM file\n",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    one.install(dir.path());
    for (variable, expected) in alone {
        let ended = run(dir.path(), &[variable], &[]);
        assert_eq!((ended.code, &*ended.stderr), (Some(2), expected));
    }
    for (file, text, variable) in [
        ("cert.pem", None, "TLS_CERT=\"cert.pem\""),
        ("cert.pem", Some(""), "TLS_CERT=\"cert.pem\""),
        ("cert.pem", Some(&*one.key), "TLS_CERT=\"cert.pem\""),
        ("key.pem", None, "TLS_KEY=\"key.pem\""),
        ("key.pem", Some("not a key"), "TLS_KEY=\"key.pem\""),
        ("key.pem", Some(&one.cert), "TLS_KEY=\"key.pem\""),
        ("key.pem", Some(&other.key), "TLS_KEY=\"key.pem\""),
    ] {
        one.install(dir.path());
        match text {
            Some(text) => std::fs::write(dir.path().join(file), text).unwrap(),
            None => std::fs::remove_file(dir.path().join(file)).unwrap(),
        }
        let ended = run(dir.path(), &FILES, &[]);
        let what = format!("{file} {text:?}: {ended:?}");
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{what}");
        let said = ended.stderr.trim_end();
        let begin = format!("error: {variable} cannot be used: ");
        assert!(said.starts_with(&begin), "{what}");
        assert!(
            said.lines().count() == 1 && said.len() > begin.len(),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_never_comes_or_never_ends_is_closed_within_six_seconds() {
    let certificate = Certificate::new();
    let server = start(&certificate, &[]).await;
    let began = Instant::now();
    let mut half = Raw::open(&server.process.url).await;
    half.send_bytes(&tls_1_1()[..20]).await;
    for mut client in [Raw::open(&server.process.url).await, half] {
        client.rest_bytes().await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(6), "{took:?}");
        assert!(took > Duration::from_secs(3), "{took:?}");
    }
    assert!(is_served(&server, &certificate.client()).await);
}

#[tokio::test]
async fn a_handshake_that_is_waited_for_is_closed_for_a_newer_client() {
    let certificate = Certificate::new();
    let server = start(&certificate, &[("MAX_CONNECTIONS", "2")]).await;
    let url = &server.process.url;
    let mut silent = [Raw::open(url).await, Raw::open(url).await];
    assert!(is_served(&server, &certificate.client()).await);
    assert_eq!(silent[0].rest_bytes().await, b"");
    assert!(silent[1].is_open());
}
