//! Which texts a model need not read, for another says all of it more plainly.
//!
//! To a model a disguised text is gibberish, and gibberish frightens it. But a text is left out only where its words cannot
//! be lost: each stands unchanged in the other one, or was no word to a reader. So a few disguises never count, though
//! they are undone: ROT13 and overrides make gibberish of the plain words that stand between, digits may mean what they are
//! (`14`, `18+`), pictures that part words are none of their letters, and whoever writes lines of single words has broken none.

use std::collections::HashSet;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::invisible::EMOJI_SELECTOR;
use super::letters::{Latin, is_sign};
use super::pictures::is_picture;

/// As many letters in a row may be a word.
const SHORTEST_WORD: usize = 3;
/// Fewer letters that stand alone may be words: `u r a`.
const FEWEST_APART: usize = 8;
/// As many letters that are all foreign are no word that a reader would miss.
const FEW_FOREIGN: usize = 2;
/// Letters of a word, on average and at most.
const LONGEST_WORD: usize = 12;

/// What a text says beside what was undone in it.
pub(super) enum Rest {
    /// Something that the text made of it may not say, or not as plainly.
    Words,
    /// Nothing.
    Nothing,
    /// What the text made of it says as well; these bytes, in order, were undone.
    Kept(Vec<Range<usize>>),
}

impl Rest {
    /// Whether the text made of `base` says all that `base` does.
    pub(super) fn is_said(&self) -> bool {
        !matches!(self, Self::Words)
    }

    /// Whether `rewritten`, another rewriting of `base`, says nothing more: it changes only what was undone.
    pub(super) fn covers(&self, base: &str, rewritten: &str) -> bool {
        match self {
            Self::Words => false,
            Self::Nothing => true,
            Self::Kept(undone) => {
                let mut undone = undone.iter().peekable();
                let mut written = rewritten.chars();
                let same = base.char_indices().all(|(at, c)| {
                    while undone.next_if(|range| range.end <= at).is_some() {}
                    let escape = undone.peek().is_some_and(|range| range.contains(&at));
                    written.next().is_some_and(|other| escape || other == c)
                });
                same && written.next().is_none()
            }
        }
    }
}

/// Notes escapes while they are undone, in the order of the text.
#[derive(Default)]
pub(super) struct Escapes {
    undone: Vec<Range<usize>>,
    /// Letters before the run of escapes that was seen last, unless it parts words.
    before: usize,
    merged: bool,
}

impl Escapes {
    /// The escape at `range` of `text` is undone to `meant`.
    pub(super) fn undo(&mut self, text: &str, range: Range<usize>, meant: &str) {
        let parts = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
        let before = match self.undone.last() {
            Some(last) if last.end == range.start => self.before,
            _ => letters(text.get(..range.start).unwrap_or_default().chars().rev()),
        };
        self.before = if meant.contains(parts) { 0 } else { before };
        let after = letters(text.get(range.end..).unwrap_or_default().chars());
        // `I%7Awill%7Akill`: what were three words is none.
        self.merged |= self.before >= SHORTEST_WORD && after >= SHORTEST_WORD;
        self.undone.push(range);
    }

    /// What `text` says beside them, if `made` was made of it.
    pub(super) fn rest(self, text: &str, made: &str) -> Rest {
        if self.merged || !is_mostly_changed(text, made) { Rest::Words } else { Rest::Kept(self.undone) }
    }
}

fn letters(chars: impl Iterator<Item = char>) -> usize {
    chars.take(SHORTEST_WORD).take_while(|c| c.is_alphabetic()).count()
}

/// Whether nothing stands in `text` beside `packed`, ascending ranges of it, that could say something.
pub(super) fn is_alone(text: &str, packed: &[Range<usize>]) -> bool {
    let starts = packed.iter().map(|range| range.start).chain([text.len()]);
    let ends = std::iter::once(0).chain(packed.iter().map(|range| range.end));
    ends.zip(starts).all(|(end, start)| {
        let beside = text.get(end..start).unwrap_or_default();
        beside.chars().all(|c| c.is_whitespace() || c.is_ascii_punctuation())
    })
}

