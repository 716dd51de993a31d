//! Pictures inside words: those that stand for a letter, and those that only part letters. `f⭕ol`, `i🔥d🔥i🔥o🔥t`.

use unicode_properties::UnicodeEmoji;

use super::invisible::{EMOJI_SELECTOR, ZERO_WIDTH_JOINER};
use super::span::{Mapped, Rewriter};

const KEYCAP: char = '\u{20E3}';

/// Pictures that pass for letters: those inside words, and those that a word begins or ends with.
#[derive(Default)]
struct Seen {
    inside: usize,
    beside: usize,
}

/// So many pictures that pass for letters, one of them inside a word, make a text that is written so.
const FEWEST: usize = 3;

/// `base` with such pictures as the letters they stand for, or gone, or `None` when there are none. A picture that stands
/// alone, before a word or behind one stays as it is, unless much of the text is written so.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if base.text.is_ascii() {
        return None;
    }
    let (undone, Seen { inside, beside }) = rewrite(base, false);
    if inside > 0 && inside + beside >= FEWEST { rewrite(base, true).0 } else { undone }
}

/// The text without pictures inside words; `boldly`, without any that may stand for a letter of a word. And what was
/// seen of them.
fn rewrite(base: &Mapped, boldly: bool) -> (Option<Mapped>, Seen) {
    let mut rewriter = Rewriter::new(base);
    let mut chars = base.text.char_indices().peekable();
    let (mut first, mut before) = (' ', ' ');
    let mut seen = Seen::default();
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
        let letters = stand_ins(&run).filter(|_| !keycap);
        if letters.is_some() {
            seen.inside += usize::from(inside);
            seen.beside += usize::from(before.is_alphabetic() != after.is_alphabetic());
        }
        match letters {
            Some(letters) if inside || boldly || before.is_whitespace() && after.is_lowercase() => {
                rewriter.edit(start..end, &letters);
            }
            None if inside => rewriter.edit(start..end, ""),
            _ => {}
        }
        (first, before) = (before, ' ');
    }
    (rewriter.finish(), seen)
}

pub(super) fn is_picture(c: char) -> bool {
    let lettered = matches!(c, '🅰' | '🅱' | '🅾' | '🅿');
    lettered || !c.is_ascii() && c.is_emoji_char() && !c.is_alphanumeric() && !is_part(c)
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
        '🅰' => 'a',
        '🅱' => 'b',
        '🅿' => 'p',
        '🅾' | '⭕' | '🔴' | '🔵' | '⚽' => 'o',
        '❌' | '❎' | '✖' => 'x',
        '💲' => 's',
        '✝' => 't',
        '❗' | '❕' => 'i',
        '🌙' => 'c',
        '✅' | '✔' => 'v',
        _ => return None,
    })
}
