//! A summary as JSON: the same for the service and the command line.

use plugins::extract::{Extent, Unit, offsets};
use policies::{Citation, Plan, Source, Stated, Summarized, Withheld};
use schemars::JsonSchema;
use serde::Serialize;

use super::{RecordJson, record_json, rounded};

/// A summary, what was kept out of it, and how it came about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryJson {
    /// The caller's name for it, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    summary: String,
    mode: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    sentences: Vec<StatedJson>,
    withheld: Vec<WithheldJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanJson>,
    record: RecordJson,
}

/// A sentence of a summary.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatedJson {
    text: String,
    citations: Vec<CitationJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unsupported: bool,
}

/// Where in a document, as it was sent.
#[derive(Debug, Serialize, JsonSchema)]
struct CitationJson {
    document: String,
    start: usize,
    end: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WithheldJson {
    what: &'static str,
    /// None if it could not be judged.
    category: Option<String>,
    count: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlanJson {
    context: usize,
    rounds: Vec<Vec<Vec<usize>>>,
}

impl SummaryJson {
    /// The JSON of a summary; places in documents are counted in `unit`.
    #[must_use]
    pub fn new(summarized: Summarized, unit: Unit) -> Self {
        let Summarized { action, summary, reason, sources, withheld, record } = summarized;
        Self {
            id: None,
            summary: summary.text(),
            mode: summary.mode.name(),
            action: action.name(),
            reason,
            sentences: summary
                .sentences
                .iter()
                .map(|sentence| StatedJson::new(sentence, &sources, unit))
                .collect(),
            withheld: withheld.into_iter().map(WithheldJson::from).collect(),
            plan: summary.plan.map(|Plan { context, rounds }| PlanJson { context, rounds }),
            record: record_json(&record),
        }
    }

    /// The same under the caller's name for it.
    #[must_use]
    pub fn named(self, id: Option<serde_json::Value>) -> Self {
        Self { id, ..self }
    }
}

impl StatedJson {
    /// The JSON of a sentence that cites `sources`; places in them are counted in `unit`.
    #[must_use]
    pub fn new(sentence: &Stated, sources: &[Source], unit: Unit) -> Self {
        let citation = |Citation { document, span }: &Citation| {
            let Source { id, text, .. } = sources.get(*document)?;
            let Extent { start, length } =
                offsets(text, std::slice::from_ref(&(span.start..span.end)), unit).into_iter().next()?;
            Some(CitationJson { document: id.to_string(), start, end: start + length })
        };
        Self {
            text: sentence.text.to_string(),
            citations: sentence.citations.iter().filter_map(citation).collect(),
            support: sentence.support.map(|support| rounded(support.value())),
            rank: sentence.rank.map(|rank| rounded(rank.value())),
            unsupported: sentence.unsupported,
        }
    }
}

impl std::convert::From<Withheld> for WithheldJson {
    fn from(Withheld { what, category, count }: Withheld) -> Self {
        Self { what: what.name(), category: category.map(|category| category.to_string()), count }
    }
}
