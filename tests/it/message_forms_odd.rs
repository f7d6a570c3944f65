//! Whatever stands where Discord puts forwards, polls, stickers and components: it never fails a
//! message, and no hidden character comes through.

use discord_mcp_server::discord::Message;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::forms::everything;
use crate::support::discord::seed::{ALICE, VOICE};

/// The fields that are read for these forms.
const FIELDS: [&str; 15] = [
    "message_reference",
    "message_snapshots",
    "referenced_message",
    "poll",
    "sticker_items",
    "components",
    "mentions",
    "call",
    "interaction",
    "interaction_metadata",
    "role_subscription_data",
    "application",
    "purchase_notification",
    "embeds",
    "attachments",
];

/// The names that mean something inside them.
const NAMES: [&str; 34] = [
    "type",
    "id",
    "message",
    "message_id",
    "channel_id",
    "guild_id",
    "author",
    "user",
    "username",
    "global_name",
    "content",
    "timestamp",
    "attachments",
    "filename",
    "url",
    "embeds",
    "title",
    "description",
    "sticker_items",
    "name",
    "components",
    "label",
    "placeholder",
    "accessory",
    "items",
    "emoji",
    "poll",
    "question",
    "answers",
    "poll_media",
    "text",
    "results",
    "answer_counts",
    "message_snapshots",
];

fn string() -> impl Strategy<Value = String> {
    let hidden = "[a-z\u{0}\u{1b}\u{7f}\u{85}\u{ad}\u{200b}\u{200d}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{e0041}é👩 \r\n\t]{0,12}";
    prop_oneof![
        hidden,
        "[1-9][0-9]{0,19}",
        Just("2026-11-06T09:00:00Z".to_owned())
    ]
}

/// JSON of any form, in which the known names come up often.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..20).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        string().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        let name = prop_oneof![
            4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            1 => string(),
        ];
        let object = prop::collection::btree_map(name, inner.clone(), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            object.prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let field = (prop::sample::select(FIELDS.to_vec()), value());
    prop::collection::vec(field, 1..6)
}

/// A message of this type with these fields.
fn message(kind: u64, fields: &[(&str, Value)]) -> Value {
    let mut message = json!({
        "id": "1568168320031653914", "channel_id": VOICE, "type": kind, "content": "kept",
        "author": {"id": ALICE, "username": "alice.m"},
    });
    for (name, value) in fields {
        message[*name] = value.clone();
    }
    message
}

/// Whether a reader would not see this character, and an agent would; joiners apart, which are part
/// of many an emoji.
fn is_hidden(character: char) -> bool {
    let control = character.is_control() && !matches!(character, '\n' | '\t');
    control
        || matches!(character,
            '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Every text in a JSON value, names of fields included.
fn texts(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, all)),
        Value::Object(fields) => {
            for (name, value) in fields {
                all.push(name.clone());
                texts(value, all);
            }
        }
        _ => {}
    }
}

