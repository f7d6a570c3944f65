//! The files of `examples/deploy/` fit the server and each other: what can be said of them without
//! the programs that they are for. `examples/deploy/check` asks those.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use discord_mcp_server::config::{Config, MetricsAddr, VARIABLES, duration};
use serde_json::Value;

/// Variables of other programs: Caddy's and the rate-limiting proxy's.
const OTHERS: [&str; 2] = ["UPSTREAMS", "PORT"];

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "examples", "deploy"]
        .iter()
        .collect()
}

/// A file of the folder.
pub fn deploy(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// A JSON file of the folder.
pub fn json(name: &str) -> Value {
    serde_json::from_str(&deploy(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The lines that set a variable, `NAME=value` or `NAME: value`, where comments set none.
fn variables(text: &str) -> BTreeMap<String, String> {
    let is_name = |name: &str| {
        name.len() > 2
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
    };
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let line = line.trim_start_matches("ENV ").trim_end_matches('\\');
        let line = line.strip_prefix("Environment=").unwrap_or(line);
        let set = line.split_once('=').or_else(|| line.split_once(": "));
        if let Some((name, value)) = set.filter(|(name, _)| is_name(name)) {
            let value = value.trim().trim_matches('"');
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

/// The configuration that these variables make, or what is wrong with them.
fn config(variables: &BTreeMap<String, String>) -> Config {
    Config::read(|name| Some(variables.get(name)?.into())).unwrap_or_else(|error| panic!("{error}"))
}

/// The part of a file between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from}"));
    rest.split_once(to).unwrap_or_else(|| panic!("{to}")).0
}

/// What an instance of compose.yaml finds in its environment and its `.env`.
fn instance(name: &str) -> BTreeMap<String, String> {
    let compose = deploy("compose.yaml");
    let mut all = variables(&deploy("settings.env"));
    all.extend(variables(&deploy("Dockerfile")));
    all.extend(variables(between(
        &compose,
        "x-environment:",
        "\nservices:",
    )));
    all.extend(variables(between(
        &compose,
        &format!("  {name}:\n"),
        "\n\n",
    )));
    all
}

#[test]
fn every_json_file_parses_and_every_file_is_explained() {
    let readme = deploy("README.md");
    for name in names() {
        if name.ends_with(".json") {
            json(&name);
        }
        assert!(
            name == "README.md" || readme.contains(&format!("| `{name}` |")),
            "{name} is not in the folder's README.md"
        );
    }
    for row in readme.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = row.split_once('`').unwrap().0;
        assert!(
            names().contains(name),
            "{name} is in the folder's README.md"
        );
    }
}

#[test]
fn every_variable_in_the_files_is_one_that_the_server_reads() {
    let known = |name: &str| VARIABLES.contains(&name);
    let mut seen = BTreeSet::new();
    for name in [
        "Dockerfile",
        "compose.yaml",
        "settings.env",
        "discord-mcp-server.service",
    ] {
        let mut found = variables(&deploy(name));
        found.retain(|name, _| !OTHERS.contains(&name.as_str()));
        for variable in found.into_keys() {
            assert!(known(&variable), "{variable} in {name}");
            seen.insert(variable);
        }
    }
    assert!(seen.len() > 8, "{seen:?}");
    // Texts name variables, too, in the form that they have here.
    for name in names() {
        for word in deploy(&name).split(|c: char| !c.is_ascii_uppercase() && c != '_') {
            let is_like_one = word.contains('_') && !word.starts_with('_') && !word.ends_with('_');
            let of_others = ["NET_BIND_SERVICE", "AF_INET", "AF_UNIX"].contains(&word)
                || word.starts_with("XDG_");
            assert!(!is_like_one || of_others || known(word), "{word} in {name}");
        }
    }
}

#[test]
fn the_server_starts_with_the_settings() {
    let settings = config(&variables(&deploy("settings.env")));
    assert_eq!(settings.allowed_hosts, ["discord-mcp.example"]);
    assert!(settings.require_sealed_tokens);
    let image = config(&variables(&deploy("Dockerfile")));
    assert!(image.bind_addr.ip().is_unspecified());
    let trails = ["replica-1", "replica-2"].map(|name| {
        let config = config(&instance(name));
        assert_eq!(config.discord_api_base, "http://discord-proxy:8080");
        assert_eq!(config.bind_addr, image.bind_addr);
        assert_eq!(config.keys_dir, image.keys_dir);
        assert_eq!(config.revoked_tokens, image.revoked_tokens);
        assert_eq!(config.audit_log.parent(), image.audit_log.parent());
        config.audit_log
    });
    assert_ne!(trails[0], trails[1], "one process writes to a trail");
}

#[test]
fn what_the_server_keeps_is_where_it_may_write() {
    let dockerfile = deploy("Dockerfile");
    let image = config(&variables(&dockerfile));
    let volumes: Vec<String> =
        serde_json::from_str(&format!("[{}]", between(&dockerfile, "VOLUME [", "]"))).unwrap();
    let compose = deploy("compose.yaml");
    for path in [&image.audit_log, &image.keys_dir, &image.revoked_tokens] {
        let covers = |volume: &&String| path.starts_with(volume.as_str());
        let volume = volumes.iter().find(covers);
        let volume = volume.unwrap_or_else(|| panic!("{path:?} is on no volume"));
        assert!(compose.contains(&format!(":{volume}\n")), "{volume}");
    }
    let unit = deploy("discord-mcp-server.service");
    let state = format!("/var/lib/{}", between(&unit, "\nStateDirectory=", "\n"));
    let settings = config(&variables(&deploy("settings.env")));
    for path in [
        settings.audit_log,
        settings.keys_dir,
        settings.revoked_tokens,
    ] {
        assert!(path.starts_with(&state), "{path:?}");
    }
    assert!(deploy("logrotate").contains(&format!("{state}/audit.log ")));
}

#[test]
fn whoever_stops_the_server_waits_longer_than_it_drains() {
    let seconds = |text: &str, key: &str| duration(between(text, key, "\n").trim()).unwrap();
    let replica = config(&instance("replica-1"));
    let drain = replica.drain_delay + replica.drain_timeout;
    assert!(seconds(&deploy("compose.yaml"), "stop_grace_period:") > drain);
    let settings = config(&variables(&deploy("settings.env")));
    let drain = settings.drain_delay + settings.drain_timeout;
    let unit = deploy("discord-mcp-server.service");
    assert!(seconds(&unit, "TimeoutStopSec=") > drain);
    // The proxy looks twice before a server that stops takes no more connections.
    assert!(seconds(&deploy("Caddyfile"), "health_interval ") * 2 < replica.drain_delay);
}

#[test]
fn proxies_wait_longer_than_a_call_may_take() {
    let deadline = config(&instance("replica-1")).call_deadline;
    for (name, key, end) in [
        ("Caddyfile", "response_header_timeout ", "\n"),
        ("nginx.conf", "proxy_read_timeout ", ";"),
    ] {
        let wait = duration(between(&deploy(name), key, end)).unwrap();
        assert!(wait > deadline, "{name}");
    }
}

#[test]
fn addresses_and_ports_agree() {
    let (compose, replica) = (deploy("compose.yaml"), instance("replica-1"));
    let port = config(&replica).bind_addr.port();
    let upstreams = &variables(&compose)["UPSTREAMS"];
    assert_eq!(
        *upstreams,
        format!("replica-1:{port} replica-2:{port}"),
        "where Caddy looks"
    );
    let caddy: std::net::IpAddr = between(&compose, "ipv4_address: ", "\n").parse().unwrap();
    assert_eq!(config(&replica).trusted_proxies, [caddy.into()]);
    let MetricsAddr::At(metrics) = config(&replica).metrics else {
        panic!("nowhere to scrape");
    };
    let port = metrics.port();
    let targets = format!("[\"replica-1:{port}\", \"replica-2:{port}\"]");
    assert!(deploy("prometheus.yml").contains(&targets), "{targets}");
    let api = replica["DISCORD_API_BASE"].rsplit_once(':').unwrap().1;
    assert_eq!(variables(&compose)["PORT"], api);
    let alone = config(&BTreeMap::new()).bind_addr.to_string();
    for name in ["Caddyfile", "nginx.conf", "prometheus.yml"] {
        assert!(deploy(name).contains(&alone), "{name}");
    }
}

#[test]
fn the_image_is_built_with_a_compiler_that_the_manifest_takes() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let manifest = manifest.unwrap();
    let version = |text: &str| -> Vec<u32> {
        let parts = text.split('.').map(|part| part.parse().unwrap());
        parts.take(2).collect()
    };
    let needed = version(between(&manifest, "rust-version = \"", "\""));
    let dockerfile = deploy("Dockerfile");
    let built = version(between(&dockerfile, "FROM rust:", "-"));
    assert!(built >= needed, "{built:?} {needed:?}");
    // The libraries that the program is linked with are those of the same Debian.
    assert!(dockerfile.contains("-slim-trixie AS build"));
    assert!(dockerfile.contains("/cc-debian13:"));
}
