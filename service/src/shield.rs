//! Whether somebody tries to turn a language model against whoever runs it: in a prompt, or in what it will read.

use plugins::shield::attacks;
use policies::{Category, Judgment};
use tokio::sync::SemaphorePermit;

use crate::error::ApiError;
use crate::moderator::{Docket, Moderator};

/// A prompt that was looked at.
pub struct Prompted {
    /// Whether it is an attack: by the policy, or because it speaks as attacks in documents do.
    pub is_attack: bool,
    /// What the policy says of it.
    pub judgment: Judgment,
}

/// Looks at what a user says to a model.
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
    let speaks_so = document(text.clone()).await?;
    let judgment = moderator.judge(docket, text, place).await?;
    // Findings are there that reach a line of the policy.
    let mut findings = judgment.verdict.findings.iter();
    let is_attack = speaks_so || findings.any(|finding| finding.category == Category::PromptAttack);
    Ok(Prompted { is_attack, judgment })
}

/// Looks at what a model is to read.
///
/// # Errors
///
/// The process is shutting down.
pub async fn document(text: String) -> Result<bool, ApiError> {
    let reading = tokio::task::spawn_blocking(move || {
        let ranges = plugins::sentences(&text, None);
        let sentences: Vec<&str> = ranges.into_iter().filter_map(|range| text.get(range)).collect();
        attacks(&sentences, None).iter().any(Option::is_some)
    });
    reading.await.map_err(|_| ApiError::Internal)
}
