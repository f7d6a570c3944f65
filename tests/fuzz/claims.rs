//! A token that is signed here gets in only where its header and its claims break no rule, and its
//! sealed bot token opens only as it was sealed. Signing and opening make this the slow target.
//!
//! The first byte says what the rest is: changes to the sealed bot token of a token that is signed
//! then, or a header and claims, a line each, to be signed.
#![no_main]

mod changes;
mod second;
mod stage;

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use changes::changed;
use discord_mcp_server::auth::Credential;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use stage::{BOT, DAY, Stage, now};

static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);

fuzz_target!(|data: &[u8]| {
    let (stage, [mode, rest @ ..]) = (&*STAGE, data) else {
        return;
    };
    if mode & 1 == 0 {
        let claims = URL_SAFE_NO_PAD.decode(stage.good[1].split('.').nth(1).unwrap());
        let mut claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        let sealed = claims["discord_token_sealed"].as_str().unwrap().to_owned();
        let text = String::from_utf8_lossy(&changed(sealed.as_bytes(), rest)).into_owned();
        claims["discord_token_sealed"] = json!(text);
        let header = json!({"alg": "RS256", "kid": stage.kid}).to_string();
        let verified = stage.verify_signed(&header, &claims.to_string());
        let opened =
            verified.is_ok_and(|principal| !matches!(principal.credential, Credential::Missing));
        assert_eq!(opened, text == sealed);
    } else {
        let text = String::from_utf8_lossy(rest)
            .replace("$K", &stage.kid)
            .replace("$N", &now().to_string())
            .replace("$E", &(now() + DAY).to_string())
            .replace("$B", BOT);
        let (header, claims) = text.split_once('\n').unwrap_or((&text, ""));
        if let Ok(principal) = stage.verify_signed(header, claims) {
            second::opinion(&stage.kid, &principal, header, claims);
        }
    }
});
