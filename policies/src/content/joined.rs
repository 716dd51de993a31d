//! Words whose letters were drawn apart: `k i l l`, `k.i.l.l`, `k - i - l - l`.

use std::collections::HashSet;
use std::iter::once;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::invisible::{ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER};
use super::leetspeak::{edit, is_stand_in, letter};
use super::span::{Mapped, Rewriter};

/// Fewer single letters in a row are initials or an abbreviation, unless longer words stand apart alike.
const FEWEST_LETTERS: usize = 3;
/// More characters between two letters part words, not letters.
const WIDEST_GAP: usize = 3;

/// `base` with such words written together, or `None` when there are none.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if singles(&base.text) < FEWEST_LETTERS {
        return None;
    }
    let mut gaps = HashSet::new();
    words(&base.text, |word| {
        if word.is_long() {
            gaps.extend(word.gap);
        }
    });
    let mut rewriter = Rewriter::new(base);
    words(&base.text, |word| {
        if word.is_long() || word.is_short_between(&gaps) {
            word.write(&mut rewriter);
        }
    });
    rewriter.finish()
}

/// Shows `each` the letters of `text` that stand alone, as the words they may make. None is kept: a text may be nothing else.
fn words<'a>(text: &'a str, mut each: impl FnMut(&Word<'a>)) {
    let mut word = Word::default();
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let gap = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
        let start = position + gap;
        let rest = text.get(start..).unwrap_or_default();
        let end = start + rest.find(is_gap).unwrap_or(rest.len());
        let gap = text.get(position..start).unwrap_or_default();
        let piece = text.get(start..end).unwrap_or_default();
        let letter = single(piece);
        if letter.is_none() || !word.continues(gap) {
            let nearer = letter.and_then(|_| word.give_up(gap));
            each(&word);
            word = nearer.unwrap_or_default();
        }
        if let Some((length, letter)) = letter {
            word.push(start..start + length, letter, gap);
            word.ended = length < piece.len();
        }
        position = end;
    }
    each(&word);
}

/// Letters found one by one.
#[derive(Default)]
struct Word<'a> {
    letters: Vec<(Range<usize>, char)>,
    gap: Option<&'a str>,
    /// An exclamation mark stands after its last letter.
    ended: bool,
}

impl<'a> Word<'a> {
    /// Whether a letter after `gap` belongs to this word: all its gaps are the same.
    fn continues(&self, gap: &str) -> bool {
        !self.ended
            && !gap.is_empty()
            && match self.gap {
                Some(first) => gap == first,
                None => gap.chars().nth(WIDEST_GAP).is_none(),
            }
    }

    /// Its second letter as a word of its own, if that stands nearer to what comes after `gap`: the `k` of `I   k i l l`.
    fn give_up(&mut self, gap: &str) -> Option<Self> {
        let nearer = !self.ended
            && self.letters.len() == 2
            && !gap.is_empty()
            && self.gap.is_some_and(|first| gap.chars().count() < first.chars().count());
        let letters = if nearer { self.letters.pop() } else { None };
        self.gap = self.gap.filter(|_| !nearer);
        letters.map(|letter| Self { letters: vec![letter], gap: None, ended: false })
    }

    fn push(&mut self, range: Range<usize>, letter: char, gap: &'a str) {
        if !self.letters.is_empty() {
            self.gap = Some(gap);
        }
        self.letters.push((range, letter));
    }

    /// Whether so many letters are a word whatever stands around them.
    fn is_long(&self) -> bool {
        let real = self.letters.iter().filter(|(_, c)| c.is_alphabetic()).count();
        self.letters.len() >= FEWEST_LETTERS && real * 2 >= self.letters.len()
    }

    /// Whether these two letters stand apart as those of longer words do: `d u` in `d u   b i s t`.
    fn is_short_between(&self, gaps: &HashSet<&str>) -> bool {
        self.letters.len() > 1
            && self.letters.len() < FEWEST_LETTERS
            && self.letters.iter().all(|(_, c)| c.is_alphabetic())
            && self.gap.is_some_and(|gap| gaps.contains(gap))
    }

    /// Writes the word together, but for exclamation marks after it.
    fn write(&self, rewriter: &mut Rewriter<'_>) {
        let mut end = None;
        let length = self.letters.iter().rposition(|(_, c)| *c != '!').map_or(0, |last| last + 1);
        for (range, c) in self.letters.iter().take(length) {
            if let Some(end) = end {
                rewriter.edit(end..range.start, "");
            }
            if let Some(letter) = letter(*c, false) {
                edit(rewriter, range.clone(), letter);
            }
            end = Some(range.end);
        }
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

/// The letter, digit or sign that is all there is to `text`, but for marks on it and exclamation marks after it, and its bytes.
fn single(text: &str) -> Option<(usize, char)> {
    let word = text.trim_end_matches('!');
    let word = if word.is_empty() { text } else { word };
    let mut chars = word.chars();
    let first = chars.next().filter(|&c| c.is_alphabetic() || is_stand_in(c))?;
    chars.all(stays_with_letter).then_some((word.len(), first))
}
