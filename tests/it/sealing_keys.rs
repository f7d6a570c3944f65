//! The keys that seal and open, and those of the next and the last rotation: what the server starts
//! with, and what it refuses by the name of its file.

use std::fs;

use discord_mcp_server::auth::Keys;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::{BigUint, RsaPrivateKey};

use crate::sealing::folder;
use crate::support::forge::pem;
use crate::support::process::binary;
use crate::support::tokens::{PRIVATE, PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC};

#[test]
fn who_insists_on_seals_needs_a_key_to_open_them() {
    let dir = folder(&[PUBLIC, SEAL_PUBLIC]);
    let output = binary(
        dir.path(),
        &[
            ("REQUIRE_SEALED_TOKENS", "true"),
            ("BIND_ADDR", "127.0.0.1:0"),
        ],
    )
    .output()
    .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("REQUIRE_SEALED_TOKENS") && said.contains(SEAL_PRIVATE),
        "{said}"
    );
}

/// Keys that no seal may be made or opened with, and why.
fn outside_the_policy() -> [(RsaPrivateKey, &'static str); 2] {
    let mut random = rsa::rand_core::OsRng;
    let small = RsaPrivateKey::new(&mut random, 1024).unwrap();
    let odd = RsaPrivateKey::new_with_exp(&mut random, 2048, &BigUint::from(3_u32)).unwrap();
    [
        (small, "holds a key of 1024 bits; allowed: 2048 to 8192"),
        (odd, "holds a key whose public exponent is not 65537"),
    ]
}

#[test]
fn keys_outside_the_policy_are_refused_by_the_name_of_their_file() {
    let pair = [PRIVATE, PUBLIC];
    let mut wrong = vec![
        (
            SEAL_PRIVATE,
            "garbage".to_owned(),
            "is not an RSA private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)",
        ),
        (
            SEAL_PRIVATE,
            pem(SEAL_PUBLIC),
            "is not an RSA private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)",
        ),
        (
            SEAL_PUBLIC,
            "garbage".to_owned(),
            "is not an RSA public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)",
        ),
        (
            SEAL_PUBLIC,
            pem(SEAL_PRIVATE),
            "is not an RSA public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)",
        ),
    ];
    for (key, why) in outside_the_policy() {
        let private = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
        let public = key
            .to_public_key()
            .to_public_key_pem(LineEnding::LF)
            .unwrap();
        for name in [SEAL_PRIVATE, "seal.old-AAAAAAAA.private.pem"] {
            wrong.push((name, private.clone(), why));
        }
        for name in [
            SEAL_PUBLIC,
            "jwt.next.public.pem",
            "jwt.old-AAAAAAAA.public.pem",
        ] {
            wrong.push((name, public.clone(), why));
        }
    }
    for (name, content, why) in wrong {
        let dir = folder(&pair);
        let path = dir.path().join("keys").join(name);
        fs::write(&path, &content).unwrap();
        let refused = Keys::load_or_create(&dir.path().join("keys"))
            .err()
            .map(|error| error.to_string());
        assert_eq!(refused, Some(format!("{}: {why}", path.display())));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}
