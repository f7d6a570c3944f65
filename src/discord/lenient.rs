//! Reading what Discord sends without ever failing a page over one odd part.
//!
//! The straight way into our structs is tried first; it is as fast as serde gets. Only where that
//! fails is an object read field by field and a list element by element, inner ones as well, and what
//! cannot be read is left out.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{
    DeserializeOwned, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::timestamp::Timestamp;

/// How lists and objects inside of what is being read are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each by itself, and so with two looks at its bytes: somebody else reads what is around them.
    Apart,
    /// With all around them: what is odd fails everything, which is then read with care.
    Straight,
    /// Each by itself, and none straight: that has failed.
    Careful,
}

thread_local! {
    static WAY: Cell<Way> = const { Cell::new(Way::Apart) };
}

/// Reads in this way, and goes back to the one before, even where that panics.
fn going<T>(way: Way, read: impl FnOnce() -> T) -> T {
    struct Back(Way);
    impl Drop for Back {
        fn drop(&mut self) {
            WAY.set(self.0);
        }
    }
    let _back = Back(WAY.replace(way));
    read()
}

/// Reads one object, leaving out fields that are not of the form we know. `None` where even the
/// rest is not enough, as when the id is missing.
pub(super) fn object<T: DeserializeOwned>(json: &str) -> Option<T> {
    if WAY.get() == Way::Careful {
        return object_with_care(json);
    }
    let straight = going(Way::Straight, || serde_json::from_str(json)).ok();
    straight.or_else(|| going(Way::Careful, || object_with_care(json)))
}

fn object_with_care<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok().or_else(|| {
        // Unread, so that a value which no parser takes costs itself as well.
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
        without_odd_fields(fields)
    })
}

/// Reads a list of objects, and how many elements it had: those that cannot be read at all are
/// left out. `None` where it is no list.
pub(super) fn list<T: DeserializeOwned>(json: &str) -> Option<(Vec<T>, usize)> {
    list_of(json, 0)
}

/// Reads a list, as [`list`] does, that will most likely have so many elements.
pub(super) fn list_of<T>(json: &str, expected: usize) -> Option<(Vec<T>, usize)>
where
    T: DeserializeOwned,
{
    if WAY.get() != Way::Careful {
        let mut straight = serde_json::Deserializer::from_str(json);
        let all = Elements(expected, PhantomData);
        let all = going(Way::Straight, || straight.deserialize_seq(all));
        if let (Ok(all), Ok(())) = (all, straight.end()) {
            let length = all.len();
            return Some((all, length));
        }
    }
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let read = elements.iter().filter_map(|element| object(element.get()));
    Some((going(Way::Careful, || read.collect()), elements.len()))
}

struct Elements<T>(usize, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::with_capacity(self.0);
        while let Some(element) = elements.next_element()? {
            all.push(element);
        }
        Ok(all)
    }
}

/// A list inside an object, of which odd elements are left out, and where anything else counts as
/// empty.
pub(super) fn elements<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    if WAY.get() == Way::Straight {
        return Ok(Option::deserialize(deserializer)?.unwrap_or_default());
    }
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(list(raw.get()).unwrap_or_default().0)
}

/// A field that is null, absent or odd counts as absent.
pub(super) fn maybe<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    if WAY.get() == Way::Straight {
        return Option::deserialize(deserializer);
    }
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(object(raw.get()))
}

/// A text, a number or a flag that is null, absent or odd counts as absent. Unlike [`maybe`] it is
/// read in one go.
pub(super) fn scalar<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Scalar(PhantomData))
}

struct Scalar<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Scalar<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Option<T>, E> {
        Ok(T::deserialize(BorrowedStrDeserializer::<E>::new(text)).ok())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::deserialize(IntoDeserializer::<E>::into_deserializer(text)).ok())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Option<T>, E> {
        Ok(T::deserialize(IntoDeserializer::<E>::into_deserializer(flag)).ok())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        Ok(T::deserialize(IntoDeserializer::<E>::into_deserializer(number)).ok())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        Ok(T::deserialize(IntoDeserializer::<E>::into_deserializer(number)).ok())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        Ok(T::deserialize(IntoDeserializer::<E>::into_deserializer(number)).ok())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<T>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Option<T>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a time stamp", Self::read)
    }
}

/// A string as what `make` makes of it; `expected` says what that is.
pub(super) fn from_text<'de, T, D>(
    deserializer: D,
    expected: &'static str,
    make: fn(&str) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text { expected, make })
}

struct Text<T> {
    expected: &'static str,
    make: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.make)(text).ok_or_else(|| E::invalid_value(Unexpected::Other("another text"), &self))
    }
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

    use super::{list, object, scalar};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Thing {
        id: u64,
        count: Option<u64>,
        name: String,
    }

    #[test]
    fn an_odd_field_costs_itself_and_nothing_else() {
        let read = object::<Thing>(r#"{"id":1,"count":"many","name":"n","new":[{}]}"#);
        assert_eq!(
            read,
            Some(Thing {
                id: 1,
                count: None,
                name: "n".into()
            })
        );
        assert_eq!(object::<Thing>(r#"{"count":1,"name":"n"}"#), None);
    }

    #[test]
    fn a_value_that_no_parser_takes_costs_itself_and_nothing_else() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for odd in ["1e999", r#""\ud800""#, &deep] {
            let json = format!(r#"{{"id":1,"count":{odd},"name":"n","new":{odd}}}"#);
            let read = object::<Thing>(&json).map(|thing| thing.name);
            assert_eq!(read.as_deref(), Some("n"), "{odd:.10}");
        }
    }

    #[test]
    fn an_odd_scalar_is_absent_whatever_stands_in_its_place() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Loose {
            #[serde(default, deserialize_with = "scalar")]
            flag: Option<bool>,
        }
        let read = |json: &str| serde_json::from_str::<Loose>(json).map(|loose| loose.flag);
        for odd in [
            "1",
            "-1",
            "0.5",
            r#""a\"b""#,
            "null",
            "[1,[2]]",
            r#"{"a":{}}"#,
        ] {
            let json = format!(r#"{{"flag":{odd}}}"#);
            assert_eq!(read(&json).ok(), Some(None), "{odd}");
        }
        assert_eq!(read(r#"{"flag":true}"#).ok(), Some(Some(true)));
        assert_eq!(read("{}").ok(), Some(None));
    }

    #[test]
    fn an_odd_element_costs_itself_and_nothing_else() {
        let read = list::<Thing>(r#"[7,{"id":1,"count":2,"name":"a"},{"name":"no id"},null]"#);
        let expected = vec![Thing {
            id: 1,
            count: Some(2),
            name: "a".into(),
        }];
        assert_eq!(read, Some((expected, 4)));
        assert_eq!(list::<Thing>(r#"{"not":"a list"}"#), None);
    }
}
