//! What a message's components say: texts, buttons, menus, descriptions of pictures.
//! <https://discord.com/developers/docs/components/reference>

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::discord::text::{one_line, visible};

/// How deep components are read; Discord's own go three deep.
const DEPTH: usize = 5;

/// The components of a message as a text, a line or more for each: texts as they are, buttons and the
/// like in brackets, those of a row side by side. Components of types that are newer than this program
/// are passed over, and those in them are read. Empty where there is nothing to read.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if raw.get() == "[]" {
        return Ok(String::new());
    }
    let components: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let mut lines = Vec::new();
    read_all(&components, DEPTH, &mut lines);
    Ok(lines.join("\n"))
}

fn read_all(components: &Value, depth: usize, lines: &mut Vec<String>) {
    for component in components.as_array().into_iter().flatten() {
        read(component, depth, lines);
    }
}

fn read(component: &Value, depth: usize, lines: &mut Vec<String>) {
    const ROW: u64 = 1;
    let Some(below) = depth.checked_sub(1) else {
        return;
    };
    let kind = component["type"].as_u64();
    lines.extend(own_text(component, kind));
    let mut inner = Vec::new();
    read_all(&component["components"], below, &mut inner);
    let pictures = component["items"].as_array().into_iter().flatten();
    inner.extend(pictures.filter_map(image));
    // What stands beside the text of a section.
    read(&component["accessory"], below, &mut inner);
    if kind == Some(ROW) && !inner.is_empty() {
        lines.push(inner.join(" "));
    } else {
        lines.append(&mut inner);
    }
}

/// What a component says itself, besides those in it.
fn own_text(component: &Value, kind: Option<u64>) -> Option<String> {
    Some(match kind? {
        2 => {
            let label = words(component, "label").or_else(|| words(&component["emoji"], "name"))?;
            match words(component, "url") {
                Some(url) => format!("[{label}]({url})"),
                None => format!("[{label}]"),
            }
        }
        3 | 5..=8 => format!("[menu: {}]", words(component, "placeholder")?),
        10 => Some(visible(component["content"].as_str()?)).filter(|text| !text.is_empty())?,
        11 => image(component)?,
        13 => format!("[file: {}]", words(component, "name")?),
        _ => return None,
    })
}

/// A picture, by its description.
fn image(media: &Value) -> Option<String> {
    words(media, "description").map(|words| format!("[image: {words}]"))
}

/// A field's text on one line, where it has one.
fn words(object: &Value, field: &str) -> Option<String> {
    let text = one_line(&visible(object[field].as_str()?));
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DEPTH, text};

    fn read(components: &Value) -> String {
        let components = components.to_string();
        let mut components = serde_json::Deserializer::from_str(&components);
        text(&mut components).unwrap_or_else(|error| error.to_string())
    }

    /// A text so many containers deep.
    fn nested(depth: usize) -> Value {
        let text = json!({"type": 10, "content": "deep"});
        (0..depth).fold(text, |inner, _| json!({"type": 17, "components": [inner]}))
    }

    #[test]
    fn the_depth_is_bounded() {
        assert_eq!(read(&json!([nested(DEPTH - 1)])), "deep");
        assert_eq!(read(&json!([nested(DEPTH)])), "");
        assert_eq!(read(&json!([nested(40)])), "");
    }
}
