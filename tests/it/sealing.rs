//! Sealed bot tokens through the doors: they work like readable ones, the server needs no key that
//! mints, the minter needs no key that opens, and an operator can insist on them.

use std::fs;
use std::path::Path;

use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::{Value, json};

use crate::support::discord::StandIn;
use crate::support::discord::seed::{BOT_MESSAGE, BOT_TOKEN, GENERAL};
use crate::support::forge::{pem, stranger, thumbprint};
use crate::support::jwe::{self, Enc, Jwe, Wrap, header_with, seal_kid, sealed};
use crate::support::mcp::structured;
use crate::support::process::{Process, binary};
use crate::support::tokens::{PRIVATE, PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC};
use crate::support::{Answer, App, Mcp, assert_failure, tokens};

/// Each tool, with params that leave nothing behind that another call would notice.
fn calls() -> [(&'static str, Value); 5] {
    let dry_run = json!({"channel_id": GENERAL, "message_id": BOT_MESSAGE, "dry_run": true});
    let search = json!({"channel_id": GENERAL, "query": "hi", "mode": "scan"});
    [
        ("get_channel_info", json!({"channel_id": GENERAL})),
        ("get_messages", json!({"channel_id": GENERAL})),
        ("search_messages", search),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi"}),
        ),
        ("moderate_content", dry_run),
    ]
}

/// A folder of keys with these files of the tests' two pairs.
pub fn folder(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("keys")).unwrap();
    for file in files {
        fs::write(dir.path().join("keys").join(file), pem(file)).unwrap();
    }
    dir
}

/// The files in that folder, in order.
fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("keys")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Calls a tool of a server that is a process.
async fn call(server: &Process, token: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/mcp/v1/tools/invoke", server.url));
    let body = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
    let request = request.header("content-type", "application/json");
    App::answer(request.bearer_auth(token).body(body.to_string())).await
}

/// Calls a tool with this token.
async fn ask(app: &App, token: &str) -> Answer {
    let params = json!({"channel_id": GENERAL});
    app.invoke_as(token, "get_channel_info", params).await
}

/// The one 401 that does not say why.
#[track_caller]
fn assert_refused(answer: &Answer) {
    let error = json!({
        "code": "invalid_token",
        "message": "Invalid token: the bearer token is missing, malformed, expired or not for this server",
        "hint": "Send `Authorization: Bearer <JWT>`. Tokens live 1 hour unless minted for longer; mint a new one with `discord-mcp-server mint-token` or `cargo run --example mint_token`.",
    });
    assert_failure(answer, 401, error);
}

/// Mints with the command, of the tests' bot token.
fn mint(dir: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = binary(dir, &[("DISCORD_TOKEN", BOT_TOKEN)]);
    let output = command.arg("mint-token").args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let token = String::from_utf8(output.stdout).unwrap();
    (token.trim_end().to_owned(), said)
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

#[tokio::test]
async fn a_sealed_token_does_what_a_readable_one_does_at_both_doors() {
    let app = App::start().await;
    let token = jwe::token(sealed(BOT_TOKEN));
    let mcp = Mcp::modern(&app).token(&token);
    for (tool, params) in calls() {
        let answer = app.invoke_as(&token, tool, params.clone()).await;
        assert_eq!(answer.status, 200, "{tool}: {}", answer.text);
        structured(&mcp.call(tool, params).await);
    }
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 10);
    for request in requests {
        let bot = format!("Bot {BOT_TOKEN}");
        assert_eq!(request.header("authorization"), Some(&*bot));
    }
}

#[tokio::test]
async fn a_seal_may_say_what_it_is_and_what_is_in_it() {
    let app = App::start().await;
    for changes in [
        json!({}),
        json!({"typ": "JWE"}),
        json!({"cty": "text/plain"}),
        json!({"typ": "JOSE", "cty": "octet-stream"}),
    ] {
        let token = jwe::token(Jwe::under(&header_with(&changes)).compact());
        let answer = ask(&app, &token).await;
        assert_eq!(answer.status, 200, "{changes}");
    }
}

