//! Attacks by the signature: other algorithms, other keys, none, and the public key, which everybody
//! may have, taken for a shared secret.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde_json::json;

use crate::attacks::{Attack, bearer};
use crate::support::forge::{
    forge, forge_by, header_with, our_key, our_public, pem, signing, stranger, thumbprint,
};
use crate::support::{jwe, tokens};

pub fn attacks() -> Vec<Attack> {
    let mut attacks = unsigned();
    attacks.extend(shared_secrets());
    attacks.extend(other_algorithms());
    attacks.extend(other_keys());
    attacks.extend(made_up_signatures());
    attacks
}

fn header(algorithm: &str) -> String {
    header_with(&json!({"alg": algorithm}))
}

fn payload() -> String {
    tokens::claims().to_string()
}

fn unsigned() -> Vec<Attack> {
    let spellings = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "none\0",
        "no\u{feff}ne",
        "n0ne",
        "null",
        "",
    ];
    let mut attacks = Vec::new();
    for alg in spellings {
        let token = forge_by(header(alg), payload(), |_| Vec::new());
        attacks.push(bearer(format!("alg {alg:?}, no signature"), &token));
        let short = token.trim_end_matches('.');
        attacks.push(bearer(format!("alg {alg:?}, no signature part"), short));
        let signed = tokens::signed(header(alg), payload());
        attacks.push(bearer(format!("alg {alg:?}, our RS256 signature"), signed));
    }
    let nothing = |header: String| forge_by(header, payload(), |_| Vec::new());
    attacks.push(bearer("RS256, no signature", nothing(header("RS256"))));
    for (name, alg) in [
        ("no alg", json!(null)),
        ("alg is a list", json!(["RS256"])),
        ("alg is a list with none", json!(["none", "RS256"])),
        ("alg is an object", json!({"name": "RS256"})),
        ("alg is a number", json!(256)),
        ("alg is true", json!(true)),
    ] {
        let header = header_with(&json!({"alg": alg}));
        attacks.push(bearer(
            format!("{name}, no signature"),
            nothing(header.clone()),
        ));
        let signed = tokens::signed(header, payload());
        attacks.push(bearer(format!("{name}, our signature"), signed));
    }
    let null = header("RS256").replace("\"RS256\"", "null");
    attacks.push(bearer("alg null, no signature", nothing(null)));
    attacks
}

