//! Words whose letters were drawn out: `kiiiiilllll`.

use super::span::{Mapped, Rewriter};

/// As many of one letter in a row are more than any spelling has (but for German compounds, which lose nothing).
const FLOOD: usize = 3;
const KASHIDA: char = 'ـ';

/// `base` with such letters written as often as a spelling would, or `None` when there are none.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if !has_flood(&base.text) && !base.text.contains(KASHIDA) {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let mut word: Vec<(usize, char)> = Vec::new();
    let mut chars = base.text.char_indices().peekable();
    let mut before = ' ';
    while let Some((position, c)) = chars.next() {
        if c.is_lowercase() || c.is_uppercase() {
            word.push((position, c));
        } else if !word.is_empty() {
            shorten(&word, &mut rewriter);
            word.clear();
        }
        // Between letters it lengthens the line and is none itself; at the end of a word it is part of it.
        if c == KASHIDA && before.is_alphabetic() && chars.peek().is_some_and(|(_, c)| c.is_alphabetic()) {
            rewriter.edit(position..position + c.len_utf8(), "");
        }
        before = c;
    }
    shorten(&word, &mut rewriter);
    rewriter.finish()
}

fn has_flood(text: &str) -> bool {
    let mut before = ' ';
    let mut run = 0;
    text.chars().any(|c| {
        run = if c.is_alphabetic() && alike(before, c) { run + 1 } else { 1 };
        before = c;
        run == FLOOD
    })
}

fn alike(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b) || !a.is_ascii() && !b.is_ascii() && a.to_lowercase().eq(b.to_lowercase())
}

fn shorten(word: &[(usize, char)], rewriter: &mut Rewriter<'_>) {
    let mut runs = word.chunk_by(|(_, a), (_, b)| alike(*a, *b)).peekable();
    let whole = |run: &[(usize, char)]| run.len() == word.len();
    if word.iter().all(|(_, c)| matches!(c, 'I' | 'V' | 'X' | 'L' | 'C' | 'D' | 'M')) {
        return; // a Roman number
    }
    let mut before = None;
    while let Some(run) = runs.next() {
        let Some((_, letter)) = run.first() else { continue };
        let after_vowel = before.replace(*letter).map(is_vowel);
        if run.len() < FLOOD || whole(run) {
            continue;
        }
        // No word begins with a double letter; double consonants follow vowels, and double vowels consonants.
        let may_double = after_vowel.is_some_and(|after_vowel| after_vowel != is_vowel(*letter));
        let kept = 1 + usize::from(may_double && doubles(*letter, runs.peek().is_none()));
        if let (Some((start, _)), Some((last, c))) = (run.get(kept), run.last()) {
            rewriter.edit(*start..last + c.len_utf8(), "");
        }
    }
}

fn is_vowel(letter: char) -> bool {
    "aeiouyäöü".contains(letter.to_lowercase().next().unwrap_or(letter))
}

/// Whether a letter drawn out is more likely a double one, as in `kill`, than a single one, as in `hate`.
fn doubles(letter: char, last: bool) -> bool {
    let often = if last { "lsf" } else { "bdefglmnoprstz" };
    often.contains(letter.to_ascii_lowercase())
}
