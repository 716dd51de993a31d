//! What a stage found, how sure it is, how bad it is, and what that rests on.

use std::sync::Arc;

use serde::Deserialize;

use crate::{Action, Category, Span};

/// A calibrated probability.
///
/// - *Units*: `0.0..=1.0`, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Score(f32);

impl Score {
    /// Certainty, as a listed term or a copy of a precedent gives it.
    pub const CERTAIN: Self = Self(1.0);

    /// The score of that value, or nothing if it is not a probability.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The value, `0.0..=1.0`.
    #[must_use]
    pub fn value(self) -> f32 {
        self.0
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// How bad a harm is.
///
/// - *Units*: ordinal, `0..=7`; Azure's four levels are 0, 2, 4 and 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "u8")]
pub struct Severity(u8);

impl Severity {
    /// The least there is of a harm: mild or implied.
    pub const MILD: Self = Self(1);

    /// The severity of that value, or nothing above 7.
    #[must_use]
    pub fn new(value: u8) -> Option<Self> {
        (value <= 7).then_some(Self(value))
    }

    /// The value, `0..=7`.
    #[must_use]
    pub fn value(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Severity {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::new(value).ok_or_else(|| format!("severity {value} is not within 0 to 7"))
    }
}

/// One thing that a finding rests on. Code checks each before anybody sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// These bytes of the caller's text.
    Span(Span),
    /// A precedent that was retrieved for this text.
    Precedent {
        /// Its id in the bank.
        id: Arc<str>,
        /// Cosine of the two embeddings, `-1.0..=1.0`.
        similarity: f32,
        /// How that case was decided.
        ruling: Action,
    },
    /// A clause of the policy, by its id.
    Clause(Arc<str>),
    /// A term or pattern of a blocklist, and where it stands.
    Listed {
        /// The blocklist's name.
        list: Arc<str>,
        /// The term or pattern as the policy writes it.
        item: Arc<str>,
        /// Where it was found.
        span: Span,
    },
}

/// A harm, as one stage sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which harm.
    pub category: Category,
    /// How likely it is there.
    pub score: Score,
    /// How bad it would be.
    pub severity: Severity,
    /// What this rests on.
    pub evidence: Vec<Evidence>,
}
