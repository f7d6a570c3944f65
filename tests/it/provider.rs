//! Tokens of an identity provider: let in like ours, under the same rules, and never one for the
//! other. The issuer that a token names decides whose keys verify it.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::auth::{expect_in, expect_out};
use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::forge::{forge, our_key};
use crate::support::provider::{ISSUER, Provider, Reply, claims, claims_with, key};
use crate::support::{App, Mcp, assert_failure, tokens};

/// A token with these claims that our key signed, under this `kid`.
fn ours(kid: &str, claims: &Value) -> String {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid});
    forge(
        header.to_string(),
        claims.to_string(),
        &our_key(),
        Algorithm::RS256,
    )
}

#[tokio::test]
async fn a_token_of_the_provider_works_at_both_doors_and_is_recorded_under_its_names() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let params = json!({"channel_id": GENERAL});
    let token = key(0).token();
    let rest = app.invoke_as(&token, "get_channel_info", params.clone());
    assert_eq!(rest.await.result()["name"], "general");
    let client = Mcp::modern(&app).token(&token);
    let mcp = client.call("get_channel_info", params).await;
    assert_eq!(mcp.result()["structuredContent"]["name"], "general");
    let lines = app.audit();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["user_id"], "id|alice");
        assert_eq!(line["jti"], "jti-of-the-provider");
    }
    for sent in app.discord.requests() {
        assert_eq!(
            sent.header("authorization"),
            Some(&*format!("Bot {BOT_TOKEN}"))
        );
    }
    // Ours are as good as before, and still without one more question to the provider.
    expect_in(&app, "ours", &tokens::token()).await;
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn the_set_is_asked_for_without_any_secret_and_under_the_whole_of_its_address() {
    let provider = Provider::start().await;
    let url = format!("{}?tenant=7&v=2", provider.url());
    let app = provider.app(&[("JWT_JWKS_URL", &url)]).await;
    expect_in(&app, "the provider's", &key(0).token()).await;
    let asked = provider.asked();
    assert_eq!(asked.len(), 1);
    let (method, target) = (&*asked[0].method, &*asked[0].target);
    assert_eq!((method, target), ("GET", "/jwks.json?tenant=7&v=2"));
    let names: Vec<_> = asked[0].headers.keys().map(|name| name.as_str()).collect();
    for secret in ["authorization", "cookie", "referer", "x-request-id"] {
        assert!(!names.contains(&secret), "{names:?}");
    }
}

#[tokio::test]
async fn the_keys_of_one_issuer_are_never_taken_for_the_other() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let (our_kid, their_kid) = (tokens::kid(), key(0).kid);
    let (our_claims, their_claims) = (tokens::claims(), claims());
    let theirs = |kid: &str, claims: &Value| key(0).sign(kid, claims);
    expect_out(
        &app,
        [
            ("our claims, their key", theirs(their_kid, &our_claims)),
            (
                "our claims, their key, our kid",
                theirs(our_kid, &our_claims),
            ),
            ("their claims, our key", ours(our_kid, &their_claims)),
            (
                "their claims, our key, their kid",
                ours(their_kid, &their_claims),
            ),
            (
                "their claims, their key, our kid",
                theirs(our_kid, &their_claims),
            ),
            (
                "our claims, our key, their kid",
                ours(their_kid, &our_claims),
            ),
        ]
        .map(|(what, token)| (what.to_owned(), token)),
    )
    .await;
    expect_in(&app, "ours", &ours(our_kid, &our_claims)).await;
    expect_in(&app, "theirs", &theirs(their_kid, &their_claims)).await;
}

#[tokio::test]
async fn a_provider_that_publishes_a_key_under_our_kid_speaks_for_itself_alone() {
    let provider = Provider::start().await;
    let our_kid = tokens::kid();
    provider.publish([key(0).jwk_with(json!({"kid": our_kid}))]);
    let app = provider.app(&[]).await;
    expect_out(
        &app,
        [
            (
                "our claims, their key",
                key(0).sign(our_kid, &tokens::claims()),
            ),
            ("their claims, our key", ours(our_kid, &claims())),
        ]
        .map(|(what, token)| (what.to_owned(), token)),
    )
    .await;
    expect_in(&app, "ours", &tokens::token()).await;
    expect_in(&app, "theirs", &key(0).sign(our_kid, &claims())).await;
}

