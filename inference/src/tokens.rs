//! Text to token ids, and the places where a text may be cut.

use std::{ops::Range, path::Path};

use tokenizers::{ModelWrapper, Tokenizer};

use crate::InferenceError;

/// The tokens that frame every text: `[CLS]` and `[SEP]`.
pub(crate) const FRAME: usize = 2;

/// Bytes of a long text that are cut into tokens at once, to bound the memory that takes.
const SLAB: usize = 1 << 16;

/// The encoder's tokenizer, without the padding and truncation that its file asks for.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    word_limit: usize,
}

/// A word and what follows it up to the next: a text may be cut before and after, and its parts have the same tokens
/// as the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// Tokens it turns into.
    pub tokens: usize,
}

impl Tokens {
    /// Reads `tokenizer.json`, whose model must be `WordPiece`: that bounds the tokens of a word.
    pub(crate) fn load(path: &Path) -> Result<Self, InferenceError> {
        let bad = |reason: String| InferenceError::Format { path: path.to_owned(), reason };
        let bytes =
            std::fs::read(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| bad(error.to_string()))?;
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else {
            return Err(bad("its model is not WordPiece".to_owned()));
        };
        let word_limit = model.max_input_chars_per_word;
        // The file pads everything to 128 tokens and cuts what is longer.
        tokenizer.with_padding(None).with_truncation(None).map_err(|error| bad(error.to_string()))?;
        // "[SEP]" in a text is five characters like any others.
        tokenizer.set_encode_special_tokens(true);
        Ok(Self { tokenizer, word_limit })
    }

    /// Most tokens a word can turn into: a word of more characters becomes the one token for unknown words.
    pub(crate) fn word_limit(&self) -> usize {
        self.word_limit
    }

    /// The ids of a text, framed.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, InferenceError> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(InferenceError::Tokenize)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The words of a text, which together cover all of it. Text without words is one word without tokens.
    pub(crate) fn words(&self, text: &str) -> Result<Vec<Word>, InferenceError> {
        let mut words = Vec::new();
        let mut start = 0;
        loop {
            let end = slab_end(text, start);
            self.words_of(text, start..end, &mut words)?;
            if end == text.len() {
                return Ok(words);
            }
            start = end;
        }
    }

    fn words_of(&self, text: &str, slab: Range<usize>, words: &mut Vec<Word>) -> Result<(), InferenceError> {
        let part = text.get(slab.clone()).unwrap_or_default();
        let encoding = self.tokenizer.encode(part, false).map_err(InferenceError::Tokenize)?;
        let mut current = Word { bytes: slab.clone(), tokens: 0 };
        let mut previous = None;
        for (word, offsets) in encoding.get_word_ids().iter().zip(encoding.get_offsets()) {
            let start = slab.start + part.floor_char_boundary(offsets.0);
            if *word == previous || current.tokens == 0 || start <= current.bytes.start {
                current.tokens += 1;
            } else {
                current.bytes.end = start;
                words.push(std::mem::replace(&mut current, Word { bytes: start..slab.end, tokens: 1 }));
            }
            previous = *word;
        }
        words.push(current);
        Ok(())
    }
}

/// Where the slab that begins at `start` ends: before a space, because no word goes on across one.
fn slab_end(text: &str, start: usize) -> usize {
    let near = text.ceil_char_boundary(start.saturating_add(SLAB));
    let space = text.get(near..).and_then(|rest| rest.find([' ', '\n', '\t']));
    space.map_or(text.len(), |space| near + space)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SetUp;

    #[test]
    fn the_words_of_a_long_text_are_contiguous_and_have_the_tokens_of_the_whole() {
        let folder = SetUp::for_this_user().expect("a cache folder").encoder().expect("the encoder");
        let tokens = Tokens::load(&folder.join("tokenizer.json")).expect("a tokenizer");
        let text = "Unaffable Größe, 漢字 and\u{b}한국어 \u{85}e\u{301}toile!\n".repeat(5 * SLAB / 50);
        let words = tokens.words(&text).expect("words");
        assert!(words.windows(2).all(|pair| pair[0].bytes.end == pair[1].bytes.start));
        assert_eq!(
            words.iter().map(|word| word.tokens).sum::<usize>() + FRAME,
            tokens.ids(&text).expect("ids").len()
        );
        for word in words.iter().step_by(997) {
            let alone = tokens.ids(&text[word.bytes.clone()]).expect("ids").len();
            assert_eq!(word.tokens + FRAME, alone);
        }
    }
}
