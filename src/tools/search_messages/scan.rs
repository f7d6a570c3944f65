//! The search that reads history, newest first.

use tokio::time::Instant;

use super::{Call, Has, Mode, NoIndex, Results, SearchMessages, intent_hint};
use crate::discord::{Bounds, History, Message, MessageId, PAGE};
use crate::error::Error;

impl SearchMessages {
    /// Reads history until there are enough results, `max_scan` messages were read, the time is
    /// up, or nothing older is left.
    pub(super) async fn scan(
        &self,
        call: &Call<'_>,
        fallback: Option<NoIndex>,
    ) -> Result<Results, Error> {
        let (limit, max_scan) = (self.limit.get(), self.max_scan.get());
        let wanted = Wanted::new(self);
        let mut bounds = self.older_than().map_or(Bounds::Newest, Bounds::Before);
        let mut found: Vec<Message> = Vec::new();
        let mut scanned = 0;
        let mut last_seen: Option<MessageId> = None;
        let mut blank = None;
        let mut unread = false;
        let complete = 'pages: loop {
            let asked = PAGE.min(max_scan - scanned);
            if asked == 0 || Instant::now() >= call.soft_deadline {
                break false;
            }
            let History {
                messages: page,
                received,
            } = match tokio::time::timeout_at(
                call.soft_deadline,
                call.discord.messages(self.channel_id, bounds, asked),
            )
            .await
            {
                Ok(page) => page?,
                // With something read already the answer is what there is; else the deadline speaks.
                Err(_) if scanned > 0 => break false,
                Err(_) => return Err(crate::discord::timed_out(false)),
            };
            blank = blank.or_else(|| intent_hint(&page, call.discord.bot()));
            let beginning = received < asked;
            unread |= page.len() < received;
            (call.progress)(scanned + received, max_scan);
            let mut rest = page.into_iter().peekable();
            while let Some(message) = rest.next() {
                if self.newer_than().is_some_and(|bound| message.id.0 <= bound) {
                    break 'pages true;
                }
                scanned += 1;
                last_seen = Some(message.id);
                if wanted.matches(&message) {
                    found.push(message);
                }
                if found.len() == limit {
                    break 'pages beginning && rest.peek().is_none();
                }
            }
            if beginning {
                break true;
            }
            match last_seen {
                Some(id) if !matches!(bounds, Bounds::Before(last) if last == id.0) => {
                    bounds = Bounds::Before(id.0)
                }
                // A page of which nothing can be read does not tell where the next one begins.
                _ => break false,
            }
        };
        // A bot that may not read history gets an empty page, as if there were nothing to read.
        let nothing = scanned == 0 && matches!(fallback, Some(NoIndex::Forbidden(_)));
        let complete = complete && !unread && !nothing;
        Ok(Results {
            messages: found,
            mode: Mode::Scan,
            fallback: fallback.as_ref().map(NoIndex::text),
            scanned: Some(scanned),
            complete,
            total_results: None,
            next_before: last_seen.filter(|_| !complete),
            hint: blank,
        })
    }
}

/// What a message must be to be a result.
struct Wanted<'a> {
    text: String,
    search: &'a SearchMessages,
}

impl<'a> Wanted<'a> {
    fn new(search: &'a SearchMessages) -> Self {
        Self {
            text: folded(search.query.as_str()),
            search,
        }
    }

    fn matches(&self, message: &Message) -> bool {
        self.search
            .author_id
            .is_none_or(|author| message.author.id == Some(author))
            && self.search.has.is_none_or(|has| has.is_in(message))
            && folded(&message.content).contains(&self.text)
    }
}

/// Lower case, letter by letter: as words, `to_lowercase` gives a sigma at an end a form of its own.
fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == 'ς' { 'σ' } else { letter })
        .collect()
}

impl Has {
    fn is_in(self, message: &Message) -> bool {
        let file_of = |kind: &str| {
            message.attachments.iter().any(|file| {
                file.content_type
                    .as_deref()
                    .is_some_and(|found| found.starts_with(kind))
            })
        };
        match self {
            Self::Link => {
                message.content.contains("http://") || message.content.contains("https://")
            }
            Self::Embed => !message.embeds.is_empty(),
            Self::File => !message.attachments.is_empty(),
            Self::Image => file_of("image/"),
            Self::Video => file_of("video/"),
        }
    }
}