#[tokio::test]
async fn what_is_sealed_and_no_bot_token_is_sent_nowhere() {
    let app = App::start().await;
    let jwt = tokens::token();
    for content in [
        "",
        " ",
        "null",
        "x",
        &jwt,
        &sealed(BOT_TOKEN),
        &format!("Bot {BOT_TOKEN}"),
        &format!("{BOT_TOKEN}\r\nx: y"),
        &format!("\"{BOT_TOKEN}\""),
        &format!("{BOT_TOKEN}\0"),
        &format!(" {BOT_TOKEN}"),
    ] {
        let token = jwe::token(sealed(content));
        let answer = ask(&app, &token).await;
        let got = (answer.status, answer.code());
        assert_eq!(got, (401, "discord_token_rejected"), "{content:?}");
    }
    // Bytes that are no text at all.
    let header = header_with(&json!({}));
    let wrap = Wrap::Oaep256(jwe::seal_public());
    let bytes = Jwe::of(&header, wrap, Enc::A256Gcm, &[0xff; 70]).compact();
    assert_refused(&ask(&app, &jwe::token(bytes)).await);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_key_to_sign_with_serves() {
    let discord = StandIn::start().await;
    let held = [PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC];
    let dir = folder(&held);
    let server = Process::start(dir.path(), &[("DISCORD_API_BASE", &discord.base())]);
    let answer = call(&server, &jwe::token(sealed(BOT_TOKEN))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (status, _) = server.stop();
    assert!(status.success());
    // It has made none either.
    assert_eq!(files(dir.path()), held);
    let mut mint = binary(dir.path(), &[("DISCORD_TOKEN", BOT_TOKEN)]);
    let output = mint.arg("mint-token").output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(PRIVATE) && !said.contains(BOT_TOKEN),
        "{said}"
    );
}

#[tokio::test]
async fn a_minter_without_a_key_to_open_with_mints() {
    let held = [PRIVATE, SEAL_PUBLIC];
    let dir = folder(&held);
    let (token, said) = mint(dir.path(), &[]);
    assert!(
        said.contains("sealed") && !said.contains(BOT_TOKEN),
        "{said}"
    );
    // The public half of the key that signs is written beside it; the one that opens is not made up.
    assert_eq!(files(dir.path()), [PRIVATE, PUBLIC, SEAL_PUBLIC]);
    let claims = claims(&token);
    assert_eq!(claims.get("discord_token"), None);
    let seal = claims["discord_token_sealed"].as_str().unwrap();
    let (header, content) = jwe::open(seal, &pem(SEAL_PRIVATE));
    let expected = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": seal_kid()});
    assert_eq!((header, &*content), (expected, BOT_TOKEN));
    let app = App::start().await;
    let answer = ask(&app, &token).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn no_two_seals_are_the_same() {
    let dir = folder(&[PRIVATE, PUBLIC, SEAL_PUBLIC]);
    let seal = || claims(&mint(dir.path(), &[]).0)["discord_token_sealed"].clone();
    let (one, other) = (seal(), seal());
    let parts = |seal: &Value| -> Vec<String> {
        seal.as_str()
            .unwrap()
            .split('.')
            .map(str::to_owned)
            .collect()
    };
    let same = parts(&one)
        .into_iter()
        .zip(parts(&other))
        .map(|(one, other)| one == other);
    assert_eq!(same.collect::<Vec<_>>(), [true, false, false, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_readable_token_works_and_is_warned_of_once() {
    let discord = StandIn::start().await;
    let dir = folder(&[PRIVATE, PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC]);
    let (token, said) = mint(dir.path(), &["--plain"]);
    assert!(said.contains("can read the bot token"), "{said}");
    assert_eq!(claims(&token)["discord_token"], BOT_TOKEN);
    assert_eq!(claims(&token).get("discord_token_sealed"), None);
    let server = Process::start(dir.path(), &[("DISCORD_API_BASE", &discord.base())]);
    let warning = "a token carries its bot token readable";
    let warnings = |output: &str| output.matches(warning).count();
    let nothing = tokens::token_with(json!({"discord_token": null}));
    for (token, status) in [(&jwe::token(sealed(BOT_TOKEN)), 200), (&nothing, 401)] {
        assert_eq!(call(&server, token).await.status, status);
    }
    assert_eq!(warnings(&server.output()), 0);
    for token in [&token, &tokens::token(), &token] {
        assert_eq!(call(&server, token).await.status, 200);
    }
    let (_, output) = server.stop();
    assert_eq!(warnings(&output), 1, "{output}");
}

#[tokio::test]
async fn readable_tokens_can_be_refused() {
    let app = App::with(&[("REQUIRE_SEALED_TOKENS", "true")]).await;
    let token = tokens::token();
    assert_refused(&ask(&app, &token).await);
    assert_refused(&app.get("/mcp/v1/tools", Some(&token)).await);
    let mcp = Mcp::modern(&app).token(&token);
    let params = json!({"channel_id": GENERAL});
    assert_refused(&mcp.call("get_channel_info", params).await);
    assert_eq!(app.audit(), Vec::<Value>::new());
    assert!(app.discord.requests().is_empty());
    // None at all is neither sealed nor readable, and says what is missing.
    let nothing = tokens::token_with(json!({"discord_token": null}));
    let answer = ask(&app, &nothing).await;
    assert_eq!(
        (answer.status, answer.code()),
        (401, "missing_discord_token")
    );
    let token = jwe::token(sealed(BOT_TOKEN));
    let answer = ask(&app, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_seal_of_another_server_does_not_open() {
    let dir = folder(&[PRIVATE, PUBLIC]);
    let keys = dir.path().join("keys");
    let theirs = stranger().private.to_pkcs8_pem(LineEnding::LF).unwrap();
    fs::write(keys.join(SEAL_PRIVATE), theirs.as_bytes()).unwrap();
    let app = App::with(&[("KEYS_DIR", keys.to_str().unwrap())]).await;
    let kid = thumbprint(&stranger().public);
    // Theirs opens; ours does not, under its own name or under theirs.
    let ours_as_theirs = Jwe::under(&header_with(&json!({"kid": kid}))).compact();
    for seal in [sealed(BOT_TOKEN), ours_as_theirs] {
        assert_refused(&ask(&app, &jwe::token(seal)).await);
    }
    assert!(app.discord.requests().is_empty());
    let token = jwe::token(jwe::sealed_for_a_stranger(&kid));
    let answer = ask(&app, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
