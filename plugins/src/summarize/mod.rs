//! Summaries in a LLaMA's own words: numbered passages in, a text with citations out.
//!
//! [`Plan`] says what was read together: all passages at once where they fit the model's context, or else in groups
//! whose summaries are summarized again. Nothing is cut off. Markers in the answer are taken out of it ([`markers`]) and
//! say what the model claims to rest on; whether that is so is for others to find out.

pub mod markers;
mod plan;
mod prompt;
mod write;

use std::{ops::Range, time::Duration};

use inference::{InferenceError, Sampling};

pub use plan::{Plan, Step};
pub use policies::Length;
pub use prompt::{Asked, ask, harmless};
pub use write::write;

/// Tokens that an answer may have, at most.
fn tokens(length: Length) -> usize {
    match length {
        Length::OneSentence => 96,
        Length::Short => 192,
        Length::Medium => 384,
        Length::Long => 768,
    }
}

/// The length of summaries that are only read to be summarized again.
fn between(length: Length) -> Length {
    match length {
        Length::OneSentence | Length::Short => Length::Short,
        Length::Medium | Length::Long => Length::Medium,
    }
}

/// The language of the instructions and of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// What to summarize, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request<'a> {
    /// The passages, in order. What is blank is passed over.
    pub passages: &'a [&'a str],
    /// What the reader wants to know, if it is anything in particular.
    pub query: Option<&'a str>,
    /// How long the answer is to be.
    pub length: Length,
    /// The answer's language.
    pub language: Tongue,
    /// How tokens are chosen; always the likeliest unless told.
    pub sampling: Sampling,
}

/// Bytes of a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The passage's place among those of the request.
    pub passage: usize,
    /// Bytes of it.
    pub range: Range<usize>,
}

/// A summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The text, without markers.
    pub text: String,
    /// What the model says it rests on: where in `text` a marker stood, and the passages' places in the request.
    pub markers: Vec<(usize, Vec<usize>)>,
    /// What was read together.
    pub plan: Plan,
    /// Why it is not as long as it would have become, if it is not.
    pub cut_short: Option<CutShort>,
    /// Time spent computing, without the time spent waiting.
    pub took: Duration,
}

/// Why a summary ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutShort {
    /// It, or a partial summary that it rests on, had as many tokens as its length allows.
    Length,
    /// The deadline came. Of a text that was still in its parts there is nothing then.
    Deadline,
}

impl CutShort {
    /// The reason for records.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Deadline => "the deadline came before the summary was done",
            Self::Length => "the summary had as many tokens as its length allows",
        }
    }
}

/// Why there is no summary. It quotes no text.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No passage has anything to read.
    #[error("no passage holds any text")]
    NoText,
    /// Not even a word fits beside the instructions.
    #[error("the model's context of {context} tokens has no room for text beside the instructions")]
    NoRoom {
        /// Tokens of the model's context.
        context: usize,
    },
    /// Summaries of summaries do not become fewer.
    #[error(
        "after {levels} levels the partial summaries still do not fit the model's context of {context} tokens"
    )]
    TooMuch {
        /// Levels that were written.
        levels: usize,
        /// Tokens of the model's context.
        context: usize,
    },
    /// The model did not answer.
    #[error(transparent)]
    Model(#[from] InferenceError),
}
