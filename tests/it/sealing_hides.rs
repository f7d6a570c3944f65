//! What a sealed token shows of the bot token: nothing, however it is decoded. The same search finds
//! all of it in a readable one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::process::binary;
use crate::support::tokens;

/// How many characters in a row are a find.
const WINDOW: usize = 6;

/// Of the form of a bot token, and of so many different characters that no find is by chance.
fn bot_token() -> String {
    let id = URL_SAFE_NO_PAD.encode("918273645546372819");
    format!("{id}.Qx7Zk2.vB9n-Lr3mT_x5WqYd8Kc1HsGf6JpEa4ZuRoXiN")
}

/// The forms in which a window can stand in a text, by name.
fn forms(window: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw", window.to_vec()),
        ("hex in capitals", hex.to_uppercase().into()),
        ("hex", hex.into()),
    ];
    for (alphabet, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
        for before in 0..3 {
            // Characters that also hold bits of what stands before or after are left out.
            let text = engine.encode([&vec![0; before], window].concat());
            let whole = (before * 8).div_ceil(6)..(before + WINDOW) * 8 / 6;
            forms.push((alphabet, text[whole].as_bytes().to_vec()));
        }
    }
    forms
}

/// The token as it is and all that can be decoded of it: its parts, and those of the seal in it.
fn readings(jwt: &str) -> Vec<Vec<u8>> {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let mut readings = vec![jwt.as_bytes().to_vec()];
    readings.extend(jwt.split('.').map(decode));
    let claims: Value = serde_json::from_slice(&readings[2]).unwrap();
    if let Some(sealed) = claims["discord_token_sealed"].as_str() {
        assert_eq!(sealed.split('.').count(), 5);
        readings.extend(sealed.split('.').map(decode));
    }
    readings
}

/// What is found of `secret`, one entry a window and form.
fn finds(readings: &[Vec<u8>], secret: &str) -> Vec<(usize, &'static str)> {
    let mut finds = Vec::new();
    for (at, window) in secret.as_bytes().windows(WINDOW).enumerate() {
        for (form, text) in forms(window) {
            let found = |reading: &Vec<u8>| reading.windows(text.len()).any(|part| part == text);
            if readings.iter().any(found) {
                finds.push((at, form));
            }
        }
    }
    finds
}

/// The windows that were found in this form, each once.
fn count(finds: &[(usize, &'static str)], form: &str) -> usize {
    let mut places: Vec<_> = finds
        .iter()
        .filter(|find| find.1 == form)
        .map(|find| find.0)
        .collect();
    places.dedup();
    places.len()
}

/// What the command mints, with these arguments.
fn mint(arguments: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let bot = bot_token();
    let mut command = binary(dir.path(), &[("DISCORD_TOKEN", &*bot)]);
    let output = command.arg("mint-token").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(finds(&[said.into_bytes()], &bot), []);
    text.trim_end().to_owned()
}

#[test]
fn nothing_of_the_bot_token_is_found_in_a_sealed_token() {
    let jwt = mint(&[]);
    let readings = readings(&jwt);
    // The text, three parts, and five parts of the seal.
    assert_eq!(readings.len(), 9);
    assert_eq!(finds(&readings, &bot_token()), []);
}

#[test]
fn the_same_search_finds_all_of_it_in_a_readable_token() {
    let bot = bot_token();
    let windows = bot.len() - WINDOW + 1;
    let readings = readings(&mint(&["--plain"]));
    assert_eq!(readings.len(), 4);
    let found = finds(&readings, &bot);
    // In the claims as it is, and in the token's text in base64url.
    assert_eq!(count(&found, "raw"), windows);
    assert_eq!(count(&found, "base64url"), windows);
    // The other forms are looked for, too.
    let hex: String = bot.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (form, text) in [
        ("hex", hex.clone()),
        ("hex in capitals", hex.to_uppercase()),
        ("base64", STANDARD.encode(&bot)),
        ("base64", STANDARD.encode(format!("x{bot}"))),
        ("base64", STANDARD.encode(format!("xx{bot}"))),
    ] {
        let found = finds(&[text.into_bytes()], &bot);
        assert_eq!(count(&found, form), windows, "{form}");
    }
}
