//! JSON Schemas (2020-12) from the structs that are really used, made lean: a model that reads them
//! pays for every byte.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The schema of a tool's parameters.
pub(super) fn input<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12());
    RecursiveTransform(thin).transform(&mut schema);
    RecursiveTransform(open).transform(&mut schema);
    finish(schema)
}

/// The schema of a tool's result: names and types alone, which is what a client checks a result
/// against. What a model must know of it stands in the tool's description.
pub(super) fn output<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_serialize());
    RecursiveTransform(thin).transform(&mut schema);
    RecursiveTransform(bare).transform(&mut schema);
    finish(schema)
}

fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> Schema {
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<T>()
}

/// Takes out what repeats the name, the type or the obvious, and the null that stands for absence:
/// it is taken, but no client need be told of a second way to leave something out.
fn thin(schema: &mut Schema) {
    for noise in ["title", "format"] {
        // A property may well be called `title`: only a keyword has a string for its value.
        if schema.get(noise).is_some_and(Value::is_string) {
            schema.remove(noise);
        }
    }
    if schema.get("default").is_some_and(|default| {
        default.is_null() || default == &Value::Bool(false) || default == &Value::Array(Vec::new())
    }) {
        schema.remove("default");
    }
    if schema.get("minimum").is_some_and(|minimum| minimum == 0) {
        schema.remove("minimum");
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
        schema.remove("additionalProperties");
    }
    if schema.get("items") == Some(&Value::Bool(true)) {
        schema.remove("items");
    }
    let null = Value::from("null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| *kind != null);
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|schema| schema.get("type") != Some(&null));
        if let [Value::Object(only)] = alternatives.as_mut_slice() {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (keyword, value) in only {
                schema.ensure_object().entry(keyword).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Takes out the form of ids: mentions, links and names stand for them.
fn open(schema: &mut Schema) {
    if schema.get("pattern").is_some_and(Value::is_string) {
        schema.remove("pattern");
    }
}

/// Takes out what only somebody who fills in a form must know.
fn bare(schema: &mut Schema) {
    for keyword in ["description", "pattern"] {
        if schema.get(keyword).is_some_and(Value::is_string) {
            schema.remove(keyword);
        }
    }
}

fn finish(mut schema: Schema) -> Map<String, Value> {
    // The description of the whole would repeat the tool's.
    if schema.get("description").is_some_and(Value::is_string) {
        schema.remove("description");
    }
    match schema.to_value() {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}
