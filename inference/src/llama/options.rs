//! How a LLaMA works, and how it is to go on with a prompt.

use std::path::PathBuf;

use super::{constraint::Constraint, sampling::Sampling};
use crate::{InferenceError, Provider};

/// What a model is asked to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verb {
    /// [`crate::Llama::score`] and [`crate::Llama::logits`].
    #[default]
    Score,
    /// [`crate::Llama::generate`] and [`crate::Llama::stream`].
    Generate,
}

/// How a [`crate::Llama`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlamaOptions {
    /// The providers to try, the best first.
    pub providers: Vec<Provider>,
    /// Refuse to load unless this provider runs the graph.
    pub require: Option<Provider>,
    /// Threads that work together on one run.
    pub threads: usize,
    /// Calls that may wait or be worked on at a time; one more is [`InferenceError::Overloaded`].
    pub waiting: usize,
    /// What graphs are opened at once and not when they are first needed, where a model has several.
    pub first: Verb,
    /// Bytes that keys and values of scores have, at most: of prefixes remembered and of the row at hand.
    pub score_bytes: u64,
    /// Bytes that keys and values of generations have, at most: of texts at hand, and of prompts remembered as long as
    /// there is room.
    pub generate_bytes: u64,
    /// Texts that grow side by side, at most.
    pub rows: usize,
    /// Keep weights packed for this processor in this folder, which is made: twice the model's size on disk, next to no
    /// memory of this process's own. On the CPU alone, and whatever goes wrong there costs no more than memory.
    pub packed: Option<PathBuf>,
    /// Close the sessions and open them anew whenever the process's resident memory has grown above so many bytes; no
    /// call is lost by that. None: never, but on DirectML 4 GiB above what the process had after loading.
    pub recycle_above_bytes: Option<u64>,
}

impl Default for LlamaOptions {
    fn default() -> Self {
        Self {
            providers: vec![Provider::Cpu],
            require: None,
            threads: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(16)),
            waiting: 256,
            first: Verb::Score,
            score_bytes: 2 << 30,
            generate_bytes: 4 << 30,
            rows: 16,
            packed: None,
            recycle_above_bytes: None,
        }
    }
}

impl LlamaOptions {
    pub(super) fn check(&self) -> Result<(), InferenceError> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        for (option, value) in [
            ("providers", self.providers.len()),
            ("threads", self.threads),
            ("waiting", self.waiting),
            ("score_bytes", size(self.score_bytes)),
            ("generate_bytes", size(self.generate_bytes)),
            ("rows", self.rows),
        ] {
            if value == 0 {
                return Err(InferenceError::BadOption { option, rule: "at least 1".to_owned() });
            }
        }
        Ok(())
    }
}

/// How a prompt is to be continued. A number alone stands for so many tokens, always the likeliest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GenerateOptions {
    /// Tokens to add, at most.
    pub new: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Texts that end the text; it is cut before the first of them.
    pub stops: Vec<String>,
    /// A form that the text must have. One cut short by `new` or by a stop string does not have it.
    pub constraint: Option<Constraint>,
}

impl From<usize> for GenerateOptions {
    fn from(new: usize) -> Self {
        Self { new, ..Self::default() }
    }
}
