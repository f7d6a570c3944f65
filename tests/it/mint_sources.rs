//! What minting takes: the bot token, from where it is, and of the keys only their needed halves; by
//! the subcommand and by the example alike.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::mint_token::{BOT, folder, mint, minted, settled};
use crate::support::calls::params;
use crate::support::discord::seed::{BOT_TOKEN, GENERAL, GUILD};
use crate::support::process::{Finished, binary, finish, run};
use crate::support::{App, tokens};

#[test]
fn the_bot_token_comes_from_where_it_is_and_is_never_shown() {
    let dir = folder();
    let own = "MTE4MDAwMDAwMDAwMDAwMDA3Nw.GFaKe9.from-the-file-of-variables-000000000000";
    let plain = ["mint-token", "--plain"];
    let given = finish(
        binary(dir.path(), &[]).args(plain),
        &format!("  {BOT_TOKEN}\n"),
    );
    let argument = run(dir.path(), BOT, &["mint-token", "--plain", own]);
    fs::write(dir.path().join(".env"), format!("DISCORD_TOKEN={own}\n")).unwrap();
    let file = run(dir.path(), &[], &plain);
    let both = run(dir.path(), BOT, &plain);
    for (told, token) in [
        (given, BOT_TOKEN),
        (argument, own),
        (file, own),
        (both, BOT_TOKEN),
    ] {
        let (_, claims) = minted(&told);
        assert_eq!(claims["discord_token"], token);
        for secret in [BOT_TOKEN, own] {
            let parts = secret.split('.').skip(1);
            assert!(parts.into_iter().all(|part| !told.stderr.contains(part)));
        }
    }
}

#[test]
fn what_is_no_bot_token_is_refused_and_not_repeated() {
    let dir = folder();
    let none = run(dir.path(), &[], &["mint-token"]);
    let expected =
        "error: no bot token: set DISCORD_TOKEN, put it into .env, or give it on standard input\n";
    assert_eq!((none.code, &*none.stderr), (Some(2), expected));
    for wrong in [
        "your-bot-token-here",
        "a.b.c",
        "s3cret-s3cret",
        &tokens::token(),
    ] {
        for arguments in [&["mint-token"][..], &["mint-token", "--plain"]] {
            let told = run(dir.path(), &[("DISCORD_TOKEN", wrong)], arguments);
            assert_eq!((told.code, &*told.stdout), (Some(2), ""));
            let expected = "error: that is not a bot token: ";
            assert!(told.stderr.starts_with(expected), "{}", told.stderr);
            assert!(!told.stderr.contains(wrong), "{}", told.stderr);
        }
    }
}

/// The files of keys in a folder.
fn keys(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir.join("keys")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

const JWT_PRIVATE: &str = "jwt.private.pem";
const JWT_PUBLIC: &str = "jwt.public.pem";
const SEAL_PRIVATE: &str = "seal.private.pem";
const SEAL_PUBLIC: &str = "seal.public.pem";

/// A folder that has all four halves, whoever makes them.
fn all_halves() -> tempfile::TempDir {
    let dir = folder();
    minted(&mint(dir.path(), &[]));
    assert_eq!(
        keys(dir.path()),
        [JWT_PRIVATE, JWT_PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC]
    );
    dir
}

/// A folder with copies of these of them.
fn with_only(all: &Path, halves: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("keys")).unwrap();
    for half in halves {
        let name = Path::new("keys").join(half);
        fs::copy(all.join(&name), dir.path().join(&name)).unwrap();
    }
    dir
}

/// The minter can mint and not open, the server can open and not mint.
#[tokio::test]
async fn minter_and_server_need_only_their_halves() {
    let all = all_halves();
    let minter = with_only(all.path(), &[JWT_PRIVATE, SEAL_PUBLIC]);
    let told = mint(minter.path(), &["--sub", "from-afar"]);
    minted(&told);
    assert_eq!(keys(minter.path()), [JWT_PRIVATE, JWT_PUBLIC, SEAL_PUBLIC]);

    let server = with_only(all.path(), &[JWT_PUBLIC, SEAL_PRIVATE]);
    let folder = server.path().join("keys");
    let variables = [
        ("KEYS_DIR", folder.to_str().unwrap()),
        ("REQUIRE_SEALED_TOKENS", "true"),
    ];
    let app = App::with(&variables).await;
    let jwt = told.stdout.trim();
    let answer = app.invoke_as(jwt, "get_messages", params("", GENERAL));
    answer.await.result();
    let expected = format!("Bot {BOT_TOKEN}");
    let sent = app.discord.requests();
    assert_eq!(sent[0].header("authorization"), Some(&*expected));
    assert_eq!(app.audit()[0]["user_id"], "from-afar");

    let told = mint(server.path(), &[]);
    let expected = "error: there is no private signing key (jwt.private.pem) in KEYS_DIR; mint where it is kept\n";
    assert_eq!(
        (told.code, &*told.stdout, &*told.stderr),
        (Some(2), "", expected)
    );
    assert!(!folder.join(JWT_PRIVATE).exists());
}

#[test]
fn a_readable_token_takes_no_sealing_key() {
    let all = all_halves();
    let minter = with_only(all.path(), &[JWT_PRIVATE, JWT_PUBLIC]);
    let (_, claims) = minted(&mint(minter.path(), &["--plain"]));
    assert_eq!(claims["discord_token"], BOT_TOKEN);
}

/// All that is said of a token, without what differs from token to token.
fn said(told: &Finished) -> (Value, Value, String) {
    let (header, claims) = minted(told);
    let jti = claims["jti"].as_str().unwrap();
    let said = told.stderr.replace(jti, "(jti)");
    let said = said.lines().filter(|line| !line.contains("expires"));
    let said: Vec<_> = said.collect();
    let mut claims = settled(claims, 600);
    if claims["discord_token_sealed"].is_string() {
        claims["discord_token_sealed"] = json!("(sealed)");
    }
    (header, claims, said.join("\n"))
}

/// The README has it as `cargo run --example mint_token`, and a deployed binary has no cargo. Cargo
/// builds the example with all the tests, and not where this test binary is asked for alone.
#[test]
fn the_example_is_the_same_command() {
    let built = Path::new(env!("CARGO_BIN_EXE_discord-mcp-server"));
    let example = built.with_file_name("examples").join("mint_token");
    if !example.exists() {
        eprintln!("skipped: the example is not built; `cargo test` builds it");
        return;
    }
    let dir = folder();
    for more in [&[][..], &["--plain"]] {
        let arguments = [&["--sub", "a user", "--ttl", "10m", "--guild", GUILD], more].concat();
        let mut command = std::process::Command::new(&example);
        command.args(&arguments).current_dir(dir.path()).env_clear();
        let theirs = finish(command.envs(BOT.iter().copied()), "");
        let ours = mint(dir.path(), &arguments);
        assert_eq!(said(&theirs), said(&ours), "is the example out of date?");
    }
}