/// Whatever a careless verifier might take for the key of an HMAC.
fn shared_secrets() -> Vec<Attack> {
    let (public, file) = (our_public(), pem(tokens::PUBLIC));
    let modulus = public.n().to_bytes_be();
    let body = file.lines().filter(|line| !line.starts_with('-'));
    let body = body.collect::<String>();
    let pkcs1 = public.to_pkcs1_pem(LineEnding::LF).unwrap();
    let secrets: [(&str, Vec<u8>); 13] = [
        ("public PEM", file.clone().into()),
        (
            "public PEM without its last newline",
            file.trim_end().into(),
        ),
        ("public PEM with CRLF", file.replace('\n', "\r\n").into()),
        ("public PEM's base64", body.into()),
        (
            "public key in SPKI DER",
            public.to_public_key_der().unwrap().into_vec(),
        ),
        (
            "public key in PKCS#1 DER",
            public.to_pkcs1_der().unwrap().into_vec(),
        ),
        ("public key in PKCS#1 PEM", pkcs1.into()),
        ("modulus", modulus.clone()),
        (
            "modulus in base64url",
            URL_SAFE_NO_PAD.encode(modulus).into(),
        ),
        ("sealing key's public PEM", pem(tokens::SEAL_PUBLIC).into()),
        ("kid", tokens::kid().into()),
        ("empty key", Vec::new()),
        ("word secret", b"secret".to_vec()),
    ];
    let algorithms = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    let mut attacks = Vec::new();
    for (what, secret) in &secrets {
        for (alg, algorithm) in algorithms {
            let key = hmac::Key::new(algorithm, secret);
            let sign = |text: &[u8]| hmac::sign(&key, text).as_ref().to_vec();
            let token = forge_by(header(alg), payload(), sign);
            attacks.push(bearer(format!("{alg} with the {what}"), token));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |text: &[u8]| hmac::sign(&key, text).as_ref().to_vec();
        let token = forge_by(header("RS256"), payload(), sign);
        attacks.push(bearer(
            format!("HS256 that says RS256 with the {what}"),
            token,
        ));
    }
    attacks
}

fn other_algorithms() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (name, algorithm) in [
        ("RS384", Algorithm::RS384),
        ("RS512", Algorithm::RS512),
        ("PS256", Algorithm::PS256),
        ("PS384", Algorithm::PS384),
        ("PS512", Algorithm::PS512),
    ] {
        let token = |says: &str| forge(header(says), payload(), &our_key(), algorithm);
        attacks.push(bearer(format!("{name} with our key"), token(name)));
        attacks.push(bearer(format!("{name} that says RS256"), token("RS256")));
    }
    // Ours, under a name that is not quite RS256.
    for says in [
        "rs256",
        "Rs256",
        "RS256 ",
        "RS256\0",
        "RS-256",
        "RSA256",
        "RS1",
        "RSA-OAEP-256",
        "HS256",
        "ES256",
        "EdDSA",
        "A256GCM",
    ] {
        let token = tokens::signed(header(says), payload());
        attacks.push(bearer(format!("RS256 that says {says:?}"), token));
    }
    let random = SystemRandom::new();
    for (says, curve) in [
        ("ES256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("ES384", &ECDSA_P384_SHA384_FIXED_SIGNING),
    ] {
        let key = EcdsaKeyPair::generate(curve).unwrap();
        let sign = |text: &[u8]| key.sign(&random, text).unwrap().as_ref().to_vec();
        let token = forge_by(header(says), payload(), sign);
        attacks.push(bearer(format!("{says} with a key of its own"), token));
    }
    let key = Ed25519KeyPair::generate().unwrap();
    let sign = |text: &[u8]| key.sign(text).as_ref().to_vec();
    for says in ["EdDSA", "Ed25519"] {
        let token = forge_by(header(says), payload(), sign);
        attacks.push(bearer(format!("{says} with a key of its own"), token));
    }
    attacks
}

fn other_keys() -> Vec<Attack> {
    let (theirs, their_kid) = (signing(&stranger().private), thumbprint(&stranger().public));
    let sealing = EncodingKey::from_rsa_pem(pem(tokens::SEAL_PRIVATE).as_bytes()).unwrap();
    let token = |kid: &str, key: &EncodingKey| {
        let header = header_with(&json!({"kid": kid}));
        forge(header, payload(), key, Algorithm::RS256)
    };
    vec![
        bearer("another key under our kid", token(tokens::kid(), &theirs)),
        bearer("another key under its kid", token(&their_kid, &theirs)),
        bearer("our key under another kid", token(&their_kid, &our_key())),
        // The server holds both halves of this one.
        bearer(
            "the sealing key under our kid",
            token(tokens::kid(), &sealing),
        ),
        bearer(
            "the sealing key under its kid",
            token(&jwe::seal_kid(), &sealing),
        ),
        bearer(
            "our key under the sealing key's kid",
            token(&jwe::seal_kid(), &our_key()),
        ),
    ]
}

/// Numbers that a broken implementation of RSA or ECDSA might find to fit.
fn made_up_signatures() -> Vec<Attack> {
    let modulus = our_public().n().to_bytes_be();
    let number = |last: u8| [vec![0; 255], vec![last]].concat();
    let mut less_one = modulus.clone();
    less_one[255] -= 1;
    let signatures = [
        ("zeros", number(0)),
        ("one", number(1)),
        ("ones", vec![0xff; 256]),
        ("the modulus", modulus),
        ("the modulus less one", less_one),
        ("one byte", vec![0]),
        ("64 zeros", vec![0; 64]),
        ("257 bytes", vec![0; 257]),
        ("1,024 bytes", vec![0; 1024]),
    ];
    let mut attacks = Vec::new();
    for (what, signature) in signatures {
        for says in ["RS256", "ES256"] {
            let token = forge_by(header(says), payload(), |_| signature.clone());
            attacks.push(bearer(format!("{says} whose signature is {what}"), token));
        }
    }
    let other = tokens::token_with(json!({"sub": "somebody"}));
    let (_, signature) = other.rsplit_once('.').unwrap();
    let borrowed = URL_SAFE_NO_PAD.decode(signature).unwrap();
    attacks.push(bearer(
        "the signature of another token",
        forge_by(header("RS256"), payload(), |_| borrowed),
    ));
    attacks
}
