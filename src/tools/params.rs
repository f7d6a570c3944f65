//! Parameters: from untyped JSON to a tool's own struct, with errors in our own words.
//!
//! serde derives the reading of each tool's struct. `serde_json` would report what goes wrong in
//! its words and without the name of the field; the small deserializer here reports it in ours:
//! which parameter, what was wrong, what is allowed, and never the value itself.

use std::fmt::{self, Display};

use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::error::Error;

/// Reads a tool's parameters.
///
/// # Errors
/// `invalid_params`, naming the first parameter that is wrong.
pub(super) fn read<T: DeserializeOwned>(params: Map<String, Value>) -> Result<T, Error> {
    T::deserialize(Parameter(Value::Object(params))).map_err(Error::from)
}

/// Reads an option for which null stands for the default, as it does for absence: many clients
/// send every field they know.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A parameter that is wrong: where, and why.
#[derive(Debug)]
pub struct Invalid {
    path: String,
    problem: String,
}

impl Invalid {
    /// The parameter `name` has this `problem`, which continues a sentence that begins with it.
    pub fn new(name: &str, problem: impl Into<String>) -> Self {
        Self {
            path: name.into(),
            problem: problem.into(),
        }
    }

    /// Puts the path of the enclosing value in front.
    fn within(mut self, outer: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => outer.into(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let Invalid { path, problem } = invalid;
        if path.is_empty() {
            Self::invalid_params(problem)
        } else {
            Self::invalid_params(format!("`{path}` {problem}"))
        }
    }
}

impl Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.problem)
    }
}

impl std::error::Error for Invalid {}

impl de::Error for Invalid {
    fn custom<T: Display>(problem: T) -> Self {
        Self::new("", problem.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // serde calls an array a sequence; JSON does not.
        let expected = expected.to_string().replace("a sequence", "an array");
        Self::new("", format!("must be {expected}, not {}", kind(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("", format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new("", format!("must be {}", one_of(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let problem = format!("is not a parameter here; allowed: {}", expected.join(", "));
        Self::new(&printable(field), problem)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(field, "is required")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(field, "is given twice, once under its other name")
    }
}

/// Whether `text` counts as a name that may be repeated in an answer. Anything else may be a
/// secret in the wrong place.
pub(crate) fn printable(text: &str) -> String {
    let harmless = text.len() <= 40
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if harmless {
        text.into()
    } else {
        "(an unprintable name)".into()
    }
}

/// `"a", "b" or "c"`.
pub(crate) fn one_of(allowed: &[&str]) -> String {
    let quoted: Vec<_> = allowed.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        Unexpected::Unit | Unexpected::Option => "null",
        _ => "this",
    }
}

/// One JSON value on its way into a typed parameter.
struct Parameter(Value);

impl<'de> Deserializer<'de> for Parameter {
    type Error = Invalid;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Array(values) => visitor.visit_seq(Items {
                values: values.into_iter(),
                at: 0,
            }),
            Value::Object(fields) => visitor.visit_map(Fields {
                fields: fields.into_iter(),
                pending: None,
            }),
            Value::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
        }
    }

    /// A null stands for an absent option.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::String(name) => {
                let name: StringDeserializer<Invalid> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            _ => Err(de::Error::custom(format!("must be {}", one_of(variants)))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Fields {
    fields: serde_json::map::IntoIter,
    pending: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Invalid;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Invalid> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        let key: StringDeserializer<Invalid> = name.clone().into_deserializer();
        self.pending = Some((name, value));
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Invalid> {
        let (name, value) = self.pending.take().unwrap_or_default();
        seed.deserialize(Parameter(value))
            .map_err(|error| error.within(&name))
    }
}

struct Items {
    values: std::vec::IntoIter<Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Invalid;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Invalid> {
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let at = format!("[{}]", self.at);
        self.at += 1;
        seed.deserialize(Parameter(value))
            .map(Some)
            .map_err(|error| error.within(&at))
    }
}
