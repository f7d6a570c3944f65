//! Cutting a long text into messages where a reader would.

/// Room that is left in every part for closing a code fence: a newline and the fence.
const FENCE: &str = "```";
/// The longest language that is repeated when a fence is opened again.
const INFO_LIMIT: usize = 40;

/// Cuts `text` into parts of at most `limit` characters, at paragraph ends where it can, else at
/// line ends, else at word ends, else anywhere between characters. A part that would end inside a
/// code fence closes it, and the next one opens it again with the same language.
///
/// No part is blank, and apart from white space at the cuts and the fences that were added, the
/// parts together are the text. `limit` must be above 100.
pub(super) fn split(text: &str, limit: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    let mut open: Option<String> = None;
    while !rest.is_empty() {
        let opening = open
            .as_ref()
            .map(|info| format!("{FENCE}{info}\n"))
            .unwrap_or_default();
        let opened = opening.chars().count();
        let whole = opened + rest.chars().count() <= limit;
        let room = limit - opened - FENCE.len() - 1;
        let taken = if whole { rest.len() } else { cut(rest, room) };
        let (piece, after) = rest.split_at(taken);
        let piece = piece.trim_end();
        open = fence_after(piece, open);
        let mut part = opening + piece;
        if open.is_some() && !whole {
            part.push('\n');
            part.push_str(FENCE);
        }
        if !piece.trim().is_empty() {
            parts.push(part);
        }
        // Inside a fence the indentation of the next line is part of the code.
        rest = if open.is_some() {
            after.trim_start_matches(['\n', '\r'])
        } else {
            after.trim_start()
        };
    }
    parts
}

/// Where to cut, in bytes, so that at most `room` characters come before.
fn cut(text: &str, room: usize) -> usize {
    let end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    let window = text.get(..end).unwrap_or(text);
    // A paragraph or line end in the first half would leave many short messages.
    let half = end / 2;
    let candidates = [
        window.rfind("\n\n").filter(|&at| at > half),
        window.rfind('\n').filter(|&at| at > half),
        window.rfind(char::is_whitespace).filter(|&at| at > 0),
    ];
    let at = candidates.into_iter().flatten().next().unwrap_or(end);
    outside_of_fence_mark(text, at)
}

/// Moves a cut that falls into the middle of three backticks to their beginning.
fn outside_of_fence_mark(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    let after = text.get(at..).unwrap_or_default();
    let ticks_before = before.len() - before.trim_end_matches('`').len();
    let ticks_after = after.len() - after.trim_start_matches('`').len();
    let moved = at - ticks_before;
    if ticks_before > 0 && ticks_after > 0 && moved > 0 {
        moved
    } else {
        at
    }
}

/// The language of the fence that is open at the end of `piece`, if one is, given the one that was
/// open at its beginning.
fn fence_after(piece: &str, before: Option<String>) -> Option<String> {
    let mut open = before;
    let mut rest = piece;
    while let Some(at) = rest.find(FENCE) {
        let after = rest.get(at + FENCE.len()..).unwrap_or_default();
        open = match open {
            Some(_) => None,
            None => Some(info(after)),
        };
        rest = after;
    }
    open
}

/// The language after an opening fence: a word that ends its line.
fn info(after: &str) -> String {
    let Some((line, _)) = after.split_once('\n') else {
        return String::new();
    };
    let word = line.trim_end();
    let is_info = word.len() <= INFO_LIMIT
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-_#.".contains(c));
    if is_info {
        word.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;

    #[test]
    fn a_text_that_fits_is_one_part() {
        assert_eq!(split("hello", 2000), ["hello"]);
        assert_eq!(split(&"x".repeat(2000), 2000), ["x".repeat(2000)]);
    }

    #[test]
    fn cuts_fall_on_paragraphs_then_lines_then_words() {
        let (a, b) = ("a".repeat(90), "b".repeat(90));
        assert_eq!(
            split(&format!("{a}\n{a}\n\n{b}"), 200),
            [format!("{a}\n{a}"), b.clone()]
        );
        assert_eq!(split(&format!("{a}\n{b}"), 150), [a.clone(), b.clone()]);
        assert_eq!(split(&format!("{a} {b}"), 150), [a, b]);
        let lengths: Vec<_> = split(&"x".repeat(300), 150)
            .iter()
            .map(String::len)
            .collect();
        assert_eq!(lengths, [146, 146, 8]);
    }

    #[test]
    fn a_fence_is_closed_and_opened_again_with_its_language() {
        let code = "let x = 1;\n".repeat(20);
        let parts = split(&format!("Look:\n```rust\n{code}```\ndone"), 150);
        assert!(parts.len() > 1);
        for part in &parts {
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
        assert!(
            parts
                .iter()
                .skip(1)
                .all(|part| part.starts_with("```rust\nlet x = 1;"))
        );
    }

    proptest! {
        #[test]
        fn no_part_is_too_long_or_blank_and_nothing_is_lost(text in "([a-zé😀`]{1,30}|[ \n]{1,3}|```[a-z]{0,5}\n){0,120}") {
            let parts = split(&text, 120);
            for part in &parts {
                prop_assert!(part.chars().count() <= 120);
                prop_assert!(!part.trim().is_empty());
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace() && c.is_alphabetic() && !c.is_ascii()).collect::<String>();
            prop_assert_eq!(letters(&parts.concat()), letters(&text));
        }

        #[test]
        fn plain_words_come_out_as_they_went_in(text in "([a-zé😀]{1,150}[ \n]{1,2}){0,60}") {
            let words = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(words(&split(&text, 120).join(" ")), words(&text));
        }
    }
}
