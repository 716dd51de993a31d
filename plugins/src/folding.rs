//! Text folded for comparison: lower case, one space for any white space, with a way back.

use std::collections::HashSet;

/// A folded text.
pub(crate) struct Folded {
    text: String,
    /// For each byte of `text`, the byte of the source its character came from, and the source's end.
    sources: Vec<u32>,
}

impl Folded {
    /// Folds `source`.
    ///
    /// Sources beyond 4 GiB do not occur: `Content` is bounded far below.
    pub(crate) fn new(source: &str) -> Self {
        let mut text = String::with_capacity(source.len());
        let mut sources = Vec::with_capacity(source.len() + 1);
        let mut after_space = true;
        for (at, character) in source.char_indices() {
            if character.is_whitespace() {
                if !after_space {
                    text.push(' ');
                }
                after_space = true;
            } else {
                text.extend(character.to_lowercase());
                after_space = false;
            }
            sources.resize(text.len(), u32::try_from(at).unwrap_or(u32::MAX));
        }
        sources.push(u32::try_from(source.len()).unwrap_or(u32::MAX));
        Self { text, sources }
    }

    /// The folded text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The source's bytes that the folded bytes `start..end` came from.
    pub(crate) fn source(&self, start: usize, end: usize) -> std::ops::Range<usize> {
        let of =
            |at: usize| self.sources.get(at).or(self.sources.last()).map_or(0, |&source| source as usize);
        of(start)..of(end)
    }
}

/// The folded text alone, without punctuation at either end: what makes two texts the same text.
pub(crate) fn essence(text: &str) -> String {
    let folded = Folded::new(text);
    folded.text().trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).to_owned()
}

/// How far two texts agree in wording.
///
/// - *Units*: Dice's coefficient over distinct character trigrams, `0.0..=1.0`.
pub(crate) fn wording(one: &str, other: &str) -> f32 {
    // Texts of very different length cannot agree: no need to count.
    if one.len().abs_diff(other.len()) > one.len().max(other.len()) / 4 {
        return 0.0;
    }
    let (one, other) = (trigrams(one), trigrams(other));
    let shared = one.intersection(&other).count();
    let all = one.len() + other.len();
    if all == 0 { 0.0 } else { ratio(2 * shared, all) }
}

fn trigrams(text: &str) -> HashSet<[char; 3]> {
    let characters: Vec<char> = text.chars().collect();
    characters.array_windows().copied().collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of trigrams stay far below 2^24")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_range_leads_back_to_its_characters() {
        let source = "Ein  İstanbul\tTAG";
        let folded = Folded::new(source);
        let at = folded.text().find("tag").expect("it is there");
        assert_eq!(&source[folded.source(at, at + 3)], "TAG");
        let at = folded.text().find("i\u{307}stanbul").expect("it is there");
        assert_eq!(&source[folded.source(at, at + "i\u{307}stanbul".len())], "İstanbul");
    }

    #[test]
    fn white_space_and_case_do_not_make_another_text() {
        assert_eq!(essence("  Hello,\n WORLD! "), essence("hello, world"));
    }
}
