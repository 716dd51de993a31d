//! `lamassu.json`, our own card of a model, and what a folder without one tells.

use serde::Deserialize;

use super::guard::GuardCategory;

/// How a model wants its prompts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Template {
    /// Llama Guard 1: task, categories, conversation, answered by `safe` or `unsafe`.
    #[serde(rename = "llama-guard-1")]
    LlamaGuard1,
    /// Llama 2's chat: `[INST] … [/INST]`.
    #[serde(rename = "llama-2-chat")]
    Llama2Chat,
    /// Plain text that the model continues.
    #[default]
    #[serde(rename = "none")]
    None,
}

impl Template {
    /// The name used in cards: `llama-guard-1`, `llama-2-chat` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LlamaGuard1 => "llama-guard-1",
            Self::Llama2Chat => "llama-2-chat",
            Self::None => "none",
        }
    }

    /// The template whose words stand in a tokenizer's own chat template.
    pub(crate) fn of_words(chat_template: &str) -> Self {
        if chat_template.contains("BEGIN UNSAFE CONTENT CATEGORIES") {
            Self::LlamaGuard1
        } else if chat_template.contains("[INST]") && chat_template.contains("<<SYS>>") {
            Self::Llama2Chat
        } else {
            Self::None
        }
    }
}

/// What a model was measured to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ability {
    /// Say whether a text breaks a category.
    Judge,
    /// Hold a conversation.
    Chat,
    /// Summarize.
    Summarize,
}

impl Ability {
    /// The name used in cards: `judge`, `chat` or `summarize`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Judge => "judge",
            Self::Chat => "chat",
            Self::Summarize => "summarize",
        }
    }
}

/// From the difference of two log-probabilities to a calibrated probability: `1 / (1 + exp(-(a·x + b)))`.
///
/// *Source*: Platt 1999, "Probabilistic outputs for support vector machines".
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The slope.
    pub a: f64,
    /// The offset.
    pub b: f64,
}

impl Calibration {
    /// The probability, `0.0..=1.0`, for the log-probability of `unsafe` less that of `safe`.
    #[must_use]
    pub fn probability(self, margin: f64) -> f64 {
        1.0 / (1.0 + (-(self.a * margin + self.b)).exp())
    }
}

/// Graphs beside the generating one, over the same keys and values: files of the model's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Graphs {
    /// The graph that reads what is to be scored; the generating one where there is none.
    pub score: Option<String>,
    /// The graph that reads the prefixes of scores; the scoring one where there is none.
    pub prefix: Option<String>,
}

/// What `lamassu.json` says about a model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelCard {
    /// How it wants its prompts; by the tokenizer's chat template where the card is silent.
    pub template: Option<Template>,
    /// Graphs of its own for scoring.
    pub graphs: Graphs,
    /// What it was measured to be able to do.
    pub abilities: Vec<Ability>,
    /// The categories it was trained on, in the order of their codes.
    pub categories: Vec<GuardCategory>,
    /// From its logits to probabilities.
    pub calibration: Option<Calibration>,
    /// Whether it knows a block of precedents before the conversation.
    pub precedents_block: bool,
    /// Whether it knows a block of clauses before the conversation.
    pub clauses_block: bool,
    /// Characters of one precedent, at most.
    pub precedent_characters: Option<usize>,
    /// Characters of one clause, at most.
    pub clause_characters: Option<usize>,
    /// Tokens of one window of the text to judge, at most.
    pub window_tokens: Option<usize>,
    /// How it was imported, and how far its graphs were then off the unmodified weights.
    pub imported: serde_json::Value,
    /// Whether it serves tests and nothing else.
    pub test_only: bool,
    /// How well it did, as the recipe that made it wrote it down.
    pub measured: serde_json::Value,
}
