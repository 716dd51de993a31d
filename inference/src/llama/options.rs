//! How a LLaMA works.

use crate::{InferenceError, Provider};

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
    /// Prefixes that are remembered. Each costs keys and values of the longest prompt it began.
    pub cached_prefixes: usize,
}

impl Default for LlamaOptions {
    fn default() -> Self {
        Self {
            providers: vec![Provider::Cpu],
            require: None,
            threads: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(16)),
            waiting: 256,
            cached_prefixes: 4,
        }
    }
}

impl LlamaOptions {
    pub(super) fn check(&self) -> Result<(), InferenceError> {
        for (option, value) in [
            ("providers", self.providers.len()),
            ("threads", self.threads),
            ("waiting", self.waiting),
            ("cached_prefixes", self.cached_prefixes),
        ] {
            if value == 0 {
                return Err(InferenceError::BadOption { option, rule: "at least 1".to_owned() });
            }
        }
        Ok(())
    }
}
