//! The answer: what to do with a text, and on which findings that rests.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::{Category, Finding, Record, Rewritten, Score, Severity};

/// What to do with a text. The greater is the stricter: `max` joins two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Let it pass.
    #[default]
    Allow,
    /// Let it pass, marked.
    Flag,
    /// Hold it for a person.
    Review,
    /// Keep it out.
    Block,
}

impl Action {
    /// The name that policies and answers use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Flag => "flag",
            Self::Review => "review",
            Self::Block => "block",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Allow, Self::Flag, Self::Review, Self::Block].into_iter().find(|action| action.name() == name)
    }
}

/// What to do with a text, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// The language by whose lines that was decided, ISO 639-1; `und` where it could not be told.
    pub language: Arc<str>,
    /// Whether a precedent ruled it, so that no stage behind had to say anything: what the ruling does not name was not found.
    pub is_ruled: bool,
    /// What it rests on: every finding that reaches a line of the policy, worst first.
    pub findings: Vec<Finding>,
    /// The highest score of each category that was asked for, and the severity that goes with it.
    pub scores: BTreeMap<Category, (Score, Severity)>,
    /// A line from each stage that explained itself, if that was asked for.
    pub explanations: Vec<Arc<str>>,
}

/// A verdict, and how it came about. There is always one, whatever failed on the way.
#[derive(Clone, Debug)]
pub struct Judgment {
    /// The answer.
    pub verdict: Verdict,
    /// Who gave it, and who could not.
    pub record: Record,
    /// What to pass on in the place of the text, if stages want anything in it masked. It goes with any action.
    pub rewritten: Option<Rewritten>,
}
