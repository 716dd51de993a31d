//! Cases, searches and accounts as JSON: the same for the service and the command line.

use std::collections::BTreeMap;

use plugins::{Account, Case, Entered, Review, Standing, own_tags};
use policies::{Action, Category, Severity};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::documents::{ChunksJson, KeptJson, PassageJson};
use crate::error::ApiError;
use crate::json::ErrorJson;

/// A case that is handed in. What an export says of its life is read and not believed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseJson {
    id: Option<String>,
    text: String,
    ruling: String,
    category: Option<String>,
    severity: Option<u8>,
    language: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    reason: Option<String>,
    provenance: Option<String>,
    expires: Option<u64>,
    #[serde(default, rename = "state")]
    #[schemars(with = "Option<serde_json::Value>")]
    _state: Option<IgnoredAny>,
    #[serde(default, rename = "created")]
    #[schemars(with = "Option<serde_json::Value>")]
    _created: Option<IgnoredAny>,
    #[serde(default, rename = "entered_by")]
    #[schemars(with = "Option<serde_json::Value>")]
    _entered_by: Option<IgnoredAny>,
    #[serde(default, rename = "count")]
    #[schemars(with = "Option<serde_json::Value>")]
    _count: Option<IgnoredAny>,
    #[serde(default, rename = "reviews")]
    #[schemars(with = "Option<serde_json::Value>")]
    _reviews: Option<IgnoredAny>,
}

impl CaseJson {
    /// Its name, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The case; `provenance` is where it comes from unless it says so itself.
    ///
    /// # Errors
    ///
    /// [`ApiError::Field`].
    pub fn into_case(self, provenance: &str) -> Result<Case, ApiError> {
        let field = |field, reason: String| ApiError::Field { field, reason };
        let ruling = Action::named(&self.ruling);
        let ruling =
            ruling.ok_or_else(|| field("ruling", "it is none of allow, flag, review, block".to_owned()))?;
        let severity = self.severity.map(Severity::try_from).transpose();
        Ok(Case {
            id: self.id,
            text: self.text,
            ruling,
            category: self.category.as_deref().map(Category::named),
            severity: severity.map_err(|reason| field("severity", reason))?,
            language: self.language,
            tags: self.tags,
            reason: self.reason,
            provenance: self.provenance.or_else(|| Some(provenance.to_owned())),
            expires: self.expires,
        })
    }
}

/// A case as the bank has it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity: Option<f32>,
    id: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ruling: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<String>,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    state: &'static str,
    entered_by: String,
    count: u64,
    #[schemars(with = "Vec<ReviewedJson>")]
    reviews: Vec<Review>,
}

/// The form of a review in a row.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the room that keeps reviews writes them; here is what that looks like")]
struct ReviewedJson {
    by: String,
    led_to: String,
    /// *Units*: Unix seconds.
    at: u64,
    reason: Option<String>,
}

impl RowJson {
    /// The JSON of a row, and how similar it was where something was searched.
    #[must_use]
    pub fn new(row: &indexes::Row, similarity: Option<f32>) -> Self {
        let Standing { state, entered_by, count, reviews, .. } = Standing::of(row);
        Self {
            similarity,
            id: row.id.clone(),
            text: row.text.clone(),
            ruling: row.ruling.clone(),
            category: row.label.clone(),
            severity: row.severity,
            language: row.language.clone(),
            tags: own_tags(row).cloned().collect(),
            reason: row.reason.clone(),
            provenance: row.provenance.clone(),
            created: row.created,
            expires: row.expires,
            state: state.name(),
            entered_by,
            count,
            reviews,
        }
    }
}

/// What became of one case handed in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum EnteredJson {
    /// It is there now, unconfirmed.
    Entered {
        /// Its id.
        id: String,
    },
    /// It was there before.
    Present {
        /// Its id.
        id: String,
        /// How far it has come.
        state: &'static str,
    },
    /// A near copy counts one more.
    Merged {
        /// The copy.
        into: String,
        /// How often it was handed in.
        count: u64,
    },
    /// A document is there now as it was handed in.
    Indexed {
        /// Its id.
        id: String,
        /// What became of its chunks.
        chunks: ChunksJson,
    },
    /// A document was there just so.
    Unchanged {
        /// Its id.
        id: String,
    },
}

impl EnteredJson {
    pub(super) fn new(entered: Result<Entered, ApiError>) -> Result<Self, ApiError> {
        match entered? {
            Entered::New { id } => Ok(Self::Entered { id }),
            Entered::Present { id, state } => Ok(Self::Present { id, state: state.name() }),
            Entered::Merged { into, count } => Ok(Self::Merged { into, count }),
            Entered::Refused(refusal) => Err(refusal.into()),
        }
    }
}

