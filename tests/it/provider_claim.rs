//! The claim of a provider's token that holds the bot token: the standard ones, or one whose name
//! the operator chooses, sealed with the key that we publish, or readable.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_TOKEN, GENERAL, OTHER_BOT_TOKEN, OTHER_CHANNEL};
use crate::support::jwe::{Enc, Jwe, Wrap};
use crate::support::provider::{Provider, claims, key};
use crate::support::{Answer, App, tokens};

/// A name as providers demand for claims of others: a URL, with what would be a path in JSON.
const CLAIM: &str = "https://example.com/discord_token";

/// The key to seal with, as anybody can read it.
async fn sealing_key(app: &App) -> Value {
    let set = app.get("/.well-known/jwks.json", None).await;
    let keys = set.body["keys"].as_array().unwrap();
    let sealing: Vec<_> = keys.iter().filter(|key| key["use"] == "enc").collect();
    assert_eq!(sealing.len(), 1, "{}", set.text);
    sealing[0].clone()
}

/// Seals a text with a published key, as a provider would: from the numbers in the JWK.
fn seal(jwk: &Value, text: &str) -> String {
    let number = |name: &str| {
        let text = jwk[name].as_str().unwrap();
        BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap())
    };
    let key = RsaPublicKey::new(number("n"), number("e")).unwrap();
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": jwk["kid"]});
    let wrap = Wrap::Oaep256(&key);
    Jwe::of(&header.to_string(), wrap, Enc::A256Gcm, text.as_bytes()).compact()
}

/// Asks for the channel of the bot, or of the other bot, with a token of the provider.
async fn call(app: &App, changes: Value, channel: &str) -> Answer {
    let params = json!({"channel_id": channel});
    let token = key(0).token_with(changes);
    app.invoke_as(&token, "get_channel_info", params).await
}

/// The call is refused like this, before anything is sent to Discord.
async fn refused(app: &App, changes: Value, status: u16, code: &str) {
    let what = changes.to_string();
    let answer = call(app, changes, GENERAL).await;
    assert_eq!((answer.status, answer.code()), (status, code), "{what}");
    assert!(app.discord.requests().is_empty(), "{what}");
}

#[tokio::test]
async fn without_a_name_the_standard_claims_hold_it() {
    let provider = Provider::start().await;
    let app = provider.app(&[]).await;
    let sealed = seal(&sealing_key(&app).await, BOT_TOKEN);
    let only_sealed = json!({"discord_token": null, "discord_token_sealed": sealed});
    let elsewhere = json!({"discord_token": null, CLAIM: BOT_TOKEN});
    refused(&app, elsewhere, 401, "missing_discord_token").await;
    let both = json!({"discord_token_sealed": sealed});
    refused(&app, both, 401, "invalid_token").await;
    for changes in [json!({}), only_sealed] {
        call(&app, changes, GENERAL).await.result();
    }
}

#[tokio::test]
async fn under_the_chosen_name_it_may_be_readable_or_sealed_with_the_key_that_we_publish() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_TOKEN_CLAIM", CLAIM)]).await;
    let published = sealing_key(&app).await;
    let sealed = |token: &str| json!(seal(&published, token));
    for (bot, channel) in [(BOT_TOKEN, GENERAL), (OTHER_BOT_TOKEN, OTHER_CHANNEL)] {
        for value in [json!(bot), sealed(bot)] {
            app.discord.clear_requests();
            let changes = json!({"discord_token": null, CLAIM: value});
            call(&app, changes, channel).await.result();
            let sent = app.discord.requests();
            let expected = format!("Bot {bot}");
            assert_eq!(sent[0].header("authorization"), Some(&*expected));
        }
    }
    // Two seals of one token are different texts.
    assert_ne!(sealed(BOT_TOKEN), sealed(BOT_TOKEN));
}

