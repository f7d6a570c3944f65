//! Messages that are more than a text, in Discord's own form: forwards, polls, stickers, components,
//! and what Discord itself writes.

use serde_json::{Value, json};

use super::{channel::object, world::World};

/// The fields of a message that a snapshot keeps.
const SNAPSHOT: [&str; 11] = [
    "type",
    "content",
    "embeds",
    "attachments",
    "timestamp",
    "edited_timestamp",
    "flags",
    "mentions",
    "mention_roles",
    "sticker_items",
    "components",
];

impl World {
    /// Forwards a message, as people do: its snapshot without its author, and where it is from.
    pub fn forward(&mut self, to: &str, author: &str, from: &str, message: &str) -> String {
        let original = self.message(from, message).expect("it is there to forward");
        let mut snapshot = original.json.clone();
        snapshot.retain(|field, _| SNAPSHOT.contains(&field.as_str()));
        let guild = self.channel(from).and_then(|channel| channel.guild_id());
        let mut reference = json!({"type": 1, "channel_id": from, "message_id": message});
        if let Some(guild) = guild {
            reference["guild_id"] = guild.into();
        }
        let fields = json!({
            "flags": 1 << 14, "message_reference": reference,
            "message_snapshots": [{"message": snapshot}],
        });
        self.write(to, author, "", fields)
    }

    /// Asks the channel; each answer with its votes.
    pub fn ask(
        &mut self,
        channel: &str,
        author: &str,
        question: &str,
        answers: &[(&str, u64)],
    ) -> String {
        let numbered = || (1_u64..).zip(answers);
        let answers: Vec<Value> = numbered()
            .map(|(id, (text, _))| json!({"answer_id": id, "poll_media": {"text": text}}))
            .collect();
        // Discord does not count what nobody gave.
        let counts: Vec<Value> = numbered()
            .filter(|(_, (_, count))| *count > 0)
            .map(|(id, (_, count))| json!({"id": id, "count": count, "me_voted": false}))
            .collect();
        let poll = json!({
            "question": {"text": question}, "answers": answers,
            "expiry": "2026-11-08T12:00:00.123456+00:00",
            "allow_multiselect": false, "layout_type": 1,
            "results": {"is_finalized": false, "answer_counts": counts},
        });
        self.write(channel, author, "", json!({"poll": poll}))
    }

    /// Sends stickers, by their ids and names.
    pub fn stick(&mut self, channel: &str, author: &str, stickers: &[(&str, &str)]) -> String {
        let items: Vec<Value> = (stickers.iter())
            .map(|(id, name)| json!({"id": id, "name": name, "format_type": 1}))
            .collect();
        self.write(channel, author, "", json!({"sticker_items": items}))
    }

    /// Sends components, and a text only where they are not of the second version.
    pub fn compose(
        &mut self,
        channel: &str,
        author: &str,
        content: &str,
        mut components: Vec<Value>,
    ) -> String {
        let mut next = 0;
        components
            .iter_mut()
            .for_each(|component| number(component, &mut next));
        let flags = if content.is_empty() { 1 << 15 } else { 0 };
        let fields = json!({"components": components, "flags": flags});
        self.write(channel, author, content, fields)
    }

    /// Has Discord tell of something, in a message of that type.
    pub fn notice(
        &mut self,
        channel: &str,
        author: &str,
        kind: u64,
        content: &str,
        mut fields: Value,
    ) -> String {
        fields["type"] = kind.into();
        self.write(channel, author, content, fields)
    }

    /// Posts a text with these fields.
    pub fn write(&mut self, channel: &str, author: &str, content: &str, fields: Value) -> String {
        let id = self.post(channel, author, content);
        self.message_mut(channel, &id).json.extend(object(fields));
        id
    }
}

