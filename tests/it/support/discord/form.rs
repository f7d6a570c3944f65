//! A body of `multipart/form-data`, as RFC 7578 has it: a message and its files.

use serde_json::Value;

use super::request::Seen;

/// A file in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of its field: `files[0]`.
    pub field: String,
    pub filename: String,
    pub content_type: String,
    pub data: Vec<u8>,
}

impl Seen {
    /// What the request says in JSON: its body, or the `payload_json` of its form; and the files.
    /// `None` where it is neither.
    pub fn message(&self) -> Option<(Value, Vec<Part>)> {
        let kind = self.header("content-type").unwrap_or_default();
        let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
            return Some((serde_json::from_slice(&self.body).ok()?, Vec::new()));
        };
        let (mut payload, mut files) = (None, Vec::new());
        for (head, data) in parts(&self.body, boundary)? {
            let head = std::str::from_utf8(head).ok()?;
            let mut disposition = None;
            let mut content_type = String::new();
            for line in head.split("\r\n") {
                let (name, value) = line.split_once(": ")?;
                match name {
                    "Content-Disposition" => disposition = Some(value),
                    "Content-Type" => content_type = value.to_owned(),
                    _ => return None,
                }
            }
            let disposition = disposition?.strip_prefix("form-data; ")?;
            let (field, rest) = quoted(disposition, "name")?;
            if field == "payload_json" {
                payload = Some(serde_json::from_slice(data).ok()?);
                continue;
            }
            let (filename, _) = quoted(rest.strip_prefix("; ")?, "filename")?;
            files.push(Part {
                field: field.to_owned(),
                filename: filename.replace("%22", "\""),
                content_type,
                data: data.to_vec(),
            });
        }
        Some((payload?, files))
    }
}

/// The parts between the boundaries, each as its head and its content.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<(&'a [u8], &'a [u8])>> {
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let end = format!("\r\n--{boundary}");
    loop {
        let length = find(rest, end.as_bytes())?;
        let (part, after) = (&rest[..length], &rest[length + end.len()..]);
        let head = find(part, b"\r\n\r\n")?;
        parts.push((&part[..head], &part[head + 4..]));
        if after == b"--\r\n" {
            return Some(parts);
        }
        rest = after.strip_prefix(b"\r\n")?;
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut at = 0;
    // The first byte is looked for first: a window at every byte of a file would take minutes.
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == wanted[0])?;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// The value of `name="…"` at the start of the text, and what follows.
fn quoted<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let text = text.strip_prefix(name)?.strip_prefix("=\"")?;
    text.split_once('"')
}
