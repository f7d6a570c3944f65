//! Attacks by the way a token travels: only one `Authorization` header with the scheme `Bearer`
//! counts. A good token anywhere else, or there in another form, is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::attacks::{Attack, Means};
use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::tokens;

pub fn attacks() -> Vec<Attack> {
    let mut attacks = other_values();
    attacks.extend(other_headers());
    attacks.extend(other_places());
    attacks
}

/// One `Authorization` header of another form.
fn other_values() -> Vec<Attack> {
    let token = tokens::token();
    let values = [
        ("empty", String::new()),
        ("the scheme alone", "Bearer".to_owned()),
        ("the scheme and a space", "Bearer ".to_owned()),
        ("the token alone", token.clone()),
        ("no space", format!("Bearer{token}")),
        ("a tab for the space", format!("Bearer\t{token}")),
        ("a colon", format!("Bearer: {token}")),
        ("an equals sign", format!("Bearer={token}")),
        ("a parameter", format!("Bearer token=\"{token}\"")),
        ("something after the token", format!("Bearer {token} x")),
        ("a comma after the token", format!("Bearer {token},")),
        ("padding after the token", format!("Bearer {token}=")),
        (
            "a semicolon after the token",
            format!("Bearer {token}; charset=utf-8"),
        ),
        ("quotes", format!("Bearer \"{token}\"")),
        ("angle brackets", format!("Bearer <{token}>")),
        ("two bearers", format!("Bearer {token}, Bearer {token}")),
        ("two tokens", format!("Bearer {token} {token}")),
        ("Basic and Bearer", format!("Basic eDp5, Bearer {token}")),
        ("Bearer twice", format!("Bearer Bearer {token}")),
        ("a letter that is not ASCII", format!("Bearer {token}é")),
        ("a space that is not ASCII", format!("Bearer\u{a0}{token}")),
        ("DPoP", format!("DPoP {token}")),
        ("Basic", format!("Basic {token}")),
        (
            "Basic with it as the password",
            format!("Basic {}", STANDARD.encode(format!("x:{token}"))),
        ),
        ("Digest", format!("Digest username=\"{token}\"")),
        ("Negotiate", format!("Negotiate {token}")),
        ("MAC", format!("MAC {token}")),
        ("Token", format!("Token {token}")),
        ("JWT", format!("JWT {token}")),
        ("PoP", format!("PoP {token}")),
        ("Bearers", format!("Bearers {token}")),
        ("Bot", format!("Bot {BOT_TOKEN}")),
        ("Bot with the JWT", format!("Bot {token}")),
        ("a bearer of the bot token", format!("Bearer {BOT_TOKEN}")),
        (
            "a bearer of Bot and the bot token",
            format!("Bearer Bot {BOT_TOKEN}"),
        ),
        (
            "9 KiB of spaces",
            format!("Bearer {}{token}", " ".repeat(9 << 10)),
        ),
    ];
    values
        .map(|(what, value)| Attack {
            name: format!("Authorization: {what}"),
            means: Means::Headers(vec![("authorization", value)]),
        })
        .into()
}

/// Other headers, and more than one.
fn other_headers() -> Vec<Attack> {
    let token = tokens::token();
    let bearer = format!("Bearer {token}");
    let with = |headers: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let owned = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        owned.collect()
    };
    let cookie = format!("access_token={token}; token={token}; authorization={token}");
    let sets = [
        (
            "two that are the same",
            with(&[("authorization", &bearer), ("authorization", &bearer)]),
        ),
        (
            "a good one, then Basic",
            with(&[("authorization", &bearer), ("authorization", "Basic eDp5")]),
        ),
        (
            "Basic, then a good one",
            with(&[("authorization", "Basic eDp5"), ("authorization", &bearer)]),
        ),
        (
            "a good one, then an empty one",
            with(&[("authorization", &bearer), ("authorization", "")]),
        ),
        (
            "an empty one, then a good one",
            with(&[("authorization", ""), ("authorization", &bearer)]),
        ),
        (
            "a good one, then a bad one",
            with(&[("authorization", &bearer), ("authorization", "Bearer x")]),
        ),
        ("three", with(&[("authorization", &*bearer); 3])),
        ("a cookie", with(&[("cookie", &cookie)])),
        (
            "a cookie and an empty one",
            with(&[("cookie", &cookie), ("authorization", "")]),
        ),
        (
            "Proxy-Authorization",
            with(&[("proxy-authorization", &bearer)]),
        ),
        ("X-Authorization", with(&[("x-authorization", &bearer)])),
        (
            "X-Forwarded-Authorization",
            with(&[("x-forwarded-authorization", &bearer)]),
        ),
        (
            "X-Original-Authorization",
            with(&[("x-original-authorization", &bearer)]),
        ),
        ("X-Access-Token", with(&[("x-access-token", &token)])),
        ("X-Auth-Token", with(&[("x-auth-token", &token)])),
        ("X-API-Key", with(&[("x-api-key", &token)])),
        ("DPoP", with(&[("dpop", &token)])),
        ("Authentication", with(&[("authentication", &bearer)])),
        ("WWW-Authenticate", with(&[("www-authenticate", &bearer)])),
        (
            "Sec-WebSocket-Protocol",
            with(&[("sec-websocket-protocol", &format!("bearer, {token}"))]),
        ),
        ("Mcp-Session-Id", with(&[("mcp-session-id", &token)])),
        (
            "Referer",
            with(&[(
                "referer",
                &format!("http://127.0.0.1/?access_token={token}"),
            )]),
        ),
        (
            "a user that proxies name",
            with(&[("x-remote-user", "tester"), ("x-forwarded-user", "tester")]),
        ),
        (
            "a certificate that proxies name",
            with(&[
                ("x-client-verify", "SUCCESS"),
                ("x-ssl-client-cert", "MIIB"),
            ]),
        ),
    ];
    sets.map(|(what, headers)| Attack {
        name: format!("headers: {what}"),
        means: Means::Headers(headers),
    })
    .into()
}

/// The query and the body, which end up in logs.
fn other_places() -> Vec<Attack> {
    let token = tokens::token();
    let queries = [
        "access_token",
        "token",
        "bearer",
        "jwt",
        "authorization",
        "Authorization",
        "id_token",
    ];
    let mut attacks: Vec<_> = queries
        .iter()
        .map(|name| Attack {
            name: format!("query: {name}"),
            means: Means::Query(format!("{name}={token}")),
        })
        .collect();
    let call = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
    let json = "application/json";
    let mut bodies: Vec<_> = ["access_token", "token", "authorization", "Authorization"]
        .map(|name| {
            let mut body = call.clone();
            body[name] = json!(token);
            (format!("a member {name}"), json, body.to_string())
        })
        .into();
    let form = "application/x-www-form-urlencoded";
    let meta = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/list",
        "params": {"_meta": {"authorization": format!("Bearer {token}"), "token": token}},
    });
    bodies.extend([
        ("a form".to_owned(), form, format!("access_token={token}")),
        ("_meta".to_owned(), json, meta.to_string()),
        (
            "the token alone".to_owned(),
            "application/jwt",
            token.clone(),
        ),
        ("nothing".to_owned(), json, String::new()),
        ("what is no JSON".to_owned(), json, "{".to_owned()),
    ]);
    attacks.extend(bodies.into_iter().map(|(what, kind, body)| Attack {
        name: format!("body: {what}"),
        means: Means::Body(kind, body),
    }));
    attacks
}
