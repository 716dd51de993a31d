//! `POST /contentsafety/text:detectGroundedness`

use std::ops::Range;

use actix_web::{HttpResponse, web};
use plugins::extract::{Extent, Unit, offsets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{GROUNDEDNESS, fits, may_judge, operation};
use crate::api::azure::{AzureError, Version};
use crate::api::description::Page;
use crate::api::edge::{By, json_of};
use crate::grounds::{GROUNDED_FROM, Standing};
use crate::json::rounded;
use crate::keys::Scope;
use crate::summarizer::Summarizer;

/// The longest text and question, in code points.
const MAX_TEXT: usize = 7_500;
/// The most of all sources together, in code points.
const MAX_SOURCES: usize = 55_000;
/// The version that says how sure it is.
const WITH_CONFIDENCE: &str = "2024-02-15-preview";

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GroundednessRequest {
    /// Read for its form: one model grounds texts of all domains.
    #[serde(rename = "domain")]
    _domain: Option<Domain>,
    task: Option<Task>,
    qna: Option<Question>,
    text: String,
    grounding_sources: Vec<String>,
    reasoning: Option<bool>,
    correction: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
enum Domain {
    Generic,
    Medical,
}

#[derive(Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Task {
    #[default]
    Summarization,
    QnA,
}

#[derive(Deserialize, JsonSchema)]
struct Question {
    query: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GroundednessAnswer<'a> {
    ungrounded_detected: bool,
    /// Share of the text, by code points.
    ungrounded_percentage: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_score: Option<f64>,
    ungrounded_details: Vec<DetailJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct DetailJson<'a> {
    text: &'a str,
    offset: PlacesJson,
    length: PlacesJson,
}

/// One number in three units.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlacesJson {
    utf8: usize,
    utf16: usize,
    code_point: usize,
}

impl GroundednessRequest {
    fn check(&self) -> Result<(), AzureError> {
        fits("text", &self.text, MAX_TEXT)?;
        if self.task == Some(Task::QnA) && self.qna.is_none() {
            return Err(AzureError::body("`qna`: the task `QnA` has a question"));
        }
        fits("qna.query", self.qna.as_ref().map_or("", |qna| &qna.query), MAX_TEXT)?;
        let sources = self.grounding_sources.concat();
        fits("groundingSources", &sources, MAX_SOURCES)?;
        if sources.trim().is_empty() {
            return Err(AzureError::body("`groundingSources`: there is nothing to read"));
        }
        for (name, asked) in [("reasoning", self.reasoning), ("correction", self.correction)] {
            if asked == Some(true) {
                return Err(AzureError::body(format!(
                    "`{name}` is not supported here; leave it out or false"
                )));
            }
        }
        Ok(())
    }
}

/// Holds a text against sources.
pub(super) async fn detect(
    (caller, version): (By, Version),
    summarizer: web::Data<Summarizer>,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_judge(&caller)?;
    let request: GroundednessRequest = json_of(body, summarizer.limits().max_body_bytes).await?;
    request.check()?;
    let sources: Vec<&str> = request.grounding_sources.iter().map(String::as_str).collect();
    let place = summarizer.try_place()?;
    let standing = summarizer.ground((&request.text, &sources), None, &place).await?;
    let probability = standing.grounded.probability;
    Ok(HttpResponse::Ok().json(answer(&request.text, &ungrounded(&standing), probability, version)))
}

/// The sentences that no source bears out, as bytes of the text.
fn ungrounded(standing: &Standing) -> Vec<Range<usize>> {
    let sentences = standing.grounded.sentences.iter();
    let ungrounded = sentences.filter(|sentence| sentence.support.probability < GROUNDED_FROM);
    ungrounded.map(|sentence| sentence.range.clone()).collect()
}

fn answer<'a>(
    text: &'a str,
    ranges: &[Range<usize>],
    probability: f32,
    Version(version): Version,
) -> GroundednessAnswer<'a> {
    let [utf8, utf16, code_point] =
        [Unit::Byte, Unit::Utf16, Unit::CodePoint].map(|unit| offsets(text, ranges, unit));
    let places = utf8.into_iter().zip(utf16).zip(code_point);
    let details = ranges.iter().zip(places).map(|(range, ((utf8, utf16), code_point))| {
        let places = |of: fn(Extent) -> usize| PlacesJson {
            utf8: of(utf8),
            utf16: of(utf16),
            code_point: of(code_point),
        };
        DetailJson {
            text: text.get(range.clone()).unwrap_or_default(),
            offset: places(|extent| extent.start),
            length: places(|extent| extent.length),
        }
    });
    let ungrounded_details: Vec<DetailJson<'_>> = details.collect();
    let characters: usize = ungrounded_details.iter().map(|detail| detail.length.code_point).sum();
    let sure = if ranges.is_empty() { probability } else { 1.0 - probability };
    GroundednessAnswer {
        ungrounded_detected: !ranges.is_empty(),
        ungrounded_percentage: share(characters, text.chars().count()),
        confidence_score: (version == WITH_CONFIDENCE).then(|| rounded(sure)),
        ungrounded_details,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of characters stay far below 2^23")]
fn share(part: usize, whole: usize) -> f64 {
    rounded(part as f32 / whole.max(1) as f32)
}

/// Describes the operation.
pub(super) fn described(page: &mut Page<'_>) {
    let sources = json!(["The library is closed on Sundays and opens at nine on weekdays."]);
    operation(page, "post", (GROUNDEDNESS, "Holds a text against sources"))
        .opens(&[Scope::Judge])
        .takes::<GroundednessRequest>(
            &json!({"text": "The library is closed on Sundays.", "groundingSources": sources}),
        )
        .gives::<GroundednessAnswer<'_>>(200, "What no source bears out.")
        .refuses(&[503]);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Version, answer};

    #[test]
    fn what_is_not_borne_out_is_told_in_three_units() {
        let text = "\u{1F600} It is closed on Sundays. The mayor was born in 1954 on a ship.";
        let at = text.find("The mayor").unwrap();
        let told = |ranges: &[_], version| {
            serde_json::to_string(&answer(text, ranges, 0.25, Version(version))).unwrap()
        };
        let mayor = std::iter::once(at..text.len()).collect::<Vec<_>>();
        expect![[r#"{"ungroundedDetected":true,"ungroundedPercentage":0.5781,"ungroundedDetails":[{"text":"The mayor was born in 1954 on a ship.","offset":{"utf8":30,"utf16":28,"codePoint":27},"length":{"utf8":37,"utf16":37,"codePoint":37}}]}"#]]
            .assert_eq(&told(&mayor, "2024-09-15-preview"));
        expect![[r#"{"ungroundedDetected":false,"ungroundedPercentage":0.0,"confidenceScore":0.25,"ungroundedDetails":[]}"#]]
            .assert_eq(&told(&[], "2024-02-15-preview"));
    }
}