#[tokio::test]
async fn an_issuer_is_one_text_and_exactly_that() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let us = "discord-mcp-server";
    let issuers = [
        json!(null),
        json!(""),
        json!(ISSUER.trim_end_matches('/')),
        json!(format!("{ISSUER}/")),
        json!(format!(" {ISSUER}")),
        json!(ISSUER.to_uppercase()),
        json!([ISSUER]),
        json!([us, ISSUER]),
        json!([ISSUER, us]),
        json!({ISSUER: true}),
        json!(7),
    ];
    let bad = issuers.iter().flat_map(|issuer| {
        let claims = claims_with(json!({"iss": issuer}));
        [
            (
                format!("theirs: {issuer}"),
                key(0).sign(key(0).kid, &claims),
            ),
            (format!("ours: {issuer}"), ours(tokens::kid(), &claims)),
        ]
    });
    expect_out(&app, bad).await;
    // Two readers could take one issuer each.
    let twice = |first: &str, second: &str| {
        let claims = claims_with(json!({"iss": null})).to_string();
        claims.replacen('{', &format!(r#"{{"iss":"{first}","iss":"{second}","#), 1)
    };
    let header = json!({"alg": "RS256", "kid": tokens::kid()}).to_string();
    let doubled = [twice(ISSUER, us), twice(us, ISSUER), twice(us, us)];
    let bad = doubled.map(|claims| {
        let token = forge(&header, &claims, &our_key(), Algorithm::RS256);
        (claims, token)
    });
    expect_out(&app, bad).await;
}

#[tokio::test]
async fn all_other_rules_hold_for_the_providers_tokens_too() {
    let provider = Provider::start().await;
    let variables = [("JWT_MAX_LIFETIME", "2h"), ("JWT_JWKS_COOLDOWN", "1ms")];
    let app = provider.app(&variables).await;
    let (now, key) = (tokens::now(), key(0));
    let by_claims = [
        json!({"aud": "someone-else"}),
        json!({"aud": ISSUER}),
        json!({"aud": null}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "x".repeat(257)}),
        json!({"jti": ""}),
        json!({"iat": now - 60, "exp": now - 10}),
        json!({"iat": now + 60}),
        json!({"nbf": now + 60}),
        json!({"iat": now, "exp": now + 7201}),
        json!({"scope": ["discord:read"]}),
        json!({"channels": GENERAL}),
    ]
    .map(|changes| (changes.to_string(), key.token_with(changes)));
    let by_header = [
        json!({"kid": null}),
        json!({"kid": 7}),
        json!({"kid": [key.kid]}),
        json!({"alg": "RS512"}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"typ": "logout+jwt"}),
        json!({"jku": provider.url()}),
        json!({"x5u": provider.url()}),
        json!({"jwk": key.jwk()}),
        json!({"x5c": ["MIIB"]}),
        json!({"crit": ["exp"]}),
        json!({"b64": false}),
    ]
    .map(|changes| {
        let mut header = json!({"alg": "RS256", "typ": "at+jwt", "kid": key.kid});
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        if header["kid"].is_null() {
            header.as_object_mut().unwrap().remove("kid");
        }
        (changes.to_string(), key.sign_under(&header, &claims()))
    });
    let token = key.token();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let unsigned = [
        ("no signature".to_owned(), format!("{signed}.")),
        ("two parts".to_owned(), signed.to_owned()),
    ];
    expect_out(&app, by_claims.into_iter().chain(by_header).chain(unsigned)).await;
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": key.kid});
    expect_in(&app, "at+jwt", &key.sign_under(&header, &claims())).await;
    let several = key.token_with(json!({"aud": ["someone-else", "discord-mcp-server"]}));
    expect_in(&app, "several audiences", &several).await;
    // None of all that was a reason to ask the provider again, since its key was known.
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn limits_in_a_providers_token_count() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let send = json!({"channel_id": GENERAL, "message": "hi"});
    for (changes, code) in [
        (
            json!({"scope": "openid discord:read"}),
            "insufficient_scope",
        ),
        (json!({"channels": []}), "not_allowed"),
        (json!({"guilds": []}), "not_allowed"),
        (json!({"discord_token": null}), "missing_discord_token"),
        (json!({"discord_token": "x"}), "discord_token_rejected"),
    ] {
        let token = key(0).token_with(changes.clone());
        let answer = app.invoke_as(&token, "send_message", send.clone()).await;
        assert_eq!(answer.code(), code, "{changes}: {}", answer.text);
    }
    assert!(
        app.discord
            .requests()
            .iter()
            .all(|sent| sent.method == "GET")
    );
}

#[tokio::test]
async fn without_a_provider_its_tokens_are_strangers_tokens() {
    let app = App::start().await;
    expect_out(&app, [("theirs".to_owned(), key(0).token())]).await;
}

#[tokio::test]
async fn a_refused_token_of_the_provider_reads_the_one_body_and_nothing_of_the_provider() {
    let provider = Provider::start().await;
    provider.reply(Reply::text("a secret of the provider").status(500));
    let app = provider.app(&[]).await;
    let error = app.get("/mcp/v1/tools", None).await.body["error"].clone();
    assert_eq!(error["code"], "invalid_token");
    for token in [key(0).token(), key(1).sign(key(0).kid, &claims())] {
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_failure(&answer, 401, error.clone());
    }
}
