//! `inspect-token`: what a token grants, from wherever it is given. The verdict is in
//! `inspect_token_verdict`, what it keeps to itself in `inspect_token_secrets`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::discord::seed::{BOT_USER, GENERAL, GUILD, QUIET};
use crate::support::process::{Finished, binary, finish, run};
use crate::support::tokens;

/// Of the form of a bot token, and unlike anything else that is shown.
pub const SECRET: &str = "MTE4MDAwMDAwMDAwMDAwMDA3Nw.Q7xWdZ.q8Rk3_vB9mXcJ2nLs-TfYgHj4pUaE6iOwD1z";

/// A folder with the keys of the tests.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    dir
}

pub fn inspect(dir: &Path, variables: &[(&str, &str)], token: &str) -> Finished {
    run(dir, variables, &["inspect-token", token])
}

/// A token minted in this folder.
pub fn minted(dir: &Path, arguments: &[&str]) -> String {
    let arguments = [&["mint-token"], arguments].concat();
    let told = run(dir, &[("DISCORD_TOKEN", SECRET)], &arguments);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    told.stdout.trim().to_owned()
}

pub fn readable(changes: Value) -> String {
    let mut claims = tokens::claims_with(changes);
    if claims.get("discord_token").is_some() {
        claims["discord_token"] = SECRET.into();
    }
    tokens::sign(&claims)
}

pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

/// Everything that is printed of a token but for its bot token and the verdict.
fn shown(token: &str, scope: &str, channels: &str, servers: &str) -> String {
    let claims = claims_of(token);
    let text = |name: &str| claims[name].as_str().unwrap();
    let moment = |name: &str| {
        let time = OffsetDateTime::from_unix_timestamp(claims[name].as_i64().unwrap());
        time.unwrap().format(&Rfc3339).unwrap()
    };
    format!(
        "issuer     {}\naudience   {}\nuser       {}\nid         {}\nissued     {}\nexpires    {}\nscope      {scope}\nchannels   {channels}\nservers    {servers}\nkey        {}\n",
        text("iss"),
        text("aud"),
        text("sub"),
        text("jti"),
        moment("iat"),
        moment("exp"),
        tokens::kid(),
    )
}

#[test]
fn a_good_token_is_shown_with_all_that_it_grants() {
    let dir = folder();
    let all = "discord:read discord:write discord:moderate";
    let sealed = minted(dir.path(), &["--sub", "alice"]);
    let narrow = minted(
        dir.path(),
        &[
            "--plain",
            "--scope",
            "discord:read",
            "--channel",
            GENERAL,
            "--channel",
            QUIET,
            "--guild",
            GUILD,
        ],
    );
    let bare = readable(json!({"discord_token": null}));
    let misshapen = tokens::token_with(json!({"discord_token": "your-bot-token-here"}));
    let (of, readable) = (
        format!("of the bot {BOT_USER}"),
        "readable by whoever has the token",
    );
    for (token, grants, carries) in [
        (&sealed, [all, "all", "all"], format!("sealed, {of}")),
        (
            &narrow,
            ["discord:read", &[GENERAL, QUIET].join(", "), GUILD],
            format!("{readable}, {of}"),
        ),
        (&bare, ["all", "all", "all"], "none".to_owned()),
        (
            &misshapen,
            ["all", "all", "all"],
            format!("{readable}, and not of the form of a bot token"),
        ),
    ] {
        let told = inspect(dir.path(), &[], token);
        let [scope, channels, servers] = grants;
        let shown = shown(token, scope, channels, servers);
        let verdict = match carries.contains(BOT_USER) {
            true => "accepted",
            false => "accepted, but it carries no bot token: every call will be refused",
        };
        let expected = format!("{shown}bot token  {carries}\n{verdict}\n");
        assert_eq!(
            (told.code, told.stdout),
            (Some(0), expected),
            "{}",
            told.stderr
        );
    }
    let told = inspect(dir.path(), &[("READ_ONLY", "true")], &sealed);
    assert!(
        told.stdout
            .ends_with("accepted, by a server that is read-only\n")
    );
}

#[test]
fn the_token_comes_from_where_it_is() {
    let dir = folder();
    let [one, other] = ["one", "other"].map(|sub| readable(json!({"sub": sub})));
    let env = [("DISCORD_MCP_TOKEN", &*other)];
    let none: [(&str, &str); 0] = [];
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], String, &'a str);
    let rows: [Row<'_>; 8] = [
        (&none, &[&one], String::new(), "one"),
        (&env, &[&one], other.clone(), "one"),
        (&none, &[], format!("{one}\n"), "one"),
        (&none, &["-"], format!(" \r\n{one}\r\n\n"), "one"),
        (&env, &["-"], one.clone(), "one"),
        (&env, &[], one.clone(), "other"),
        // As it stands in a header that somebody copied.
        (&none, &["-"], format!("Bearer {one}"), "one"),
        (&none, &[&format!("Bearer {one}")], String::new(), "one"),
    ];
    for (variables, arguments, input, user) in rows {
        let arguments = [&["inspect-token"], arguments].concat();
        let told = finish(binary(dir.path(), variables).args(&arguments), &input);
        assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
        let row = format!("\nuser       {user}\n");
        assert!(told.stdout.contains(&row), "{}", told.stdout);
    }
}

#[test]
fn without_a_token_or_with_bad_settings_there_is_nothing_to_say() {
    let dir = folder();
    let missing =
        "error: no token: give it as an argument, in DISCORD_MCP_TOKEN, or on standard input\n";
    for (arguments, input) in [
        (&["inspect-token"][..], ""),
        (&["inspect-token", "-"], " \n"),
    ] {
        let told = finish(binary(dir.path(), &[]).args(arguments), input);
        let got = (told.code, &*told.stdout, &*told.stderr);
        assert_eq!(got, (Some(2), "", missing));
    }
    fs::write(dir.path().join("revoked.jsonl"), "nonsense\n").unwrap();
    let token = readable(json!({}));
    for (variables, problem) in [
        (vec![], "REVOKED_TOKENS=\"revoked.jsonl\" cannot be used: "),
        (
            vec![("JWT_MAX_LIFETIME", "x")],
            "JWT_MAX_LIFETIME=\"x\" cannot be used: ",
        ),
        (vec![("READ_ONLY", "x")], "READ_ONLY=\"x\" cannot be used: "),
    ] {
        let told = inspect(dir.path(), &variables, &token);
        assert_eq!((told.code, &*told.stdout), (Some(2), ""), "{}", told.stderr);
        assert!(
            told.stderr.starts_with(&format!("error: {problem}")),
            "{}",
            told.stderr
        );
    }
    let two = run(dir.path(), &[], &["inspect-token", &token, &token]);
    assert_eq!((two.code, &*two.stdout), (Some(2), ""));
}

#[test]
fn looking_at_a_token_makes_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let token = readable(json!({}));
    let told = inspect(dir.path(), &[], &token);
    let expected = "error: keys: cannot be listed: ";
    assert!(told.stderr.starts_with(expected), "{}", told.stderr);
    assert_eq!((told.code, &*told.stdout), (Some(2), ""));
    let told = inspect(dir.path(), &[("KEYS_DIR", ".")], &token);
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
