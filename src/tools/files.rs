//! Files as parameters: base64 in JSON, which makes the calls that carry them larger than others.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::find;
use super::values::Text;
use crate::discord::{Upload, visible};
use crate::error::{Code, Error};

/// The largest call, in bytes of JSON, not counting the data of files.
pub const CALL_LIMIT: usize = 64 << 10;
/// Up to how many bytes a string counts in full before a call is read. Longer ones may be files, and
/// are so few that they cannot take much more room than they are long.
const SHORT: usize = 1 << 10;
/// The parameter that holds files, in the tools that take any.
const FILES: &str = "files";
/// The member that holds what is in a file.
const DATA: &str = "data";
/// The standard alphabet of RFC 4648; some leave out the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A file to attach.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct NewFile {
    #[schemars(with = "String", length(min = 1, max = 100))]
    name: FileName,
    /// Base64.
    #[schemars(with = "String")]
    data: Data,
    /// Media type.
    #[serde(rename = "type")]
    #[schemars(with = "Option<String>")]
    kind: Option<MediaType>,
    description: Option<Text<1, 1024>>,
}

impl NewFile {
    /// How many bytes are in it.
    pub(super) fn size(&self) -> usize {
        self.data.0.len()
    }

    pub(super) fn into_upload(self) -> Upload {
        Upload {
            name: self.name.0,
            kind: self.kind.map(|MediaType(kind)| kind),
            description: self.description.map(|text| text.as_str().to_owned()),
            data: self.data.0,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct FileName(String);

impl TryFrom<String> for FileName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if !(1..=100).contains(&name.chars().count()) {
            return Err("must be 1 to 100 characters long");
        }
        // What nobody sees can make a name look like that of another kind of file.
        let plain = !name.contains(['/', '\\', '\n', '\t']) && visible(&name) == name;
        if !plain || name.trim().is_empty() {
            return Err("must be a file name of visible characters, without slashes");
        }
        Ok(Self(name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Data(Vec<u8>);

impl TryFrom<String> for Data {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        let data = BASE64.decode(text);
        let problem = "must be base64 in the standard alphabet, without line breaks";
        data.map(Self).map_err(|_| problem)
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct MediaType(String);

impl TryFrom<String> for MediaType {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_word = |word: &str| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
            (1..=127).contains(&word.len()) && word.bytes().all(good)
        };
        // RFC 6838, section 4.2.
        match text.split_once('/') {
            Some((kind, part)) if is_word(kind) && is_word(part) => Ok(Self(text)),
            _ => Err("must be a media type such as image/png"),
        }
    }
}

/// Whether a call of `size` bytes may be that large: where files make it so, and nothing else.
///
/// # Errors
/// `payload_too_large`.
pub fn check_size(tool: &str, params: &Map<String, Value>, size: usize) -> Result<(), Error> {
    let fits = size <= CALL_LIMIT
        || match recorded(tool, params) {
            Cow::Owned(rest) => json_size(&rest) <= CALL_LIMIT,
            Cow::Borrowed(_) => false,
        };
    if fits { Ok(()) } else { Err(too_large()) }
}

/// Whether JSON that is larger than a call can be so by files, as far as can be told without reading
/// it: what stands outside of long strings must fit. Values take up to thirty times the room of their
/// text, so this comes before any parser.
///
/// # Errors
/// `payload_too_large`.
pub fn check_weight(json: &[u8]) -> Result<(), Error> {
    if json.len() <= CALL_LIMIT || weight(json) <= CALL_LIMIT {
        Ok(())
    } else {
        Err(too_large())
    }
}

/// How many bytes of JSON are neither in long strings nor white space between values.
fn weight(json: &[u8]) -> usize {
    let (mut weight, mut bytes) = (0, json.iter());
    while let Some(byte) = bytes.next() {
        weight += usize::from(!byte.is_ascii_whitespace());
        if *byte != b'"' {
            continue;
        }
        let mut length = 0;
        while let Some(byte) = bytes.next().filter(|byte| **byte != b'"') {
            length += 1;
            if *byte == b'\\' && bytes.next().is_some() {
                length += 1;
            }
        }
        if length <= SHORT {
            weight += length;
        }
    }
    weight
}

/// A call is too large, and files are not why.
pub fn too_large() -> Error {
    Error::new(
        Code::PayloadTooLarge,
        "The call is larger than 64 KiB, not counting the data of files",
    )
}

/// How many bytes of JSON that is.
pub fn json_size(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

/// Parameters without the data of files, in whose place their sizes stand: what the trail keeps.
pub fn recorded<'a>(tool: &str, params: &'a Map<String, Value>) -> Cow<'a, Map<String, Value>> {
    let takes = find(tool).is_some_and(|tool| tool.files);
    let files = params
        .get(FILES)
        .filter(|_| takes)
        .and_then(Value::as_array);
    let Some(files) = files.filter(|files| files.iter().any(|file| file[DATA].is_string())) else {
        return Cow::Borrowed(params);
    };
    let sizes = files.iter().map(|file| match file {
        Value::Object(fields) => fields.iter().map(sized).collect(),
        other => other.clone(),
    });
    let sizes: Value = sizes.collect();
    let rest = params.iter().map(|(name, value)| {
        let value = if name == FILES { &sizes } else { value };
        (name.clone(), value.clone())
    });
    Cow::Owned(rest.collect())
}

fn sized((name, value): (&String, &Value)) -> (String, Value) {
    match value {
        Value::String(text) if name == DATA => {
            let digits = text.trim_end_matches('=').len();
            (
                "size".to_owned(),
                (digits / 4 * 3 + digits % 4 * 3 / 4).into(),
            )
        }
        other => (name.clone(), other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{CALL_LIMIT, SHORT, check_weight, weight};

    #[test]
    fn what_is_not_in_long_strings_counts() {
        let (short, long) = ("x".repeat(SHORT), "x".repeat(SHORT + 1));
        for (json, expected) in [
            (String::new(), 0),
            (r#"{"a": [1, "b"]}"#.to_owned(), 11),
            (format!(r#"["{short}"]"#), SHORT + 3),
            (format!(r#"["{long}"]"#), 3),
            // A quotation mark that is escaped ends nothing.
            (format!(r#"["{long}\"{long}"]"#), 3),
            (format!(r#"["{long}\\"]"#), 3),
            // What does not end is no JSON, which others find out.
            (format!(r#"["{long}"#), 2),
            (r#"["\"#.to_owned(), 3),
        ] {
            // A closing mark is one with its string.
            assert_eq!(weight(json.as_bytes()), expected, "{json:.20}");
        }
        let data = "A".repeat(2 * CALL_LIMIT);
        let call = |rest: &str| format!(r#"{{"files": [{{"data": "{data}"}}], "rest": [{rest}]}}"#);
        assert!(check_weight(call("1, 2, 3").as_bytes()).is_ok());
        assert!(check_weight(call(&"{},".repeat(CALL_LIMIT / 3)).as_bytes()).is_err());
        assert!(check_weight("[],".repeat(CALL_LIMIT / 3).as_bytes()).is_ok());
    }
}
