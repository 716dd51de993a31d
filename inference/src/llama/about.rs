//! What can be asked about a loaded LLaMA without running it.

use std::{ops::Range, sync::atomic::Ordering};

use super::{GuardPrompt, Llama, LlamaTokenizer, ModelCard, Shape, Template};
use crate::{Device, InferenceError};

impl Llama {
    /// How many tokens a text has, without BOS.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no text known of brings about.
    pub fn count(&self, text: &str) -> Result<usize, InferenceError> {
        Ok(self.shared.tokenizer.tokenize(text)?.len())
    }

    /// The windows of a text of any length.
    ///
    /// - *Units*: byte ranges of `text`, in order, on character boundaries, between words where it can be. Together
    ///   they cover all of it; neighbours share about `overlap` tokens. Each has at most `window` tokens by itself, or
    ///   is one character.
    ///
    /// # Errors
    ///
    /// [`InferenceError::BadOption`] for a window of no tokens.
    pub fn windows(
        &self,
        text: &str,
        window: usize,
        overlap: usize,
    ) -> Result<Vec<Range<usize>>, InferenceError> {
        if window == 0 {
            return Err(InferenceError::BadOption { option: "window", rule: "at least 1".to_owned() });
        }
        self.shared.tokenizer.windows(text, window, overlap)
    }

    /// The prompts of a guard with its card's categories; none where the template is another.
    #[must_use]
    pub fn guard(&self) -> Option<&GuardPrompt> {
        self.shared.guard.as_ref()
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &LlamaTokenizer {
        &self.shared.tokenizer
    }

    /// What the model's card says.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        self.shared.folder.card()
    }

    /// How the model wants its prompts.
    #[must_use]
    pub fn template(&self) -> Template {
        self.shared.folder.template()
    }

    /// The model's measures.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shared.folder.shape()
    }

    /// The tokens that end a text.
    #[must_use]
    pub fn ends(&self) -> Vec<u32> {
        self.shared.folder.ends()
    }

    /// How often its sessions were opened anew because the process had grown too large.
    #[must_use]
    pub fn recycled(&self) -> u64 {
        self.shared.recycled.load(Ordering::Relaxed)
    }

    /// Calls that wait, or are being answered.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.engine.taken()
    }

    /// The device that runs it.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.shared.device
    }

    /// SHA-256, in hexadecimal, that names graph, weights and tokenizer together.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared.digest
    }
}
