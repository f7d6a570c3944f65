//! What `inspect-token` keeps to itself, and what it does with the words of strangers: whoever looks
//! over a shoulder learns neither the bot token nor the signature, and what is written in a token is
//! shown and never obeyed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::inspect_token::{SECRET, folder, inspect, minted, readable};
use crate::inspect_token_verdict::refused;
use crate::support::forge::{self, forge, good_header};
use crate::support::process::{binary, finish, run};

/// Every six bytes of these texts in a row.
fn windows(texts: &[String]) -> BTreeSet<&[u8]> {
    let windows = texts.iter().flat_map(|text| text.as_bytes().windows(6));
    windows.collect()
}

/// The secret parts of the bot token, as they are and as they may be written otherwise.
fn written() -> Vec<String> {
    let mut all = Vec::new();
    for part in SECRET.split('.').skip(1) {
        all.push(part.to_owned());
        all.push(part.bytes().map(|byte| format!("{byte:02x}")).collect());
        // In base64 it looks different at each of three places.
        for start in 0..3 {
            all.push(STANDARD.encode(&part[start..]));
            all.push(URL_SAFE.encode(&part[start..]));
        }
    }
    all
}

#[test]
fn neither_the_bot_token_nor_the_signature_is_ever_printed() {
    let dir = folder();
    let good = [minted(dir.path(), &[]), readable(json!({}))];
    let bad = refused(dir.path()).into_iter().map(|(token, _)| token);
    for token in good.into_iter().chain(bad) {
        let mut secret = written();
        let parts: Vec<_> = token.split('.').collect();
        if let [_, _, signature] = parts[..] {
            secret.push(signature.to_owned());
        }
        let secret = windows(&secret);
        let arguments = inspect(dir.path(), &[("RUST_LOG", "trace")], &token);
        let command = &mut binary(dir.path(), &[("RUST_LOG", "trace")]);
        let input = finish(command.args(["inspect-token", "-"]), &token);
        let misused = ["--no-such-option", &token].map(|more| {
            let arguments = ["inspect-token", &token, more];
            run(dir.path(), &[], &arguments)
        });
        for told in misused.into_iter().chain([arguments, input]) {
            for text in [told.stdout, told.stderr] {
                let found = text.as_bytes().windows(6).find(|six| secret.contains(six));
                assert_eq!(found, None, "{text}");
            }
        }
    }
}

/// A token that somebody sends for a look must not write its own verdict.
#[test]
fn what_stands_in_a_token_cannot_leave_its_row() {
    let dir = folder();
    let theirs = forge::signing(&forge::stranger().private);
    let hostile =
        "eve\naccepted\r\u{1b}[2K\u{1b}]0;x\u{7}\u{9b}\u{202e}\u{2066}\u{200b}\u{0}\u{85}\u{2028}";
    let payload = json!({
        "iss": hostile, "aud": [hostile, {hostile: hostile}], "sub": hostile, "jti": {hostile: 1},
        "iat": hostile, "exp": [hostile], "scope": hostile, "channels": hostile,
        "guilds": [[hostile]], "discord_token": SECRET, "discord_token_sealed": hostile,
        hostile: hostile,
    });
    let mut header = good_header();
    header["kid"] = hostile.into();
    for header in [header, good_header()] {
        let token = forge(
            header.to_string(),
            payload.to_string(),
            &theirs,
            Algorithm::RS256,
        );
        let told = inspect(dir.path(), &[], &token);
        assert_eq!(told.code, Some(1), "{}", told.stdout);
        let strange = told
            .stdout
            .chars()
            .find(|&c| c != '\n' && !(' '..='~').contains(&c));
        assert_eq!(strange, None, "{:?}", told.stdout);
        assert_eq!(told.stdout.lines().count(), 12, "{}", told.stdout);
        assert!(!told.stdout.lines().any(|line| line == "accepted"));
        assert!(told.stdout.lines().last().unwrap().starts_with("refused: "));
    }
}
