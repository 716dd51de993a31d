//! How a verdict came about: which stages ran, on what, over which text, and which did not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{Category, Span, Tokens};

/// What became of a stage. A reason is a sentence for a person and never holds the text judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It ran to its end.
    Ran,
    /// Its answer was already known for exactly this text.
    Cached,
    /// It had no need to run.
    Skipped(String),
    /// It did not answer within its time.
    TimedOut(String),
    /// It could not judge.
    Failed(String),
    /// It judged only a part of the text.
    CutShort(String),
}

impl Status {
    /// The name that records use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Skipped(_) => "skipped",
            Self::TimedOut(_) => "timed_out",
            Self::Failed(_) => "failed",
            Self::CutShort(_) => "cut_short",
        }
    }

    /// The reason, where there is one to give.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ran | Self::Cached => None,
            Self::Skipped(reason)
            | Self::TimedOut(reason)
            | Self::Failed(reason)
            | Self::CutShort(reason) => Some(reason),
        }
    }

    /// Whether something that should have run did not, or not wholly.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Failed(_) | Self::CutShort(_))
    }
}

/// One stage's line in the record.
#[derive(Clone, Debug)]
pub struct StageRun {
    /// The stage's name in the policy.
    pub stage: Arc<str>,
    /// What became of it.
    pub status: Status,
    /// The device that did its arithmetic, for stages with a model.
    pub device: Option<Arc<str>>,
    /// The bytes of the caller's text it read: ascending, apart.
    pub bytes: Vec<Span>,
    /// What a language model read for it, if one did.
    pub tokens: Option<Tokens>,
    /// How long it took.
    pub took: Duration,
}

/// How a verdict came about.
#[derive(Clone, Debug)]
pub struct Record {
    /// The stages, in the policy's order.
    pub stages: Vec<StageRun>,
    /// Digest of the policy.
    pub policy: Arc<str>,
    /// Digests of the models, by role.
    pub models: BTreeMap<String, String>,
    /// Digest or version of the index that was searched, if there is one.
    pub index: Option<String>,
    /// Categories asked for whose score nothing gave: their 0 says nothing.
    pub not_scored: Vec<Category>,
}

impl Record {
    /// Whether anything that should have run did not, or not wholly.
    #[must_use]
    pub fn degraded(&self) -> bool {
        self.stages.iter().any(|run| run.status.is_fault())
    }
}

/// The same bytes as ascending spans that neither overlap nor touch.
#[must_use]
pub fn merge_spans(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}
