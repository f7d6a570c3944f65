//! `rotate-keys` in its three steps: no token that was good is refused before the last of them,
//! and a step that is out of turn changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use discord_mcp_server::auth::{promote, retire};
use serde_json::Value;

use crate::key_promotion::install_next;
use crate::support::discord::seed::BOT_TOKEN;
use crate::support::key_files::{contents, digests, modes};
use crate::support::process::binary;
use crate::support::served::{RELOADED, Server};
use crate::support::tokens;

/// Runs the binary in `dir`: its exit code, its standard output and its standard error.
fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let variables = [("DISCORD_TOKEN", BOT_TOKEN)];
    let output = binary(dir, &variables).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// A new token, as a minter in `dir` makes it.
fn minted(dir: &Path) -> String {
    let (code, token, said) = run(dir, &["mint-token"]);
    assert_eq!(code, 0, "{said}");
    token.trim().to_owned()
}

/// Does a step of a rotation; what it says, in which no line of any key is.
fn rotated(dir: &Path, arguments: &[&str]) -> String {
    let keys = dir.join("keys");
    let before = contents(&keys);
    let (code, said, error) = run(dir, &[&["rotate-keys"], arguments].concat());
    assert_eq!((code, &*error), (0, ""));
    for text in before.into_values().chain(contents(&keys).into_values()) {
        let mut lines = text.lines().filter(|line| !line.starts_with("-----"));
        assert!(lines.all(|line| !said.contains(line)), "{said}");
    }
    said
}

