//! What was found, as this API says it.

use plugins::pii;
use policies::{Action, Evidence, Judgment, Span};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::code_points;
use crate::grounds::{GROUNDED_FROM, Standing};
use crate::json::rounded;

/// What a text is held back for when no finding says why: a ruling, or a stage that could not judge.
const UNNAMED: &str = "lamassu/policy";

/// Something found. `start`, `end` and `text` are there where the API has a place for them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DetectionJson {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    place: Option<PlaceJson>,
    detection: String,
    detection_type: &'static str,
    score: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Value>,
}

/// *Units*: code points.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PlaceJson {
    start: usize,
    end: usize,
    text: String,
}

impl PlaceJson {
    fn of(text: &str, range: std::ops::Range<usize>) -> Self {
        let (start, end) = code_points(text, range.clone());
        Self { start, end, text: text.get(range).unwrap_or_default().to_owned() }
    }
}

/// What `judgment` finds in `text`, in the category called `only` if there is one: what the verdict stands by, or with a
/// threshold every category that reaches it.
pub(super) fn of_judgment(
    Judgment { verdict, .. }: &Judgment,
    text: &str,
    (only, threshold): (Option<&str>, Option<f32>),
) -> Vec<DetectionJson> {
    let mut found = Vec::new();
    for (category, (score, severity)) in &verdict.scores {
        if only.is_some_and(|only| only != category.name()) {
            continue;
        }
        let finding = verdict.findings.iter().find(|finding| finding.category == *category);
        let reached = match threshold {
            Some(threshold) => score.value() >= threshold,
            None => verdict.action > Action::Allow && finding.is_some(),
        };
        if !reached {
            continue;
        }
        let span = finding.and_then(|finding| finding.evidence.iter().find_map(span_of));
        let range = span.map_or(0..text.len(), Span::range);
        found.push(DetectionJson {
            place: Some(PlaceJson::of(text, range)),
            detection: category.to_string(),
            detection_type: "moderation",
            score: rounded(score.value()),
            evidence: vec![json!({"name": "severity", "value": severity.value().to_string()})],
        });
    }
    if found.is_empty() && threshold.is_none() && only.is_none() && verdict.action > Action::Allow {
        found.push(DetectionJson {
            place: Some(PlaceJson::of(text, 0..text.len())),
            detection: UNNAMED.to_owned(),
            detection_type: "moderation",
            score: 1.0,
            evidence: Vec::new(),
        });
    }
    found
}

fn span_of(evidence: &Evidence) -> Option<Span> {
    match evidence {
        Evidence::Span(span) | Evidence::Listed { span, .. } => Some(*span),
        Evidence::Precedent { .. } | Evidence::Clause(_) => None,
    }
}

/// Personal data in `text`.
pub(super) fn of_pii(text: &str, threshold: Option<f32>) -> Vec<DetectionJson> {
    let found =
        pii::find_behind(text).into_iter().filter(|datum| threshold.is_none_or(|least| datum.score >= least));
    let detection = |datum: pii::Datum| DetectionJson {
        place: Some(PlaceJson::of(text, datum.range)),
        detection: crate::api::presidio::entity(datum.kind).to_owned(),
        detection_type: "pii",
        score: rounded(datum.score),
        evidence: Vec::new(),
    };
    found.map(detection).collect()
}

/// The same without places: of each detection the surest.
pub(super) fn merged(found: Vec<DetectionJson>) -> Vec<DetectionJson> {
    let mut kept: Vec<DetectionJson> = Vec::new();
    for detection in found.into_iter().map(|detection| DetectionJson { place: None, ..detection }) {
        match kept.iter_mut().find(|other| other.detection == detection.detection) {
            Some(other) if other.score >= detection.score => {}
            Some(other) => *other = detection,
            None => kept.push(detection),
        }
    }
    kept
}

/// Whether `text` says what documents do not bear out, and which sentences do.
pub(super) fn of_standing(standing: &Standing, text: &str, threshold: Option<f32>) -> Vec<DetectionJson> {
    let score = 1.0 - standing.grounded.probability;
    if score < threshold.unwrap_or(1.0 - GROUNDED_FROM) {
        return Vec::new();
    }
    let sentences = &standing.grounded.sentences;
    let loose = sentences.iter().filter(|sentence| sentence.support.probability < GROUNDED_FROM);
    let evidence = loose.map(|sentence| {
        let said = text.get(sentence.range.clone()).unwrap_or_default();
        json!({"name": "sentence", "value": said, "score": rounded(1.0 - sentence.support.probability)})
    });
    vec![DetectionJson {
        place: None,
        detection: "ungrounded".to_owned(),
        detection_type: "groundedness",
        score: rounded(score),
        evidence: evidence.collect(),
    }]
}
