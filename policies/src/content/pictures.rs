//! Pictures inside words: those that stand for a letter, and those that only part letters. `f⭕ol`, `i🔥d🔥i🔥o🔥t`.

use unicode_properties::UnicodeEmoji;

use super::invisible::{EMOJI_SELECTOR, ZERO_WIDTH_JOINER};
use super::span::{Mapped, Rewriter};

const KEYCAP: char = '\u{20E3}';

/// `base` with such pictures as the letters they stand for, or gone, or `None` when there are none. A picture that stands
/// alone, before a word or behind one stays as it is.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if base.text.is_ascii() {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let mut chars = base.text.char_indices().peekable();
    let (mut first, mut before) = (' ', ' ');
    while let Some((start, c)) = chars.next() {
        let keycap = before.is_ascii_digit() && matches!(c, EMOJI_SELECTOR | KEYCAP);
        if !is_picture(c) && !keycap {
            // The digit of a keycap stays: leetspeak knows what it stands for.
            (first, before) = (before, c);
            continue;
        }
        let mut run = vec![c];
        let mut end = start + c.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| is_picture(*c) || is_part(*c)) {
            run.push(c);
            end = at + c.len_utf8();
        }
        let after = chars.peek().map_or(' ', |(_, c)| *c);
        let inside = if keycap {
            run.contains(&KEYCAP) && (first.is_alphabetic() || after.is_alphabetic())
        } else {
            before.is_alphanumeric() && after.is_alphanumeric()
        };
        if let Some(letters) = stand_ins(&run).filter(|_| !keycap) {
            if inside || before.is_whitespace() && after.is_lowercase() {
                rewriter.edit(start..end, &letters);
            }
        } else if inside {
            rewriter.edit(start..end, "");
        }
    }
    rewriter.finish()
}

fn is_picture(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char() && !c.is_alphanumeric() && !is_part(c)
}

/// What changes the picture before it, or binds it to the next.
fn is_part(c: char) -> bool {
    matches!(c, EMOJI_SELECTOR | ZERO_WIDTH_JOINER | KEYCAP)
}

/// The letters that pictures pass for, if each of them does.
fn stand_ins(run: &[char]) -> Option<String> {
    run.iter().filter(|c| **c != EMOJI_SELECTOR).map(|c| stand_in(*c)).collect()
}

fn stand_in(picture: char) -> Option<char> {
    Some(match picture {
        '⭕' | '🔴' | '🔵' | '⚽' => 'o',
        '❌' | '❎' | '✖' => 'x',
        '💲' => 's',
        '✝' => 't',
        '❗' | '❕' => 'i',
        '🌙' => 'c',
        '✅' | '✔' => 'v',
        _ => return None,
    })
}
