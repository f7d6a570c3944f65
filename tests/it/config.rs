//! The configuration: what each variable takes, what it says when it does not, and its defaults.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::time::Duration;

use discord_mcp_server::config::{Config, VARIABLES, duration};
use secrecy::ExposeSecret as _;

use crate::support::discord::seed::BOT_TOKEN;

/// Reads a configuration from these variables and no others.
fn read(variables: &[(&'static str, &str)]) -> Result<Config, String> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::read(|name| variables.get(name).map(Into::into)).map_err(|error| error.to_string())
}

fn refusal(variable: &'static str, value: &str) -> String {
    match read(&[(variable, value)]) {
        Ok(_) => panic!("{variable}={value:?} was taken"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_defaults(config: &Config) {
    assert_eq!(config.bind_addr.to_string(), "127.0.0.1:8000");
    assert_eq!(config.audit_log, Path::new("audit.log"));
    assert_eq!(config.keys_dir, Path::new("keys"));
    assert_eq!(config.jwt_issuer, "discord-mcp-server");
    assert_eq!(config.jwt_audience, "discord-mcp-server");
    assert_eq!(config.jwt_max_lifetime, Duration::from_secs(30 * 86_400));
    assert_eq!(config.discord_api_base, "https://discord.com");
    assert_eq!(config.discord_cdn_base, "https://cdn.discordapp.com");
    assert!(config.discord_token.is_none());
    assert_eq!(config.call_deadline, Duration::from_secs(30));
    assert_eq!((config.max_calls, config.max_connections), (256, 1024));
    assert_eq!(config.drain_timeout, Duration::from_secs(10));
    assert_eq!(config.log, "info");
    assert_eq!(config.log_dir, None);
}

#[test]
fn without_any_variable_the_defaults_hold() {
    assert_defaults(&read(&[]).unwrap());
}

#[test]
fn an_empty_variable_counts_as_unset() {
    for blank in ["", " ", "\t\n"] {
        let config = Config::read(|_| Some(blank.into())).unwrap();
        assert_defaults(&config);
    }
}

#[test]
fn every_variable_is_read_and_no_other() {
    let asked = std::cell::RefCell::new(Vec::new());
    let config = Config::read(|name| {
        asked.borrow_mut().push(name);
        None
    });
    assert!(config.is_ok());
    let (mut asked, mut known) = (asked.into_inner(), VARIABLES.to_vec());
    asked.sort_unstable();
    known.sort_unstable();
    assert_eq!(asked, known);
}

#[test]
fn values_are_taken_as_they_are_but_for_the_space_around_them() {
    let config = read(&[
        ("BIND_ADDR", " [::1]:9000 "),
        ("AUDIT_LOG", "/var/log/audit of calls.log"),
        ("KEYS_DIR", "/etc/keys"),
        ("JWT_ISSUER", "https://issuer.example.com"),
        ("JWT_AUDIENCE", "discord"),
        ("JWT_MAX_LIFETIME", "1h"),
        ("DISCORD_API_BASE", "https://proxy.example.com:8443"),
        ("DISCORD_TOKEN", BOT_TOKEN),
        ("CALL_DEADLINE", "500ms"),
        ("MAX_CALLS", "1"),
        ("MAX_CONNECTIONS", "100000"),
        ("DRAIN_TIMEOUT", "10m"),
        ("RUST_LOG", "warn,discord_mcp_server=debug"),
        ("LOG_DIR", "/var/log"),
    ])
    .unwrap();
    assert_eq!(config.bind_addr.to_string(), "[::1]:9000");
    assert_eq!(config.audit_log, Path::new("/var/log/audit of calls.log"));
    assert_eq!(config.keys_dir, Path::new("/etc/keys"));
    assert_eq!(config.jwt_issuer, "https://issuer.example.com");
    assert_eq!(config.jwt_audience, "discord");
    assert_eq!(config.jwt_max_lifetime, Duration::from_secs(3600));
    assert_eq!(config.discord_api_base, "https://proxy.example.com:8443");
    assert_eq!(config.discord_token.unwrap().expose_secret(), BOT_TOKEN);
    assert_eq!(config.call_deadline, Duration::from_millis(500));
    assert_eq!((config.max_calls, config.max_connections), (1, 100_000));
    assert_eq!(config.drain_timeout, Duration::from_secs(600));
    assert_eq!(config.log, "warn,discord_mcp_server=debug");
    assert_eq!(config.log_dir.as_deref(), Some(Path::new("/var/log")));
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    for (set, missing, allowed) in [
        (
            "TLS_CERT",
            "TLS_KEY",
            "TLS_CERT needs it: the certificate's private key, a PEM file",
        ),
        (
            "TLS_KEY",
            "TLS_CERT",
            "TLS_KEY needs it: the certificate chain, a PEM file",
        ),
    ] {
        let expected = format!("{missing} cannot be used: {allowed}");
        assert_eq!(refusal(set, "some.pem"), expected);
    }
    let tls = read(&[("TLS_CERT", "a.pem"), ("TLS_KEY", "b.pem")]).unwrap();
    let tls = tls.tls.unwrap();
    assert_eq!((tls.cert, tls.key), ("a.pem".into(), "b.pem".into()));
}

#[test]
fn a_bad_value_is_one_line_with_variable_value_and_what_is_allowed() {
    let address = "an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000";
    let duration = "a duration above zero such as 500ms, 30s, 10m, 1h or 30d";
    let count = "a whole number from 1 to 100000";
    let log = "levels (off, error, warn, info, debug, trace) and targets with a level, such as info or warn,discord_mcp_server=debug";
    let durations = [
        "0s", "30", "30 s", "-1s", "1.5h", "s", "1w", "1H", "+1s", "1s1s", "4000d", "1e3s", "soon",
    ];
    let counts = [
        "0",
        "-1",
        "100001",
        "1.5",
        "1e3",
        "many",
        "0x10",
        "18446744073709551616",
    ];
    for (variable, allowed, values) in [
        (
            "BIND_ADDR",
            address,
            &[
                "8000",
                "localhost:8000",
                "127.0.0.1",
                ":8000",
                "127.0.0.1:65536",
                "[::1]",
                "::1:x",
            ][..],
        ),
        ("JWT_MAX_LIFETIME", duration, &durations),
        ("CALL_DEADLINE", duration, &durations),
        ("DRAIN_TIMEOUT", duration, &durations),
        (
            "DRAIN_DELAY",
            "a duration above zero such as 5s; unset for none",
            &durations,
        ),
        (
            "METRICS_ADDR",
            "an IP address and a port, such as 127.0.0.1:9100, or off",
            &["on", "9100", "localhost:9100", "OFF"],
        ),
        ("LOG_FORMAT", "text or json", &["JSON", "logfmt", "true"]),
        (
            "TRUSTED_PROXIES",
            "IP addresses and ranges, comma-separated, such as 10.0.0.0/8, ::1",
            &[
                "10.0.0.0/33",
                "proxy.example",
                "10.0.0.1:80",
                "10.0.0.1, x",
                "*",
            ],
        ),
        ("MAX_CALLS", count, &counts),
        ("MAX_CONNECTIONS", count, &counts),
        (
            "ALLOW_INSECURE_DISCORD_API",
            "true or false",
            &["1", "yes", "TRUE", "True", "on"],
        ),
        (
            "RUST_LOG",
            log,
            &["a=b=c", "discord_mcp_server=loud", "infoo", "warn,hyper"],
        ),
    ] {
        for value in values {
            let expected = format!("{variable}={value:?} cannot be used: {allowed}");
            assert_eq!(refusal(variable, value), expected);
        }
    }
    // Not even a value with a newline makes two lines of it.
    let error = refusal("BIND_ADDR", "a\nb");
    assert_eq!(
        error,
        format!("BIND_ADDR=\"a\\nb\" cannot be used: {address}")
    );
}

#[test]
fn text_that_is_not_utf_8_is_refused_by_name_and_not_shown() {
    for variable in VARIABLES {
        let error = Config::read(|name| {
            (name == variable).then(|| OsString::from_vec(b"secret\xff".to_vec()))
        });
        let expected = format!("{variable} cannot be used: text in UTF-8");
        assert_eq!(error.err().unwrap().to_string(), expected);
    }
}

#[test]
fn durations_have_a_unit_and_end_at_ten_years() {
    for (text, milliseconds) in [
        ("1ms", 1),
        ("500ms", 500),
        ("30s", 30_000),
        ("010m", 600_000),
        ("1h", 3_600_000),
        ("30d", 2_592_000_000),
        ("315576000000ms", 315_576_000_000),
        ("3652d", 315_532_800_000),
    ] {
        assert_eq!(
            duration(text),
            Some(Duration::from_millis(milliseconds)),
            "{text}"
        );
    }
    for text in [
        "",
        "0ms",
        "ms",
        "30",
        "30S",
        "1min",
        "１s",
        "315576000001ms",
        "3653d",
        "18446744073709551615d",
        "99999999999999999999s",
    ] {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn the_address_of_discord_is_an_origin_that_nobody_on_the_way_can_read() {
    let allowed = "an origin such as https://discord.com, without a path; http only on loopback, or with ALLOW_INSECURE_DISCORD_API=true";
    let base = |value: &str, insecure: &str| {
        let variables = [
            ("DISCORD_API_BASE", value),
            ("ALLOW_INSECURE_DISCORD_API", insecure),
        ];
        read(&variables).map(|config| config.discord_api_base)
    };
    for (value, kept) in [
        ("https://discord.com", "https://discord.com"),
        ("https://discord.com/", "https://discord.com"),
        ("HTTPS://Discord.com:443", "https://discord.com"),
        ("https://10.0.0.7:8443", "https://10.0.0.7:8443"),
        ("http://127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("http://127.8.8.8", "http://127.8.8.8"),
        ("http://[::1]:9999/", "http://[::1]:9999"),
        ("http://localhost:9999", "http://localhost:9999"),
    ] {
        for insecure in ["false", "true", ""] {
            assert_eq!(base(value, insecure).as_deref(), Ok(kept), "{value}");
        }
    }
    let plain = [
        "http://discord.com",
        "http://10.0.0.7:8080",
        "http://proxy:8080",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:8080",
    ];
    for value in plain {
        let expected = format!("DISCORD_API_BASE={value:?} cannot be used: {allowed}");
        assert_eq!(base(value, "false"), Err(expected));
        assert_eq!(base(value, "true").as_deref(), Ok(value));
    }
    for value in [
        "discord.com",
        "//discord.com",
        "https://",
        "https://discord.com/api",
        "https://discord.com/api/v10",
        "https://discord.com/?x=1",
        "https://discord.com?",
        "https://discord.com/#x",
        "https://user@discord.com",
        "https://user:password@discord.com",
        "https://:password@discord.com",
        "ftp://discord.com",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ] {
        // What stands before an @ may be a password.
        let shown = if value.contains('@') {
            String::new()
        } else {
            format!("={value:?}")
        };
        let expected = format!("DISCORD_API_BASE{shown} cannot be used: {allowed}");
        assert_eq!(base(value, "true"), Err(expected));
    }
}

#[test]
fn a_bot_token_is_in_no_error_and_no_debug_output() {
    let good = read(&[("DISCORD_TOKEN", BOT_TOKEN)]).unwrap();
    let shown = format!("{:?}", good.discord_token);
    assert!(!shown.contains(BOT_TOKEN), "{shown}");
    for (variable, wrong) in [
        ("BIND_ADDR", "x"),
        ("MAX_CALLS", "x"),
        ("RUST_LOG", "a=b=c"),
    ] {
        let error = read(&[("DISCORD_TOKEN", BOT_TOKEN), (variable, wrong)]).err();
        assert!(!error.unwrap().contains(BOT_TOKEN), "{variable}");
    }
}
