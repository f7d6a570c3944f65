//! Reading what Discord sends without ever failing a page over one odd part.
//!
//! The straight way into our structs is tried first; it is as fast as serde gets. Only where that
//! fails is an object read field by field and a list element by element, and what cannot be read
//! is left out.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Reads one object, leaving out fields that are not of the form we know. `None` where even the
/// rest is not enough, as when the id is missing.
pub(super) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok().or_else(|| {
        // Unread, so that a value which no parser takes costs itself as well.
        let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
        without_odd_fields(fields)
    })
}

/// Reads a list of objects, and how many elements it had: those that cannot be read at all are
/// left out. `None` where it is no list.
pub(super) fn list<T: DeserializeOwned>(json: &[u8]) -> Option<(Vec<T>, usize)> {
    if let Ok(all) = serde_json::from_slice::<Vec<T>>(json) {
        let length = all.len();
        return Some((all, length));
    }
    let elements: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
    let read = elements
        .iter()
        .filter_map(|element| object(element.get().as_bytes()));
    Some((read.collect(), elements.len()))
}

/// A list inside an object, read element by element, where anything else counts as empty.
pub(super) fn elements<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(list(raw.get().as_bytes()).unwrap_or_default().0)
}

/// A field that is null, absent or odd counts as absent.
pub(super) fn maybe<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(object(raw.get().as_bytes()))
}

/// Puts the object together again field by field, the id first, without those it cannot be read
/// with. A field can fail only because one that is required has yet to come, hence the passes.
/// Quadratic in the number of fields, on objects that Discord hardly ever sends.
fn without_odd_fields<T: DeserializeOwned>(mut fields: BTreeMap<String, &RawValue>) -> Option<T> {
    let mut good = BTreeMap::new();
    good.extend(fields.remove_entry("id"));
    loop {
        let mut refused = BTreeMap::new();
        let before = fields.len();
        for (name, value) in fields {
            good.insert(name.clone(), value);
            if read::<T>(&good).is_err() {
                refused.extend(good.remove_entry(&name));
            }
        }
        if refused.len() == before {
            return read(&good).ok();
        }
        fields = refused;
    }
}

fn read<T: DeserializeOwned>(fields: &BTreeMap<String, &RawValue>) -> serde_json::Result<T> {
    let fields = fields.iter().map(|(name, &value)| (name.as_str(), value));
    T::deserialize(MapDeserializer::new(fields))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{list, object};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Thing {
        id: u64,
        count: Option<u64>,
        name: String,
    }

    #[test]
    fn an_odd_field_costs_itself_and_nothing_else() {
        let read = object::<Thing>(br#"{"id":1,"count":"many","name":"n","new":[{}]}"#);
        assert_eq!(
            read,
            Some(Thing {
                id: 1,
                count: None,
                name: "n".into()
            })
        );
        assert_eq!(object::<Thing>(br#"{"count":1,"name":"n"}"#), None);
    }

    #[test]
    fn a_value_that_no_parser_takes_costs_itself_and_nothing_else() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for odd in ["1e999", r#""\ud800""#, &deep] {
            let json = format!(r#"{{"id":1,"count":{odd},"name":"n","new":{odd}}}"#);
            let read = object::<Thing>(json.as_bytes()).map(|thing| thing.name);
            assert_eq!(read.as_deref(), Some("n"), "{odd:.10}");
        }
    }

    #[test]
    fn an_odd_element_costs_itself_and_nothing_else() {
        let read = list::<Thing>(br#"[7,{"id":1,"count":2,"name":"a"},{"name":"no id"},null]"#);
        let expected = vec![Thing {
            id: 1,
            count: Some(2),
            name: "a".into(),
        }];
        assert_eq!(read, Some((expected, 4)));
        assert_eq!(list::<Thing>(br#"{"not":"a list"}"#), None);
    }
}
