//! `POST /v1alpha1/comments:suggestscore`: what somebody says a comment should have scored is kept as an unconfirmed
//! case, which acts once a reviewer has confirmed it.

use policies::Category;
use serde_json::json;

use super::answer::Answer;
use super::attribute::category_of;
use super::desk::Desk;
use super::error::{Fault, GoogleError};
use super::wire::{SuggestAnswer, SuggestRequest, SuggestedScores, text_of};
use super::{language, relaxed};
use crate::clerk::{CaseJson, EnteredJson};
use crate::error::ApiError;
use crate::keys::{Caller, Scope};

/// From this on, a suggested score says that the attribute is there.
const THERE: f64 = 0.5;
/// Names of clients that say what became of a comment instead of what is in it.
const KEPT: &str = "APPROVED";
const REMOVED: &str = "DELETED";
/// The tag by which reviewers find what was suggested.
const TAG: &str = "suggested";

/// Takes a suggestion.
pub(super) async fn suggest(desk: &Desk, caller: &Caller, body: &[u8]) -> Result<Answer, GoogleError> {
    caller.may(&[Scope::Banks])?;
    let request: SuggestRequest = relaxed::read(body)?;
    request.check_context()?;
    let text = text_of(request.comment, desk.options.max_bytes)?;
    policies::Content::new(text.as_str()).map_err(ApiError::from)?;
    let scores = request.attribute_scores.unwrap_or_default();
    if scores.is_empty() || scores.values().any(SuggestedScores::is_empty) {
        let message = "Missing attribute_scores: give at least one score for each attribute";
        return Err(GoogleError::fault(Fault::InvalidRequest, message));
    }
    let detected = language::detected(&text);
    let suggested = scores.iter().filter_map(|(name, scores)| suggested(name, scores));
    // What is there counts for more than what is not.
    let worst = suggested.max_by_key(|(_, category)| category.is_some());
    let fed = match worst {
        Some((name, category)) if !desk.options.feedback_bank.is_empty() => {
            enter(desk, caller, (&text, detected), (name, category)).await?
        }
        _ => "none",
    };
    let (requested_languages, client_token) = (request.languages, request.client_token);
    let answer = SuggestAnswer { detected_languages: [detected], requested_languages, client_token };
    Ok(Answer::new(&answer)?.fed(fed))
}

impl SuggestedScores {
    fn is_empty(&self) -> bool {
        self.summary_score.is_none() && self.span_scores.as_ref().is_none_or(Vec::is_empty)
    }
}

/// What a suggestion says of the whole text: the harm, or none. Scores of spans say nothing of the whole, and names that
/// we do not know nothing at all.
fn suggested<'a>(name: &'a str, scores: &SuggestedScores) -> Option<(&'a str, Option<Category>)> {
    let is_there = scores.summary_score.as_ref()?.value? >= THERE;
    let category = match name {
        // Whoever removed it does not say for which harm: the reviewer will.
        REMOVED => Category::Harassment,
        KEPT => return is_there.then_some((name, None)),
        _ => category_of(name)?,
    };
    Some((name, is_there.then_some(category)))
}

/// Enters the case and says what became of it. One that is refused because the bank holds the opposite is left: that one
/// was there first, and reviewers see it.
async fn enter(
    desk: &Desk,
    caller: &Caller,
    (text, language): (&str, &str),
    (name, category): (&str, Option<Category>),
) -> Result<&'static str, GoogleError> {
    let ruling = if category.is_some() { "review" } else { "allow" };
    let case = json!({
        "text": text, "ruling": ruling, "category": category.map(|category| category.to_string()),
        "language": language, "tags": [TAG], "reason": format!("suggested by comments:suggestscore: {name}"),
    });
    let case: CaseJson = serde_json::from_value(case).map_err(|_| ApiError::Internal)?;
    let who = crate::clerk::Who { by: &caller.name, sight: caller.sight() };
    let entered = desk.clerk.enter(&desk.options.feedback_bank, vec![Ok(case)], who).await?;
    match entered.into_iter().next() {
        Some(Ok(EnteredJson::Entered { .. } | EnteredJson::Indexed { .. })) => Ok("entered"),
        Some(Ok(EnteredJson::Present { .. } | EnteredJson::Unchanged { .. })) => Ok("present"),
        Some(Ok(EnteredJson::Merged { .. })) => Ok("merged"),
        Some(Err(ApiError::Refused(plugins::Refusal::Conflict { .. } | plugins::Refusal::Taken { .. }))) => {
            Ok("conflict")
        }
        Some(Err(error)) => Err(error.into()),
        None => Err(ApiError::Internal.into()),
    }
}
