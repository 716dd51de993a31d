//! The plain view: what a reader sees, written in one way only.
//!
//! NFKC, invisible characters removed (joiners and emoji selectors stay where they say something), floods of
//! combining marks cut, white space made plain. Case stays. Normalizing the result again changes nothing.

use std::iter::once;
use std::ops::Range;

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use unicode_script::{Script, UnicodeScript};

use super::invisible::{
    EMOJI_SELECTOR, ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER, is_invisible, joins, readable, selects,
};
use super::span::{Mapped, Rewriter};

/// Marks kept on one letter. Points, vowels and accents of a script stack up to six high (Myanmar, Hebrew).
const MARKS: usize = 8;
/// Marks kept on one letter of those that fit any script; polytonic Greek needs four.
const COMMON_MARKS: usize = 4;

/// The plain form of `base`, or `None` when it is plain already.
pub(super) fn normalize(base: &Mapped) -> Option<Mapped> {
    if base.text.bytes().all(is_plain_ascii) {
        return None;
    }
    Normalizer::new(base).run()
}

fn is_plain_ascii(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// Works in chunks: a character that composes with nothing before it, and those after it that may.
struct Normalizer<'a> {
    text: &'a str,
    rewriter: Rewriter<'a>,
    /// The open chunk, without its invisible characters.
    chunk: Vec<char>,
    range: Range<usize>,
    /// Invisible characters that stay if their neighbours want them: before the chunk, and after it.
    before: Gap,
    after: Gap,
    marks: Marks,
    /// End of the chunk before this one, and the last character put out.
    closed: usize,
    last: Option<char>,
    output: String,
}

#[derive(Clone, Copy, Default)]
struct Gap {
    selector: bool,
    joiner: Option<char>,
}

impl<'a> Normalizer<'a> {
    fn new(base: &'a Mapped) -> Self {
        Self {
            text: &base.text,
            rewriter: Rewriter::new(base),
            chunk: Vec::new(),
            range: 0..0,
            before: Gap::default(),
            after: Gap::default(),
            marks: Marks::default(),
            closed: 0,
            last: None,
            output: String::new(),
        }
    }

    fn run(mut self) -> Option<Mapped> {
        let mut position = 0;
        while let Some(rest) = self.text.get(position..).filter(|rest| !rest.is_empty()) {
            let inert = rest.get(..rest.find(|c| !is_inert(c)).unwrap_or(rest.len())).unwrap_or_default();
            if inert.chars().nth(2).is_some() {
                self.pass(position, inert);
                position += inert.len();
            } else if let Some(c) = rest.chars().next() {
                self.take(position, c);
                position += c.len_utf8();
            }
        }
        self.close();
        self.rewriter.edit(self.closed..self.text.len(), self.after.kept(self.last, None));
        self.rewriter.finish()
    }

    /// Passes a run of inert characters, three or more; only the last may take marks from what follows.
    fn pass(&mut self, start: usize, inert: &str) {
        let mut chars = inert.chars();
        let ends = (chars.next(), chars.next_back(), chars.next_back());
        if let (Some(first), Some(last), Some(before)) = ends {
            self.open(start, first);
            self.close();
            self.closed = start + inert.len() - last.len_utf8();
            self.last = Some(before);
            self.open(self.closed, last);
        }
    }

    fn take(&mut self, position: usize, c: char) {
        if is_invisible(c) {
            self.after.hide(c);
        } else if starts_chunk(c) || self.chunk.is_empty() {
            self.open(position, c);
        } else {
            // What composes across an invisible character was parted by it: the character goes.
            self.after = Gap::default();
            self.chunk.push(c);
            self.range.end = position + c.len_utf8();
        }
    }

    fn open(&mut self, position: usize, c: char) {
        self.close();
        self.before = std::mem::take(&mut self.after);
        self.chunk.push(c);
        self.range = position..position + c.len_utf8();
    }