/// The header of a token, or of the seal in it.
fn kids(token: &str) -> (String, String) {
    let part = |text: &str, at: usize| -> Value {
        let part = text.split('.').nth(at).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let claims = part(token, 1);
    let sealed = claims["discord_token_sealed"].as_str().unwrap();
    let kid = |header: Value| header["kid"].as_str().unwrap().to_owned();
    (kid(part(token, 0)), kid(part(sealed, 0)))
}

const CURRENT: [(&str, u32); 4] = [
    ("jwt.private.pem", 0o600),
    ("jwt.public.pem", 0o644),
    ("seal.private.pem", 0o600),
    ("seal.public.pem", 0o644),
];

/// The files of the current pairs, and these.
fn current_and(others: &[(&str, u32)]) -> BTreeMap<String, u32> {
    let all = CURRENT.iter().chain(others);
    all.map(|(name, mode)| ((*name).to_owned(), *mode))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_refuses_no_token_until_its_last_step() {
    let server = Server::with(&[("REQUIRE_SEALED_TOKENS", "true")], |_| {}).await;
    let (dir, keys) = (server.dir(), &server.keys);
    let first = minted(dir);
    let published = async |usage: &str| {
        let keys = server.get("/.well-known/jwks.json", None).await.body["keys"].clone();
        let keys = keys.as_array().unwrap().iter();
        let kids = keys
            .filter(|key| key["use"] == usage)
            .map(|key| key["kid"].as_str());
        let kids: BTreeSet<_> = kids.map(|kid| kid.unwrap().to_owned()).collect();
        kids
    };
    let set = |kids: &[&String]| {
        kids.iter()
            .map(|kid| (*kid).clone())
            .collect::<BTreeSet<_>>()
    };
    assert!(server.is_let_in(&first).await);

    let said = rotated(dir, &[]);
    for step in [
        "kill -HUP",
        "jwt.next.public.pem",
        "seal.next.private.pem",
        "rotate-keys --promote",
    ] {
        assert!(said.contains(step), "{step}: {said}");
    }
    let mut next = modes(keys);
    next.retain(|name, _| name.contains(".next"));
    let named = CURRENT.map(|(name, mode)| (name.replacen('.', ".next.", 1), mode));
    assert_eq!(next, named.into());
    // Nothing is minted with the next keys, and nothing is to be sealed with them, before all know.
    let before = minted(dir);
    assert_eq!(kids(&before), kids(&first));
    server.hang_up(RELOADED, 1).await;
    let (old_kid, old_seal) = kids(&first);
    assert_eq!(published("enc").await, set(&[&old_seal]));

    let said = rotated(dir, &["--promote"]);
    for step in ["kill -HUP", "JWT_MAX_LIFETIME", "rotate-keys --retire"] {
        assert!(said.contains(step), "{step}: {said}");
    }
    let old = [
        // As the tests install it; nobody changes its mode.
        (&*format!("jwt.old-{}.public.pem", &old_kid[..8]), 0o600),
        (&*format!("seal.old-{}.private.pem", &old_seal[..8]), 0o600),
    ];
    assert_eq!(modes(keys), current_and(&old));
    let after = minted(dir);
    let (new_kid, new_seal) = kids(&after);
    assert!(new_kid != old_kid && new_seal != old_seal);
    // A server that has heard of the next keys need not hear of their promotion to take both.
    for times in 1..3 {
        for token in [&first, &before, &after] {
            assert!(server.is_let_in(token).await);
        }
        assert_eq!(published("sig").await, set(&[&old_kid, &new_kid]));
        if times == 1 {
            server.hang_up(RELOADED, 2).await;
        }
    }
    assert_eq!(published("enc").await, set(&[&new_seal]));

    let said = rotated(dir, &["--retire"]);
    for step in ["kill -HUP", old[0].0, old[1].0] {
        assert!(said.contains(step), "{step}: {said}");
    }
    assert_eq!(modes(keys), current_and(&[]));
    server.hang_up(RELOADED, 3).await;
    for (token, let_in) in [(&first, false), (&before, false), (&after, true)] {
        assert_eq!(server.is_let_in(token).await, let_in);
    }
    assert_eq!(published("sig").await, set(&[&new_kid]));
    assert_eq!(published("enc").await, set(&[&new_seal]));
}

#[test]
fn a_step_out_of_turn_is_refused_with_a_sentence_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let keys = dir.join("keys");
    let refused = |arguments: &[&str], sentence: &str| {
        let before = digests(&keys);
        let (code, said, error) = run(dir, &[&["rotate-keys"], arguments].concat());
        let expected = (2, "", &*format!("error: {sentence}\n"));
        assert_eq!((code, &*said, &*error), expected);
        assert_eq!(digests(&keys), before);
    };
    let no_next = "keys: holds no next keys: make them with `rotate-keys` first";
    let no_old = "keys: holds no old keys: there are some after `rotate-keys --promote`";
    tokens::install_keys(&keys);
    refused(&["--promote"], no_next);
    refused(&["--retire"], no_old);
    install_next(&keys);
    refused(
        &[],
        "keys/jwt.next.private.pem: exists: a rotation is under way; go on with `rotate-keys --promote`, or remove the files that have `.next` in their names",
    );
    refused(&["--retire"], no_old);
    let before = digests(&keys);
    for usage in [&["--promote", "--retire"][..], &["--next"], &["promote"]] {
        let (code, said, error) = run(dir, &[&["rotate-keys"], usage].concat());
        assert_eq!((code, &*said), (2, ""), "{error}");
        assert!(error.starts_with("error: "), "{error}");
    }
    assert_eq!(digests(&keys), before);
    promote(&keys).unwrap();
    refused(&["--promote"], no_next);
    retire(&keys).unwrap();
    refused(&["--retire"], no_old);
}

#[test]
fn whatever_else_is_in_the_folder_stays() {
    let dir = tempfile::tempdir().unwrap();
    install_next(dir.path());
    let others = [
        "audit-digest.key",
        "jwt.mine.public.pem",
        "jwt.older.public.pem",
        "old.pem",
    ];
    for name in others {
        fs::copy(dir.path().join("jwt.public.pem"), dir.path().join(name)).unwrap();
    }
    let before = digests(dir.path());
    promote(dir.path()).unwrap();
    assert_eq!(retire(dir.path()).unwrap().len(), 2);
    let after = digests(dir.path());
    for name in others {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    assert_eq!(after.len(), 4 + others.len());
}
