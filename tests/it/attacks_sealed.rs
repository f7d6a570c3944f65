//! Attacks by the sealed bot token of a token that our key has signed: two bot tokens in one, other
//! algorithms, other keys, extensions. What is done to a good seal is in `attacks_seals`. A
//! provider's users may choose what stands in that claim, so the signature around it proves nothing
//! about it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::attacks::{Attack, bearer};
use crate::support::discord::seed::BOT_TOKEN;
use crate::support::forge::{our_public, saying, stranger, thumbprint, with_first};
use crate::support::jwe::{
    Enc, Jwe, Wrap, good_header, header_with, seal_kid, seal_public, sealed, sealed_for_a_stranger,
};
use crate::support::{jwe, tokens};

pub fn attacks() -> Vec<Attack> {
    let mut attacks = claims();
    attacks.extend(algorithms());
    attacks.extend(members());
    attacks.extend(keys());
    attacks
}

/// An attack by a claim that holds this.
pub fn seal(name: impl std::fmt::Display, content: impl Into<Value>) -> Attack {
    bearer(format!("sealed: {name}"), jwe::token(content))
}

/// The claim itself, and the readable one beside it.
fn claims() -> Vec<Attack> {
    let good = sealed(BOT_TOKEN);
    let both = |name: &str, readable: &str, sealed: &str| {
        let changes = json!({"discord_token": readable, "discord_token_sealed": sealed});
        bearer(format!("sealed: {name}"), tokens::token_with(changes))
    };
    let header = URL_SAFE_NO_PAD.encode(good_header().to_string());
    let [_, key, iv, ciphertext, tag] = Jwe::good().parts();
    let json = json!({
        "protected": header, "encrypted_key": key, "iv": iv, "ciphertext": ciphertext, "tag": tag,
    });
    let twice = format!(r#""discord_token_sealed":"{good}""#);
    let once = tokens::claims_with(json!({"discord_token": null, "discord_token_sealed": good}));
    vec![
        both("beside the same, readable", BOT_TOKEN, &good),
        both("beside a readable word", "x", &good),
        both("beside a readable nothing", "", &good),
        both("a word beside a readable one", BOT_TOKEN, "x"),
        both("nothing beside a readable one", BOT_TOKEN, ""),
        bearer("sealed: twice", saying(with_first(&twice, &once))),
        seal("empty", ""),
        seal("a number", json!(7)),
        seal("true", json!(true)),
        seal("a list of it", json!([good])),
        seal("a list of its parts", json!(Jwe::good().parts())),
        seal("an object", json!({"jwe": good})),
        seal("a JSON serialization", json.clone()),
        seal("a JSON serialization as text", json.to_string()),
        seal("a readable bot token", BOT_TOKEN),
        seal("a readable bot token with Bot", format!("Bot {BOT_TOKEN}")),
        seal("a JWT", tokens::token()),
        seal("a JWT of five parts", format!("{}.x.x", tokens::token())),
        seal("a word", "sealed"),
    ]
}

/// Everything but RSA-OAEP-256 with A256GCM, done by the book and said, or said and not done.
fn algorithms() -> Vec<Attack> {
    let ours = Wrap::Oaep256(seal_public());
    let mut attacks = Vec::new();
    for (name, alg, wrap) in [
        ("RSA-OAEP", "RSA-OAEP", Wrap::Oaep1),
        ("RSA1_5", "RSA1_5", Wrap::Pkcs1),
        ("dir with the public key's hash", "dir", Wrap::Dir),
        ("A256KW with the public key's hash", "A256KW", Wrap::AesKw),
    ] {
        let header = header_with(&json!({"alg": alg}));
        let said = Jwe::made(&header, wrap, Enc::A256Gcm).compact();
        attacks.push(seal(name, said));
        let unsaid = Jwe::made(&good_header().to_string(), wrap, Enc::A256Gcm).compact();
        attacks.push(seal(format!("{name} that says RSA-OAEP-256"), unsaid));
    }
    for (enc, how) in [
        ("A128GCM", Enc::A128Gcm),
        ("A192GCM", Enc::A192Gcm),
        ("A256CBC-HS512", Enc::A256CbcHs512),
    ] {
        let said = Jwe::made(&header_with(&json!({"enc": enc})), ours, how).compact();
        attacks.push(seal(enc, said));
        let unsaid = Jwe::made(&good_header().to_string(), ours, how).compact();
        attacks.push(seal(format!("{enc} that says A256GCM"), unsaid));
    }
    // By the book, but for what the header says.
    for alg in [
        "RSA-OAEP",
        "RSA-OAEP-384",
        "RSA-OAEP-512",
        "RSA1_5",
        "dir",
        "A128KW",
        "A256KW",
        "A256GCMKW",
        "ECDH-ES",
        "ECDH-ES+A256KW",
        "PBES2-HS256+A128KW",
        "none",
        "RS256",
        "rsa-oaep-256",
        "RSA-OAEP-256 ",
        "",
    ] {
        let text = Jwe::under(&header_with(&json!({"alg": alg}))).compact();
        attacks.push(seal(format!("RSA-OAEP-256 that says {alg:?}"), text));
    }
    for enc in [
        "A128GCM",
        "A192GCM",
        "A128CBC-HS256",
        "A256CBC-HS512",
        "XC20P",
        "none",
        "a256gcm",
        "",
    ] {
        let text = Jwe::under(&header_with(&json!({"enc": enc}))).compact();
        attacks.push(seal(format!("A256GCM that says {enc:?}"), text));
    }
    attacks
}

/// A good seal under a header that says more, less, or something of another type.
fn members() -> Vec<Attack> {
    let changes = [
        json!({"zip": "DEF"}),
        json!({"zip": "none"}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"jku": "https://keys.example.com/jwks.json"}),
        json!({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
        json!({"x5u": "https://keys.example.com/cert.pem"}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5t": "AAAA"}),
        json!({"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}),
        json!({"apu": "QWxpY2U"}),
        json!({"iv": "AAAAAAAAAAAAAAAA", "tag": "AAAAAAAAAAAAAAAAAAAAAA"}),
        json!({"p2s": "AAAAAAAAAAA", "p2c": 4_000_000_000_u64}),
        json!({"alg": "PBES2-HS256+A128KW", "p2s": "AAAAAAAAAAA", "p2c": 4_000_000_000_u64}),
        json!({"iss": "discord-mcp-server"}),
        json!({"something": "else"}),
        json!({"": ""}),
        json!({"alg": null}),
        json!({"enc": null}),
        json!({"alg": null, "enc": null, "kid": null}),
        json!({"alg": 7}),
        json!({"alg": ["RSA-OAEP-256"]}),
        json!({"enc": ["A256GCM"]}),
        json!({"enc": {"A256GCM": true}}),
        json!({"typ": 7}),
        json!({"cty": ["text/plain"]}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": 7}),
        json!({"kid": "another"}),
        json!({"kid": "../keys/seal"}),
        json!({"kid": "seal.private.pem"}),
        json!({"kid": "' OR '1'='1"}),
    ];
    let mut attacks: Vec<_> = changes
        .iter()
        .map(|changes| {
            seal(
                format!("header with {changes}"),
                Jwe::under(&header_with(changes)).compact(),
            )
        })
        .collect();
    for (what, kid) in [
        ("of the signing key", json!(tokens::kid())),
        ("in a list", json!([seal_kid()])),
        ("in capitals", json!(seal_kid().to_uppercase())),
        ("one longer", json!(seal_kid() + "x")),
        ("after a space", json!(format!(" {}", seal_kid()))),
        ("of 3,000 characters", json!("k".repeat(3000))),
    ] {
        let text = Jwe::under(&header_with(&json!({"kid": kid}))).compact();
        attacks.push(seal(format!("kid {what}"), text));
    }
    attacks
}

/// Sealed with another key than that of the header.
fn keys() -> Vec<Attack> {
    let signing = our_public();
    let to_signing = |kid: &str| {
        let header = header_with(&json!({"kid": kid}));
        Jwe::made(&header, Wrap::Oaep256(&signing), Enc::A256Gcm).compact()
    };
    let theirs = thumbprint(&stranger().public);
    vec![
        seal(
            "for a stranger, under our kid",
            sealed_for_a_stranger(&seal_kid()),
        ),
        seal(
            "for a stranger, under its kid",
            sealed_for_a_stranger(&theirs),
        ),
        seal(
            "for the signing key, under the sealing kid",
            to_signing(&seal_kid()),
        ),
        seal(
            "for the signing key, under its kid",
            to_signing(tokens::kid()),
        ),
    ]
}
