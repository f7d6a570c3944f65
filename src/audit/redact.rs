//! Taking secrets out of what callers sent, wherever they stand.

use std::borrow::Cow;

use serde_json::{Map, Value};

const REDACTED: &str = "[redacted]";
/// How a JSON object begins in base64: the header of a token, and its payload.
const JSON_IN_BASE64: &str = "eyJ";
/// The shortest part of a token that counts as one by itself.
const PART_LIMIT: usize = 40;
/// The shortest that any of the forms below can be: a JWT's header, its dots, and ten characters.
const SHORTEST: usize = 12 + 10 + 2;

/// `params` without anything of the form of a bot token or a JWT, in values and names.
pub(super) fn redacted(params: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    let clean = |(name, value): (&String, &Value)| !may_hold_token(name) && is_clean(value);
    if params.iter().all(clean) {
        return Cow::Borrowed(params);
    }
    let fields = params
        .iter()
        .map(|(name, value)| (redacted_text(name), redacted_value(value)));
    Cow::Owned(fields.collect())
}

fn is_clean(value: &Value) -> bool {
    match value {
        Value::String(text) => !may_hold_token(text),
        Value::Array(values) => values.iter().all(is_clean),
        Value::Object(fields) => matches!(redacted(fields), Cow::Borrowed(_)),
        _ => true,
    }
}

fn redacted_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted_text(text)),
        Value::Array(values) => values.iter().map(redacted_value).collect(),
        Value::Object(fields) => Value::Object(redacted(fields).into_owned()),
        other => other.clone(),
    }
}

/// Whether a text holds something of the form of a token.
pub fn holds_secret(text: &str) -> bool {
    redacted_text(text) != text
}

/// Whether a token or one of its dots can go on with this character.
fn in_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '=')
}

/// Whether a closer look is worth its cost: most texts have no run as long as the shortest token.
fn may_hold_token(text: &str) -> bool {
    let runs = |byte: &u8| !in_token(char::from(*byte));
    text.len() >= SHORTEST && text.as_bytes().split(runs).any(|run| run.len() >= SHORTEST)
}

/// Replaces each run of characters that holds a token. Runs are cut where neither a token nor its
/// dots can go on, so the words around it stay.
fn redacted_text(text: &str) -> String {
    if !may_hold_token(text) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_token) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(
            from.find(|character| !in_token(character))
                .unwrap_or(from.len()),
        );
        clean.push_str(before);
        clean.push_str(if holds_token(run) { REDACTED } else { run });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// Whether three or more neighbouring dot-separated parts look like a bot token (an id, a stamp, a
/// MAC) or a JWT or JWE (a header that begins like JSON in base64, a body, more).
fn holds_token(run: &str) -> bool {
    if run.len() < SHORTEST {
        return false;
    }
    let parts: Vec<&str> = run.split('.').collect();
    // The payload of a token alone holds all that matters.
    if parts.iter().any(|part| {
        part.find(JSON_IN_BASE64)
            .is_some_and(|at| part.len() - at >= PART_LIMIT)
    }) {
        return true;
    }
    parts.windows(3).any(|window| match window {
        [first, second, third] => {
            let bot = first.len() >= 17 && second.len() >= 5 && third.len() >= 20;
            let jwt = first.contains(JSON_IN_BASE64)
                && first.len() >= 12
                && (second.len() >= 10 || third.len() >= 10);
            bot || jwt
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::redacted_value as redacted;

    #[test]
    fn tokens_are_taken_out_wherever_they_stand() {
        let bot = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB";
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        let params =
            json!({"message": format!("my token: {bot}, and «{jwt}»!"), bot: [{"a": jwt}]});
        let expected = json!({
            "message": "my token: [redacted], and «[redacted]»!",
            "[redacted]": [{"a": "[redacted]"}],
        });
        assert_eq!(redacted(&params), expected);
    }

    #[test]
    fn a_part_of_a_token_that_says_it_all_is_taken_out() {
        let payload = "eyJkaXNjb3JkX3Rva2VuIjoiTVRJek5EVTJOemc1TURFeU16UTFOamM0In0";
        assert_eq!(
            redacted(&json!(format!("decode {payload} for me"))),
            json!("decode [redacted] for me")
        );
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "See https://example.com/a.b.c for v1.2.3.",
            "e.g. this... and that",
            "日本語。テスト",
        ] {
            assert_eq!(redacted(&json!(text)), json!(text));
        }
    }
}
