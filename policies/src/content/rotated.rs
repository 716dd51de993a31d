//! Text whose letters were moved on by thirteen: ROT13.

use super::decode::Found;
use super::plainer::Rest;
use super::span::{Mapped, Rewriter};

/// Fewer letters tell nothing.
const FEWEST_LETTERS: usize = 12;
/// Letters of a word, on average and at most.
const LONGEST_WORD: usize = 12;
/// How much likelier the letters must become, on average: 3 of 55,420 ordinary texts in English and German
/// gain so much, and 97 of 100 rotated ones of twelve letters and more.
///
/// - *Units*: tenths of a nat.
const LEAST_GAIN: i32 = 3;
/// For each letter from `a`, how much likelier the one it becomes is.
///
/// - *Units*: tenths of a nat.
/// - *Source*: how often letters occur in the project's own examples, English and German alike.
const GAINS: [i32; 26] = [
    2, 9, -8, -50, -7, 12, 11, -4, -23, 23, -27, -13, -15, -2, -9, 8, 50, 7, -12, -11, 4, 23, -23, 27, 13, 15,
];

/// `base` with its letters moved back, or `None` where that would make it less like English or German, or hardly more.
pub(super) fn rot13(base: &Mapped) -> Option<Found> {
    if !gains(&base.text) {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let bytes = base.text.as_bytes();
    let mut position = 0;
    while let Some(skipped) =
        bytes.get(position..).and_then(|rest| rest.iter().position(u8::is_ascii_alphabetic))
    {
        let start = position + skipped;
        let rest = bytes.get(start..).unwrap_or_default();
        let letters: String =
            rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).map(|byte| moved(*byte)).collect();
        position = start + letters.len();
        // A letter at a time: a span of the view is then a span of the original to the letter.
        for (at, letter) in letters.char_indices() {
            rewriter.edit(start + at..start + at + 1, letter.encode_utf8(&mut [0; 1]));
        }
    }
    // A word among them that was not moved is one no longer.
    Some(Found { text: rewriter.finish()?, rest: Rest::Words })
}

fn gains(text: &str) -> bool {
    let seen = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    let words = text.split_ascii_whitespace().count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic);
    let of = |byte: u8| GAINS.get(usize::from(byte.to_ascii_lowercase() - b'a')).copied().unwrap_or_default();
    let (count, gain) =
        letters.fold((0_usize, 0_i64), |(count, gain), byte| (count + 1, gain + i64::from(of(byte))));
    // Words, and not a key or another encoding.
    let is_words = count * 4 >= seen * 3 && count <= words * LONGEST_WORD;
    is_words
        && count >= FEWEST_LETTERS
        && i64::try_from(count).is_ok_and(|count| gain > count * i64::from(LEAST_GAIN))
}

fn moved(letter: u8) -> char {
    let first = if letter.is_ascii_uppercase() { b'A' } else { b'a' };
    char::from(first + (letter - first + 13) % 26)
}
