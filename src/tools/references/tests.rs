#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(params: Value) -> Result<References, String> {
    let Value::Object(params) = params else {
        panic!("no object")
    };
    References::read(params).map_err(|error| error.message().to_owned())
}

fn params(params: Value) -> Value {
    Value::Object(read(params).ok().unwrap().params(true))
}

#[test]
fn ids_mentions_and_links_become_ids() {
    for host in [
        "discord.com",
        "ptb.discord.com",
        "canary.discord.com",
        "discordapp.com",
    ] {
        for end in ["", "/", "?x=1", "#top"] {
            let link = format!("https://{host}/channels/5/7{end}");
            assert_eq!(
                params(json!({"channel_id": link})),
                json!({"channel_id": "7"})
            );
            let link = format!("https://{host}/channels/@me/7/9{end}");
            let both = json!({"channel_id": "7", "message_id": "9"});
            assert_eq!(params(json!({"channel_id": link})), both);
            assert_eq!(params(json!({"message_id": link})), both);
        }
    }
    assert_eq!(
        params(json!({"channel_id": "<#7>"})),
        json!({"channel_id": "7"})
    );
    let link = "https://discord.com/channels/5/7/9";
    assert_eq!(
        params(json!({"channel_id": "7", "message_ids": [link, "8"], "before": link})),
        json!({"channel_id": "7", "message_ids": ["9", "8"], "before": "9"})
    );
    assert_eq!(
        params(
            json!({"author_id": "<@!3>", "mentions": {"users": ["<@4>", "5"], "roles": ["<@&6>"]}})
        ),
        json!({"author_id": "3", "mentions": {"users": ["4", "5"], "roles": ["6"]}})
    );
}

#[test]
fn a_link_to_a_message_is_only_a_channel_for_tools_without_a_message() {
    let link = json!({"channel_id": "https://discord.com/channels/5/7/9"});
    let found = read(link).ok().unwrap();
    assert_eq!(
        Value::Object(found.params(false)),
        json!({"channel_id": "7"})
    );
}

#[test]
fn links_into_different_channels_are_refused() {
    let link = "https://discord.com/channels/5/7/9";
    for (given, expected) in [
        (
            json!({"channel_id": "8", "message_id": link}),
            "`message_id` is a link into another channel than `channel_id`",
        ),
        (
            json!({"message_ids": [link, "https://discord.com/channels/5/8/9"]}),
            "`message_ids` is a link into another channel than that of `message_ids`",
        ),
        (
            json!({"reply_to": "https://discord.com/channels/5/7"}),
            "`reply_to` is a link to a channel, not to a message",
        ),
    ] {
        assert_eq!(read(given).err().as_deref(), Some(expected));
    }
}

#[test]
fn names_are_handed_back() {
    let name = |server: Option<&str>, channel: &str| ChannelName {
        server: server.map(str::to_owned),
        channel: channel.to_owned(),
    };
    for (text, expected) in [
        ("#general", name(None, "general")),
        (" # general ", name(None, "general")),
        ("Harbour/#tide-tables", name(Some("Harbour"), "tide-tables")),
        ("A/#b/#c", name(Some("A/#b"), "c")),
    ] {
        let found = read(json!({"channel_id": text}));
        assert_eq!(found.ok().unwrap().channel, Some(expected), "{text}");
    }
    let mut found = read(
        json!({"channel_id": "#a", "author_id": "@Bob B", "mentions": {"users": ["1", "@c"]}}),
    )
    .ok()
    .unwrap();
    let names: Vec<_> = found.users.iter().map(|user| user.name.clone()).collect();
    assert_eq!(names, ["Bob B", "c"]);
    for (at, user) in found.users.clone().into_iter().enumerate() {
        found.found_user(&user, Snowflake::parse(["21", "22"][at]).unwrap());
    }
    found
        .found_channel(ChannelId(Snowflake::parse("7").unwrap()))
        .ok()
        .unwrap();
    assert_eq!(
        Value::Object(found.params(false)),
        json!({"channel_id": "7", "author_id": "21", "mentions": {"users": ["1", "22"]}})
    );
}

#[test]
fn what_is_no_reference_stays_as_it_is() {
    for text in [
        "",
        "#",
        "general",
        " 12",
        "<#12",
        "<#x>",
        "@bob",
        "https://example.com/channels/1/2",
        "https://discord.com.example/channels/1/2",
        "https://discord.com/channels/1/x",
        "https://discord.com/channels/1/2/3/4",
        "https://evil@discord.com/channels/1/2",
        "/#",
    ] {
        assert!(read(json!({"channel_id": text})).is_err(), "{text}");
        let given = json!({"channel_id": "12", "message_id": text});
        assert_eq!(params(given.clone()), given, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in any::<String>(), link in "https://discord.com/channels/[0-9@me]{1,4}(/[0-9a-z]{1,3}){0,3}") {
        for text in [text, link] {
            let given = json!({"channel_id": text, "message_id": text, "author_id": text, "mentions": {"users": [text], "roles": [text]}});
            let Value::Object(given) = given else { unreachable!() };
            if let Ok(found) = References::read(given) {
                found.params(true);
            }
        }
    }
}
