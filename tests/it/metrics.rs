//! What is counted, who may read it, and that nobody outside chooses a name in it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::raw::Raw;
use crate::support::served::Server;
use crate::support::{Answer, App, tokens};

/// The samples, by their name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

async fn measured(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.get("/metrics", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    samples(&answer.text)
}

/// Posts to the REST door with this token and these headers.
async fn invoke(server: &Server, token: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/mcp/v1/tools/invoke", server.process.url);
    let mut request = client.post(url).bearer_auth(token).body(body.to_owned());
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    App::answer(request).await
}

fn call(tool: &str, channel: &str) -> String {
    json!({"method": tool, "params": {"channel_id": channel}}).to_string()
}

#[tokio::test]
async fn calls_requests_and_refusals_are_counted() {
    let server = Server::start().await;
    let token = tokens::token();
    for _ in 0..3 {
        let answer = invoke(&server, &token, &call("get_channel_info", GENERAL), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    invoke(&server, &token, &call("get_messages", "7"), &[]).await;
    invoke(&server, "a.b.c", &call("get_messages", "7"), &[]).await;
    let found = measured(&server).await;
    let expected = [
        (
            r#"discord_mcp_calls_total{tool="get_channel_info",door="rest",status="ok"}"#,
            3.0,
        ),
        (
            r#"discord_mcp_calls_total{tool="get_messages",door="rest",status="unknown_channel"}"#,
            1.0,
        ),
        (
            r#"discord_mcp_call_duration_seconds_count{tool="get_channel_info",door="rest"}"#,
            3.0,
        ),
        (
            r#"discord_mcp_http_responses_total{route="/mcp/v1/tools/invoke",status="200"}"#,
            3.0,
        ),
        (
            r#"discord_mcp_http_responses_total{route="/mcp/v1/tools/invoke",status="401"}"#,
            1.0,
        ),
        (
            r#"discord_mcp_auth_failures_total{reason="malformed"}"#,
            1.0,
        ),
        (r#"discord_mcp_refused_total{reason="malformed"}"#, 1.0),
        (r#"discord_mcp_token_cache_total{result="hit"}"#, 3.0),
        (r#"discord_mcp_token_cache_total{result="miss"}"#, 2.0),
        (
            r#"discord_mcp_discord_requests_total{route="GET /channels/{id}",status="200",retry="0"}"#,
            3.0,
        ),
        (
            r#"discord_mcp_discord_requests_total{route="GET /channels/{id}/messages",status="404",retry="0"}"#,
            1.0,
        ),
        ("discord_mcp_audit_write_seconds_count", 4.0),
        ("discord_mcp_audit_healthy", 1.0),
        ("discord_mcp_calls_in_flight", 0.0),
        ("discord_mcp_discord_invalid_requests", 0.0),
        (r#"discord_mcp_discord_held_back{reason="edge"}"#, 0.0),
        (r#"discord_mcp_discord_held_back{reason="budget"}"#, 0.0),
        ("discord_mcp_panics_total", 0.0),
        ("discord_mcp_audit_failures_total", 0.0),
        ("discord_mcp_connections_closed_total", 0.0),
        ("discord_mcp_draining", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(found.get(name), Some(&value), "{name}: {found:#?}");
    }
    assert!(found["discord_mcp_connections"] >= 1.0, "{found:#?}");
    let version = env!("CARGO_PKG_VERSION");
    let build = format!(r#"discord_mcp_build_info{{version="{version}"}}"#);
    assert_eq!(found[&build], 1.0);
}

/// Metrics and log say what the caller was told.
#[tokio::test]
async fn a_call_whose_outcome_could_not_be_recorded_counts_as_one_that_failed() {
    let server = Server::with(&[("AUDIT_LOG", "/dev/full")], |_| {}).await;
    let body = call("get_channel_info", GENERAL);
    let answer = invoke(&server, &tokens::token(), &body, &[]).await;
    assert_eq!((answer.status, answer.code()), (503, "audit_unavailable"));
    let found = measured(&server).await;
    let calls = |status: &str| {
        let name = format!(
            r#"discord_mcp_calls_total{{tool="get_channel_info",door="rest",status="{status}"}}"#
        );
        found.get(&name).copied()
    };
    assert_eq!(
        (calls("audit_unavailable"), calls("ok")),
        (Some(1.0), None),
        "{found:#?}"
    );
    server.says("status=\"audit_unavailable\"", 1).await;
    assert!(!server.process.output().contains("status=\"ok\""));
}

/// What is no HTTP never comes to the router, and is counted all the same.
#[tokio::test]
async fn heads_that_are_refused_are_counted_by_their_reason() {
    let server = Server::start().await;
    let large = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(40_000)
    );
    for (head, status) in [("no HTTP at all\r\n\r\n", 400), (&large, 431)] {
        let mut client = Raw::open(&server.process.url).await;
        client.try_send(head).await.ok();
        assert_eq!(client.answer().await.status, status);
        client.rest().await;
    }
    let found = measured(&server).await;
    for reason in ["bad_head", "head_too_large"] {
        let name = format!(r#"discord_mcp_refused_total{{reason="{reason}"}}"#);
        assert_eq!(found.get(&name), Some(&1.0), "{found:#?}");
    }
}

/// A token that has expired by our clock may be good by its minter's, but is not remembered.
#[tokio::test]
async fn a_bearer_is_remembered_until_it_expires_and_no_longer() {
    let server = Server::start().await;
    let token = tokens::token_with(json!({"iat": tokens::now() - 60, "exp": tokens::now() - 2}));
    for _ in 0..3 {
        let body = call("get_channel_info", GENERAL);
        let answer = invoke(&server, &token, &body, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let found = measured(&server).await;
    let looked =
        |result: &str| found[&format!(r#"discord_mcp_token_cache_total{{result="{result}"}}"#)];
    assert_eq!((looked("hit"), looked("miss")), (0.0, 3.0));
}

/// Each under its own name, and none under a common one.
#[tokio::test]
async fn what_is_asked_to_find_a_name_is_counted_by_its_route() {
    let server = Server::start().await;
    let token = tokens::token();
    invoke(&server, &token, &call("get_channel_info", "#general"), &[]).await;
    let found = measured(&server).await;
    for route in ["GET /users/@me/guilds", "GET /guilds/{id}/channels"] {
        let name = format!(
            r#"discord_mcp_discord_requests_total{{route="{route}",status="200",retry="0"}}"#
        );
        assert!(found.contains_key(&name), "{name}: {found:#?}");
    }
}

#[tokio::test]
async fn what_callers_send_is_in_no_label() {
    let server = Server::start().await;
    let token = tokens::token_with(json!({"sub": "intruder-in-sub"}));
    let odd = call("intruder-in-tool", GENERAL);
    let id = [("x-request-id", "intruder-in-id")];
    invoke(&server, &token, &odd, &id).await;
    invoke(&server, &token, &call("get_channel_info", GENERAL), &id).await;
    invoke(&server, &token, "intruder in body", &id).await;
    server
        .get("/intruder/in/path", Some("intruder.in.bearer"))
        .await;
    let answer = server.get("/metrics", None).await;
    assert!(!answer.text.contains("intruder"), "{}", answer.text);
    assert!(!answer.text.contains(GENERAL), "{}", answer.text);
    let found = samples(&answer.text);
    let other = r#"discord_mcp_calls_total{tool="other",door="rest",status="unknown_tool"}"#;
    assert_eq!(found.get(other), Some(&1.0), "{found:#?}");
    let other = r#"discord_mcp_http_responses_total{route="other",status="404"}"#;
    assert_eq!(found.get(other), Some(&1.0), "{found:#?}");
}

#[tokio::test]
async fn a_proxys_clients_read_no_metrics() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        let url = format!("{}/metrics", server.process.url);
        let answer = App::answer(client.get(url).header(name, "1.2.3.4")).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{name}");
    }
}

#[tokio::test]
async fn metrics_are_off_where_the_operator_says_so_and_where_others_could_read_them() {
    for variables in [[("METRICS_ADDR", "off")], [("BIND_ADDR", "0.0.0.0:0")]] {
        let mut server = Server::starting(&variables, |_| {}).await;
        server.process.url = server.process.url.replace("0.0.0.0", "127.0.0.1");
        let answer = server.get("/metrics", None).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"));
    }
}

#[tokio::test]
async fn metrics_may_have_a_listener_of_their_own_and_are_then_nowhere_else() {
    // The kernel chooses a port that is free; between here and the start it stays so.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let server = Server::with(&[("METRICS_ADDR", &address)], |_| {}).await;
    assert_eq!(server.get("/metrics", None).await.status, 404);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/metrics")).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let found = samples(&answer.text().await.unwrap());
    assert_eq!(found["discord_mcp_audit_healthy"], 1.0);
    let other = client.get(format!("http://{address}/healthz")).send().await;
    assert_eq!(other.unwrap().status(), 404);
}
