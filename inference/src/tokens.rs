//! Text to token ids, and the places where a text may be cut.

use std::{ops::Range, path::Path};

use tokenizers::{ModelWrapper, Tokenizer};

use crate::InferenceError;

/// The tokens that frame every text: `[CLS]` and `[SEP]`.
pub(crate) const FRAME: usize = 2;

/// The encoder's tokenizer, without the padding and truncation that its file asks for.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    word_limit: usize,
}

/// A word and what follows it up to the next: a text may be cut before and after, and its parts have the same tokens
/// as the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Bytes of the text.
    pub(crate) bytes: Range<usize>,
    /// Tokens it turns into.
    pub(crate) tokens: usize,
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
        let encoding = self.tokenizer.encode(text, false).map_err(InferenceError::Tokenize)?;
        let mut words = Vec::new();
        let mut current = Word { bytes: 0..text.len(), tokens: 0 };
        let mut previous = None;
        for (word, offsets) in encoding.get_word_ids().iter().zip(encoding.get_offsets()) {
            let start = text.floor_char_boundary(offsets.0);
            if *word == previous || current.tokens == 0 || start <= current.bytes.start {
                current.tokens += 1;
            } else {
                current.bytes.end = start;
                words.push(std::mem::replace(&mut current, Word { bytes: start..text.len(), tokens: 1 }));
            }
            previous = *word;
        }
        words.push(current);
        Ok(words)
    }
}
