//! Results as text, for models whose client hands on nothing else.

use std::fmt::Write as _;

use crate::discord::{
    Attachment, Copied, Embed, Message, Origin, Poll, PollAnswer, Sticker, one_line, visible,
};

/// Messages, a line each: id, time (UTC), author, text. The day stands above the messages of a day,
/// and the minute only where it is another than that of the line above.
/// Further lines of a message are indented, so that no text can pass itself off as another message.
pub(super) fn lines<'a>(messages: impl IntoIterator<Item = &'a Message>) -> String {
    let mut text = String::new();
    let (mut day, mut minute) = ("", "");
    for message in messages {
        let (date, time) = message
            .timestamp
            .as_str()
            .split_once('T')
            .unwrap_or_default();
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
        write!(text, " {}:", one_line(message.author.shown())).ok();
        for (at, line) in message.content.lines().enumerate() {
            text.push_str(if at == 0 { " " } else { "\n  " });
            text.push_str(line);
        }
        match (&message.system, &message.kind) {
            (Some(sentence), _) => write!(text, " ({sentence})").ok(),
            (None, Some(kind)) => write!(text, " ({kind})").ok(),
            (None, None) => None,
        };
        if let Some(id) = message.reply_to {
            write!(text, " (reply to {id}").ok();
            if let Some(quote) = &message.quote {
                write!(text, ", {}: {}", quote.author, quote.text).ok();
            }
            text.push(')');
        }
        Parts::of(message).write(&mut text, "\n  ");
        if let Some(forwarded) = &message.forwarded {
            shown(&mut text, "forwarded", forwarded);
        }
        if let Some(starter) = &message.starter {
            shown(&mut text, "started", starter);
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

/// A message inside another, below a line that says where it is from.
fn shown(text: &mut String, how: &str, copied: &Copied) {
    write!(text, "\n  {how} from").ok();
    if let Some(author) = &copied.author {
        write!(text, " {}", one_line(author.shown())).ok();
    }
    let origin = copied.from.as_ref();
    let Origin {
        guild_id,
        channel_id,
        message_id,
    } = origin.copied().unwrap_or_default();
    for (what, id) in [
        ("server", guild_id.map(|id| id.0)),
        ("channel", channel_id.map(|id| id.0)),
        ("message", message_id.map(|id| id.0)),
    ] {
        if let Some(id) = id {
            write!(text, " {what} {id}").ok();
        }
    }
    text.push(':');
    indented(text, "\n    ", &copied.content);
    Parts::of_copied(copied).write(text, "\n    ");
}

/// What a message has besides its content.
struct Parts<'a> {
    components: &'a str,
    poll: Option<&'a Poll>,
    stickers: &'a [Sticker],
    attachments: &'a [Attachment],
    embeds: &'a [Embed],
}

impl<'a> Parts<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            components: &message.components,
            poll: message.poll.as_deref(),
            stickers: &message.stickers,
            attachments: &message.attachments,
            embeds: &message.embeds,
        }
    }

    fn of_copied(copied: &'a Copied) -> Self {
        Self {
            components: &copied.components,
            poll: copied.poll.as_ref(),
            stickers: &copied.stickers,
            attachments: &copied.attachments,
            embeds: &copied.embeds,
        }
    }

    /// Writes them, each on lines that begin with `line`.
    fn write(&self, text: &mut String, line: &str) {
        indented(text, line, self.components);
        if let Some(poll) = self.poll {
            write_poll(text, line, poll);
        }
        for sticker in self.stickers {
            write!(text, "{line}sticker: {}", one_line(&sticker.name)).ok();
        }
        for file in self.attachments {
            write!(
                text,
                "{line}file: {} {}",
                one_line(&file.filename),
                one_line(&file.url)
            )
            .ok();
        }
        for embed in self.embeds {
            let parts = [&embed.title, &embed.description, &embed.url];
            let parts: Vec<_> = (parts.into_iter().flatten())
                .map(|part| one_line(part))
                .collect();
            write!(text, "{line}embed: {}", parts.join(" | ")).ok();
        }
    }
}

fn write_poll(text: &mut String, line: &str, poll: &Poll) {
    let question = poll.question.as_deref().unwrap_or_default();
    write!(text, "{line}poll: {}", one_line(question)).ok();
    if poll.multiselect {
        text.push_str(" (several answers)");
    }
    match &poll.expiry {
        _ if poll.finished => text.push_str(" (finished)"),
        Some(expiry) => *text += &format!(" (until {expiry})"),
        None => {}
    }
    for PollAnswer {
        text: answer,
        emoji,
        count,
    } in &poll.answers
    {
        text.push_str(line);
        text.push('-');
        for part in [emoji, answer].into_iter().flatten() {
            write!(text, " {}", one_line(part)).ok();
        }
        if let Some(count) = count {
            write!(text, ": {count}").ok();
        }
    }
}

/// A text of several lines, each of which begins with `line`.
fn indented(text: &mut String, line: &str, more: &str) {
    for part in more.lines() {
        text.push_str(line);
        text.push_str(part);
    }
}
