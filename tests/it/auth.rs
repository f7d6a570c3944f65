//! Who is let in: one `Authorization` header with one JWT that our key signed, for us, for now.
//! Everybody else reads the same 401, and nothing is recorded or sent on their behalf.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use discord_mcp_server::auth::Keys;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::{Answer, App, tokens};

/// The private key of the tests, or of anybody else.
pub fn private_key(ours: bool) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    if ours {
        tokens::install_keys(dir.path());
    } else {
        Keys::load_or_create(dir.path()).unwrap();
    }
    std::fs::read(dir.path().join(tokens::PRIVATE)).unwrap()
}

/// A token with exactly this header and payload, signed like that.
pub fn forge(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let (header, payload) = (
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload),
    );
    let signed = format!("{header}.{payload}");
    let signature = sign(signed.as_bytes(), key, algorithm).unwrap();
    format!("{signed}.{signature}")
}

/// A token with this payload and a good header, signed with our key.
fn with_payload(payload: &str) -> String {
    let key = EncodingKey::from_rsa_pem(&private_key(true)).unwrap();
    forge(&good_header().to_string(), payload, &key, Algorithm::RS256)
}

pub fn good_header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": tokens::kid()})
}

/// Calls with these headers.
async fn call(app: &App, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
    let url = format!("{}/mcp/v1/tools/invoke", app.url);
    let mut request = app.client.post(url);
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    App::answer(request.body(body.to_string())).await
}

pub async fn expect_in(app: &App, what: &str, token: &str) {
    let answer = call(app, &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
}

/// None of these tokens is let in, at either route, and none leaves a trace.
pub async fn expect_out(app: &App, tokens: impl IntoIterator<Item = (String, String)>) {
    for (what, token) in tokens {
        let answer = call(app, &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{what}"
        );
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{what}"
        );
    }
    assert_eq!(app.audit(), Vec::<Value>::new());
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn only_one_authorization_header_with_a_bearer_counts() {
    let app = App::start().await;
    let token = tokens::token();
    let bearer = format!("Bearer {token}");
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Bearer{token}"),
        format!("Bearer\t{token}"),
        format!("Bearer: {token}"),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bot {BOT_TOKEN}"),
        format!("Bearer {BOT_TOKEN}"),
        format!("Bearer {token} x"),
        format!("Bearer {token},"),
        format!("Bearer {token}="),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer {token}é"),
    ];
    for value in &wrong {
        let answer = call(&app, &[("authorization", value)]).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{value}"
        );
    }
    let elsewhere: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", &bearer), ("authorization", &bearer)],
        &[("authorization", &bearer), ("authorization", "Basic eDp5")],
        &[("cookie", &format!("access_token={token}; token={token}"))],
        &[("proxy-authorization", &bearer)],
        &[("x-authorization", &bearer), ("x-access-token", &token)],
    ];
    for headers in elsewhere {
        let answer = call(&app, headers).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{headers:?}"
        );
    }
    for query in ["access_token", "token", "bearer"] {
        let path = format!("/mcp/v1/tools?{query}={token}");
        assert_eq!(app.get(&path, None).await.status, 401, "{query}");
    }
    assert_eq!(app.audit(), Vec::<Value>::new());
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn the_scheme_has_no_case() {
    let app = App::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} {}", tokens::token());
        let answer = call(&app, &[("authorization", &value)]).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_is_good_between_its_times_give_or_take_a_few_seconds() {
    let app = App::start().await;
    let now = tokens::now();
    let day = 86_400;
    let good = [
        json!({"iat": now - 60, "exp": now - 2}),
        json!({"iat": now + 2}),
        json!({"nbf": now + 2}),
        json!({"nbf": now - day}),
        json!({"iat": now, "exp": now + 30 * day}),
    ];
    let bad = [
        json!({"iat": now - 60, "exp": now - 10}),
        json!({"exp": 0}),
        json!({"exp": now - day, "iat": now - 2 * day}),
        json!({"nbf": now + 60}),
        json!({"iat": now + 60}),
        json!({"iat": now + 7200}),
        json!({"iat": now, "exp": now + 30 * day + 1}),
        json!({"iat": now - 40 * day}),
        json!({"iat": 0}),
        json!({"exp": u64::MAX}),
    ];
    let bad = bad.map(|changes| (changes.to_string(), tokens::token_with(changes)));
    expect_out(&app, bad).await;
    for changes in good {
        let what = changes.to_string();
        expect_in(&app, &what, &tokens::token_with(changes)).await;
    }
}

