//! What is read together: groups of passages that fit the model's context.

use std::ops::Range;

use super::{Part, WriteError};

/// What was read together, and how much of it there was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Tokens of the model's context.
    pub context: usize,
    /// Levels of summaries: 1 where all passages fit one prompt.
    pub levels: usize,
    /// Every prompt, in the order in which they were written; the last one gave the answer.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The passages that were read together on the first level, by their places in the request.
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let first = self.steps.iter().filter(|step| step.level == 0);
        let places = |step: &Step| {
            let mut places: Vec<usize> = step.parts.iter().map(|part| part.passage).collect();
            places.dedup();
            places
        };
        first.map(places).collect()
    }

    /// Tokens of all prompts and of all that was written.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.steps.iter().map(|step| step.prompt_tokens + step.new_tokens).sum()
    }
}

/// One prompt and its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// 0 where passages were read, else one more than that of the summaries that were.
    pub level: usize,
    /// The passages it read, or those that the sentences it read are said to rest on.
    pub parts: Vec<Part>,
    /// The steps whose summaries it read.
    pub from: Vec<usize>,
    /// Tokens of its prompt, those of the template included.
    pub prompt_tokens: usize,
    /// Tokens of its answer.
    pub new_tokens: usize,
}

/// Says how many tokens the prompt has that shows these items.
pub(super) trait Measure {
    /// # Errors
    ///
    /// What the tokenizer says.
    fn tokens(&self, items: &[&str]) -> Result<usize, WriteError>;
}

/// Puts consecutive items together as far as they fit `room` tokens.
///
/// # Errors
///
/// [`WriteError::NoRoom`] when one does not fit by itself.
pub(super) fn grouped(
    items: &[&str],
    room: usize,
    measure: &impl Measure,
) -> Result<Vec<Range<usize>>, WriteError> {
    let fixed = measure.tokens(&[])?;
    let alone = items.iter().map(|item| Ok(measure.tokens(&[item])?.saturating_sub(fixed)));
    let alone = alone.collect::<Result<Vec<usize>, WriteError>>()?;
    let mut groups = Vec::new();
    let mut from = 0;
    while from < items.len() {
        let mut tokens = fixed;
        let fits = alone.iter().skip(from).take_while(|item| {
            tokens += **item;
            tokens <= room
        });
        let mut to = (from + fits.count()).max(from + 1);
        // Together they may have a few tokens more than one by one.
        while measure.tokens(items.get(from..to).unwrap_or_default())? > room {
            to -= 1;
            if to == from {
                return Err(WriteError::NoRoom { context: room });
            }
        }
        groups.push(from..to);
        from = to;
    }
    Ok(groups)
}

/// The parts of a passage that fit by themselves: all of it, or runs of its sentences, or of a sentence's words.
///
/// # Errors
///
/// [`WriteError::NoRoom`] when not even a character fits.
pub(super) fn parts(
    passage: (usize, &str),
    language: &str,
    fits: &impl Fn(&str) -> Result<bool, WriteError>,
) -> Result<Vec<Part>, WriteError> {
    let (place, text) = passage;
    let whole = Part { passage: place, range: 0..text.len() };
    if fits(text)? {
        return Ok(vec![whole]);
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for sentence in crate::sentences(text, Some(language)) {
        for piece in halved(text, sentence, fits)? {
            let joined = ranges.last().map(|last| last.start..piece.end);
            match joined {
                Some(joined) if fits(text.get(joined.clone()).unwrap_or_default())? => {
                    ranges.pop();
                    ranges.push(joined);
                }
                _ => ranges.push(piece),
            }
        }
    }
    Ok(ranges.into_iter().map(|range| Part { passage: place, range }).collect())
}

/// A sentence cut in two, at a space where there is one, until its pieces fit.
fn halved(
    text: &str,
    range: Range<usize>,
    fits: &impl Fn(&str) -> Result<bool, WriteError>,
) -> Result<Vec<Range<usize>>, WriteError> {
    let piece = text.get(range.clone()).unwrap_or_default();
    if piece.is_empty() || fits(piece)? {
        return Ok(vec![range]);
    }
    let middle = piece.ceil_char_boundary(piece.len().div_ceil(2));
    let space = piece.get(..middle).and_then(|half| half.rfind(' ')).filter(|space| *space > 0);
    let at = range.start + space.unwrap_or(middle);
    if at >= range.end {
        return Err(WriteError::NoRoom { context: 0 });
    }
    let mut pieces = halved(text, range.start..at, fits)?;
    pieces.extend(halved(text, at..range.end, fits)?);
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word is a token, a prompt has ten more, and each item one more for its number.
    struct Words;

    impl Measure for Words {
        fn tokens(&self, items: &[&str]) -> Result<usize, WriteError> {
            Ok(10 + items.iter().map(|item| 1 + item.split_whitespace().count()).sum::<usize>())
        }
    }

    #[test]
    fn items_stay_in_order_and_fill_the_room() {
        let items = ["a b", "c d", "e f g h", "i", "j k l m n o"];
        assert_eq!(grouped(&items, 20, &Words).expect("they fit"), [0..2, 2..4, 4..5]);
        assert_eq!(grouped(&items, 100, &Words).expect("they fit").len(), 1);
        assert!(matches!(grouped(&items, 16, &Words), Err(WriteError::NoRoom { .. })));
        assert!(grouped(&[], 20, &Words).expect("nothing fits").is_empty());
    }

    #[test]
    fn a_long_passage_is_cut_between_sentences_and_nothing_is_lost() {
        let text = "One two three. Four five six seven. Eight nine. A very long sentence of many words that cannot fit at all.";
        let fits = |text: &str| Ok(text.split_whitespace().count() <= 7);
        let parts = parts((4, text), "en", &fits).expect("it can be cut");
        let shown: Vec<&str> = parts.iter().map(|part| &text[part.range.clone()]).collect();
        assert_eq!(shown[0], "One two three. Four five six seven.");
        assert!(shown.iter().all(|part| part.split_whitespace().count() <= 7), "{shown:?}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&shown.join(" ")), words(text));
        assert!(parts.iter().all(|part| part.passage == 4));
    }

    #[test]
    fn where_not_even_a_character_fits_there_is_no_room() {
        let never = |_: &str| Ok(false);
        for text in ["Äb cd", "bÄ", "b"] {
            assert!(matches!(parts((0, text), "de", &never), Err(WriteError::NoRoom { .. })));
        }
    }
}
