//! Which attachments are pictures and which are texts: by what Discord says of them, by what the
//! CDN says when they are fetched, and by their first bytes.

use crate::discord::model::Attachment;

/// The pictures that models can look at.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Names of texts, whatever their type is said to be: Discord guesses it, and takes TypeScript for
/// a film and Rust for a service description.
const TEXT_EXTENSIONS: [&str; 44] = [
    "txt", "md", "log", "csv", "tsv", "json", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf",
    "env", "xml", "html", "htm", "css", "js", "jsx", "ts", "tsx", "rs", "py", "go", "java", "kt",
    "swift", "c", "h", "cc", "cpp", "hpp", "cs", "rb", "php", "pl", "lua", "sh", "bat", "ps1",
    "sql", "diff", "patch",
];

impl Attachment {
    /// Whether it is said to be a picture of a kind that models can look at.
    pub fn is_image(&self) -> bool {
        self.media_type().is_some_and(|kind| image(kind).is_some())
    }

    /// Whether it is said to be text, or has a name that only texts have.
    pub fn is_text(&self) -> bool {
        let extension = self
            .filename
            .rsplit_once('.')
            .map(|(_, extension)| extension);
        let named = extension.is_some_and(|extension| {
            (TEXT_EXTENSIONS.iter()).any(|known| known.eq_ignore_ascii_case(extension))
        });
        !self.is_image() && (named || self.media_type().is_some_and(is_text))
    }

    /// Whether the CDN may serve it as this type, if it is a text.
    pub(super) fn may_be_served_as(&self, kind: &str) -> bool {
        let said = self.media_type();
        is_text(kind)
            || is(kind, "application/octet-stream")
            || said.is_some_and(|said| is(said, kind))
    }

    fn media_type(&self) -> Option<&str> {
        self.content_type.as_deref().map(essence)
    }
}

/// A media type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The kind of picture that this media type names.
pub(super) fn image(kind: &str) -> Option<&'static str> {
    IMAGES.into_iter().find(|known| is(kind, known))
}

/// The kind of picture that begins with these bytes.
pub(super) fn image_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// The text in these bytes, if it is UTF-8 without NUL, which no text holds. Where they were `cut`
/// off, the end may be a part of a character, and goes.
pub(super) fn text_of(bytes: &[u8], cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if cut && error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to())?;
            std::str::from_utf8(whole).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

fn is_text(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("text/") || kind == "application/json"
}

fn is(kind: &str, other: &str) -> bool {
    kind.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n\0"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF87a", Some("image/gif")),
            (b"GIF89a...", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"GIF88a", None),
            (b"\x89PNG", None),
            (b"<svg/>", None),
            (b"", None),
        ] {
            assert_eq!(image_of(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_nothing_else_is_taken_for_one() {
        for (bytes, cut, text) in [
            (&b"caf\xc3\xa9"[..], false, Some("café")),
            (b"caf\xc3", true, Some("caf")),
            (b"caf\xc3", false, None),
            (b"caf\xe9!", true, None),
            (b"a\0b", false, None),
            (b"\xff\xfeh\0i\0", false, None),
            (b"", true, Some("")),
        ] {
            assert_eq!(text_of(bytes, cut), text, "{bytes:?}");
        }
    }
}
