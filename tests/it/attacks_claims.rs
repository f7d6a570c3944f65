//! Attacks by the claims of a token that our key has signed: claims that are missing, of the wrong
//! type, for somebody else, or there twice. Those out of time are in `attacks_times`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::attacks::{Attack, bearer};
use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::forge::{saying, with_first};
use crate::support::tokens;

pub fn attacks() -> Vec<Attack> {
    let mut attacks = missing();
    attacks.extend(names());
    attacks.extend(others());
    attacks.extend(shapes());
    attacks
}

fn missing() -> Vec<Attack> {
    let names = ["iss", "aud", "sub", "exp", "iat"];
    let gone = names.map(|name| {
        let token = tokens::token_with(json!({name: null}));
        bearer(format!("no {name}"), token)
    });
    let null = names.map(|name| bearer(format!("{name} null"), raw(name, "null")));
    gone.into_iter().chain(null).collect()
}

/// A token whose claim `name` is this text, be it JSON or not.
pub fn raw(name: &str, text: &str) -> String {
    let claims = tokens::claims_with(json!({name: "<here>"})).to_string();
    saying(claims.replace("\"<here>\"", text))
}

/// Who the token is from, for and about.
fn names() -> Vec<Attack> {
    let us = "discord-mcp-server";
    let long = "x".repeat(257);
    let changes = [
        json!({"iss": "someone-else"}),
        json!({"iss": ""}),
        json!({"iss": [us]}),
        json!({"iss": ["someone-else", us]}),
        json!({"iss": {us: true}}),
        json!({"iss": 7}),
        json!({"iss": true}),
        json!({"iss": "Discord-MCP-Server"}),
        json!({"iss": format!("{us}/")}),
        json!({"iss": format!("{us} ")}),
        json!({"iss": format!(" {us}")}),
        json!({"iss": format!("{us}\0")}),
        json!({"iss": format!("https://{us}")}),
        json!({"iss": "discord-mcp-serve"}),
        json!({"aud": "someone-else"}),
        json!({"aud": ""}),
        json!({"aud": []}),
        json!({"aud": ["someone-else"]}),
        json!({"aud": [[us]]}),
        json!({"aud": [us, 7]}),
        json!({"aud": 7}),
        json!({"aud": true}),
        json!({"aud": {us: true}}),
        json!({"aud": format!("someone-else,{us}")}),
        json!({"aud": format!("someone-else {us}")}),
        json!({"aud": "DISCORD-MCP-SERVER"}),
        json!({"aud": format!("{us}/mcp")}),
        json!({"aud": "*"}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": true}),
        json!({"sub": ["tester"]}),
        json!({"sub": {"name": "tester"}}),
        json!({"sub": long}),
        json!({"jti": ""}),
        json!({"jti": 7}),
        json!({"jti": ["x"]}),
        json!({"jti": long}),
    ];
    named(&changes)
}

/// What the token allows, and what it carries.
fn others() -> Vec<Attack> {
    named(&[
        json!({"scope": ["discord:read"]}),
        json!({"scope": 7}),
        json!({"scope": {"discord:read": true}}),
        json!({"scope": true}),
        json!({"channels": GENERAL}),
        json!({"channels": [7]}),
        json!({"channels": ["0"]}),
        json!({"channels": ["-1"]}),
        json!({"channels": ["general"]}),
        json!({"channels": [[GENERAL]]}),
        json!({"channels": [GENERAL, null]}),
        json!({"channels": ["18446744073709551616"]}),
        json!({"guilds": {}}),
        json!({"guilds": [null]}),
        json!({"guilds": "*"}),
        json!({"discord_token": 7}),
        json!({"discord_token": true}),
        json!({"discord_token": {"token": BOT_TOKEN}}),
        json!({"discord_token": [BOT_TOKEN]}),
    ])
}

fn named(changes: &[Value]) -> Vec<Attack> {
    let attacks = changes.iter().map(|changes| {
        let mut name = format!("claims with {changes}");
        if name.len() > 100 {
            name = format!("{}… of {} bytes", &name[..40], name.len());
        }
        bearer(name, tokens::token_with(changes.clone()))
    });
    attacks.collect()
}

/// Claims that are no claims, or that two readers could read differently.
fn shapes() -> Vec<Attack> {
    let good = tokens::claims().to_string();
    let twice = |claim: &str| with_first(claim, &tokens::claims());
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let values: Vec<_> = tokens::claims()
        .as_object()
        .unwrap()
        .values()
        .cloned()
        .collect();
    let bot = format!(r#""discord_token":"{BOT_TOKEN}""#);
    let payloads: [(&str, Vec<u8>); 28] = [
        (
            "sub twice, differently",
            twice(r#""sub":"someone-else""#).into(),
        ),
        ("the same sub twice", twice(r#""sub":"tester""#).into()),
        ("sub escaped and sub", twice(r#""\u0073ub":"admin""#).into()),
        (
            "exp twice, differently",
            twice(r#""exp":4102444800"#).into(),
        ),
        ("iat twice, differently", twice(r#""iat":1"#).into()),
        (
            "nbf twice, differently",
            twice(r#""nbf":1,"nbf":4102444800"#).into(),
        ),
        (
            "iss twice, differently",
            twice(r#""iss":"discord-mcp-server""#).into(),
        ),
        (
            "aud twice, differently",
            twice(r#""aud":"someone-else""#).into(),
        ),
        ("jti twice, differently", twice(r#""jti":"another""#).into()),
        (
            "scope twice, differently",
            twice(r#""scope":"discord:read","scope":"discord:write""#).into(),
        ),
        (
            "two lists of channels",
            twice(r#""channels":[],"channels":[]"#).into(),
        ),
        (
            "two lists of guilds",
            twice(r#""guilds":[],"guilds":[]"#).into(),
        ),
        ("two bot tokens", twice(&bot).into()),
        ("in a list", format!("[{good}]").into()),
        ("a list of their values", json!(values).to_string().into()),
        ("twice", format!("{good} {good}").into()),
        ("before garbage", format!("{good}x").into()),
        ("after a byte order mark", format!("\u{feff}{good}").into()),
        ("with a last comma", good.replace('}', ",}").into()),
        (
            "in base64 in a string",
            format!("\"{}\"", URL_SAFE_NO_PAD.encode(&good)).into(),
        ),
        (
            "in claims",
            json!({"claims": tokens::claims()}).to_string().into(),
        ),
        (
            "nested too deeply",
            twice(&format!(r#""scope":{deep}"#)).into(),
        ),
        (
            "not UTF-8",
            [good.trim_end_matches('}').as_bytes(), b",\"x\":\"\xff\"}"].concat(),
        ),
        (
            "in UTF-16",
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        ("an empty object", "{}".into()),
        ("null", "null".into()),
        ("a number", "7".into()),
        ("empty", "".into()),
    ];
    payloads
        .into_iter()
        .map(|(what, payload)| bearer(format!("claims {what}"), saying(payload)))
        .collect()
}
