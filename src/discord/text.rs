//! Text that people wrote on Discord, made safe to hand to an agent.

use serde::de::{Deserialize, Deserializer};

use super::lenient;

/// Removes what a reader does not see and an agent would: control characters other than newline
/// and tab, bidirectional controls, zero-width characters, tag characters, and variation
/// selectors or joiners anywhere but between the parts of an emoji or a non-Latin word.
pub(crate) fn visible(text: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    // To the end in any case, so that many bytes are looked at in one step.
    if text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte));
        let (plain, other) = rest.split_at(plain.unwrap_or(rest.len()));
        kept.push_str(plain);
        let mut characters = other.chars();
        let Some(character) = characters.next() else {
            return kept;
        };
        rest = characters.as_str();
        let keep = match character {
            '\u{200C}' | '\u{200D}' => {
                joins(kept.chars().last())
                    && characters
                        .next()
                        .is_some_and(|next| !next.is_ascii() && !is_invisible(next))
            }
            '\u{FE0E}' | '\u{FE0F}' => takes_selector(kept.chars().last()),
            _ => !is_invisible(character),
        };
        if keep {
            kept.push(character);
        }
    }
}

/// A text that is made visible on its way in.
#[derive(Default)]
pub(super) struct Visible(pub(super) String);

impl<'de> Deserialize<'de> for Visible {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::from_text(deserializer, "a string", |text| Some(Self(visible(text))))
    }
}

/// Text on one line.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// What somebody reads of a text on one line of at most so many characters, the last of them an
/// ellipsis where there is more.
pub(crate) fn brief(text: &str, limit: usize) -> String {
    let line = visible(&one_line(text));
    if line.chars().count() <= limit {
        return line;
    }
    let cut: String = line.chars().take(limit.saturating_sub(1)).collect();
    // A joiner joins nothing any more.
    let cut = cut.trim_end_matches(['\u{200C}', '\u{200D}', ' ']);
    format!("{cut}…")
}

/// Whether a joiner after this character can be part of an emoji or a word.
fn joins(previous: Option<char>) -> bool {
    previous.is_some_and(|previous| {
        !previous.is_ascii() && !matches!(previous, '\u{200C}' | '\u{200D}')
    })
}

/// Whether a variation selector after this character can choose its form: emoji, and the ASCII
/// bases of keycaps.
fn takes_selector(previous: Option<char>) -> bool {
    previous.is_some_and(|previous| match previous {
        '#' | '*' | '0'..='9' => true,
        '\u{FE0E}' | '\u{FE0F}' | '\u{200C}' | '\u{200D}' => false,
        other => !other.is_ascii(),
    })
}

/// Default-ignorable, control and bidirectional characters (Unicode 16, DerivedCoreProperties
/// `Default_Ignorable_Code_Point`, UAX #9).
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{B}'..='\u{1F}' | '\u{7F}'..='\u{9F}'
        | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::{brief, visible};

    #[test]
    fn ordinary_text_of_any_script_is_kept() {
        for text in [
            "plain\n\ttext",
            "Grüße, мир, 世界",
            "❤️‍🔥 👩‍👩‍👧 1️⃣",
            "می‌خواهم",
            "क्‍ष",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn what_no_reader_sees_is_removed() {
        assert_eq!(
            visible("a\u{202E}b\u{2066}c\u{200B}d\u{FEFF}e\0f\u{1b}[31mg\rh"),
            "abcdef[31mgh"
        );
        assert_eq!(
            visible("x\u{E0049}\u{E0047}y"),
            "xy",
            "tag characters can spell instructions"
        );
        assert_eq!(
            visible("😀\u{FE0F}\u{FE0F}\u{FE01}\u{E0100}"),
            "😀\u{FE0F}",
            "selectors can carry bytes"
        );
        assert_eq!(visible("a\u{200D}b"), "ab");
    }

    #[test]
    fn a_second_pass_changes_nothing() {
        let once = visible("👩\u{200D}\u{200D}\u{200B}👧\u{FE0F}\u{200D}\u{FE0F}é\u{200D}");
        assert_eq!(visible(&once), once);
    }

    #[test]
    fn a_brief_text_is_one_line_within_its_limit() {
        assert_eq!(brief(" two\n\tlines  ", 9), "two lines");
        assert_eq!(brief("two lines and more", 10), "two lines…");
        assert_eq!(brief("two lines and more", 11), "two lines…");
        assert_eq!(
            brief("👩\u{200D}👩\u{200D}👧", 3),
            "👩…",
            "nothing is left joined to nothing"
        );
        assert_eq!(brief("\u{202E}\u{200B}", 5), "");
    }
}
