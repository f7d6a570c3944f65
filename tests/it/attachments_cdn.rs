//! Where attachments are fetched: a host that the operator names, on the public internet or on this
//! machine.

use discord_mcp_server::config::Config;
use serde_json::json;

use crate::support::App;
use crate::support::app::NO_CDN;
use crate::support::attached::{File, post, read, skipped};
use crate::support::discord::cdn::Cdn;

/// What the configuration makes of this `DISCORD_CDN_BASE`.
fn base(value: &str) -> Result<String, String> {
    let config = Config::read(|name| (name == "DISCORD_CDN_BASE").then(|| value.into()));
    config
        .map(|config| config.discord_cdn_base)
        .map_err(|error| error.to_string())
}

#[test]
fn the_cdn_is_an_origin_on_the_public_internet_or_on_this_machine() {
    for (value, kept) in [
        ("", "https://cdn.discordapp.com"),
        (
            "https://cdn.discordapp.com:443/",
            "https://cdn.discordapp.com",
        ),
        (
            "https://cdn.example.com:8443",
            "https://cdn.example.com:8443",
        ),
        ("https://1.1.1.1", "https://1.1.1.1"),
        ("https://[2606:4700::1]", "https://[2606:4700::1]"),
        ("https://127.0.0.1:9000", "https://127.0.0.1:9000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.8.8.8", "http://127.8.8.8"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        // It is taken, and never reached: its address is not public.
        ("https://localhost:9000", "https://localhost:9000"),
    ] {
        assert_eq!(base(value).as_deref(), Ok(kept), "{value}");
    }
    for value in [
        "cdn.discordapp.com",
        "http://cdn.discordapp.com",
        "http://localhost:9000",
        "http://1.1.1.1",
        "http://0.0.0.0:9000",
        "https://0.0.0.0",
        "https://10.0.0.1",
        "https://192.168.1.1",
        "https://169.254.169.254",
        "https://2130706434.0.0.1",
        "https://[fd00::1]",
        "https://[::ffff:10.0.0.1]",
        "https://[::ffff:127.0.0.1]",
        "https://cdn.discordapp.com/attachments",
        "https://cdn.discordapp.com?x",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
    ] {
        let expected = format!(
            "DISCORD_CDN_BASE={value:?} cannot be used: an origin such as https://cdn.discordapp.com, without a path; an address must be public or loopback, and http only to loopback such as http://127.0.0.1:9000"
        );
        assert_eq!(base(value), Err(expected));
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let elsewhere = Cdn::start().await;
    // A name that every machine resolves to itself.
    let base = format!("https://localhost:{}", elsewhere.port());
    let app = App::with(&[("DISCORD_CDN_BASE", &base)]).await;
    post(&app, &[File::new(2, "a.png", "image/png", 8)]);
    let refused = vec![("2".to_owned(), "private_address".to_owned())];
    let result = read(&app, json!({"include_images": 1})).await;
    assert_eq!((result.get("images"), skipped(&result)), (None, refused));
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_cdn_that_is_down_costs_its_files_and_not_the_call() {
    let app = App::with(&[("DISCORD_CDN_BASE", NO_CDN)]).await;
    let picture = File::new(2, "a.png", "image/png", 8);
    post(&app, &[picture, File::new(3, "a.txt", "text/plain", 8)]);
    let unreachable = |id: &str| (id.to_owned(), "unreachable".to_owned());
    let result = read(&app, json!({"include_images": 1, "include_text": 9})).await;
    assert_eq!(skipped(&result), ["2", "3"].map(unreachable));
    assert_eq!(app.audit().last().unwrap()["status"], "ok");
}
