//! The fields of a line for people, as tracing writes them: `name=value`, texts in quotes.

use std::error::Error;
use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, DefaultVisitor, Writer};

/// Writes fields. Where there are no colours, texts and numbers that need no care are written
/// without asking of each part how it should look: there is a line for every call.
pub(super) struct Fields;

impl<'a> FormatFields<'a> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'a>, fields: R) -> fmt::Result {
        if writer.has_ansi_escapes() {
            return DefaultFields::new().format_fields(writer, fields);
        }
        let mut plain = Plain {
            writer,
            first: true,
            written: Ok(()),
        };
        fields.record(&mut plain);
        plain.written
    }
}

struct Plain<'a> {
    writer: Writer<'a>,
    first: bool,
    written: fmt::Result,
}

impl Plain<'_> {
    /// Writes a value that needs no care.
    fn write(&mut self, field: &Field, quote: &str, value: &str) {
        let parts = [self.space(), field.name(), "=", quote, value, quote];
        let written = parts
            .iter()
            .try_for_each(|part| self.writer.write_str(part));
        self.written = self.written.and(written);
    }

    /// Writes any value.
    fn write_with_care(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        let space = self.space();
        let written = self.writer.write_str(space);
        let mut careful = DefaultVisitor::new(self.writer.by_ref(), true);
        record(&mut careful);
        self.written = self.written.and(written).and(careful.finish());
    }

    fn space(&mut self) -> &'static str {
        if std::mem::take(&mut self.first) {
            ""
        } else {
            " "
        }
    }
}

impl Visit for Plain<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if field.name() != "message" && value.bytes().all(plain) {
            self.write(field, "\"", value);
        } else {
            self.write_with_care(|careful| careful.record_str(field, value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, "", itoa::Buffer::new().format(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.write_with_care(|careful| careful.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write_with_care(|careful| careful.record_debug(field, value));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use std::fs::File;
    use std::io::{self, Seek as _};

    use tempfile::tempfile;

    use super::Fields;
    use crate::log::events::Events;

    /// Events of every kind of value.
    fn events() {
        let error = io::Error::other("a\u{1b}[31m \"fault\"");
        let (none, some) = (None::<&str>, Some(tracing::field::display("a\u{7}b")));
        tracing::info!(
            text = "plain",
            count = 7_u64,
            less = -7,
            none,
            some,
            "message \u{1b}[2J"
        );
        tracing::warn!(
            quoted = "a \"b\" \\ c",
            lines = "a\nb\u{1b}",
            other = "日本語",
            empty = ""
        );
        tracing::error!(%error, debug = ?["a", "b"], source = &error as &dyn std::error::Error);
        tracing::info!("alone");
        tracing::info!(r#type = "raw", yes = true, float = 1.5, text = "");
        tracing::debug!("d");
        tracing::trace!(target: "elsewhere", "t");
        let _span = tracing::info_span!("span", text = "inside").entered();
        tracing::info!("within");
    }

    #[test]
    fn lines_are_those_of_tracing_itself() {
        let (mut ours, mut theirs) = (tempfile().unwrap(), tempfile().unwrap());
        let layer = |file: &File| {
            tracing_subscriber::fmt()
                .with_writer(file.try_clone().unwrap())
                .with_ansi(false)
                .with_max_level(tracing::Level::TRACE)
        };
        let with_ours = layer(&ours).fmt_fields(Fields).event_format(Events::new());
        let with_theirs = layer(&theirs);
        tracing::subscriber::with_default(with_ours.finish(), events);
        tracing::subscriber::with_default(with_theirs.finish(), events);
        let text = |file: &mut File| {
            file.rewind().unwrap();
            let lines = io::read_to_string(file).unwrap();
            let lines = lines.lines().map(|line| {
                let (time, rest) = line.split_once(' ').unwrap();
                let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
                let form: String = time.chars().map(digits).collect();
                format!("{form} {rest}")
            });
            lines.collect::<Vec<_>>()
        };
        let ours = text(&mut ours);
        assert_eq!(ours, text(&mut theirs));
        assert_eq!(ours.len(), 8);
    }
}
