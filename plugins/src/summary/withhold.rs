//! What is kept out of a summary because a policy would not let it pass.

use std::sync::Arc;

use policies::{Action, Ask, Category, Content, ContentError, Pipeline, StageError};
use tokio::time::Instant;

/// A policy's judging, asked about parts of documents and of summaries.
#[derive(Clone)]
pub(super) struct Judging {
    pub(super) pipeline: Arc<Pipeline>,
    /// The mildest action that keeps a text out.
    pub(super) from: Action,
}

/// Why a text is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// It is this harm.
    Harm(Category),
    /// A stage that should have judged it did not.
    Unjudged,
}

impl Because {
    /// The harm, if it is one.
    pub(super) fn category(self) -> Option<Category> {
        match self {
            Self::Harm(category) => Some(category),
            Self::Unjudged => None,
        }
    }
}

/// What judging came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Opinion {
    /// Why the text is kept out, if it is.
    pub(super) withheld: Option<Because>,
    /// Whether a stage that should have judged did not.
    pub(super) degraded: bool,
    /// Categories that were scored.
    pub(super) scored: Vec<Category>,
    /// The device that the encoder ran on.
    pub(super) device: Option<Arc<str>>,
}

impl Judging {
    /// Judges one text.
    ///
    /// # Errors
    ///
    /// The text has characters that no text may have, or too many.
    pub(super) async fn of(&self, text: &str, deadline: Option<Instant>) -> Result<Opinion, StageError> {
        let content = match Content::new(text) {
            Ok(content) => Arc::new(content),
            // White space and the like: there is nothing to keep out.
            Err(ContentError::Empty | ContentError::Blank) => return Ok(Opinion::default()),
            Err(source) => {
                return Err(StageError::Unavailable { dependency: "judging", source: Box::new(source) });
            }
        };
        let budget = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let judgment = self.pipeline.judge(content, &Ask { budget, ..Ask::default() }).await;
        let verdict = judgment.verdict;
        let not_scored = judgment.record.not_scored;
        let scored = verdict.scores.into_keys().filter(|category| !not_scored.contains(category));
        // Findings come worst first.
        let is_harm = |finding: &&policies::Finding| {
            self.pipeline.policy().action_for(finding, &verdict.language) >= self.from
        };
        let worst = verdict.findings.first().filter(is_harm);
        let because = worst.map_or(Because::Unjudged, |finding| Because::Harm(finding.category.clone()));
        Ok(Opinion {
            withheld: (verdict.action >= self.from).then_some(because),
            degraded: judgment.record.stages.iter().any(|run| run.status.is_fault()),
            device: judgment.record.stages.iter().find_map(|run| run.device.clone()),
            scored: scored.collect(),
        })
    }
}
