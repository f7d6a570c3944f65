//! The canary: a bot token and JWTs go in, and nothing of them comes out anywhere.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::discord::seed::{
    ANNOUNCEMENTS, BOT_TOKEN, DM, GENERAL, HIDDEN, LINK_MESSAGE, QUIET,
};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::process::Process;
use crate::support::{App, tokens};

/// Every form in which a secret could hide in a text, each at every alignment of base64.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for pad in 0..3 {
        // What precedes the secret shifts its base64; the characters at the seams differ.
        let padded = format!("{}{secret}", "x".repeat(pad));
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(&padded);
            forms.push(text[4..text.len() - 4].to_owned());
        }
        forms.push(
            STANDARD_NO_PAD.encode(&padded)[4..]
                .trim_end_matches('=')
                .to_owned(),
        );
        forms.push(URL_SAFE_NO_PAD.encode(&padded)[4..].to_owned());
    }
    forms
}

/// Everything that some file below `dir` holds, apart from the keys.
fn files(dir: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().unwrap() != "keys" {
                text += &files(&path);
            }
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_in_logs_audit_or_answers_at_the_loudest_log_level() {
    let discord = StandIn::start().await;
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let server = Process::start(
        dir.path(),
        &[
            ("DISCORD_API_BASE", &*base),
            ("RUST_LOG", "trace"),
            ("LOG_DIR", "logs"),
            ("DISCORD_TOKEN", BOT_TOKEN),
            ("CALL_DEADLINE", "2s"),
        ],
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let good = tokens::token();
    let expired =
        tokens::token_with(json!({"exp": tokens::now() - 100, "iat": tokens::now() - 200}));
    let narrow = tokens::token_with(json!({"scope": "discord:read", "channels": [DM]}));
    let jwts = [&good, &expired, &narrow];
    let mut seen = String::new();

    let call =
        |method: &str, params: Value| json!({"method": method, "params": params}).to_string();
    let read = call("get_messages", json!({"channel_id": GENERAL}));
    let mut requests: Vec<(&str, String)> = vec![
        (
            &good,
            call("get_channel_info", json!({"channel_id": GENERAL})),
        ),
        (&good, read.clone()),
        (
            &good,
            call(
                "search_messages",
                json!({"channel_id": GENERAL, "query": "hello"}),
            ),
        ),
        (
            &good,
            call(
                "search_messages",
                json!({"channel_id": DM, "query": "hello"}),
            ),
        ),
        (
            &good,
            call(
                "moderate_content",
                json!({"channel_id": GENERAL, "message_id": LINK_MESSAGE}),
            ),
        ),
        (
            &good,
            call(
                "send_message",
                json!({"channel_id": QUIET, "message": "no"}),
            ),
        ),
        (&good, call("get_messages", json!({"channel_id": HIDDEN}))),
        (&good, call("no_such_tool", json!({}))),
        (&good, call(BOT_TOKEN, json!({}))),
        (
            &good,
            call("get_messages", json!({"channel_id": BOT_TOKEN})),
        ),
        (
            &good,
            call("get_messages", json!({BOT_TOKEN: 1, "channel_id": GENERAL})),
        ),
        (
            &good,
            call(
                "get_messages",
                json!({"channel_id": GENERAL, "limit": good}),
            ),
        ),
        (&good, format!("{{ {BOT_TOKEN}")),
        (&expired, read.clone()),
        (&narrow, read.clone()),
        (
            &narrow,
            call(
                "send_message",
                json!({"channel_id": GENERAL, "message": "no"}),
            ),
        ),
        (BOT_TOKEN, read.clone()),
    ];
    // A caller who sends the secrets themselves: they reach Discord, as they asked, and no log.
    let told = format!("token={BOT_TOKEN} jwt={good}");
    requests.push((
        &good,
        call(
            "send_message",
            json!({"channel_id": ANNOUNCEMENTS, "message": told}),
        ),
    ));
    for (bearer, body) in requests {
        let request = client
            .post(format!("{}/mcp/v1/tools/invoke", server.url))
            .bearer_auth(bearer)
            .header("content-type", "application/json")
            .body(body.clone());
        let answer = App::answer(request).await;
        if !body.contains("token=") {
            seen += &format!("{:?}{}", answer.headers, answer.text);
        }
    }
    for fault in [
        Fault::Html(502),
        Fault::CutAfter,
        Fault::Redirect(format!("{base}/elsewhere")),
        Fault::BadJson,
        Fault::Hang,
        Fault::RateLimited {
            retry_after: 0.1,
            scope: "user",
        },
        Fault::Delay(Duration::from_millis(5)),
        // The last, since nothing is sent with this bot token after it.
        Fault::Error {
            status: 401,
            code: 0,
            message: "401: Unauthorized",
        },
    ] {
        let before = discord.requests().len();
        discord.fault(On::Any, usize::MAX, fault);
        let request = client
            .post(format!("{}/mcp/v1/tools/invoke", server.url))
            .bearer_auth(&good)
            .header("content-type", "application/json")
            .body(read.clone());
        let answer = App::answer(request).await;
        discord.clear_faults();
        assert!(discord.requests().len() > before, "the fault was met");
        seen += &format!("{:?}{}", answer.headers, answer.text);
    }
    let (status, output) = server.stop();
    assert!(status.success());
    assert!(output.contains("TRACE"), "the loudest level was on");
    let files = files(dir.path());
    assert!(files.contains("\"stage\":\"outcome\"") && files.contains("TRACE"));
    for (place, text) in [("answers", &seen), ("output", &output), ("files", &files)] {
        for secret in [BOT_TOKEN].into_iter().chain(jwts.map(|jwt| &**jwt)) {
            // A JWT without its signature is as good as the bot token in it.
            let body = secret.rsplit_once('.').unwrap().0;
            for form in forms(secret).into_iter().chain(forms(body)) {
                assert!(!text.contains(&form), "a secret in {place}");
            }
        }
    }
}
