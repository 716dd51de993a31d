//! Words whose letters were drawn apart: `k i l l`, `k.i.l.l`, `k - i - l - l`.

use std::iter::once;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::invisible::{ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER};
use super::leetspeak::{edit, is_stand_in, letter};
use super::span::{Mapped, Rewriter};

/// Fewer single letters in a row are initials or an abbreviation.
const FEWEST_LETTERS: usize = 3;
/// More characters between two letters part words, not letters.
const WIDEST_GAP: usize = 3;

/// `base` with such words written together, or `None` when there are none.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if singles(&base.text) < FEWEST_LETTERS {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let mut word = Word::default();
    let mut position = 0;
    let text = base.text.as_str();
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let gap = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
        let start = position + gap;
        let rest = text.get(start..).unwrap_or_default();
        let end = start + rest.find(is_gap).unwrap_or(rest.len());
        let gap = text.get(position..start).unwrap_or_default();
        if let Some(letter) = single(text.get(start..end).unwrap_or_default()) {
            if !word.continues(gap) {
                word.write(&mut rewriter);
            }
            word.push(start..end, letter, gap);
        } else {
            word.write(&mut rewriter);
        }
        position = end;
    }
    word.write(&mut rewriter);
    rewriter.finish()
}

/// Letters found one by one.
#[derive(Default)]
struct Word<'a> {
    letters: Vec<(Range<usize>, char)>,
    gap: Option<&'a str>,
}

impl<'a> Word<'a> {
    /// Whether a letter after `gap` belongs to this word: all its gaps are the same.
    fn continues(&self, gap: &str) -> bool {
        !gap.is_empty()
            && match self.gap {
                Some(first) => gap == first,
                None => gap.chars().nth(WIDEST_GAP).is_none(),
            }
    }

    fn push(&mut self, range: Range<usize>, letter: char, gap: &'a str) {
        if !self.letters.is_empty() {
            self.gap = Some(gap);
        }
        self.letters.push((range, letter));
    }

    /// Writes the word together if it is one, and begins a new one.
    fn write(&mut self, rewriter: &mut Rewriter<'_>) {
        let real = self.letters.iter().filter(|(_, c)| c.is_alphabetic()).count();
        if self.letters.len() >= FEWEST_LETTERS && real * 2 >= self.letters.len() {
            let mut end = None;
            for (range, c) in &self.letters {
                if let Some(end) = end {
                    rewriter.edit(end..range.start, "");
                }
                if let Some(letter) = letter(*c, false) {
                    edit(rewriter, range.clone(), letter);
                }
                end = Some(range.end);
            }
        }
        self.letters.clear();
        self.gap = None;
    }
}

/// How many characters stand alone in `text`, at most.
fn singles(text: &str) -> usize {
    let (mut singles, mut length) = (0, 0);
    for c in text.chars().chain(once(' ')) {
        if is_gap(c) {
            singles += usize::from(length == 1);
            length = 0;
        } else if c.is_ascii() || !stays_with_letter(c) {
            length += 1;
        }
    }
    singles
}

fn stays_with_letter(c: char) -> bool {
    is_combining_mark(c) || matches!(c, ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER)
}

/// What writers put between the letters of a word.
fn is_gap(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '@' | '$' | '!' => false,
        '\0'..='\x7F' | '·' | '•' | '‐' | '‑' | '–' | '—' | '…' => true,
        _ => c.is_whitespace(),
    }
}

/// The letter, digit or sign that is all there is to `text`, but for marks on it.
fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next().filter(|&c| c.is_alphabetic() || is_stand_in(c))?;
    chars.all(stays_with_letter).then_some(first)
}
