//! The strings of a JSON value, names included: marking them, and listing them.

use serde_json::Value;

/// By this a string of the caller's can be told from our own words wherever it turns up.
pub const MARK: &str = "«leak»";

/// The value with a mark on each string for which `marks` says so.
pub fn marked(value: Value, marks: &mut impl Iterator<Item = bool>) -> Value {
    let mark = |text: String, marks: &mut dyn Iterator<Item = bool>| match marks.next() {
        Some(true) => text + MARK,
        _ => text,
    };
    match value {
        Value::String(text) => Value::String(mark(text, marks)),
        Value::Array(values) => values.into_iter().map(|one| marked(one, marks)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (mark(name, marks), marked(value, marks)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Every string in a value.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let names = fields.keys().map(|name| &**name);
            names.chain(fields.values().flat_map(texts)).collect()
        }
        _ => Vec::new(),
    }
}
