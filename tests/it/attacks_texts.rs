//! Attacks by the text of a token: parts that are missing, moved, doubled or written otherwise, other
//! serializations, tokens within tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::attacks::{Attack, bearer};
use crate::support::discord::seed::BOT_TOKEN;
use crate::support::forge::{good_header, header_with, saying, stranger};
use crate::support::jwe::{Enc, Jwe, Wrap};
use crate::support::{jwe, tokens};

pub fn attacks() -> Vec<Attack> {
    let mut attacks = touched();
    attacks.extend(rewritten());
    attacks.extend(nested());
    attacks
}

/// A good token in its three parts.
fn parts(token: &str) -> [&str; 3] {
    <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap()
}

fn touched() -> Vec<Attack> {
    let token = tokens::token();
    let [header, payload, signature] = parts(&token);
    let encode = |json: String| URL_SAFE_NO_PAD.encode(json);
    let richer = encode(tokens::claims_with(json!({"sub": "admin"})).to_string());
    let spaced = encode(format!(" {}", tokens::claims()));
    let other = header_with(&json!({"typ": "at+jwt"}));
    let first = if signature.starts_with('A') { "B" } else { "A" };
    // Of the last character's six bits four belong to no byte.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(signature.chars().last().unwrap()).unwrap();
    assert_eq!((signature.len(), last & 15), (342, 0));
    let unused = &alphabet[last + 1..last + 2];
    let texts = [
        ("other claims", format!("{header}.{richer}.{signature}")),
        (
            "claims after a space",
            format!("{header}.{spaced}.{signature}"),
        ),
        (
            "another header",
            format!("{}.{payload}.{signature}", encode(other)),
        ),
        (
            "another first character of the signature",
            format!("{header}.{payload}.{first}{}", &signature[1..]),
        ),
        (
            "another last character of the same bytes",
            format!("{header}.{payload}.{}{unused}", &signature[..341]),
        ),
        (
            "a signature four characters short",
            format!("{header}.{payload}.{}", &signature[4..]),
        ),
        (
            "a signature four characters longer",
            format!("{header}.{payload}.{signature}AAAA"),
        ),
        (
            "the signature twice in one part",
            format!("{header}.{payload}.{signature}{signature}"),
        ),
        ("an empty signature", format!("{header}.{payload}.")),
        ("no signature", format!("{header}.{payload}")),
        ("an empty payload", format!("{header}..{signature}")),
        ("no payload", format!("{header}.{signature}")),
        ("an empty header", format!(".{payload}.{signature}")),
        ("no header", format!("{payload}.{signature}")),
        ("the header alone", header.to_owned()),
        (
            "a fourth part, empty",
            format!("{header}.{payload}.{signature}."),
        ),
        (
            "a part before, empty",
            format!(".{header}.{payload}.{signature}"),
        ),
        (
            "four parts",
            format!("{header}.{payload}.{signature}.{signature}"),
        ),
        (
            "five parts",
            format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        ),
        (
            "header and payload exchanged",
            format!("{payload}.{header}.{signature}"),
        ),
        (
            "another sign after the header",
            format!("{header}={payload}.{signature}"),
        ),
        ("commas for dots", token.replace('.', ",")),
        ("encoded dots", token.replace('.', "%2E")),
        ("encoded dots, lower case", token.replace('.', "%2e")),
        ("two dots for one", token.replace('.', "..")),
        ("spaces after the dots", token.replace('.', ". ")),
        (
            "a space within",
            format!("{} {}", &token[..50], &token[50..]),
        ),
        (
            "a tab within",
            format!("{}\t{}", &token[..50], &token[50..]),
        ),
        ("in small letters", token.to_lowercase()),
        ("in capitals", token.to_uppercase()),
        ("from back to front", token.chars().rev().collect()),
        ("three dots", "...".to_owned()),
        ("two dots", "..".to_owned()),
        ("the word null", "null".to_owned()),
        ("the word undefined", "undefined".to_owned()),
        ("a bot token", BOT_TOKEN.to_owned()),
        ("8 KiB of A", "A".repeat(8 << 10)),
        ("8 KiB of dots", ".".repeat(8 << 10)),
        (
            "a header of 9 KiB",
            tokens::token_with(json!({"padding": "x".repeat(6500)})),
        ),
    ];
    texts
        .map(|(what, text)| bearer(format!("token: {what}"), text))
        .into()
}

