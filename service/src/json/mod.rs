//! A judgment as JSON: the same for the service and the command line.

mod order;
mod summary;

pub use order::OrderJson;
pub use summary::{StatedJson, SummaryJson};

use std::collections::BTreeMap;

use policies::{
    Category, Evidence, Finding, Judgment, Policy, Record, Replacement, Rewritten, Score, Severity, Span,
    StageRun, Tokens, Verdict,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ApiError;

/// One text's answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JudgmentJson {
    /// The caller's name for the text, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    action: &'static str,
    categories: BTreeMap<String, ScoreJson>,
    findings: Vec<FindingJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<RewriteJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    explanations: Vec<String>,
    record: RecordJson,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ScoreJson {
    score: f64,
    severity: u8,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FindingJson {
    category: String,
    action: &'static str,
    score: f64,
    severity: u8,
    evidence: Vec<EvidenceJson>,
}

/// The text to pass on in the place of the one judged.
#[derive(Debug, Serialize, JsonSchema)]
struct RewriteJson {
    text: String,
    spans: Vec<ReplacedJson>,
}

/// Bytes of the text judged, and what stands in their place.
#[derive(Debug, Serialize, JsonSchema)]
struct ReplacedJson {
    start: usize,
    end: usize,
    with: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EvidenceJson {
    Span { start: usize, end: usize },
    Precedent { id: String, similarity: f64, ruling: &'static str },
    Clause { id: String },
    Blocklist { list: String, item: String, start: usize, end: usize },
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RecordJson {
    stages: Vec<StageJson>,
    policy: String,
    models: BTreeMap<String, String>,
    index: Option<String>,
    not_scored: Vec<String>,
    degraded: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StageJson {
    stage: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    bytes: Vec<(usize, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokensJson>,
    ms: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TokensJson {
    prompt: usize,
    cached: usize,
    computed: usize,
}

/// A refusal in the place of an answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorJson {
    /// The caller's name for the text, where it was readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    /// The line it stood on, counted from 1, where there are lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    error: ErrorBody,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ErrorBody {
    code: &'static str,
    message: String,
}

impl From<&ApiError> for ErrorJson {
    fn from(error: &ApiError) -> Self {
        let (code, _) = error.code();
        Self { id: None, line: None, error: ErrorBody { code, message: error.to_string() } }
    }
}

impl JudgmentJson {
    /// The JSON of `judgment`, made by `policy`.
    #[must_use]
    pub fn new(judgment: &Judgment, policy: &Policy) -> Self {
        let Judgment { verdict, record, rewritten } = judgment;
        let Verdict { action, language, is_ruled: _, findings, scores, explanations } = verdict;
        let categories = scores.iter().map(|(category, scored)| (category.to_string(), score_json(*scored)));
        Self {
            id: None,
            action: action.name(),
            categories: categories.collect(),
            findings: findings.iter().map(|finding| finding_json(finding, policy, language)).collect(),
            rewrite: rewritten.as_ref().map(rewrite_json),
            explanations: explanations.iter().map(ToString::to_string).collect(),
            record: record_json(record),
        }
    }

    /// The same answer under the caller's name for the text.
    #[must_use]
    pub fn named(self, id: Option<serde_json::Value>) -> Self {
        Self { id, ..self }
    }
}

impl ErrorJson {
    /// The same refusal under the caller's name for the text, and the line it stood on.
    #[must_use]
    pub fn placed(self, id: Option<serde_json::Value>, line: Option<u64>) -> Self {
        Self { id, line, ..self }
    }
}

pub(crate) fn score_json((score, severity): (Score, Severity)) -> ScoreJson {
    ScoreJson { score: rounded(score.value()), severity: severity.value() }
}

fn finding_json(finding: &Finding, policy: &Policy, language: &str) -> FindingJson {
    FindingJson {
        category: finding.category.to_string(),
        action: policy.action_for(finding, language).name(),
        score: rounded(finding.score.value()),
        severity: finding.severity.value(),
        evidence: finding.evidence.iter().map(evidence_json).collect(),
    }
}

fn rewrite_json(rewritten: &Rewritten) -> RewriteJson {
    let replaced = |Replacement { span, with }: &Replacement| ReplacedJson {
        start: span.start,
        end: span.end,
        with: with.to_string(),
    };
    RewriteJson { text: rewritten.text.clone(), spans: rewritten.replaced.iter().map(replaced).collect() }
}

fn evidence_json(evidence: &Evidence) -> EvidenceJson {
    match evidence {
        Evidence::Span(Span { start, end }) => EvidenceJson::Span { start: *start, end: *end },
        Evidence::Precedent { id, similarity, ruling } => EvidenceJson::Precedent {
            id: id.to_string(),
            similarity: rounded(*similarity),
            ruling: ruling.name(),
        },
        Evidence::Clause(id) => EvidenceJson::Clause { id: id.to_string() },
        Evidence::Listed { list, item, span } => EvidenceJson::Blocklist {
            list: list.to_string(),
            item: item.to_string(),
            start: span.start,
            end: span.end,
        },
    }
}

pub(crate) fn record_json(record: &Record) -> RecordJson {
    RecordJson {
        stages: record.stages.iter().map(stage_json).collect(),
        policy: record.policy.to_string(),
        models: record.models.clone(),
        index: record.index.clone(),
        not_scored: record.not_scored.iter().map(Category::to_string).collect(),
        degraded: record.degraded(),
    }
}

fn stage_json(run: &StageRun) -> StageJson {
    StageJson {
        stage: run.stage.to_string(),
        status: run.status.name(),
        reason: run.status.reason().map(str::to_owned),
        device: run.device.as_deref().map(str::to_owned),
        bytes: run.bytes.iter().map(|span| (span.start, span.end)).collect(),
        tokens: run.tokens.map(|Tokens { prompt, cached, computed }| TokensJson { prompt, cached, computed }),
        ms: (run.took.as_secs_f64() * 1e6).round() / 1e3,
    }
}

/// Four decimals: more than any of these numbers is worth.
pub(crate) fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

/// Where JSON breaks and how, without the words it breaks at: those may be the text judged.
///
/// `serde_json` quotes unknown keys and values of a wrong type; the names that there are suffice.
#[must_use]
pub fn place_of(error: &serde_json::Error) -> String {
    use serde_json::error::Category as Kind;
    let what = match error.classify() {
        Kind::Io => "it could not be received whole",
        Kind::Syntax => "it is not JSON",
        Kind::Eof => "it ends too early",
        Kind::Data => "it has an unknown key, lacks a key, or has a value of the wrong type",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}