/// The fields of a message with every form at once, each text in it this one: off contract.
pub fn everything(said: &str) -> Value {
    let author = json!({"id": "5", "username": said, "global_name": said});
    let media = json!({"text": said, "emoji": {"id": null, "name": said}});
    let facts = [
        "rule_name",
        "poll_question_text",
        "victor_answer_text",
        "total_votes",
    ];
    let facts = facts.map(|name| json!({"name": name, "value": said}));
    let inner = json!({
        "author": author, "content": said, "timestamp": said,
        "attachments": [
            {"id": "5", "filename": said, "url": said, "content_type": said, "size": 5},
        ],
        "embeds": [{"title": said, "description": said, "url": said, "fields": facts}],
        "sticker_items": [{"id": "5", "name": said}],
        "poll": {
            "question": media, "answers": [{"answer_id": 1, "poll_media": media}], "expiry": said,
        },
        "components": [
            text(said),
            container(json!([section(json!([text(said)]), thumbnail(said.into()))])),
            row(json!([button(said), link(said, said), menu(3, said)])),
            gallery(&[said.into()]),
            file(said),
        ],
    });
    let mut whole = inner.clone();
    whole["message_snapshots"] = json!([{"message": inner}]);
    whole["referenced_message"] = inner;
    whole["message_reference"] = json!({"type": 1, "channel_id": "5", "message_id": "6"});
    whole["mentions"] = json!([author]);
    whole["interaction"] = json!({"name": said, "user": author});
    whole["application"] = json!({"name": said});
    whole["role_subscription_data"] = json!({"tier_name": said, "total_months_subscribed": 2});
    whole["purchase_notification"] = json!({"guild_product_purchase": {"product_name": said}});
    whole["call"] = json!({"ended_timestamp": said});
    whole
}

/// Gives each component its number, as Discord does.
fn number(component: &mut Value, next: &mut u64) {
    *next += 1;
    component["id"] = (*next).into();
    for inner in component["components"].as_array_mut().into_iter().flatten() {
        number(inner, next);
    }
    if component["accessory"].is_object() {
        number(&mut component["accessory"], next);
    }
}

pub fn row(components: Value) -> Value {
    json!({"type": 1, "components": components})
}

pub fn button(label: &str) -> Value {
    json!({"type": 2, "style": 1, "label": label, "custom_id": label})
}

pub fn link(label: &str, url: &str) -> Value {
    json!({"type": 2, "style": 5, "label": label, "url": url})
}

/// A menu: 3 of texts, 5 of users, 6 of roles, 7 of both, 8 of channels.
pub fn menu(kind: u64, placeholder: &str) -> Value {
    let mut menu = json!({
        "type": kind, "custom_id": "menu", "placeholder": placeholder,
        "min_values": 1, "max_values": 1,
    });
    if kind == 3 {
        menu["options"] = json!([{"label": "One", "value": "1"}]);
    }
    menu
}

pub fn text(content: &str) -> Value {
    json!({"type": 10, "content": content})
}

/// Texts with something beside them.
pub fn section(texts: Value, accessory: Value) -> Value {
    json!({"type": 9, "components": texts, "accessory": accessory})
}

pub fn thumbnail(description: Value) -> Value {
    let media = media();
    json!({"type": 11, "media": media, "description": description, "spoiler": false})
}

/// Pictures with these descriptions.
pub fn gallery(descriptions: &[Value]) -> Value {
    let items: Vec<Value> = (descriptions.iter())
        .map(|text| json!({"media": media(), "description": text, "spoiler": false}))
        .collect();
    json!({"type": 12, "items": items})
}

pub fn file(name: &str) -> Value {
    json!({"type": 13, "file": media(), "name": name, "size": 5, "spoiler": false})
}

pub fn separator() -> Value {
    json!({"type": 14, "spacing": 1, "divider": true})
}

pub fn container(components: Value) -> Value {
    json!({"type": 17, "accent_color": null, "components": components, "spoiler": false})
}

fn media() -> Value {
    json!({
        "id": "1566875412766785100", "url": "https://cdn.discordapp.com/attachments/1/2/a.png",
        "proxy_url": "https://media.discordapp.net/attachments/1/2/a.png",
        "width": null, "height": null, "content_type": "image/png",
    })
}