fn assert_clean(value: &Value) {
    let mut all = Vec::new();
    texts(value, &mut all);
    for text in all {
        assert!(!text.contains(is_hidden), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_field_fails_the_message_or_hides_anything(kind in 0_u64..60, fields in fields()) {
        let sent = message(kind, &fields).to_string();
        let read: Message = serde_json::from_str(&sent).unwrap();
        let read = serde_json::to_value(&read).unwrap();
        prop_assert_eq!(&read["content"], "kept");
        prop_assert_eq!(&read["author"]["username"], "alice.m");
        assert_clean(&read);
    }

    /// Whatever is written in whichever form, all of it that can be seen comes through, and no more.
    #[test]
    fn no_text_hides_anything(kind in 0_u64..60, said in string()) {
        let said = format!("a{said}b");
        let mut sent = everything(&said);
        sent["id"] = "1568168320031653914".into();
        sent["type"] = kind.into();
        let read: Message = serde_json::from_str(&sent.to_string()).unwrap();
        let read = serde_json::to_value(&read).unwrap();
        assert_clean(&read);
        let copied = if kind == 21 { "starter" } else { "forwarded" };
        for message in [&read, &read[copied]] {
            let content = &message["content"];
            prop_assert!(content.as_str().unwrap().starts_with('a'));
            prop_assert_eq!(&message["author"]["username"], content);
            prop_assert_eq!(&message["attachments"][0]["filename"], content);
            prop_assert_eq!(&message["embeds"][0]["title"], content);
            prop_assert_eq!(&message["stickers"][0]["name"], content);
            prop_assert_eq!(&message["poll"]["question"], content);
            prop_assert_eq!(&message["poll"]["answers"][0]["text"], content);
            prop_assert_eq!(&message["poll"]["answers"][0]["emoji"], content);
            let content = content.as_str().unwrap();
            prop_assert!(message["components"].as_str().unwrap().starts_with(content));
        }
    }

    /// What is read of one field is the same whatever stands in the others.
    #[test]
    fn an_odd_field_costs_no_other(fields in fields(), odd in value()) {
        let poll = json!({
            "question": {"text": "Well?"}, "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}],
        });
        let sticker = json!([{"id": "5", "name": "Wave"}]);
        let mut all = fields.clone();
        all.retain(|(name, _)| !["poll", "sticker_items", "components"].contains(name));
        all.push(("poll", poll));
        all.push(("sticker_items", sticker));
        all.push(("components", json!([{"type": 10, "content": "High tide"}, odd])));
        let read: Message = serde_json::from_str(&message(0, &all).to_string()).unwrap();
        let read = serde_json::to_value(&read).unwrap();
        let expected = json!({"question": "Well?", "answers": [{"text": "Yes"}]});
        prop_assert_eq!(&read["poll"], &expected);
        prop_assert_eq!(&read["stickers"], &json!([{"id": "5", "name": "Wave"}]));
        prop_assert!(read["components"].as_str().unwrap().starts_with("High tide"));
    }
}

/// A nest of lists or objects deeper than any parser should follow.
fn abyss(opening: &str, closing: &str) -> String {
    format!("{}7{}", opening.repeat(5_000), closing.repeat(5_000))
}

#[test]
fn no_depth_of_nesting_fails_a_message() {
    let deep = [
        abyss("[", "]"),
        abyss("{\"components\":[", "]}"),
        abyss("[{\"type\":17,\"components\":", "}]"),
        abyss("{\"message_snapshots\":[{\"message\":", "}]}"),
        abyss("[{\"message\":{\"message_snapshots\":", "}}]"),
        abyss("{\"referenced_message\":", "}"),
    ];
    for field in FIELDS {
        for deep in &deep {
            let sent = format!(r#"{{"id":"5","content":"kept","type":19,"{field}":{deep}}}"#);
            let read: Message = serde_json::from_str(&sent).unwrap();
            assert_eq!(read.content, "kept", "{field}");
        }
    }
}

#[tokio::test]
async fn odd_forms_cost_themselves_through_the_doors() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let odd = [
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!({}),
        json!([null, 7, "x", [], {}]),
        json!({"answers": [{"answer_id": 1}, {"answer_id": 2, "poll_media": {"text": ""}}]}),
        json!([{"id": 7, "type": "x", "message": 7}]),
        json!({"question": 7, "answers": {"a": 1}, "results": []}),
    ];
    let forms = [
        "message_reference",
        "message_snapshots",
        "referenced_message",
        "poll",
        "sticker_items",
        "components",
        "mentions",
        "interaction",
    ];
    for odd in odd {
        for field in forms {
            app.discord.with(|world| {
                world.channel_mut(VOICE).messages.clear();
                world.write(VOICE, ALICE, "kept", json!({field: odd}));
            });
            let answer = app
                .invoke("get_messages", json!({"channel_id": VOICE}))
                .await;
            let message = &answer.result()["messages"][0];
            assert_eq!(message["content"], "kept", "{field}: {odd}");
            let own = ["id", "channel_id", "author", "content", "timestamp"];
            let more = message.as_object().unwrap().keys();
            let more: Vec<_> = more.filter(|name| !own.contains(&name.as_str())).collect();
            assert!(more.is_empty(), "{field}: {odd}: {more:?}");
        }
    }
}
