//! The invariants of the house: who may import whom, and where things may stand.

use std::path::{Path, PathBuf};

use discord_mcp_server::config::VARIABLES;
use discord_mcp_server::tools::TOOLS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The Rust files below `dir`, by their path from the root, with the text outside of comments and
/// unit tests.
fn sources(dir: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().join(dir)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            found.push((name, lines.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(!found.is_empty());
    found
}

/// The room of the house a source file belongs to: `src/auth/keys.rs` is in `auth`.
fn room(file: &str) -> &str {
    file.trim_start_matches("src/")
        .split(['/', '.'])
        .next()
        .unwrap()
}

#[track_caller]
fn stands_only_in(words: &[&str], rooms: &[&str]) {
    for (file, code) in sources("src") {
        for word in words {
            assert!(
                !code.contains(word) || rooms.contains(&room(&file)),
                "{word} in {file}"
            );
        }
    }
    for word in words {
        assert!(
            sources("src").iter().any(|(_, code)| code.contains(word)),
            "{word} stands nowhere: is the rule out of date?"
        );
    }
}

#[test]
fn imports_go_one_way() {
    let allowed: &[(&str, &[&str])] = &[
        ("server", &["tls"]),
        ("tls", &[]),
        ("metrics", &[]),
        ("hex", &[]),
        ("boxed", &[]),
        ("timestamp", &[]),
        ("log", &[]),
        ("config", &["audit", "auth", "discord", "tls"]),
        ("error", &[]),
        ("audit", &["discord"]),
        ("discord", &["error"]),
        ("auth", &["discord"]),
        ("tools", &["audit", "auth", "discord", "error"]),
        ("dispatch", &["audit", "auth", "discord", "error", "tools"]),
        ("mcp", &["auth", "discord", "dispatch", "error", "tools"]),
        (
            "http",
            &["auth", "discord", "dispatch", "error", "mcp", "tools"],
        ),
    ];
    for (file, code) in sources("src") {
        let Some((_, may)) = allowed.iter().find(|(name, _)| *name == room(&file)) else {
            assert!(
                ["cli", "main", "lib"].contains(&room(&file)),
                "{file} is in no known room"
            );
            continue;
        };
        for import in code.split("crate::").skip(1) {
            let target = import
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap();
            assert!(
                may.contains(&target)
                    || target == room(&file)
                    || ["metrics", "hex", "boxed", "timestamp"].contains(&target),
                "{file} imports {target}"
            );
        }
    }
}

#[test]
fn each_concern_stands_in_its_room() {
    stands_only_in(&["std::env", "var_os"], &["config"]);
    stands_only_in(&["serenity::"], &["discord"]);
    stands_only_in(&["StatusCode::"], &["http", "error", "discord"]);
    stands_only_in(&["tokio::spawn("], &["auth", "dispatch", "server"]);
    stands_only_in(&["expose_secret"], &["auth", "discord"]);
    stands_only_in(&["dotenvy"], &["cli"]);
}

#[test]
fn discord_reads_status_codes_and_never_answers_with_one() {
    for (file, code) in sources("src")
        .into_iter()
        .filter(|(file, _)| room(file) == "discord")
    {
        let others = code.replace("StatusCode::ACCEPTED", "");
        assert!(!others.contains("StatusCode::"), "{file}");
    }
}

#[test]
fn secrets_have_neither_debug_nor_serialize() {
    for (file, holder) in [
        ("src/discord/token.rs", "pub struct BotToken"),
        ("src/discord/client.rs", "pub struct Discord"),
        ("src/auth/claims.rs", "struct Claims"),
        ("src/auth/principal.rs", "pub struct Principal"),
        ("src/auth/principal.rs", "pub enum Credential"),
        ("src/auth/verify.rs", "pub struct OwnBearer"),
        ("src/auth/keys.rs", "pub struct Keys"),
        ("src/auth/mint.rs", "pub struct Minted"),
        ("src/auth/key_files.rs", "pub(super) struct PrivateKey"),
        ("src/auth/seal.rs", "pub(super) struct OpeningKey"),
    ] {
        let text = read(file);
        let (before, _) = text
            .split_once(&format!("{holder} "))
            .or_else(|| text.split_once(&format!("{holder}(")))
            .unwrap();
        let attributes: String = before
            .lines()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .filter(|line| line.starts_with("#["))
            .collect();
        assert!(
            !attributes.contains("Debug") && !attributes.contains("Serialize"),
            "{holder} in {file}: {attributes}"
        );
    }
}

#[test]
fn only_the_harness_builds_a_server_and_it_stays_on_loopback() {
    for (file, code) in sources("tests/it") {
        let harness = file == "tests/it/support/app.rs" || file == "tests/it/tidy.rs";
        assert!(
            harness || !code.contains("Connector::new("),
            "{file} builds a connector of its own"
        );
        assert!(
            harness || !code.contains("assemble("),
            "{file} assembles a server of its own"
        );
    }
    let harness = read("tests/it/support/app.rs");
    assert!(harness.contains(r#"("DISCORD_API_BASE", discord.base())"#));
    assert!(harness.contains(r#"("DISCORD_CDN_BASE", discord.cdn().base())"#));
}

#[test]
fn every_variable_is_documented_where_people_look() {
    let (example, config, readme) = (
        read(".env.example"),
        read("src/config.rs"),
        read("README.md"),
    );
    let listed: Vec<_> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(listed, VARIABLES);
    for variable in VARIABLES {
        assert!(
            config.contains(&format!("/// | `{variable}` |")),
            "{variable} in config.rs"
        );
        assert!(
            readme.contains(&format!("| `{variable}` |")),
            "{variable} in README.md"
        );
    }
}

#[test]
fn the_readme_lists_the_tools_of_the_table() {
    let readme = read("README.md");
    for tool in &TOOLS {
        let row = format!("| `{}` | `{}` |", tool.name, tool.scope.as_str());
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn every_dependency_is_argued_for() {
    let manifest = read("Cargo.toml");
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    // Test and bench targets may stand between the dependencies and the lints.
    let (dependencies, _) = dependencies.split_once("[lints.rust]").unwrap();
    let dependencies = dependencies.split("\n[[").next().unwrap();
    let mut argued = String::new();
    for line in dependencies.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            argued = comment.split(':').next().unwrap().to_owned();
        } else if let Some((name, _)) = line.split_once(" = ") {
            let kin = argued.contains("its kin") && name.starts_with("tracing");
            assert!(
                kin || argued.split(", ").any(|argued| argued == name),
                "{name}"
            );
        }
    }
}
