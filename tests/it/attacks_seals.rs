//! Attacks by a good seal in a token that our key has signed, of which something is changed: bytes,
//! the text, the header.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::attacks::Attack;
use crate::attacks_sealed::seal;
use crate::support::discord::seed::BOT_TOKEN;
use crate::support::forge::with_first;
use crate::support::jwe::{Jwe, good_header, seal_kid, sealed};

pub fn attacks() -> Vec<Attack> {
    let mut attacks = bytes();
    attacks.extend(texts());
    attacks.extend(headers());
    attacks
}

/// A good seal of which some bytes are others.
fn bytes() -> Vec<Attack> {
    // Of a good seal, with what another holds.
    type Change = fn(&mut Jwe, Jwe);
    let (good, other) = (Jwe::good(), Jwe::good());
    let changes: [(&str, Change); 31] = [
        // The same header to a JSON reader, and another one to the tag.
        ("the header written otherwise", |jwe, _| {
            jwe.header = jwe.header.replacen(':', ": ", 1)
        }),
        ("the key of another seal", |jwe, other| jwe.key = other.key),
        ("the iv of another seal", |jwe, other| jwe.iv = other.iv),
        ("the content of another seal", |jwe, other| {
            jwe.ciphertext = other.ciphertext
        }),
        ("the tag of another seal", |jwe, other| jwe.tag = other.tag),
        ("all but the key of another seal", |jwe, other| {
            *jwe = Jwe {
                key: std::mem::take(&mut jwe.key),
                ..other
            };
        }),
        ("all but the iv of another seal", |jwe, other| {
            *jwe = Jwe {
                iv: std::mem::take(&mut jwe.iv),
                ..other
            };
        }),
        ("a bit of the key", |jwe, _| jwe.key[200] ^= 1),
        ("a bit of the iv", |jwe, _| jwe.iv[0] ^= 1),
        ("a bit of the content", |jwe, _| jwe.ciphertext[40] ^= 1),
        ("a bit of the tag", |jwe, _| jwe.tag[15] ^= 1),
        ("no key", |jwe, _| jwe.key.clear()),
        ("no iv", |jwe, _| jwe.iv.clear()),
        ("no content", |jwe, _| jwe.ciphertext.clear()),
        ("no tag", |jwe, _| jwe.tag.clear()),
        ("a key of zeros", |jwe, _| jwe.key.fill(0)),
        ("a key of ones", |jwe, _| jwe.key.fill(0xff)),
        ("an iv of zeros", |jwe, _| jwe.iv.fill(0)),
        ("a tag of zeros", |jwe, _| jwe.tag.fill(0)),
        ("a longer key", |jwe, _| jwe.key.push(0)),
        ("a longer iv", |jwe, _| jwe.iv.push(0)),
        ("a longer content", |jwe, _| jwe.ciphertext.push(0)),
        ("a longer tag", |jwe, _| jwe.tag.push(0)),
        ("a key of 2,048 bytes", |jwe, _| jwe.key.resize(2048, 1)),
        ("an iv of 16 bytes", |jwe, _| jwe.iv.resize(16, 0)),
        ("a shorter key", |jwe, _| jwe.key.truncate(255)),
        ("a shorter iv", |jwe, _| jwe.iv.truncate(11)),
        ("a shorter content", |jwe, _| jwe.ciphertext.truncate(30)),
        ("a shorter tag", |jwe, _| jwe.tag.truncate(15)),
        // What GCM allows and JWE does not.
        ("a tag of 12 bytes", |jwe, _| jwe.tag.truncate(12)),
        ("a tag of 4 bytes", |jwe, _| jwe.tag.truncate(4)),
    ];
    changes
        .map(|(what, change)| {
            let mut jwe = good.clone();
            change(&mut jwe, other.clone());
            seal(what, jwe.compact())
        })
        .into()
}

