//! Files on their way to Discord: `multipart/form-data`, as RFC 7578 has it.
//! <https://discord.com/developers/docs/reference#uploading-files>

use axum::http::HeaderValue;
use serde::Serialize;

use crate::error::Error;

/// What a file is where nobody says.
const UNKNOWN: &str = "application/octet-stream";

/// A file to be sent with a message.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its name: one line without slashes.
    pub name: String,
    /// Its media type, of visible ASCII characters.
    pub kind: Option<String>,
    /// What it shows, for those who cannot see it; at most 1024 characters.
    pub description: Option<String>,
    /// What is in it.
    pub data: Vec<u8>,
}

/// What the message says of a file, known by its place in the form.
#[derive(Serialize)]
pub(super) struct Attachment<'a> {
    id: String,
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> Attachment<'a> {
    pub(super) fn list(files: &'a [Upload]) -> Vec<Self> {
        let files = files.iter().enumerate();
        files
            .map(|(at, file)| Self {
                id: at.to_string(),
                filename: &file.name,
                description: file.description.as_deref(),
            })
            .collect()
    }
}

/// A message and its files in one body, which is in memory, so that it can be sent again.
pub(super) struct Form {
    pub(super) content_type: HeaderValue,
    pub(super) body: Vec<u8>,
}

impl Form {
    /// The form of a message, as JSON, and its files.
    pub(super) fn new(message: &[u8], files: &[Upload]) -> Result<Self, Error> {
        // Nobody who chose what the files hold can have known it.
        let boundary = format!("part-{}", uuid::Uuid::now_v7().simple());
        let data: usize = files.iter().map(|file| file.data.len()).sum();
        // A head is at most a hundred characters of name, each up to four bytes, and some more.
        let mut body = Vec::with_capacity(message.len() + data + (files.len() + 2) * 1024);
        let mut part = |head: &str, content: &[u8]| {
            body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        part(
            "Content-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json",
            message,
        );
        for (at, file) in files.iter().enumerate() {
            // A name is quoted; a quotation mark in it is written as in a URL.
            let name = file.name.replace('"', "%22");
            let kind = file.kind.as_deref().unwrap_or(UNKNOWN);
            part(
                &format!(
                    "Content-Disposition: form-data; name=\"files[{at}]\"; filename=\"{name}\"\r\nContent-Type: {kind}"
                ),
                &file.data,
            );
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Ok(Self {
            content_type: HeaderValue::from_str(&content_type).map_err(|_| Error::internal())?,
            body,
        })
    }
}
