//! Any number of public keys verify tokens, each under its `kid`. Which those are, the names of the
//! files say, and nothing else is needed to serve.

use std::fs;

use crate::support::forge::thumbprint;
use crate::support::key_files::{signed, signed_under, write_public};
use crate::support::provider::key;
use crate::support::served::{RELOADED, Server};
use crate::support::{App, tokens};

#[tokio::test]
async fn every_public_key_verifies_under_its_own_kid_and_under_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path();
    tokens::install_keys(keys);
    let private = [&key(0).private, &key(1).private];
    write_public(&keys.join("jwt.next.public.pem"), private[0]);
    write_public(&keys.join("jwt.old-0a1b2c3d.public.pem"), private[1]);
    write_public(&keys.join("jwt.of the other minter.public.pem"), private[1]);
    let app = App::with(&[("KEYS_DIR", keys.to_str().unwrap())]).await;
    let kids = private.map(|key| thumbprint(&key.to_public_key()));
    for (token, let_in) in [
        (tokens::token(), true),
        (signed(private[0]), true),
        (signed(private[1]), true),
        (signed_under(&kids[1], private[0]), false),
        (signed_under(&kids[0], private[1]), false),
        (signed_under(tokens::kid(), private[0]), false),
        (signed_under("jwt.next", private[0]), false),
        (signed(&key(2).private), false),
    ] {
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        assert_eq!(answer.status == 200, let_in, "{}", answer.text);
    }
    let published = app.get("/.well-known/jwks.json", None).await;
    let published = published.body["keys"].as_array().unwrap();
    let mut signing: Vec<_> = published
        .iter()
        .filter(|key| key["use"] == "sig")
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    signing.sort_unstable();
    let mut expected = vec![tokens::kid(), &kids[0], &kids[1]];
    expected.sort_unstable();
    assert_eq!(signing, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pem_of_another_name_is_not_used_and_is_told_of() {
    let stray = &key(0).private;
    let server = Server::with(&[], |keys| {
        write_public(&keys.join("other.pem"), stray);
        write_public(&keys.join("public.jwt.pem"), stray);
        write_public(&keys.join("jwt.pem"), stray);
        fs::write(keys.join("notes.txt"), "not a key").unwrap();
        fs::write(keys.join("jwt.public.pem.bak"), "not a key").unwrap();
    })
    .await;
    assert!(!server.is_let_in(&signed(stray)).await);
    assert!(server.is_let_in(&tokens::token()).await);
    let (_, output) = server.process.stop();
    let warned = |name: &str| {
        let path = format!("file=keys/{name}");
        output
            .lines()
            .filter(|line| line.contains(" WARN ") && line.contains(&path))
            .count()
    };
    for name in ["other.pem", "public.jwt.pem", "jwt.pem"] {
        assert_eq!(warned(name), 1, "{name}: {output}");
    }
    for name in [
        "notes.txt",
        "jwt.public.pem.bak",
        tokens::PUBLIC,
        tokens::PRIVATE,
    ] {
        assert_eq!(warned(name), 0, "{name}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_private_signing_key_serves_and_makes_none() {
    let server = Server::with(&[], |keys| {
        fs::remove_file(keys.join(tokens::PRIVATE)).unwrap()
    })
    .await;
    assert!(server.is_let_in(&tokens::token()).await);
    assert!(!server.is_let_in(&key(0).token()).await);
    server.hang_up(RELOADED, 1).await;
    assert!(server.is_let_in(&tokens::token()).await);
    assert!(!server.keys.join(tokens::PRIVATE).exists());
}
