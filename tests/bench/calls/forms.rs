//! What Discord answers, in the form and of the size that it has.

use serde_json::{Value, json};

pub const CHANNEL: &str = "1234567890123456789";
pub const GUILD: &str = "1234567890123456000";
/// A message that can be deleted.
pub const MESSAGE: &str = "1568168320031653914";
/// A word that a few messages of the page have in them.
pub const WORD: &str = "harbour";

/// What people say. One in seven is not plain ASCII, which takes the longer way when text is made
/// visible, and one in seven has the word in it.
const TEXTS: [&str; 7] = [
    "The new sensor reads 9.1 degrees, the old one 9.3; I trust the new one, it sits deeper.",
    "ok",
    "Has anybody seen the crimping tool? I left it on the bench next to the oscilloscope on Tuesday, \
     and now there is only an empty case with a note in it that says \"back soon\". If you took it \
     home, bring it back before Saturday please, we need it for the second mast and there is no other.",
    "See https://example.com/weather/stations/4711?from=2026-11-01&to=2026-11-06 for the raw numbers.",
    "Grüße aus der Werft – die Tür ist repariert 🔧, der Schlüssel hängt wieder am Haken.",
    "Down at the harbour the tide gauge was under water twice this week.\nI moved it up by 40 cm.",
    "```\nif depth > limit:\n    raise_alarm(depth)\n```\nThat is all there is to it, really.",
];

/// A page of a channel's history: 100 messages, newest first.
pub fn page() -> String {
    let messages: Vec<Value> = (0..100).map(message).collect();
    json!(messages).to_string()
}

/// A text channel.
pub fn channel() -> String {
    json!({
        "id": CHANNEL, "type": 0, "guild_id": GUILD, "name": "general", "position": 0,
        "topic": "The harbour sensor build, and whatever floats beside it", "nsfw": false,
        "last_message_id": MESSAGE, "rate_limit_per_user": 0, "parent_id": "1234567890123456804",
        "flags": 0, "theme_color": null, "icon_emoji": {"id": null, "name": "⚓"},
        "permission_overwrites": [
            {"id": GUILD, "type": 0, "allow": "0", "deny": "2048"},
            {"id": "1234567890123456700", "type": 0, "allow": "3072", "deny": "0"},
        ],
    })
    .to_string()
}

/// The message that was sent.
pub fn sent() -> String {
    message(1).to_string()
}

/// The message at this place of the page: one in ten answers another, and some have files, cards
/// and emoji.
fn message(at: usize) -> Value {
    let mut message = plain(at);
    if let Some(fields) = message.as_object_mut() {
        if at % 10 == 3 {
            fields.insert("type".into(), json!(19));
            fields.insert(
                "message_reference".into(),
                json!({"type": 0, "channel_id": CHANNEL, "message_id": id(at + 200), "guild_id": GUILD}),
            );
            fields.insert("referenced_message".into(), plain(at + 200));
            fields.insert("mentions".into(), json!([author(at + 200)]));
        }
        if at % 12 == 5 {
            fields.insert("attachments".into(), json!([attachment(at)]));
        }
        if at % 15 == 7 {
            fields.insert("embeds".into(), json!([embed()]));
        }
        if at % 8 == 1 {
            fields.insert("reactions".into(), json!([reaction("👍"), reaction("⚓")]));
        }
    }
    message
}

fn plain(at: usize) -> Value {
    json!({
        "type": 0, "content": TEXTS[at % TEXTS.len()], "mentions": [], "mention_roles": [],
        "attachments": [], "embeds": [], "timestamp": "2026-11-06T07:33:18.371000+00:00",
        "edited_timestamp": if at.is_multiple_of(9) { json!("2026-11-06T07:35:02.114000+00:00") } else { Value::Null },
        "flags": 0, "components": [], "id": id(at), "channel_id": CHANNEL, "author": author(at),
        "pinned": false, "mention_everyone": false, "tts": false,
    })
}

/// Newer messages have higher ids.
fn id(at: usize) -> String {
    (1_568_168_320_031_653_914 - (at as u64) * 98_304_000_003).to_string()
}

fn author(at: usize) -> Value {
    let (name, shown) = [
        ("alice.m", Some("Alice")),
        ("bob_solders", Some("Bob")),
        ("carla", None),
    ][at % 3];
    json!({
        "id": (1_110_000_000_000_000_001 + (at % 3) as u64).to_string(), "username": name,
        "avatar": "a_d5efa99b3eeaa7dd43acca82f5692432", "discriminator": "0", "public_flags": 64,
        "flags": 64, "banner": null, "accent_color": null, "global_name": shown,
        "avatar_decoration_data": null, "collectibles": null, "display_name_styles": null,
        "banner_color": null, "clan": null, "primary_guild": null,
    })
}

fn attachment(at: usize) -> Value {
    let name = format!("mast-{at}.jpg");
    let path = format!("{CHANNEL}/{}/{name}", id(at));
    let query = "ex=673f1c2e&is=673dcaae&hm=7f3b8c0d9e2a4516c8b7a69584736251403f2e1d0c9b8a79685746352413f0e1&";
    json!({
        "id": id(at), "filename": name, "size": 482_113, "content_type": "image/jpeg",
        "content_scan_version": 2, "width": 1600, "height": 1200,
        "url": format!("https://cdn.discordapp.com/attachments/{path}?{query}"),
        "proxy_url": format!("https://media.discordapp.net/attachments/{path}?{query}"),
        "placeholder": "3PcNNYSFeXh/k2h2h4d3h4d4iHiHeHeH", "placeholder_version": 1,
    })
}

fn embed() -> Value {
    json!({
        "type": "article", "url": "https://example.com/weather/stations/4711",
        "title": "Station 4711: tide and temperature",
        "description": "Readings every ten minutes, checked by hand on the first of each month.",
        "color": 2_264_831, "provider": {"name": "Example Weather"},
        "thumbnail": {
            "url": "https://example.com/weather/4711.png", "width": 600, "height": 315,
            "proxy_url": "https://images-ext-1.discordapp.net/external/abc/https/example.com/weather/4711.png",
            "flags": 0,
        },
    })
}

fn reaction(emoji: &str) -> Value {
    json!({
        "emoji": {"id": null, "name": emoji}, "count": 2, "me": false, "me_burst": false,
        "burst_me": false, "burst_count": 0, "burst_colors": [],
        "count_details": {"burst": 0, "normal": 2},
    })
}