    /// Puts out the open chunk and what stays of the gap before it.
    fn close(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        self.output.clear();
        self.compose();
        self.chunk.clear();
        let kept = self.output.chars().next().map_or("", |first| self.before.kept(self.last, Some(first)));
        self.rewriter.edit(self.closed..self.range.start, kept);
        self.rewriter.edit(self.range.clone(), &self.output);
        self.closed = self.range.end;
        self.last = self.output.chars().next_back().or(self.last);
    }

    fn compose(&mut self) {
        let mut chunk = self.chunk.as_slice();
        if let [first, rest @ ..] = chunk
            && (is_phrase(*first) || rest.is_empty() && is_nfkc_quick(once(*first)) == IsNormalized::Yes)
        {
            self.output.extend(self.marks.admit(*first).then(|| readable(*first)));
            chunk = rest;
        }
        let marks = &mut self.marks;
        let kept = chunk.iter().copied().nfkd().filter(|&c| marks.admit(c)).map(readable);
        self.output.extend(kept.nfc());
    }
}

impl Gap {
    fn hide(&mut self, c: char) {
        match c {
            EMOJI_SELECTOR if self.joiner.is_none() => self.selector = true,
            ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER if self.joiner.is_none() => self.joiner = Some(c),
            _ => {}
        }
    }

    /// What stays of a gap between `before` and `after`.
    fn kept(self, before: Option<char>, after: Option<char>) -> &'static str {
        let Some(before) = before else { return "" };
        let selector = self.selector && selects(before, after);
        let joiner = self.joiner.filter(|&joiner| after.is_some_and(|after| joins(before, joiner, after)));
        match (selector, joiner) {
            (false, None) => "",
            (true, None) => "\u{FE0F}",
            (true, Some(_)) => "\u{FE0F}\u{200D}",
            (false, Some(ZERO_WIDTH_JOINER)) => "\u{200D}",
            (false, Some(_)) => "\u{200C}",
        }
    }
}

/// How many marks the letter at hand has already. Once one is too many, so is every mark up to the next letter.
#[derive(Default)]
struct Marks {
    all: usize,
    common: usize,
}

impl Marks {
    fn admit(&mut self, c: char) -> bool {
        if !is_combining_mark(c) {
            *self = Self::default();
            return true;
        }
        if self.all < MARKS {
            self.all += 1;
            self.common += usize::from(matches!(c.script(), Script::Inherited | Script::Common));
            if self.common > COMMON_MARKS {
                self.all = MARKS + 1;
            }
            self.all <= MARKS
        } else {
            self.all = MARKS + 1;
            false
        }
    }
}

/// Ligatures of whole phrases. They stay, for they would make a text up to eighteen times as long.
fn is_phrase(c: char) -> bool {
    matches!(c, '\u{FDFA}' | '\u{FDFB}')
}

/// Whether `c` is one of the everyday letters that neither change nor compose with what stands before them.
fn is_inert(c: char) -> bool {
    matches!(c, ' '..='~' | '\t' | '\n' | '\r' | '\u{C0}'..='\u{131}' | '\u{400}'..='\u{482}'
        | '\u{5D0}'..='\u{5EA}' | '\u{621}'..='\u{64A}' | '\u{904}'..='\u{939}' | '\u{3041}'..='\u{3096}'
        | '\u{30A1}'..='\u{30FA}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Whether nothing before `c` composes or changes places with it.
fn starts_chunk(c: char) -> bool {
    if c < '\u{300}' {
        return true;
    }
    let mut first = None;
    decompose_compatible(c, |part| first = first.or(Some(part)));
    let first = first.unwrap_or(c);
    canonical_combining_class(first) == 0 && is_nfkc_quick(once(first)) == IsNormalized::Yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inert_characters_stay_as_they_are() {
        for c in ('\0'..=char::MAX).filter(|&c| is_inert(c)) {
            assert!(starts_chunk(c) && is_nfkc_quick(once(c)) == IsNormalized::Yes, "{c:?}");
            assert!(!is_invisible(c) && !is_combining_mark(c) && readable(c) == c, "{c:?}");
        }
    }
}
