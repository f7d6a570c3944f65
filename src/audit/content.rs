//! How much of what people wrote the trail keeps.

use std::borrow::Cow;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

use crate::hex;

/// The parameters that hold what people wrote, whatever it looks like.
const TEXTS: [&str; 9] = [
    "message",
    "content",
    "query",
    "reason",
    "title",
    "tags",
    "thread_name",
    "name",
    "description",
];
/// The longest string that can pass for an id, a time or a word of ours.
const WORD_LIMIT: usize = 40;

/// What `AUDIT_CONTENT` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentPolicy {
    /// Keep it.
    Full,
    /// Keep a keyed digest and the length: equal texts are seen to be equal, and no more.
    Digest,
    /// Leave it out.
    None,
}

impl FromStr for ContentPolicy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "full" => Ok(Self::Full),
            "digest" => Ok(Self::Digest),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

/// The policy, with the key that it may need.
pub struct Content {
    policy: ContentPolicy,
    key: Option<hmac::Key>,
}

impl Content {
    /// The policy, with the secret under which digests are made: they can be compared by whoever
    /// has it, and by nobody else. Without one, digests are left out.
    pub fn new(policy: ContentPolicy, secret: Option<&[u8]>) -> Self {
        let key = secret
            .filter(|_| policy == ContentPolicy::Digest)
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret));
        Self { policy, key }
    }

    /// Applies the policy to redacted parameters.
    pub(super) fn apply<'a>(
        &self,
        params: Cow<'a, Map<String, Value>>,
    ) -> Cow<'a, Map<String, Value>> {
        match self.policy {
            ContentPolicy::Full => params,
            _ => Cow::Owned(self.object(params.into_owned())),
        }
    }

    fn object(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let kept = fields.into_iter().filter_map(|(name, value)| {
            let text = TEXTS.contains(&name.as_str());
            // A name that no tool knows may be a text in the wrong place, too.
            let name = if is_word(&name) {
                name
            } else {
                "(a name)".to_owned()
            };
            Some((name, self.value(value, text)?))
        });
        kept.collect()
    }

    fn value(&self, value: Value, text: bool) -> Option<Value> {
        match value {
            Value::String(string) if text || !is_word(&string) => self.text(&string),
            Value::Array(values) => Some(
                values
                    .into_iter()
                    .filter_map(|value| self.value(value, text))
                    .collect(),
            ),
            Value::Object(fields) => Some(Value::Object(self.object(fields))),
            other => Some(other),
        }
    }

    fn text(&self, text: &str) -> Option<Value> {
        let key = self.key.as_ref()?;
        let tag = hmac::sign(key, text.as_bytes());
        Some(json!({"hmac_sha256": hex::encode(tag.as_ref()), "length": text.chars().count()}))
    }
}

/// Whether a string can be an id, a time or a word of ours.
fn is_word(text: &str) -> bool {
    text.len() <= WORD_LIMIT
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-:.+[]".contains(&byte))
}