/// The same token in another encoding or serialization.
fn rewritten() -> Vec<Attack> {
    // A name whose bytes are written differently in the two alphabets.
    let token = tokens::token_with(json!({"sub": "???>>>~~~"}));
    let [header, payload, signature] = parts(&token);
    let standard = token.replace('-', "+").replace('_', "/");
    assert_ne!(standard, token);
    let padded = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
    let flat = json!({"protected": header, "payload": payload, "signature": signature});
    let one = json!({"protected": header, "signature": signature});
    let open = json!({"header": good_header(), "signature": signature});
    let general = |signatures| json!({"payload": payload, "signatures": signatures}).to_string();
    let mut bare = flat.clone();
    bare["payload"] = tokens::claims();
    let texts = [
        ("the standard alphabet", standard),
        (
            "padding",
            [header, payload, signature].map(padded).join("."),
        ),
        (
            "padding of the header",
            format!("{}.{payload}.{signature}", padded(header)),
        ),
        (
            "a padded payload",
            format!("{header}.{payload}=.{signature}"),
        ),
        (
            "a padded signature",
            format!("{header}.{payload}.{signature}=="),
        ),
        ("a flattened JSON serialization", flat.to_string()),
        ("a general JSON serialization", general(json!([one]))),
        (
            "a serialization with an open header",
            general(json!([open])),
        ),
        (
            "a serialization with two signatures",
            general(json!([one, open])),
        ),
        ("a serialization with bare claims", bare.to_string()),
        (
            "a flattened serialization in base64",
            URL_SAFE_NO_PAD.encode(flat.to_string()),
        ),
        ("a list with it", json!([token]).to_string()),
        ("its JSON string", json!(token).to_string()),
        ("itself in base64", STANDARD.encode(&token)),
        ("itself in base64url", URL_SAFE_NO_PAD.encode(&token)),
        ("its claims", tokens::claims().to_string()),
        (
            "its claims in base64",
            STANDARD_NO_PAD.encode(tokens::claims().to_string()),
        ),
        ("a detached payload", format!("{header}..{signature}")),
        (
            "a URN of it",
            format!("urn:ietf:params:oauth:token-type:jwt:{token}"),
        ),
    ];
    texts
        .map(|(what, text)| bearer(format!("written as {what}"), text))
        .into()
}

/// A token in a token, and tokens that are encrypted instead of signed.
fn nested() -> Vec<Attack> {
    let token = tokens::token();
    let nested = |changes| tokens::signed(header_with(&changes), &token);
    let for_us = Wrap::Oaep256(jwe::seal_public());
    let encrypted = |changes, wrap, content: &str| {
        let header = jwe::header_with(&changes);
        Jwe::of(&header, wrap, Enc::A256Gcm, content.as_bytes()).compact()
    };
    let claims = tokens::claims().to_string();
    let (theirs, json) = (Wrap::Oaep256(&stranger().public), json!({}));
    let marked = json!({"cty": "JWT", "typ": "JWT"});
    let ours = json!({"kid": tokens::kid()});
    vec![
        bearer("a JWT in a JWT", nested(json.clone())),
        bearer("a JWT in a JWT that says so", nested(json!({"cty": "JWT"}))),
        bearer(
            "a JWT in a JSON string in a JWT",
            saying(json!(token).to_string()),
        ),
        bearer(
            "a JWT in a claim of nothing else",
            saying(json!({"jwt": token}).to_string()),
        ),
        bearer("a JWE of a JWT", encrypted(json.clone(), for_us, &token)),
        bearer(
            "a JWE of a JWT that says so",
            encrypted(marked.clone(), for_us, &token),
        ),
        bearer(
            "a JWE of a JWT, without marks",
            encrypted(json!({"kid": null}), for_us, &token),
        ),
        bearer(
            "a JWE of bare claims",
            encrypted(json.clone(), for_us, &claims),
        ),
        bearer(
            "a JWE of claims with the signing kid",
            encrypted(ours, for_us, &claims),
        ),
        bearer(
            "a JWE of claims for a stranger",
            encrypted(json, theirs, &claims),
        ),
        bearer(
            "a JWE of claims by dir",
            encrypted(json!({"alg": "dir"}), Wrap::Dir, &claims),
        ),
        bearer("a JWE of the bot token", jwe::sealed(BOT_TOKEN)),
    ]
}
