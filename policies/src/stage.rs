//! One step of a policy: it reads what is known so far and returns what it has to add.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Action, Category, Content, Dossier, Finding, Passages, Rewrite, Severity, Span, Stated, Subject, Summary,
};

/// One step of a policy: of judging a text, or of summarizing documents. Shared by all requests: it keeps no memory from
/// one to the next.
#[async_trait]
pub trait Stage<S: Subject = Content>: Send + Sync {
    /// Reads `dossier` and returns what this stage has to add.
    ///
    /// # Errors
    ///
    /// Only what the stage cannot judge: a dependency that does not answer, or an answer it cannot read.
    /// Harmful content is not an error, it is an [`Entry::Findings`].
    async fn examine(&self, dossier: &Dossier<S>) -> Result<Examination, StageError>;

    /// What this stage will make of one sentence of a summary that an earlier stage is still writing; nothing if it keeps
    /// the sentence back. It decides as [`Stage::examine`] will once the summary is whole.
    async fn check(&self, _dossier: &Dossier<S>, sentence: Stated) -> Option<Stated> {
        Some(sentence)
    }
}

/// Why a stage could not judge. It carries no status code: see `service::error`.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A dependency did not answer.
    #[error("`{dependency}` did not answer")]
    Unavailable {
        /// Which one.
        dependency: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A model's answer makes no sense.
    #[error("unreadable answer from `{model}`: {reason}")]
    Unreadable {
        /// Which model.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A decided case that resembles the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Precedent {
    /// Its id in the bank.
    pub id: Arc<str>,
    /// Cosine of the two embeddings, `-1.0..=1.0`.
    pub similarity: f32,
    /// Which harm it was, if any.
    pub category: Option<Category>,
    /// How bad it was.
    pub severity: Severity,
    /// How it was decided.
    pub ruling: Action,
    /// The text that was decided on, for a model to compare with.
    pub text: Arc<str>,
    /// Whether it is near enough to speak by itself, and not only together with others. A tenant's own case is so from the
    /// similarity on that was fitted to that tenant's confirmed cases, where one was.
    pub alone: bool,
}

/// What an index gave for a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retrieved {
    /// Decided cases, nearest first.
    pub precedents: Vec<Precedent>,
    /// Ids and categories of policy clauses with their similarity, nearest first.
    pub clauses: Vec<(Arc<str>, Category, f32)>,
    /// Categories that at least one precedent of the banks searched stands for.
    pub known: Vec<Category>,
}

/// A final answer: no later stage runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// What to do with the text.
    pub action: Action,
    /// What that rests on.
    pub findings: Vec<Finding>,
    /// The precedents it follows.
    pub precedents: Vec<Precedent>,
    /// A sentence for the record: why later stages did not run.
    pub reason: String,
}

/// A second opinion on harms that earlier stages were not sure of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// They take the place of earlier findings of the same categories, but neither of certain ones nor of the worse
    /// in a floor category.
    pub findings: Vec<Finding>,
    /// One line for the caller, where one was asked for. It holds nothing of the text.
    pub explanation: Option<Arc<str>>,
}

/// What a stage adds to the dossier.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Examples and clauses for later stages to weigh.
    Precedents(Retrieved),
    /// Harms and how likely each is; an empty list says "looked, found none".
    Findings(Vec<Finding>),
    /// A second opinion.
    Revision(Revision),
    /// Harms, as in [`Entry::Findings`], that are to be masked.
    Rewrite(Rewrite),
    /// A final answer.
    Ruling(Ruling),
    /// What of the documents may be summarized.
    Passages(Passages),
    /// A summary; it takes the place of earlier ones.
    Summary(Summary),
    /// Nothing, and why: the stage was not needed, or not able. It is no fault.
    Abstained(String),
}

/// An entry, and what the record says of how it came about.
#[derive(Clone, Debug)]
pub struct Examination {
    /// What the stage adds.
    pub entry: Entry,
    /// The device that did the arithmetic, if a model did.
    pub device: Option<Arc<str>>,
    /// Bytes of the caller's text that were read.
    pub read: Vec<Span>,
    /// Categories for which this stage can tell harm from none: their score means something.
    pub scored: Vec<Category>,
    /// Whether every answer of the model came from its cache.
    pub cached: bool,
    /// Why a part of the text was left out, if one was.
    pub cut_short: Option<String>,
    /// What a language model read, if one did.
    pub tokens: Option<Tokens>,
}

/// What a language model read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of all prompts.
    pub prompt: usize,
    /// How many of them were remembered and needed no computing.
    pub cached: usize,
    /// Tokens computed, those of answers included.
    pub computed: usize,
}

impl Examination {
    /// An entry by a stage that read the whole text and needed no model.
    #[must_use]
    pub fn of_whole(dossier: &Dossier, entry: Entry) -> Self {
        let end = dossier.content().original().len();
        Self { read: vec![Span { start: 0, end }], ..Self::of(entry) }
    }

    /// An entry by a stage that read nothing of a text and needed no model.
    #[must_use]
    pub fn of(entry: Entry) -> Self {
        Self {
            entry,
            device: None,
            read: Vec::new(),
            scored: Vec::new(),
            cached: false,
            cut_short: None,
            tokens: None,
        }
    }
}
