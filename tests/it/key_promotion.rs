//! A promotion that is cut off: whatever it had done by then, servers and minters can work with the
//! folder, and another one finishes it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use discord_mcp_server::auth::{Grant, Keys, Scopes, mint, promote, retire};
use discord_mcp_server::discord::BotToken;

use crate::support::discord::seed::BOT_TOKEN;
use crate::support::key_files::{contents, digests, modes, write_private, write_public};
use crate::support::provider::key;
use crate::support::{App, tokens};

/// Puts keys and next keys there, as `rotate-keys` leaves them, without making any.
pub fn install_next(keys: &Path) {
    tokens::install_keys(keys);
    for (pair, next) in [("jwt", key(0)), ("seal", key(1))] {
        write_private(
            &keys.join(format!("{pair}.next.private.pem")),
            &next.private,
        );
        write_public(&keys.join(format!("{pair}.next.public.pem")), &next.private);
    }
}

/// What a promotion does to files, one after the other, where the old keys are of these kids.
fn renames(jwt: &str, seal: &str) -> [(String, String); 6] {
    let old_public = format!("jwt.old-{}.public.pem", &jwt[..8]);
    let old_private = format!("seal.old-{}.private.pem", &seal[..8]);
    [
        ("jwt.public.pem", &*old_public),
        ("jwt.next.public.pem", "jwt.public.pem"),
        ("jwt.next.private.pem", "jwt.private.pem"),
        ("seal.private.pem", &*old_private),
        ("seal.next.private.pem", "seal.private.pem"),
        ("seal.next.public.pem", "seal.public.pem"),
    ]
    .map(|(from, to)| (from.to_owned(), to.to_owned()))
}

/// A new token, made with the keys in this folder as they stand.
fn mint_with(keys: &Path) -> String {
    let keys = Keys::load_or_create(keys).unwrap();
    let grant = Grant {
        sub: "tester".to_owned(),
        scopes: Scopes::ALL,
        ttl: Duration::from_secs(60),
        channels: Vec::new(),
        guilds: Vec::new(),
        plain: false,
    };
    let (us, token) = ("discord-mcp-server", BotToken::parse(BOT_TOKEN).unwrap());
    mint(&keys, us, us, &grant, &token).unwrap().jwt
}

#[tokio::test]
async fn a_promotion_that_was_cut_off_anywhere_leaves_a_folder_that_works_and_is_finished_later() {
    let made = tempfile::tempdir().unwrap();
    install_next(made.path());
    let before = contents(made.path());
    let done = tempfile::tempdir().unwrap();
    let fill = |dir: &Path| {
        for (name, text) in &before {
            fs::write(dir.join(name), text).unwrap();
        }
    };
    fill(done.path());
    promote(done.path()).unwrap();
    let after = digests(done.path());
    let seal = after
        .keys()
        .find_map(|name| name.strip_prefix("seal.old-"))
        .unwrap();
    let renames = renames(tokens::kid(), seal);
    for steps in 0..=renames.len() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        fs::create_dir(&keys).unwrap();
        fill(&keys);
        for (from, to) in &renames[..steps] {
            fs::rename(keys.join(from), keys.join(to)).unwrap();
        }
        // It mints, and a server that starts on it takes what is minted and what was.
        let token = mint_with(&keys);
        let app = App::with(&[("KEYS_DIR", keys.to_str().unwrap())]).await;
        for token in [&token, &tokens::token()] {
            let answer = app.get("/mcp/v1/tools", Some(token)).await;
            assert_eq!(answer.status, 200, "after {steps} steps: {}", answer.text);
        }
        if steps < renames.len() {
            promote(&keys).unwrap();
        }
        assert_eq!(digests(&keys), after, "after {steps} steps");
        retire(&keys).unwrap();
        assert_eq!(modes(&keys).len(), 4);
    }
}
