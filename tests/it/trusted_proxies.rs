//! `TRUSTED_PROXIES` decides whose `X-Forwarded-For` counts as the client of the audit line.

use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::process::run;
use crate::support::{App, Mcp, tokens};

/// The one header, and what the caller is called without it.
const FORWARDED: &str = "x-forwarded-for";
const PEER: &str = "127.0.0.1";

/// The client in each audit line that a call at this door leaves under these headers.
async fn clients(app: &App, door: &str, claims: Value, forwarded: &[&str]) -> Vec<String> {
    let before = app.audit().len();
    let token = tokens::token_with(claims);
    let params = json!({"channel_id": GENERAL, "message": "hi"});
    let request = if door == "mcp" {
        let call = json!({"name": "send_message", "arguments": params});
        Mcp::modern(app).token(&token).request("tools/call", call)
    } else {
        let call = json!({"method": "send_message", "params": params});
        let request = app.client.post(format!("{}/mcp/v1/tools/invoke", app.url));
        let request = request.header("content-type", "application/json");
        request.bearer_auth(&token).body(call.to_string())
    };
    let request = forwarded
        .iter()
        .fold(request, |request, line| request.header(FORWARDED, *line));
    App::answer(request).await;
    let lines = app.audit().split_off(before);
    assert!(!lines.is_empty() && lines.iter().all(|line| line["door"] == door));
    lines
        .iter()
        .map(|line| line["client"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_client_is_who_a_trusted_proxy_says_and_nobody_else_is_believed() {
    for (trusted, forwarded, expected) in [
        ("", &["203.0.113.7"][..], PEER),
        ("10.0.0.0/8", &["203.0.113.7"], PEER),
        ("127.0.0.2", &["203.0.113.7"], PEER),
        ("127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.0/8", &["203.0.113.7"], "203.0.113.7"),
        (" ::1 , 127.0.0.1/32,", &["203.0.113.7"], "203.0.113.7"),
        ("0.0.0.0/0", &["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", &[], PEER),
        ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        // What the client wrote itself stands before what the proxy added.
        ("127.0.0.1", &["192.0.2.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", &["192.0.2.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", &["nonsense, 203.0.113.7"], "203.0.113.7"),
        // A chain of proxies, all of them trusted.
        (
            "127.0.0.1,10.0.0.0/8",
            &["203.0.113.7, 10.1.2.3"],
            "203.0.113.7",
        ),
        ("127.0.0.1", &["203.0.113.7, 10.1.2.3"], "10.1.2.3"),
        // What cannot be read names nobody.
        ("127.0.0.1", &["localhost"], PEER),
        ("127.0.0.1", &[""], PEER),
    ] {
        let app = App::with(&[("TRUSTED_PROXIES", trusted)]).await;
        for door in ["rest", "mcp"] {
            let got = clients(&app, door, json!({}), forwarded).await;
            let what = format!("{trusted:?} {forwarded:?} {door}");
            // The intent and the outcome.
            assert_eq!(got, [expected, expected], "{what}");
        }
    }
}

/// The doors refuse some calls before they come to the dispatcher; the lines of these are the same.
#[tokio::test]
async fn refusals_name_the_same_client() {
    let variables = [
        ("TRUSTED_PROXIES", PEER),
        ("RATE_LIMIT_BURST", "1"),
        ("RATE_LIMIT_PER_MINUTE", "1"),
    ];
    for (variables, claims) in [
        (&variables[..1], json!({"scope": "discord:read"})),
        (&variables[..], json!({})),
    ] {
        for door in ["rest", "mcp"] {
            let app = App::with(variables).await;
            clients(&app, door, claims.clone(), &[]).await;
            let got = clients(&app, door, claims.clone(), &["203.0.113.7"]).await;
            assert_eq!(got, ["203.0.113.7"], "{door} {claims}");
        }
    }
}

#[test]
fn proxies_that_cannot_be_read_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    for value in [
        "localhost",
        "10.0.0.0/33",
        "10.0.0.1, proxy.example",
        "127.0.0.1:8080",
        "10.0.0.0/8;::1",
        "*",
    ] {
        let ended = run(dir.path(), &[("TRUSTED_PROXIES", value)], &[]);
        let allowed = "IP addresses and ranges, comma-separated, such as 10.0.0.0/8, ::1";
        let expected = format!("error: TRUSTED_PROXIES={value:?} cannot be used: {allowed}\n");
        assert_eq!((ended.code, &*ended.stderr), (Some(2), &*expected));
        assert_eq!(ended.stdout, "");
    }
}
