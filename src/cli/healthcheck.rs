//! `healthcheck`: asks a running server whether it is ready. For containers, which have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, Response, redirect};
use serde::Deserialize;

use super::assemble::scheme;
use super::{FOUND, NO_TLS, configuration, finish, say};

/// How long the server may take; container runtimes are told to wait a little longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read. Another program may have the port.
const ANSWER_LIMIT: usize = 4 << 10;

/// What `/readyz` says of a server that is not ready.
#[derive(Deserialize)]
struct NotReady {
    failing: Vec<String>,
}

/// Prints one line. Exit 0: ready; 1: not ready, or not there; 2: wrong configuration.
pub(super) fn run() -> ExitCode {
    let asked = configuration().and_then(|config| {
        let (scheme, address) = (scheme(&config), reachable(config.bind_addr));
        let url = format!("{scheme}://{address}/readyz");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("the runtime cannot start: {error}"))?;
        runtime.block_on(ask(&url))
    });
    let (ready, line) = match asked {
        Ok(answer) => answer,
        Err(problem) => return finish(Err(problem)),
    };
    say(std::io::stdout(), &format!("{line}\n"));
    if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    }
}

/// The address under which this machine reaches a server that listens on `bind`: one that listens
/// on all addresses is on loopback, too.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// Whether the server is ready, and the line that says so.
async fn ask(url: &str) -> Result<(bool, String), String> {
    let client = Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .redirect(redirect::Policy::none())
        // The server is on this machine, and its certificate is for the name that clients use.
        .danger_accept_invalid_certs(true)
        .build()
        .map_err(|_| NO_TLS.to_owned())?;
    let not_ready = |why: String| Ok((false, format!("not ready: {why}")));
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => {
            let seconds = PATIENCE.as_secs();
            return not_ready(format!("{url} did not answer within {seconds} seconds"));
        }
        Err(error) if error.is_connect() => {
            return not_ready(format!("no connection to {url}"));
        }
        Err(_) => return not_ready(format!("what answers at {url} does not speak HTTP")),
    };
    let status = response.status().as_u16();
    if status == 200 {
        return Ok((true, format!("ready: {url}")));
    }
    let failing = failing(response).await;
    not_ready(if failing.is_empty() {
        format!("{url} answered {status}")
    } else {
        failing.join(", ")
    })
}

/// The parts that an answer names. Words only: who answers may be another program.
async fn failing(mut response: Response) -> Vec<String> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Vec::new();
        }
    }
    let said = serde_json::from_slice::<NotReady>(&body).ok();
    let is_word = |part: &String| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    said.map(|said| said.failing)
        .filter(|parts| parts.iter().all(is_word))
        .unwrap_or_default()
}
