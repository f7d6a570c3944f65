//! Results as text, for models whose client hands on nothing else.

use std::fmt::Write as _;

use crate::discord::{Message, visible};

/// Messages, a line each: id, time (UTC), author, text. The day stands above the messages of a day,
/// and the minute only where it is another than that of the line above.
/// Further lines of a message are indented, so that no text can pass itself off as another message.
pub(super) fn lines<'a>(messages: impl IntoIterator<Item = &'a Message>) -> String {
    let mut text = String::new();
    let (mut day, mut minute) = ("", "");
    for message in messages {
        let (date, time) = message.timestamp.split_once('T').unwrap_or_default();
        if date != day {
            writeln!(text, "{date}").ok();
            (day, minute) = (date, "");
        }
        write!(text, "{}", message.id).ok();
        let time = time.get(..5).unwrap_or_default();
        if time != minute {
            write!(text, " {time}").ok();
            minute = time;
        }
        let author = message
            .author
            .display_name
            .as_ref()
            .unwrap_or(&message.author.username);
        write!(text, " {}:", one_line(author)).ok();
        for (at, line) in message.content.lines().enumerate() {
            text.push_str(if at == 0 { " " } else { "\n  " });
            text.push_str(line);
        }
        if let Some(kind) = &message.kind {
            write!(text, " ({kind})").ok();
        }
        if let Some(id) = message.reply_to {
            write!(text, " (reply to {id})").ok();
        }
        for file in &message.attachments {
            write!(text, "\n  file: {} {}", one_line(&file.filename), file.url).ok();
        }
        for embed in &message.embeds {
            let parts = [&embed.title, &embed.description, &embed.url];
            let parts: Vec<_> = parts
                .into_iter()
                .flatten()
                .map(|part| one_line(part))
                .collect();
            write!(text, "\n  embed: {}", parts.join(" | ")).ok();
        }
        text.push('\n');
    }
    text
}

/// A text of the agent's own making, as it may stand in a question to its user: one visible line
/// that cannot pass itself off as more than a quotation.
pub(super) fn quoted(text: &str) -> String {
    const LIMIT: usize = 200;
    let line = one_line(&visible(text)).replace('"', "'");
    if line.chars().count() <= LIMIT {
        line
    } else {
        line.chars().take(LIMIT).chain(['…']).collect()
    }
}

/// Text from Discord on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