/// What rows may be listed or found.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterJson {
    /// Only cases in this state.
    pub state: Option<String>,
    /// Only cases of this category.
    pub category: Option<String>,
    /// Only cases in this language.
    pub language: Option<String>,
    /// Only cases with this tag.
    pub tag: Option<String>,
    /// Where a page begins: the `next` of the one before.
    pub after: Option<String>,
    /// Rows of a page, or of a search.
    pub limit: Option<usize>,
    /// Documents with their texts, as an import takes them.
    pub full: bool,
}

/// A row, whatever its bank holds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ListedJson {
    /// A decided case.
    Case(RowJson),
    /// A document.
    Document(KeptJson),
    /// A part of one.
    Passage(PassageJson),
}

/// A page of rows.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PageJson {
    pub(super) rows: Vec<ListedJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl PageJson {
    /// Its rows as JSON lines.
    ///
    /// # Errors
    ///
    /// A row has no JSON: that does not happen.
    pub fn lines(&self) -> Result<Vec<u8>, ApiError> {
        let mut lines = Vec::new();
        for row in &self.rows {
            serde_json::to_writer(&mut lines, row).map_err(|_| ApiError::Internal)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }

    /// Where the next page begins.
    #[must_use]
    pub fn into_next(self) -> Option<String> {
        self.next
    }
}

/// What is sought.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchJson {
    /// The text that others are compared with.
    pub text: String,
    /// `dense`, `sparse` or `hybrid`.
    #[serde(default)]
    pub mode: ModeJson,
    /// Least cosine where meaning is compared.
    pub minimum: Option<f32>,
    /// How many.
    pub k: Option<usize>,
    /// Only cases in this state.
    pub state: Option<String>,
    /// Only cases of this category.
    pub category: Option<String>,
    /// Only cases in this language.
    pub language: Option<String>,
    /// Only cases or documents with this tag.
    pub tag: Option<String>,
    /// The access tags of whoever the question is asked for, at most those that the key holds.
    pub tags: Option<Vec<String>>,
    /// Only this document.
    pub document: Option<String>,
}

/// What a search compares.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModeJson {
    /// Meaning.
    Dense,
    /// Words.
    Sparse,
    /// Both.
    #[default]
    Hybrid,
}

/// What was found, best first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HitsJson {
    pub(super) hits: Vec<ListedJson>,
}

/// What a bank holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountJson {
    bank: String,
    kind: &'static str,
    rows: usize,
    acting: usize,
    states: BTreeMap<&'static str, usize>,
    line: Option<LineJson>,
    encoder: String,
    alerts: Vec<AlertJson>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LineJson {
    similarity: f32,
    precision: f32,
    agreeing: usize,
    differing: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AlertJson {
    id: String,
    matched: usize,
    of: usize,
}

impl AccountJson {
    pub(super) fn new(bank: &str, account: Account) -> Self {
        let line = account.line.map(|line| LineJson {
            similarity: line.similarity,
            precision: line.precision,
            agreeing: line.agreeing,
            differing: line.differing,
        });
        let alerts = account.alerts.iter();
        Self {
            bank: bank.to_owned(),
            kind: plugins::Kind::Precedents.name(),
            rows: account.rows,
            acting: account.acting,
            states: account.states.iter().map(|(state, count)| (state.name(), *count)).collect(),
            line,
            encoder: account.encoder,
            alerts: alerts
                .map(|(id, alert)| AlertJson { id: id.to_string(), matched: alert.matched, of: alert.of })
                .collect(),
        }
    }
}

/// A bank to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBankJson {
    /// Its name.
    pub name: String,
    /// What it holds; `precedents` unless given.
    pub kind: Option<String>,
}

/// The banks there are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BanksJson {
    pub(super) banks: Vec<BankJson>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BankJson {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) rows: usize,
}

/// Why a reviewer decides so.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewJson {
    /// For the record.
    pub reason: Option<String>,
}

/// What became of an import.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ImportJson {
    /// Lines read, empty ones left out.
    pub lines: u64,
    /// Cases that are new.
    pub entered: u64,
    /// Cases that were there before.
    pub present: u64,
    /// Near copies, counted.
    pub merged: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// What became of the chunks of documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<ChunksJson>,
    /// Ids of cases that are new or were there, the first thousand.
    pub ids: Vec<String>,
    /// The first of the refused lines, and why.
    pub errors: Vec<ErrorJson>,
    /// Refused lines beyond those listed.
    pub errors_left_out: u64,
}
