//! Why numbers could not be had.

use std::{error::Error, io, path::PathBuf, sync::Arc};

use crate::Provider;

/// Why a model could not be loaded or could not answer. It carries no text that was judged.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// As many calls wait as may wait; the caller may try again.
    #[error("too many calls are waiting for the model: try again later")]
    Overloaded,
    /// The text does not fit one window; see [`crate::Embedder::windows`].
    #[error("the text has {tokens} tokens and one window holds {limit}: cut it into windows")]
    TooLong {
        /// Tokens of the text, with the two that frame it.
        tokens: usize,
        /// Tokens of a window, with the two that frame it.
        limit: usize,
    },
    /// The prompt does not fit the model's context; see [`crate::Llama::windows`].
    #[error("the prompt has {tokens} tokens and the model's context leaves room for {limit}")]
    ContextFull {
        /// Tokens of the prompt, with what is to follow it.
        tokens: usize,
        /// Tokens of the model's context.
        limit: usize,
    },
    /// The keys and values that the call needs at once are more than may ever be there.
    #[error("keys and values of the call need {needs} bytes, and `{option}` leaves room for {limit}")]
    MemoryFull {
        /// Bytes needed.
        needs: u64,
        /// The option's name.
        option: &'static str,
        /// Its value.
        limit: u64,
    },
    /// The call's deadline passed before its answer was there.
    #[error("the deadline passed before the model had answered")]
    DeadlinePassed,
    /// A token id that the model does not have.
    #[error("there is no token {id}: the model has {vocabulary}")]
    UnknownToken {
        /// The id.
        id: u32,
        /// Tokens of the vocabulary, counted from 0.
        vocabulary: usize,
    },
    /// ONNX Runtime's library did not load.
    #[error("`{path}` could not be loaded as ONNX Runtime's library")]
    Library {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: ort::LoadDynamicError,
    },
    /// A process has one ONNX Runtime for its whole life.
    #[error("this process already uses ONNX Runtime from `{loaded}` and cannot change to `{asked}`")]
    OtherRuntime {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// The library loaded, but would not start.
    #[error("ONNX Runtime did not start")]
    Environment(#[source] ort::Error),
    /// A file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is there, but is not what it should be.
    #[error("`{path}` cannot be used: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The heads belong to another encoder, or to another reader.
    #[error("`{path}` was trained on the {part} {expected}, but the {part} loaded is {found}")]
    OtherEncoder {
        /// The heads' file.
        path: PathBuf,
        /// Which of them: `encoder` or `reader`.
        part: &'static str,
        /// SHA-256 of the weights it was trained on.
        expected: String,
        /// SHA-256 of the weights in use.
        found: String,
    },
    /// No provider of the list runs the graph.
    #[error("no device runs `{graph}`: {reasons}")]
    NoDevice {
        /// The graph.
        graph: PathBuf,
        /// Each provider tried, and what was wrong with it.
        reasons: String,
    },
    /// The graph would run, but not where it must.
    #[error("`{required}` is required, but the graph runs on `{found}`: {detail}")]
    DeviceRequired {
        /// The provider required.
        required: Provider,
        /// The provider that runs the graph.
        found: Provider,
        /// Why.
        detail: String,
    },
    /// An option has a value that cannot work.
    #[error("`{option}` must be {rule}")]
    BadOption {
        /// The option's name.
        option: &'static str,
        /// What it may be.
        rule: String,
    },
    /// The system gave no thread.
    #[error("no thread could be started for the model")]
    Thread {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The tokenizer gave up.
    #[error("the text could not be cut into tokens")]
    Tokenize(#[source] Box<dyn Error + Send + Sync>),
    /// The model did not run to its end, or gave back another shape.
    #[error("the model did not run")]
    Run(#[source] Arc<ort::Error>),
    /// A session's thread panicked while it worked on this call; it goes on with the next.
    #[error("the session's thread panicked while it ran the model")]
    Panicked,
    /// The threads are gone.
    #[error("the model was shut down while the call waited")]
    Stopped,
}