#[tokio::test]
async fn the_longest_life_of_a_token_can_be_configured() {
    let app = App::with(&[("JWT_MAX_LIFETIME", "10m")]).await;
    let exp = |seconds| tokens::token_with(json!({"exp": tokens::now() + seconds}));
    expect_out(&app, [("an hour".to_owned(), exp(3600))]).await;
    expect_in(&app, "five minutes", &exp(300)).await;
}

#[tokio::test]
async fn every_claim_is_there_and_of_its_type() {
    let app = App::start().await;
    let us = "discord-mcp-server";
    let long = "x".repeat(257);
    let missing = ["iss", "aud", "sub", "exp", "iat"].map(|name| json!({name: null}));
    let wrong = [
        json!({"iss": "someone-else"}),
        json!({"iss": ""}),
        json!({"iss": [us]}),
        json!({"iss": ["someone-else", us]}),
        json!({"iss": "Discord-MCP-Server"}),
        json!({"iss": format!("{us}/")}),
        json!({"aud": "someone-else"}),
        json!({"aud": []}),
        json!({"aud": ["someone-else"]}),
        json!({"aud": 7}),
        json!({"aud": {us: true}}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": ["tester"]}),
        json!({"sub": long}),
        json!({"jti": ""}),
        json!({"jti": 7}),
        json!({"jti": long}),
        json!({"exp": "4102444800"}),
        json!({"exp": -1}),
        json!({"exp": true}),
        json!({"exp": 1e300}),
        json!({"iat": "0"}),
        json!({"iat": -1}),
        json!({"nbf": "tomorrow"}),
        json!({"nbf": {}}),
        json!({"scope": ["discord:read"]}),
        json!({"scope": 7}),
        json!({"channels": GENERAL}),
        json!({"channels": [7]}),
        json!({"channels": ["0"]}),
        json!({"channels": ["general"]}),
        json!({"guilds": {}}),
        json!({"guilds": [null]}),
        json!({"discord_token": 7}),
        json!({"discord_token": [BOT_TOKEN]}),
    ];
    let changes = missing.into_iter().chain(wrong);
    let bad = changes.map(|changes| (changes.to_string(), tokens::token_with(changes)));
    expect_out(&app, bad).await;
    for changes in [
        json!({"aud": ["someone-else", us]}),
        json!({"jti": null}),
        json!({"sub": "x".repeat(256)}),
        json!({"something": {"of": ["others"]}}),
    ] {
        let what = changes.to_string();
        expect_in(&app, &what, &tokens::token_with(changes)).await;
    }
}

#[tokio::test]
async fn payloads_that_two_readers_could_read_differently_are_refused() {
    let app = App::start().await;
    let good = tokens::claims().to_string();
    let twice = |claim: &str| good.replacen('{', &format!("{{{claim},"), 1);
    let bad = [
        twice(r#""sub":"someone-else""#),
        twice(r#""exp":4102444800"#),
        twice(r#""iss":"discord-mcp-server""#),
        twice(r#""scope":"discord:read","scope":"discord:write""#),
        format!("[{good}]"),
        format!("{good} {good}"),
        format!("\"{}\"", URL_SAFE_NO_PAD.encode(&good)),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    let bad = bad.map(|payload| (payload.clone(), with_payload(&payload)));
    expect_out(&app, bad).await;
    expect_in(&app, "the good one", &with_payload(&good)).await;
}