/// A good seal whose text is another.
fn texts() -> Vec<Attack> {
    let good = sealed(BOT_TOKEN);
    let parts: Vec<&str> = good.split('.').collect();
    let rearranged = |order: &[usize]| {
        let parts: Vec<_> = order.iter().map(|part| parts[*part]).collect();
        parts.join(".")
    };
    let padded = |at: usize| {
        let mut parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[at] += "=";
        parts.join(".")
    };
    // Now and then a seal has no letter in which the two alphabets differ.
    let standard = loop {
        let good = sealed(BOT_TOKEN);
        let standard = good.replace('-', "+").replace('_', "/");
        if standard != good {
            break standard;
        }
    };
    let mut attacks = vec![
        seal("four parts", rearranged(&[0, 1, 2, 3])),
        seal("three parts", rearranged(&[0, 1, 2])),
        seal("six parts", rearranged(&[0, 1, 2, 3, 4, 4])),
        seal("a sixth part, empty", format!("{good}.")),
        seal("a part before, empty", format!(".{good}")),
        seal("no header", format!(".{}", rearranged(&[1, 2, 3, 4]))),
        seal("parts in another order", rearranged(&[0, 2, 1, 3, 4])),
        seal("from back to front", good.chars().rev().collect::<String>()),
        seal("four dots", "...."),
        seal("five empty words", "x.x.x.x.x"),
        seal("itself twice", format!("{good}{good}")),
        seal("itself twice, with a space", format!("{good} {good}")),
        seal("a space after", format!("{good} ")),
        seal("a space before", format!(" {good}")),
        seal("a newline after", format!("{good}\n")),
        seal("spaces after the dots", good.replace('.', ". ")),
        seal("in small letters", good.to_lowercase()),
        seal("in base64", URL_SAFE_NO_PAD.encode(&good)),
        seal("a sign of no alphabet", good.replacen('.', ".!", 1)),
        seal("the standard alphabet", standard),
        seal(
            "4,000 bytes of nothing",
            format!("{good}{}", "A".repeat(4000)),
        ),
    ];
    attacks.extend((0..5).map(|at| seal(format!("padding of part {at}"), padded(at))));
    let cuts = [1, 2, 3, 4, 22, 23, 40, 130, good.len() - 10, good.len() - 1];
    attacks.extend(cuts.map(|cut| seal(format!("cut by {cut}"), &good[..good.len() - cut])));
    attacks
}

/// Headers that are no header, or two. The seal is good under each.
fn headers() -> Vec<Attack> {
    let good = good_header().to_string();
    let twice = |member: &str| with_first(member, &good_header());
    let kid = seal_kid();
    let headers = [
        ("not JSON", "x".to_owned()),
        ("empty", String::new()),
        ("null", "null".to_owned()),
        ("a list", format!("[{good}]")),
        (
            "a list of its values",
            json!(["RSA-OAEP-256", "A256GCM", kid]).to_string(),
        ),
        (
            "a list of all its values",
            json!(["RSA-OAEP-256", "A256GCM", kid, null, null]).to_string(),
        ),
        ("a string", json!(good).to_string()),
        ("an empty object", "{}".to_owned()),
        ("twice", format!("{good}{good}")),
        ("before garbage", format!("{good}x")),
        ("in base64", STANDARD.encode(&good)),
        ("alg twice", twice(r#""alg":"RSA-OAEP-256""#)),
        ("alg twice, differently", twice(r#""alg":"dir""#)),
        ("enc twice", twice(r#""enc":"A256GCM""#)),
        ("kid twice", twice(&format!(r#""kid":"{kid}""#))),
        ("kid twice, differently", twice(r#""kid":"another""#)),
        ("typ twice", twice(r#""typ":"JWE","typ":"JWE""#)),
        ("alg escaped and alg", twice(r#""\u0061lg":"dir""#)),
        (
            "nested too deeply",
            twice(&format!(
                r#""cty":{}{}"#,
                "[".repeat(1500),
                "]".repeat(1500)
            )),
        ),
    ];
    headers
        .map(|(what, header)| seal(format!("header {what}"), Jwe::under(&header).compact()))
        .into()
}
