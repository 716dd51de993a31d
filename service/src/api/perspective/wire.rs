//! What this API's messages look like. Members may be called by either of their names, `null` counts as absent, and
//! unknown members are passed over.
//!
//! Source: the vendor's discovery document, and PERSPECTIVE §3 to §5.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{Fault, GoogleError};

/// A text and what it is written in.
#[derive(Deserialize, JsonSchema)]
pub(super) struct TextEntry {
    text: Option<String>,
    r#type: Option<EnumJson>,
}

/// A name, or its number.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum EnumJson {
    Name(String),
    Number(u32),
}

impl EnumJson {
    /// The name among `names`, which stand by their numbers.
    fn among(&self, names: &[&'static str]) -> Option<&'static str> {
        match self {
            Self::Name(name) => names.iter().find(|known| *known == name).copied(),
            Self::Number(number) => names.get(usize::try_from(*number).ok()?).copied(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnalyzeRequest {
    pub(super) comment: Option<TextEntry>,
    #[serde(alias = "requested_attributes")]
    pub(super) requested_attributes: Option<BTreeMap<String, Option<AttributeParameters>>>,
    context: Option<Context>,
    pub(super) languages: Option<Vec<String>>,
    #[serde(alias = "span_annotations")]
    pub(super) span_annotations: Option<bool>,
    #[serde(alias = "client_token")]
    pub(super) client_token: Option<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttributeParameters {
    #[serde(alias = "score_type")]
    pub(super) score_type: Option<EnumJson>,
    #[serde(alias = "score_threshold")]
    pub(super) score_threshold: Option<f64>,
}

/// What surrounds a comment. It is checked and then left alone: the vendor's models never used it either.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    entries: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(alias = "article_and_parent_comment")]
    #[schemars(with = "Option<serde_json::Value>")]
    article_and_parent_comment: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuggestRequest {
    pub(super) comment: Option<TextEntry>,
    context: Option<Context>,
    #[serde(alias = "attribute_scores")]
    pub(super) attribute_scores: Option<BTreeMap<String, SuggestedScores>>,
    pub(super) languages: Option<Vec<String>>,
    #[serde(alias = "client_token")]
    pub(super) client_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuggestedScores {
    #[serde(alias = "summary_score")]
    pub(super) summary_score: Option<SuggestedScore>,
    #[serde(alias = "span_scores")]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub(super) span_scores: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct SuggestedScore {
    pub(super) value: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnalyzeAnswer {
    pub(super) attribute_scores: BTreeMap<String, AttributeScores>,
    pub(super) languages: Vec<String>,
    pub(super) detected_languages: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttributeScores {
    pub(super) span_scores: Vec<SpanScore>,
    pub(super) summary_score: Score,
}

/// *Units*: UTF-16 code units, the end excluded.
#[derive(Serialize, JsonSchema)]
pub(super) struct SpanScore {
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) score: Score,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Score {
    value: f64,
    r#type: &'static str,
}

impl Score {
    pub(super) fn of(value: f32) -> Self {
        Self { value: crate::json::rounded(value), r#type: "PROBABILITY" }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuggestAnswer {
    pub(super) detected_languages: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requested_languages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_token: Option<String>,
}

/// The text of a comment of at most `limit` bytes.
pub(super) fn text_of(comment: Option<TextEntry>, limit: usize) -> Result<String, GoogleError> {
    let TextEntry { text, r#type } = comment.ok_or_else(GoogleError::empty)?;
    let text = text.filter(|text| !text.is_empty()).ok_or_else(GoogleError::empty)?;
    if text.len() > limit {
        return Err(GoogleError::too_long(text.len(), limit));
    }
    let kinds = ["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"];
    match r#type.map(|kind| kind.among(&kinds)) {
        None | Some(Some("TEXT_TYPE_UNSPECIFIED" | "PLAIN_TEXT")) => Ok(text),
        Some(Some(_)) => {
            let message = "Currently, only 'PLAIN_TEXT' comments are supported";
            Err(GoogleError::fault(Fault::InvalidRequest, message))
        }
        Some(None) => {
            let message = format!("Invalid value at 'comment.type': it is none of {}", kinds.join(", "));
            Err(GoogleError::fault(Fault::InvalidRequest, message))
        }
    }
}

impl AttributeParameters {
    /// Refuses scores of another type than there is.
    pub(super) fn check(&self, attribute: &str) -> Result<(), GoogleError> {
        let kinds = ["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"];
        match self.score_type.as_ref().map(|kind| kind.among(&kinds)) {
            None | Some(Some("SCORE_TYPE_UNSPECIFIED" | "PROBABILITY")) => Ok(()),
            Some(Some(kind)) => {
                let message =
                    format!("Requested score type {kind} is not supported by attribute {attribute}");
                Err(GoogleError::fault(Fault::InvalidRequest, message))
            }
            Some(None) => {
                let message = format!("Invalid value at 'score_type': it is none of {}", kinds.join(", "));
                Err(GoogleError::fault(Fault::InvalidRequest, message))
            }
        }
    }
}

/// Refuses a context that is two things at once.
fn check_context(context: Option<&Context>) -> Result<(), GoogleError> {
    let both = context.is_some_and(|Context { entries, article_and_parent_comment }| {
        entries.as_ref().is_some_and(|entries| !entries.is_empty()) && article_and_parent_comment.is_some()
    });
    if both {
        let message =
            "Context can have either entries or article_and_parent_comment, but both fields were populated.";
        return Err(GoogleError::fault(Fault::InvalidRequest, message));
    }
    Ok(())
}

impl AnalyzeRequest {
    /// Refuses a context that is two things at once.
    pub(super) fn check_context(&self) -> Result<(), GoogleError> {
        check_context(self.context.as_ref())
    }
}

impl SuggestRequest {
    /// Refuses a context that is two things at once.
    pub(super) fn check_context(&self) -> Result<(), GoogleError> {
        check_context(self.context.as_ref())
    }
}
