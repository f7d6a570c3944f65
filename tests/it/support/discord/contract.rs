//! Discord's own OpenAPI description, held against every request and every answer.
//!
//! The file is named by `DISCORD_OPENAPI`; without it nothing is checked. It is read once a process,
//! and only the schemas of the served routes are compiled. Where the description and Discord's
//! documentation differ, the documentation is right: see [`documented`].

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    sync::OnceLock,
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use super::{
    answer::Answer,
    description::{self, Operation, Parameter},
    request::Seen,
    routes::{GET_CHANNEL, GET_GUILD, GUILD_CHANNELS},
};

/// The description, as far as the served routes go.
pub struct Contract {
    routes: BTreeMap<&'static str, Operation>,
}

/// The contract, if there is one to check. A named file that cannot be read is a mistake and panics.
pub fn get() -> Option<&'static Contract> {
    static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();
    let load = || {
        let file = env::var("DISCORD_OPENAPI")
            .ok()
            .filter(|file| !file.is_empty())?;
        let text = fs::read(&file)
            .unwrap_or_else(|error| panic!("DISCORD_OPENAPI={file} cannot be read: {error}"));
        let document = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("DISCORD_OPENAPI={file} is not JSON: {error}"));
        let routes = description::compile(&document);
        Some(Contract { routes })
    };
    CONTRACT.get_or_init(load).as_ref()
}

impl Contract {
    /// What is wrong with a request, one line a breach.
    pub fn request(&self, route: &str, seen: &Seen) -> Vec<String> {
        let Some(operation) = self.routes.get(route) else {
            return vec![format!("{route}: not in the description")];
        };
        let breaches = operation.query_breaches(seen).into_iter();
        let breaches = breaches.chain(operation.body_breaches(seen));
        breaches
            .map(|what| format!("{route} request: {what}"))
            .collect()
    }

    /// What is wrong with an answer, one line a breach.
    pub fn answer(&self, route: &str, answer: &Answer) -> Vec<String> {
        let status = answer.status;
        // Errors of the server's side are not described at all.
        if status >= 500 {
            return Vec::new();
        }
        let Some(operation) = self.routes.get(route) else {
            return vec![format!("{route}: not in the description")];
        };
        let described = operation.answers.get(&status.to_string());
        let described = described.or_else(|| operation.answers.get(&format!("{}XX", status / 100)));
        let breaches = match (described, &answer.body) {
            (None, _) => vec!["this status is not described".to_owned()],
            (Some(None), Some(_)) => vec!["a body where none is described".to_owned()],
            (Some(Some(_)), None) => vec!["no body where one is described".to_owned()],
            (Some(None), None) => Vec::new(),
            (Some(Some(schema)), Some(body)) => match documented(route, status, body) {
                Some(body) => breaches(schema, &body),
                None => Vec::new(),
            },
        };
        let place = format!("{route} answer {status}");
        breaches
            .into_iter()
            .map(|what| format!("{place}: {what}"))
            .collect()
    }
}

/// A body as the description would have it, where the description lags behind the documentation;
/// `None` where it has nothing to say.
fn documented(route: &str, status: u16, body: &Value) -> Option<Value> {
    let mut body = body.clone();
    // The documentation writes the `code` of a form's field as text (`BASE_TYPE_REQUIRED`), the
    // description as an integer.
    if let Some(errors) = body.get_mut("errors") {
        number_the_codes(errors);
    }
    // The documentation's 429 has no `code`, or may have one; the description asks for it.
    if status == 429 && body.get("code").is_none() {
        body["code"] = 0.into();
    }
    describe_references(&mut body);
    // A guild has some forty fields; the stand-in serves those that are read.
    if route == GET_GUILD {
        return None;
    }
    // A list of channels, each as that one alone would be.
    if let (GUILD_CHANNELS, Value::Array(channels)) = (route, &mut body) {
        let alone = channels.iter();
        let alone = alone.filter_map(|channel| documented(GET_CHANNEL, status, channel));
        return Some(Value::Array(alone.collect()));
    }
    let channel = route == GET_CHANNEL && status == 200;
    match body["type"].as_u64().filter(|_| channel) {
        // Media channels (16) are documented and not described; they are forums in their form.
        Some(16) => body["type"] = 15.into(),
        Some(0..=5 | 10..=15) | None => {}
        // Of a type that nobody knows there is no description.
        Some(_) => return None,
    }
    Some(body)
}

