//! What a message must be to be a result of a scan.

use super::{Has, SearchMessages};
use crate::discord::Message;

/// A search, ready to be held against messages.
pub(super) struct Wanted<'a> {
    text: String,
    search: &'a SearchMessages,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(search: &'a SearchMessages) -> Self {
        Self {
            text: folded(search.query.as_str()),
            search,
        }
    }

    pub(super) fn matches(&self, message: &Message) -> bool {
        self.search
            .author_id
            .is_none_or(|author| message.author.id == Some(author))
            && self.search.has.is_none_or(|has| has.is_in(message))
            && message
                .texts()
                .any(|text| folded(text).contains(&self.text))
    }
}

/// Lower case, letter by letter: as words, `to_lowercase` gives a sigma at an end a form of its own.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            'ς' => folded.push('σ'),
            letter if letter.is_ascii() => folded.push(letter.to_ascii_lowercase()),
            letter => folded.extend(letter.to_lowercase()),
        }
    }
    folded
}

impl Has {
    fn is_in(self, message: &Message) -> bool {
        let files = || {
            let shown = message.shown().flat_map(|shown| &shown.attachments);
            message.attachments.iter().chain(shown)
        };
        let file_of = |kind: &str| {
            files().any(|file| {
                file.content_type
                    .as_deref()
                    .is_some_and(|found| found.starts_with(kind))
            })
        };
        match self {
            Self::Link => message
                .texts()
                .any(|text| text.contains("http://") || text.contains("https://")),
            Self::Embed => {
                !message.embeds.is_empty() || message.shown().any(|shown| !shown.embeds.is_empty())
            }
            Self::File => files().next().is_some(),
            Self::Image => file_of("image/"),
            Self::Video => file_of("video/"),
        }
    }
}
