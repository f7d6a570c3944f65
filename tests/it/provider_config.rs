//! What the variables of the identity provider take, and what they say when they do not.

use std::collections::HashMap;
use std::time::Duration;

use discord_mcp_server::config::Config;

use crate::support::discord::seed::BOT_TOKEN;
use crate::support::process::binary;
use crate::support::provider::ISSUER;

const URL: &str = "https://id.example.com/.well-known/jwks.json";

fn read(variables: &[(&'static str, &str)]) -> Result<Config, String> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::read(|name| variables.get(name).map(Into::into)).map_err(|error| error.to_string())
}

#[track_caller]
fn refusal(variables: &[(&'static str, &str)]) -> String {
    match read(variables) {
        Ok(_) => panic!("{variables:?} was taken"),
        Err(error) => error,
    }
}

/// A provider that can be used, and these.
fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("JWT_JWKS_URL", URL), ("JWT_JWKS_ISSUER", ISSUER)];
    all.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    all.extend(more);
    all
}

#[test]
fn without_its_variables_there_is_no_provider() {
    assert!(read(&[]).unwrap().provider.is_none());
    assert!(
        read(&with(&[("JWT_JWKS_URL", ""), ("JWT_JWKS_ISSUER", " ")]))
            .unwrap()
            .provider
            .is_none()
    );
    assert_eq!(read(&[]).unwrap().public_url, None);
}

#[test]
fn a_provider_has_an_address_and_an_issuer_and_defaults_for_the_rest() {
    let provider = read(&with(&[])).unwrap().provider.unwrap();
    assert_eq!(provider.jwks_url.as_str(), URL);
    assert_eq!(provider.issuer, ISSUER);
    assert_eq!(provider.token_claim, None);
    assert_eq!(provider.cooldown, Duration::from_secs(30));
    assert_eq!(provider.max_age, Duration::from_secs(600));
    let provider = read(&with(&[
        (
            "JWT_JWKS_TOKEN_CLAIM",
            " https://example.com/discord_token ",
        ),
        ("JWT_JWKS_COOLDOWN", "200ms"),
        ("JWT_JWKS_MAX_AGE", "1d"),
    ]));
    let provider = provider.unwrap().provider.unwrap();
    assert_eq!(
        provider.token_claim.as_deref(),
        Some("https://example.com/discord_token")
    );
    assert_eq!(provider.cooldown, Duration::from_millis(200));
    assert_eq!(provider.max_age, Duration::from_secs(86_400));
}

#[test]
fn the_keys_come_from_where_nobody_on_the_way_can_change_them() {
    for url in [
        URL,
        "https://id.example.com",
        "https://id.example.com:8443/keys?tenant=7",
        "https://10.0.0.7/keys",
        "http://127.0.0.1:9999/keys",
        "http://127.8.8.8/keys",
        "http://[::1]:9999/keys",
        "http://localhost:9999/keys",
    ] {
        assert!(read(&with(&[("JWT_JWKS_URL", url)])).is_ok(), "{url}");
    }
    let allowed = "https, or http on loopback, without a user, such as https://id.example/.well-known/jwks.json";
    for url in [
        "http://id.example.com/keys",
        "http://10.0.0.7/keys",
        "http://localhost.example.com/keys",
        "http://127.0.0.1.example.com/keys",
        "http://0.0.0.0/keys",
        "http://[::]/keys",
        "id.example.com/keys",
        "//id.example.com/keys",
        "/etc/keys.json",
        "file:///etc/keys.json",
        "ftp://id.example.com/keys",
        "data:application/json,{}",
        "https://",
        "keys",
        "https://id.example.com/keys#fragment",
    ] {
        let expected = format!("JWT_JWKS_URL={url:?} cannot be used: {allowed}");
        assert_eq!(refusal(&with(&[("JWT_JWKS_URL", url)])), expected);
    }
    // What stands before an @ may be a password.
    for url in [
        "https://user@id.example.com/keys",
        "https://user:password@id.example.com/keys",
        "https://:password@id.example.com/keys",
    ] {
        let expected = format!("JWT_JWKS_URL cannot be used: {allowed}");
        assert_eq!(refusal(&with(&[("JWT_JWKS_URL", url)])), expected);
    }
}

#[test]
fn address_and_issuer_belong_together_and_the_issuer_is_not_ours() {
    assert_eq!(
        refusal(&[("JWT_JWKS_URL", URL)]),
        "JWT_JWKS_ISSUER cannot be used: JWT_JWKS_URL needs it: the iss of the provider's tokens"
    );
    assert_eq!(
        refusal(&[("JWT_JWKS_ISSUER", ISSUER)]),
        format!(
            "JWT_JWKS_ISSUER={ISSUER:?} cannot be used: it needs JWT_JWKS_URL: where the provider's keys are"
        )
    );
    let allowed = "another issuer than JWT_ISSUER: the issuer decides which keys verify a token";
    assert_eq!(
        refusal(&with(&[("JWT_JWKS_ISSUER", "discord-mcp-server")])),
        format!("JWT_JWKS_ISSUER=\"discord-mcp-server\" cannot be used: {allowed}")
    );
    assert_eq!(
        refusal(&with(&[("JWT_ISSUER", ISSUER)])),
        format!("JWT_JWKS_ISSUER={ISSUER:?} cannot be used: {allowed}")
    );
    assert!(read(&with(&[("JWT_ISSUER", "https://id.example.com/tenant")])).is_ok());
}

#[test]
fn times_have_a_unit_and_are_above_zero() {
    let allowed = "a duration above zero such as 500ms, 30s, 10m, 1h or 30d";
    for variable in ["JWT_JWKS_COOLDOWN", "JWT_JWKS_MAX_AGE"] {
        for value in ["0s", "30", "-1s", "soon"] {
            let expected = format!("{variable}={value:?} cannot be used: {allowed}");
            assert_eq!(refusal(&with(&[(variable, value)])), expected);
            assert_eq!(
                refusal(&[(variable, value)]),
                expected,
                "without a provider"
            );
        }
    }
}

#[test]
fn the_public_url_is_an_origin() {
    let public = |value| read(&[("PUBLIC_URL", value)]).map(|config| config.public_url);
    for (value, kept) in [
        (
            "https://discord-mcp.example.com",
            "https://discord-mcp.example.com",
        ),
        (
            "https://discord-mcp.example.com/",
            "https://discord-mcp.example.com",
        ),
        (
            "HTTPS://Discord-MCP.example.com:443",
            "https://discord-mcp.example.com",
        ),
        ("http://10.0.0.7:8000", "http://10.0.0.7:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ] {
        assert_eq!(public(value), Ok(Some(kept.to_owned())));
    }
    let allowed = "an origin such as https://discord-mcp.example, without a path";
    for value in [
        "discord-mcp.example.com",
        "//discord-mcp.example.com",
        "https://",
        "https://discord-mcp.example.com/mcp",
        "https://discord-mcp.example.com/?x=1",
        "https://discord-mcp.example.com#x",
        "ftp://discord-mcp.example.com",
        "file:///mcp",
        "https://discord-mcp.example.com\" , x=\"",
    ] {
        let expected = format!("PUBLIC_URL={value:?} cannot be used: {allowed}");
        assert_eq!(public(value), Err(expected));
    }
    let expected = format!("PUBLIC_URL cannot be used: {allowed}");
    assert_eq!(
        public("https://user:password@discord-mcp.example.com"),
        Err(expected)
    );
}

#[test]
fn a_secret_in_the_wrong_variable_is_not_shown() {
    for variables in [
        vec![("JWT_JWKS_ISSUER", BOT_TOKEN)],
        with(&[("JWT_JWKS_ISSUER", BOT_TOKEN), ("JWT_ISSUER", BOT_TOKEN)]),
        with(&[("JWT_JWKS_URL", BOT_TOKEN)]),
        with(&[("JWT_JWKS_COOLDOWN", BOT_TOKEN)]),
        vec![("PUBLIC_URL", BOT_TOKEN)],
    ] {
        let error = refusal(&variables);
        assert!(!error.contains(BOT_TOKEN), "{error}");
        assert!(error.contains(" cannot be used: "), "{error}");
    }
}

#[test]
fn a_server_that_cannot_use_them_says_one_line_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    let output = binary(dir.path(), &[("JWT_JWKS_URL", URL)])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), &*said),
        (
            Some(2),
            "error: JWT_JWKS_ISSUER cannot be used: JWT_JWKS_URL needs it: the iss of the provider's tokens\n"
        )
    );
    assert!(!dir.path().join("keys").exists());
}