/// Whether `text` is written as sentences are. Nobody finds words to pack that unpack to such a text.
pub(super) fn is_prose(text: &str) -> bool {
    let (mut all, mut written, mut small, mut letters) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        let letter = c.is_alphabetic() && c < '\u{250}';
        all += 1;
        letters += usize::from(letter);
        written += usize::from(letter || c.is_whitespace() || c.is_ascii_punctuation());
        small += usize::from(c.is_ascii_lowercase() || c == ' ');
    }
    written * 10 >= all * 9
        && small * 10 >= all * 6
        && letters <= text.split_whitespace().count() * LONGEST_WORD
}

/// Whether `bare` is `marked` without marks on its letters, and most words had some.
pub(super) fn is_without_marks(marked: &str, bare: &str) -> bool {
    let plain = |c: char| {
        !c.is_alphabetic() && !is_sign(c)
            || c.script() == Script::Latin && matches!(Latin::of(c), Latin::Ordinary | Latin::Accented(_))
    };
    // `töten` is another word than `toten`, whatever the words around it.
    let umlauts = |word: &str| {
        let mut marked =
            word.chars().filter(|c| !c.is_ascii() && (c.is_alphabetic() || is_combining_mark(*c)));
        marked.all(|c| matches!(c, 'ä' | 'ö' | 'ü' | 'Ä' | 'Ö' | 'Ü'))
    };
    marked.chars().all(plain)
        && marked.split_whitespace().count() == bare.split_whitespace().count()
        && marked.split_whitespace().zip(bare.split_whitespace()).all(|(a, b)| a == b || !umlauts(a))
        && is_mostly_changed(marked, bare)
}

/// Whether `latin` is `mixed` with all that passed for Latin letters as those, and most words had some. What mixes letters of two
/// scripts, or letters and pictures, was no word; one all of which is foreign may be.
pub(super) fn is_unmixed(mixed: &str, latin: &str) -> bool {
    mixed.split_whitespace().count() == latin.split_whitespace().count()
        && mixed.split_whitespace().zip(latin.split_whitespace()).all(|(a, b)| a == b || is_mixed(a, b))
        && is_mostly_changed(mixed, latin)
}

/// Whether `word` is `meant` with some of its letters replaced, one by one.
fn is_mixed(word: &str, meant: &str) -> bool {
    let latin = |c: char| c.is_alphabetic() && c.script() == Script::Latin;
    let shown: Vec<char> = word.chars().filter(|c| *c != EMOJI_SELECTOR && !is_combining_mark(*c)).collect();
    let foreign = |c: char| !c.is_ascii() && !latin(c) && (c.is_alphabetic() || is_sign(c) || is_picture(c));
    let few = shown.iter().filter(|c| foreign(**c)).count() <= FEW_FOREIGN;
    // `die⭕now`: what were two words is none.
    let parts = shown.iter().enumerate().any(|(at, c)| {
        let (before, after) = shown.split_at(at);
        let run = |side: &mut dyn Iterator<Item = &char>| {
            side.take(SHORTEST_WORD).take_while(|c| latin(**c)).count() == SHORTEST_WORD
        };
        is_picture(*c) && run(&mut before.iter().rev()) && run(&mut after.iter().skip(1))
    });
    // Nothing else was changed: `töten` is another word than `toten`.
    let same = shown.len() == meant.chars().count()
        && shown.iter().zip(meant.chars()).all(|(c, meant)| foreign(*c) || *c == meant);
    !parts && same && (few || shown.iter().any(|c| latin(*c)))
}

/// Whether all letters of `text` stand alone, and nothing else that says something does.
pub(super) fn is_drawn_apart(text: &str) -> bool {
    let mut alone = 0;
    let mut before = ' ';
    let apart = text.chars().all(|c| {
        let apart = !c.is_alphanumeric() || c.is_alphabetic() && !before.is_alphanumeric();
        alone += usize::from(c.is_alphanumeric());
        before = c;
        apart
    });
    apart && alone >= FEWEST_APART
}

/// Whether a tenth of the letters of `long`, or more, are gone in `short`.
pub(super) fn is_drawn_out(long: &str, short: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
    letters(short) * 10 <= letters(long) * 9
}

/// Whether fewer than half of the words of `before` stand in `after`.
fn is_mostly_changed(before: &str, after: &str) -> bool {
    let after: HashSet<&str> = after.split_whitespace().collect();
    let (kept, all) = before
        .split_whitespace()
        .fold((0_usize, 0_usize), |(kept, all), word| (kept + usize::from(after.contains(word)), all + 1));
    kept * 2 < all
}