/// Forwards are documented and not described: references of type 1 have the form of those of type 0.
fn describe_references(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            if let Some(kind) = fields
                .get_mut("message_reference")
                .and_then(|to| to.get_mut("type"))
                && *kind == 1
            {
                *kind = 0.into();
            }
            fields.values_mut().for_each(describe_references);
        }
        Value::Array(list) => list.iter_mut().for_each(describe_references),
        _ => {}
    }
}

fn number_the_codes(errors: &mut Value) {
    match errors {
        Value::Object(fields) => {
            if fields.get("code").is_some_and(Value::is_string) {
                fields.insert("code".to_owned(), 0.into());
            }
            fields.values_mut().for_each(number_the_codes);
        }
        Value::Array(list) => list.iter_mut().for_each(number_the_codes),
        _ => {}
    }
}

impl Operation {
    fn query_breaches(&self, seen: &Seen) -> Vec<String> {
        let names: BTreeSet<&str> = seen.query.iter().map(|(name, _)| name.as_str()).collect();
        let mut found = Vec::new();
        for name in names {
            let Some(parameter) = self.query.get(name) else {
                found.push(format!("query parameter {name} is not described"));
                continue;
            };
            let values: Vec<Value> = seen.values(name).map(|text| parameter.read(text)).collect();
            let value = match values.as_slice() {
                [only] if !parameter.repeats => only.clone(),
                _ => values.into(),
            };
            let breaches = breaches(&parameter.schema, &value);
            found.extend(
                breaches
                    .into_iter()
                    .map(|what| format!("query {name}: {what}")),
            );
        }
        found
    }

    fn body_breaches(&self, seen: &Seen) -> Vec<String> {
        let Some(described) = &self.body else {
            return match seen.body.is_empty() {
                true => Vec::new(),
                false => vec!["a body where none is described".to_owned()],
            };
        };
        let kind = seen.header("content-type").unwrap_or("nothing");
        let kind = kind.split(';').next().unwrap_or_default();
        if !described.kinds.contains(kind) {
            return vec![format!("a body of {kind} is not described")];
        }
        let Some((body, files)) = seen.message() else {
            return vec![format!("the body is not {kind}")];
        };
        let mut found = breaches(&described.schema, &body);
        let names = (0..10).map(|number| format!("files[{number}]"));
        let strange = files.iter().zip(names);
        let strange = strange.filter(|(file, name)| file.field != *name);
        found.extend(strange.map(|(file, _)| format!("{}: a file out of order", file.field)));
        let fields = body.as_object().into_iter().flatten();
        let unknown = fields.filter(|(name, _)| !described.fields.contains(*name));
        found.extend(unknown.map(|(name, _)| format!("/{name}: this field is not described")));
        found
    }
}

impl Parameter {
    /// The text as the schema's type; what does not parse stays text, and fails the schema.
    fn read(&self, text: &str) -> Value {
        let parsed = match self.kind.as_str() {
            "integer" => text.parse::<i64>().ok().map(Value::from),
            "boolean" => text.parse::<bool>().ok().map(Value::from),
            _ => None,
        };
        parsed.unwrap_or_else(|| text.into())
    }
}

fn breaches(schema: &Validator, instance: &Value) -> Vec<String> {
    schema
        .iter_errors(instance)
        .flat_map(|error| explain(&error))
        .collect()
}

/// One line an error: where in the instance, and what.
fn explain(error: &ValidationError<'_>) -> Vec<String> {
    if let ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } =
        error.kind()
        && let Some(closest) = closest(context)
    {
        return closest.iter().flat_map(explain).collect();
    }
    let mut what = error.to_string();
    if what.len() > 200 {
        what = error.masked().to_string();
    }
    match error.instance_path().as_str() {
        "" => vec![what],
        place => vec![format!("{place}: {what}")],
    }
}

/// Of a choice between schemas, the one that was missed by the least explains best, and one of another
/// type explains nothing. A list of constants has no best.
fn closest<'a>(context: &'a [Vec<ValidationError<'a>>]) -> Option<&'a Vec<ValidationError<'a>>> {
    let constant =
        |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Constant { .. });
    if context.iter().flatten().all(constant) {
        return None;
    }
    let other_type =
        |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
    let distance = |branch: &&Vec<_>| (branch.iter().any(other_type), branch.len());
    context.iter().min_by_key(distance)
}