#[tokio::test]
async fn with_a_name_the_standard_claims_of_a_provider_say_nothing() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_TOKEN_CLAIM", CLAIM)]).await;
    let published = sealing_key(&app).await;
    let sealed = seal(&published, BOT_TOKEN);
    for changes in [
        json!({}),
        json!({"discord_token": null, "discord_token_sealed": sealed}),
        json!({CLAIM: ""}),
        json!({CLAIM: null}),
        // A name is a name, and no way into an object.
        json!({"https://example": {"com/discord_token": BOT_TOKEN}}),
        json!({CLAIM.to_uppercase(): BOT_TOKEN}),
    ] {
        refused(&app, changes, 401, "missing_discord_token").await;
    }
    for ignored in [json!(BOT_TOKEN), json!("")] {
        app.discord.clear_requests();
        let other = json!({CLAIM: OTHER_BOT_TOKEN, "discord_token": ignored, "discord_token_sealed": ignored});
        call(&app, other, OTHER_CHANNEL).await.result();
        let sent = app.discord.requests();
        let expected = format!("Bot {OTHER_BOT_TOKEN}");
        assert_eq!(sent[0].header("authorization"), Some(&*expected));
    }
    // One of the wrong type makes a broken token of it, wherever the bot token is.
    app.discord.clear_requests();
    for broken in [json!(7), json!({"of": "others"})] {
        let changes = json!({CLAIM: OTHER_BOT_TOKEN, "discord_token": broken});
        refused(&app, changes, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn the_chosen_name_says_nothing_in_a_token_of_ours() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_TOKEN_CLAIM", CLAIM)]).await;
    let params = json!({"channel_id": GENERAL});
    let call = async |changes: Value| {
        let token = tokens::token_with(changes);
        app.invoke_as(&token, "get_channel_info", params.clone())
            .await
    };
    let elsewhere = call(json!({"discord_token": null, CLAIM: BOT_TOKEN})).await;
    assert_eq!(elsewhere.code(), "missing_discord_token");
    call(json!({CLAIM: OTHER_BOT_TOKEN})).await.result();
    let sent = app.discord.requests();
    assert_eq!(sent.len(), 1);
    let expected = format!("Bot {BOT_TOKEN}");
    assert_eq!(sent[0].header("authorization"), Some(&*expected));
}

#[tokio::test]
async fn what_cannot_be_opened_or_read_is_refused_and_sent_nowhere() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_TOKEN_CLAIM", CLAIM)]).await;
    let published = sealing_key(&app).await;
    let sealed = seal(&published, BOT_TOKEN);
    let mut other_key = key(1).jwk();
    other_key["kid"] = published["kid"].clone();
    let mut other_kid = published.clone();
    other_kid["kid"] = json!("another");
    let (most, tag) = sealed.rsplit_once('.').unwrap();
    let flipped = if tag.starts_with('A') { "B" } else { "A" };
    let wrong = [
        json!(7),
        json!(true),
        json!([BOT_TOKEN]),
        json!({"token": BOT_TOKEN}),
        json!(seal(&other_key, BOT_TOKEN)),
        json!(seal(&other_kid, BOT_TOKEN)),
        json!(format!("{most}.{flipped}{}", &tag[1..])),
        json!(format!("{most}.")),
        json!("...."),
        json!("a.b.c.d.e"),
    ];
    for value in wrong {
        refused(&app, json!({CLAIM: value}), 401, "invalid_token").await;
    }
    let misshapen = [
        json!("your-bot-token-here"),
        json!(format!("Bot {BOT_TOKEN}")),
        json!(format!("{BOT_TOKEN}\n")),
        json!(most),
        json!(format!("{sealed}.x")),
        json!(seal(&published, "not a bot token")),
        json!(seal(&published, &sealed)),
    ];
    for value in misshapen {
        refused(&app, json!({CLAIM: value}), 401, "discord_token_rejected").await;
    }
    // Two readers could take one value each.
    let doubled = format!(r#"{{"{CLAIM}":"{BOT_TOKEN}","{CLAIM}":"{OTHER_BOT_TOKEN}","#);
    let claims = claims().to_string().replacen('{', &doubled, 1);
    let header = json!({"alg": "RS256", "kid": key(0).kid}).to_string();
    let token = key(0).sign_text(&header, &claims);
    let answer = app.get("/mcp/v1/tools", Some(&token)).await;
    assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
}

#[tokio::test]
async fn sealed_tokens_can_be_required_of_a_provider_too() {
    let provider = Provider::start().await;
    for (claim, readable) in [(CLAIM, CLAIM), ("", "discord_token")] {
        let variables = [
            ("JWT_JWKS_TOKEN_CLAIM", claim),
            ("REQUIRE_SEALED_TOKENS", "true"),
        ];
        let app = provider.app(&variables).await;
        let sealed = seal(&sealing_key(&app).await, BOT_TOKEN);
        let holder = if claim.is_empty() {
            "discord_token_sealed"
        } else {
            CLAIM
        };
        let only = |name: &str, value: &str| {
            let mut changes = json!({"discord_token": null});
            changes[name] = json!(value);
            changes
        };
        refused(&app, only(readable, BOT_TOKEN), 401, "invalid_token").await;
        call(&app, only(holder, &sealed), GENERAL).await.result();
    }
}
