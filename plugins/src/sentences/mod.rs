//! Where the sentences of a text are.
//!
//! The crate `sentencex` decides within a paragraph; here is what a paragraph is ([`paragraphs`]), what of its
//! cuts is mended ([`mend`]), and the bounds that keep hostile text from costing more than its length.

mod mend;
mod paragraphs;
#[cfg(test)]
mod tests;

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The longest sentence, in bytes: about 400 tokens. What is longer is cut, at best between sentences of the
/// Unicode standard, else between words.
const LONGEST: usize = 2_000;
/// Bytes segmented at once. `sentencex` takes quadratic time over quotes that are not closed, so it never sees more.
const AT_ONCE: usize = 4 * LONGEST;
/// Bytes from which the language is told where the caller does not.
const SAMPLE: usize = 4_000;

/// The sentences of `text`, as byte ranges.
///
/// They are ascending, apart, trimmed and not empty, and together they cover everything but white space. A blank
/// line, a heading, a list item and a change of speaker end a sentence; a line break in running prose does not.
/// `language` is ISO 639-1; without it, the beginning of the text tells. It takes time linear in the text.
///
/// - *Units*: bytes of `text`, on character boundaries.
/// - *Source*: `sentencex` (<https://github.com/wikimedia/sentencex>); of longer ones the sentence boundaries of
///   Unicode Standard Annex 29 (<https://www.unicode.org/reports/tr29/#Sentence_Boundaries>).
#[must_use]
pub fn sentences(text: &str, language: Option<&str>) -> Vec<Range<usize>> {
    let language = language.or_else(|| crate::banks::language(beginning(text, SAMPLE))).unwrap_or("en");
    let mut found = Vec::new();
    for paragraph in paragraphs::paragraphs(text) {
        let marker = text.get(paragraph.clone()).map_or(0, paragraphs::marker);
        let mut from = paragraph.start + marker;
        let first = found.len();
        while from < paragraph.end {
            from = segment(text, from..paragraph.end, language, &mut found);
        }
        // A marker is of its item's first sentence.
        match found.get_mut(first) {
            Some(sentence) => sentence.start = paragraph.start,
            None => found.push(paragraph),
        }
    }
    let mut whole = Vec::with_capacity(found.len());
    for sentence in found {
        push_bounded(text, sentence, &mut whole);
    }
    whole
}

/// Appends the sentences at the beginning of `rest`, and says where to go on.
fn segment(text: &str, rest: Range<usize>, language: &str, found: &mut Vec<Range<usize>>) -> usize {
    let piece = beginning(text.get(rest.clone()).unwrap_or_default(), AT_ONCE);
    let end = rest.start + piece.len();
    let cuts = sentencex::get_sentence_boundaries(language, piece);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| rest.start + cut.end_byte).collect();
    // The last sentence may go on after the piece.
    if end < rest.end && ends.len() > 1 {
        ends.pop();
    }
    let ends = mend::mend(text, rest.start, &ends, language);
    let mut start = rest.start;
    for end in ends {
        push_spoken(text, start..end, language, found);
        start = end;
    }
    // Invariant: it goes forward, whatever the library answers.
    if start > rest.start { start } else { end }
}

/// Appends `part`, which is one sentence, unless it is a quotation from end to end: then the sentences in it.
fn push_spoken(text: &str, part: Range<usize>, language: &str, found: &mut Vec<Range<usize>>) {
    let Some(part) = trimmed(text, part) else { return };
    let Some(opening) = text.get(part.clone()).and_then(mend::quotation) else { return found.push(part) };
    let (mut start, within) = (part.start, part.start + opening);
    let spoken = text.get(within..part.end).unwrap_or_default();
    for cut in sentencex::get_sentence_boundaries(language, spoken) {
        let end = within + cut.end_byte;
        // What is left of the closing mark is no sentence.
        if text.get(end..part.end).is_some_and(|rest| rest.chars().any(char::is_alphanumeric)) {
            found.extend(trimmed(text, start..end));
            start = end;
        }
    }
    found.extend(trimmed(text, start..part.end));
}

/// Cuts a sentence that is too long.
fn push_bounded(text: &str, mut sentence: Range<usize>, whole: &mut Vec<Range<usize>>) {
    while sentence.len() > LONGEST {
        let Some(rest) = text.get(sentence.clone()) else { break };
        let fits = beginning(rest, LONGEST);
        let at = sentence.start + cut_within(fits);
        whole.extend(trimmed(text, sentence.start..at));
        sentence.start = at;
        match trimmed(text, sentence) {
            Some(later) => sentence = later,
            None => return,
        }
    }
    whole.push(sentence);
}

/// Where to cut what is `fits` and goes on: bytes, more than none.
fn cut_within(fits: &str) -> usize {
    let half = fits.len() / 2;
    let sentence = fits.split_sentence_bound_indices().map(|(at, _)| at).filter(|&at| at > half).last();
    let word = || fits.char_indices().rev().find(|(at, char)| *at > half && char.is_whitespace());
    // A cluster at the end may go on after it.
    let cluster = || fits.grapheme_indices(true).map(|(at, _)| at).next_back().filter(|&at| at > half);
    sentence.or_else(|| word().map(|(at, _)| at)).or_else(cluster).unwrap_or(fits.len())
}

/// The longest beginning of at most `bytes` bytes that ends between characters.
fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// `range` without the white space at its ends; none if nothing is left.
fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let part = text.get(range.clone())?;
    let start = range.start + (part.len() - part.trim_start().len());
    let end = start + part.trim().len();
    (start < end).then_some(start..end)
}
