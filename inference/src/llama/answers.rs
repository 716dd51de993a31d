//! What a LLaMA answers.

use std::time::Duration;

use super::job::Finish;

/// How likely each choice is after each suffix.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Natural logarithms of probabilities over the whole vocabulary: `[suffixes][choices]`.
    pub log_probabilities: Vec<Vec<f64>>,
    /// Tokens of the prefix, BOS included.
    pub prefix_tokens: usize,
    /// How many of those needed no computing.
    pub cached_tokens: usize,
    /// Tokens computed in all: of prefix, suffixes and choices.
    pub computed_tokens: usize,
    /// Tokens of each suffix.
    pub suffix_tokens: Vec<usize>,
    /// Time spent computing, without the time spent waiting.
    pub took: Duration,
}

/// How likely each choice is after each ending of each text.
#[derive(Debug, Clone, PartialEq)]
pub struct Branched {
    /// Natural logarithms of probabilities over the whole vocabulary: `[texts][endings][choices]`.
    pub log_probabilities: Vec<Vec<Vec<f64>>>,
    /// Tokens of the prefix, BOS included.
    pub prefix_tokens: usize,
    /// How many of those needed no computing.
    pub cached_tokens: usize,
    /// Tokens computed in all: of prefix, texts, endings and choices.
    pub computed_tokens: usize,
    /// Time spent computing, without the time spent waiting.
    pub took: Duration,
}

/// How a prompt goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The new tokens, without EOS.
    pub ids: Vec<u32>,
    /// Their text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt, control tokens included.
    pub prompt_tokens: usize,
    /// How many of those needed no computing.
    pub cached_tokens: usize,
    /// Time spent computing, in part beside other texts, without the time spent waiting.
    pub took: Duration,
}
