//! One step of a policy: it reads what is known so far and returns what it has to add.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{Action, Category, Content, Finding, Score, Severity, Span};

/// One step of a policy. Shared by all requests: it keeps no memory from one to the next.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Reads `dossier` and returns what this stage has to add.
    ///
    /// # Errors
    ///
    /// Only what the stage cannot judge: a dependency that does not answer, or an answer it cannot read.
    /// Harmful content is not an error, it is an [`Entry::Findings`].
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError>;
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
    /// A final answer.
    Ruling(Ruling),
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
        Self {
            entry,
            device: None,
            read: vec![Span { start: 0, end }],
            scored: Vec::new(),
            cached: false,
            cut_short: None,
            tokens: None,
        }
    }
}

/// What is known so far about one text.
#[derive(Clone, Debug)]
pub struct Dossier {
    content: Arc<Content>,
    entries: Vec<(Arc<str>, Entry)>,
    deadline: Option<Instant>,
    explain: bool,
}

impl Dossier {
    /// A dossier with nothing in it but the text.
    #[must_use]
    pub fn new(content: Arc<Content>) -> Self {
        Self { content, entries: Vec::new(), deadline: None, explain: false }
    }

    /// The same dossier, of a caller who wants an explanation.
    #[must_use]
    pub fn to_be_explained(self, explain: bool) -> Self {
        Self { explain, ..self }
    }

    /// Whether the caller wants an explanation.
    #[must_use]
    pub fn explain(&self) -> bool {
        self.explain
    }

    /// The text judged.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// When the stage should have answered: one that would overrun answers for what it has read.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Every finding that stands so far, rulings' included.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let mut standing: Vec<&Finding> = Vec::new();
        for (_, entry) in &self.entries {
            match entry {
                Entry::Findings(findings) => standing.extend(findings),
                Entry::Ruling(ruling) => standing.extend(&ruling.findings),
                Entry::Revision(revision) => {
                    let revised = |finding: &Finding| {
                        finding.score < Score::CERTAIN
                            && revision.findings.iter().any(|new| new.category == finding.category)
                    };
                    standing.retain(|finding| !revised(finding));
                    standing.extend(&revision.findings);
                }
                Entry::Precedents(_) => {}
            }
        }
        standing.into_iter()
    }

    /// The lines that stages explained themselves by.
    pub fn explanations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Revision(revision) => revision.explanation.as_ref(),
            Entry::Precedents(_) | Entry::Findings(_) | Entry::Ruling(_) => None,
        })
    }

    /// What was retrieved so far.
    pub fn retrieved(&self) -> impl Iterator<Item = &Retrieved> {
        self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Precedents(retrieved) => Some(retrieved),
            Entry::Findings(_) | Entry::Revision(_) | Entry::Ruling(_) => None,
        })
    }

    /// The highest score so far among `categories`, or among all if none is named.
    #[must_use]
    pub fn highest_score(&self, categories: &[Category]) -> Score {
        self.findings()
            .filter(|finding| categories.is_empty() || categories.contains(&finding.category))
            .map(|finding| finding.score)
            .max()
            .unwrap_or_default()
    }

    pub(crate) fn ruling(&self) -> Option<&Ruling> {
        self.entries.iter().find_map(|(_, entry)| match entry {
            Entry::Ruling(ruling) => Some(ruling),
            Entry::Precedents(_) | Entry::Findings(_) | Entry::Revision(_) => None,
        })
    }

    /// Whether a precedent of that id was retrieved for this text.
    pub(crate) fn retrieved_precedent(&self, id: &str) -> bool {
        let ruled = self.ruling().is_some_and(|ruling| ruling.precedents.iter().any(|p| &*p.id == id));
        ruled || self.retrieved().any(|found| found.precedents.iter().any(|p| &*p.id == id))
    }

    pub(crate) fn add(&mut self, stage: Arc<str>, entry: Entry) {
        self.entries.push((stage, entry));
    }

    pub(crate) fn due(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }
}
