//! Whether somebody tries to turn a language model against whoever runs it: in a prompt, or in what it will read.

use plugins::shield;
use policies::{Action, Category, Judgment, Policy};
use tokio::sync::SemaphorePermit;

use crate::error::ApiError;
use crate::moderator::{Docket, Moderator};

/// A prompt that was looked at.
pub struct Prompted {
    /// Whether it is an attack, by the policy; by the detector for documents where the policy does not order that.
    pub is_attack: bool,
    /// What the policy says of it.
    pub judgment: Judgment,
}

/// Looks at what a user says to a model. A policy that orders the stage `shield` has the last word.
///
/// # Errors
///
/// As [`Moderator::judge`].
pub async fn prompt(
    moderator: &Moderator,
    docket: &Docket,
    text: String,
    place: &SemaphorePermit<'_>,
) -> Result<Prompted, ApiError> {
    let policy = docket.policy();
    let is_ordered = policy.stages().iter().any(|stage| stage.kind == plugins::SHIELD);
    let speaks_so = !is_ordered && document(policy, text.clone()).await?;
    let judgment = moderator.judge(docket, text, place).await?;
    let verdict = &judgment.verdict;
    // Findings are there that reach a line of the policy; a ruling may lift them.
    let is_found = verdict.findings.iter().any(|finding| finding.category == Category::PromptAttack);
    let is_attack = speaks_so || (verdict.action > Action::Allow && is_found);
    Ok(Prompted { is_attack, judgment })
}

/// Looks at what a model is to read, as sure as `policy` wants to be.
///
/// # Errors
///
/// [`ApiError::Internal`]: the text could not be read.
pub async fn document(policy: &Policy, text: String) -> Result<bool, ApiError> {
    let line = shield::line(policy);
    let attacks = shield::read(text, line).await.map_err(|_| ApiError::Internal)?;
    Ok(!attacks.is_empty())
}
