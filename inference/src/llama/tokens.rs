//! Text to a LLaMA's tokens and back.

use std::{collections::HashSet, ops::Range, path::Path};

use tokenizers::Tokenizer;

use crate::{
    InferenceError,
    tokens::Word,
    windows::{self, Sizes},
};

/// Most tokens of a word that a window keeps whole.
const WORD: usize = 16;

/// A LLaMA's `tokenizer.json`. In its texts nothing is a control token: `</s>` is four characters like any others.
#[derive(Debug)]
pub struct LlamaTokenizer {
    tokenizer: Tokenizer,
    controls: HashSet<u32>,
}

impl LlamaTokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`] and [`InferenceError::Format`] name the file.
    pub fn load(path: &Path) -> Result<Self, InferenceError> {
        let bad = |reason: String| InferenceError::Format { path: path.to_owned(), reason };
        let bytes =
            std::fs::read(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| bad(error.to_string()))?;
        tokenizer.with_padding(None).with_truncation(None).map_err(|error| bad(error.to_string()))?;
        tokenizer.set_encode_special_tokens(true);
        let added = tokenizer.get_added_tokens_decoder();
        let controls = added.iter().filter(|(_, token)| token.special).map(|(id, _)| *id).collect();
        Ok(Self { tokenizer, controls })
    }

    /// The ids of a text, without BOS.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no text known of brings about.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>, InferenceError> {
        // An empty text would still get the space that the tokenizer puts before every text.
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let encoding = self.tokenizer.encode_fast(text, false).map_err(InferenceError::Tokenize)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids, control tokens left out.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no ids known of bring about.
    pub fn detokenize(&self, ids: &[u32]) -> Result<String, InferenceError> {
        self.tokenizer.decode(ids, true).map_err(InferenceError::Tokenize)
    }

    /// How many tokens the vocabulary has.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The piece of text an id stands for, with `▁` for a space.
    #[must_use]
    pub fn piece(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// Whether an id is a control token, which stands for no text.
    pub(super) fn is_control(&self, id: u32) -> bool {
        self.controls.contains(&id)
    }

    /// Cuts a text into windows of at most `window` tokens that share about `overlap`, between words where it can.
    pub(super) fn windows(
        &self,
        text: &str,
        window: usize,
        overlap: usize,
    ) -> Result<Vec<Range<usize>>, InferenceError> {
        let word = WORD.min(window);
        let overlap = overlap.min(window - word);
        let cut = windows::cut(text, &self.words(text, word)?, Sizes { window, overlap, word });
        let mut windows: Vec<Range<usize>> = Vec::with_capacity(cut.len());
        for range in cut {
            for part in self.fitted(text, range, window)? {
                // A part may lie within the window before.
                if windows.last().is_none_or(|last| last.end < part.end) {
                    windows.push(part);
                }
            }
        }
        Ok(windows)
    }

    /// A part of a text may have a few more tokens than it had within the whole: it is halved until it fits.
    fn fitted(
        &self,
        text: &str,
        range: Range<usize>,
        window: usize,
    ) -> Result<Vec<Range<usize>>, InferenceError> {
        let slice = text.get(range.clone()).unwrap_or_default();
        let middle = range.start + slice.ceil_char_boundary(slice.len().div_ceil(2));
        if middle == range.end || self.tokenize(slice)?.len() <= window {
            return Ok(vec![range]);
        }
        let mut parts = self.fitted(text, range.start..middle, window)?;
        parts.extend(self.fitted(text, middle..range.end, window)?);
        Ok(parts)
    }

    /// The words of a text, which together cover all of it, each of at most `most` tokens or one character.
    fn words(&self, text: &str, most: usize) -> Result<Vec<Word>, InferenceError> {
        let encoding = self.tokenizer.encode(text, false).map_err(InferenceError::Tokenize)?;
        let mut words = Vec::new();
        let mut current = Word { bytes: 0..text.len(), tokens: 0 };
        for offsets in encoding.get_offsets() {
            let start = text.floor_char_boundary(offsets.0);
            let at_space = text.get(start..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
            let begins = (at_space || current.tokens >= most) && start > current.bytes.start;
            if begins && current.tokens > 0 {
                current.bytes.end = start;
                words.push(std::mem::replace(&mut current, Word { bytes: start..text.len(), tokens: 1 }));
            } else {
                current.tokens += 1;
            }
        }
        words.push(current);
        Ok(words)
    }
}

/// How many ids two sequences have in common from their beginnings.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
