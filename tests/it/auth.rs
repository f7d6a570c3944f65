//! Who is let in: one `Authorization` header with one JWT that our key signed, for us, for now.
//! Who is not is in the table of `attacks`; this is what keeps that table from holding because
//! nothing works.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::support::discord::seed::GENERAL;
use crate::support::forge::{forge, good_header, header_with, our_key, saying, under};
use crate::support::{Answer, App, tokens};

/// Calls with this `Authorization` header.
async fn call(app: &App, authorization: &str) -> Answer {
    let body = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
    let url = format!("{}/mcp/v1/tools/invoke", app.url);
    let request = app
        .client
        .post(url)
        .header("content-type", "application/json");
    let request = request.header("authorization", authorization);
    App::answer(request.body(body.to_string())).await
}

/// This token is let in.
pub async fn expect_in(app: &App, what: &str, token: &str) {
    let answer = call(app, &format!("Bearer {token}")).await;
    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
}

/// None of these tokens is let in, at either route, and none leaves a trace.
pub async fn expect_out(app: &App, tokens: impl IntoIterator<Item = (String, String)>) {
    for (what, token) in tokens {
        let answers = [
            call(app, &format!("Bearer {token}")).await,
            app.get("/mcp/v1/tools", Some(&token)).await,
        ];
        for answer in answers {
            let got = (answer.status, answer.code());
            assert_eq!(got, (401, "invalid_token"), "{what}");
        }
    }
    assert_eq!(app.audit(), Vec::<Value>::new());
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn the_scheme_has_no_case() {
    let app = App::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let answer = call(&app, &format!("{scheme} {}", tokens::token())).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_header_of_more_than_8_kib_is_not_looked_at() {
    let app = App::start().await;
    let token = tokens::token();
    for (bytes, status) in [(8 << 10, 200), ((8 << 10) + 1, 401)] {
        // Spaces before the token are allowed, and make every length.
        let header = format!("Bearer {token:>0$}", bytes - "Bearer ".len());
        assert_eq!(header.len(), bytes);
        assert_eq!(call(&app, &header).await.status, status, "{bytes}");
    }
    let large = tokens::token_with(json!({"padding": "x".repeat(5000)}));
    expect_in(&app, "a large token", &large).await;
}

#[tokio::test]
async fn a_token_is_good_between_its_times_give_or_take_a_few_seconds() {
    let app = App::start().await;
    let now = tokens::now();
    let day = 86_400;
    for changes in [
        json!({"iat": now - 60, "exp": now - 2}),
        json!({"iat": now + 2}),
        json!({"nbf": now + 2}),
        json!({"nbf": now - day}),
        json!({"iat": now, "exp": now + 30 * day}),
    ] {
        let what = changes.to_string();
        expect_in(&app, &what, &tokens::token_with(changes)).await;
    }
}

#[tokio::test]
async fn the_longest_life_of_a_token_can_be_configured() {
    let app = App::with(&[("JWT_MAX_LIFETIME", "10m")]).await;
    let now = tokens::now();
    let living = |seconds| tokens::token_with(json!({"iat": now, "exp": now + seconds}));
    let longer = [3600, 601].map(|seconds| (seconds.to_string(), living(seconds)));
    expect_out(&app, longer).await;
    expect_in(&app, "ten minutes", &living(600)).await;
}

#[tokio::test]
async fn headers_may_say_less_or_more_as_long_as_it_changes_nothing() {
    let app = App::start().await;
    for changes in [
        json!({}),
        json!({"typ": null}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "application/at+jwt"}),
        json!({"typ": "jwt"}),
        json!({"something": "else"}),
    ] {
        let token = under(header_with(&changes));
        expect_in(&app, &changes.to_string(), &token).await;
    }
    let (header, payload) = (good_header().to_string(), tokens::claims().to_string());
    let token = forge(header, payload, &our_key(), Algorithm::RS256);
    expect_in(&app, "RS256 with our key", &token).await;
}

#[tokio::test]
async fn claims_may_say_less_or_more_as_long_as_it_changes_nothing() {
    let app = App::start().await;
    for changes in [
        json!({"aud": ["someone-else", "discord-mcp-server"]}),
        json!({"jti": null}),
        json!({"sub": "x".repeat(256)}),
        json!({"sub": "???>>>~~~"}),
        json!({"something": {"of": ["others"]}}),
    ] {
        let what = changes.to_string();
        expect_in(&app, &what, &tokens::token_with(changes)).await;
    }
    let claims = tokens::claims().to_string();
    expect_in(&app, "the good ones", &saying(claims)).await;
}
