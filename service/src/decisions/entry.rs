//! A judgment as a line of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use policies::{Judgment, Summarized};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::json::{RecordJson, ScoreJson, record_json, score_json};

/// Which decision a line belongs to.
pub(super) struct Head {
    pub(super) id: Uuid,
    pub(super) at_ms: u64,
    /// The name of the caller's key.
    pub(super) by: Arc<str>,
}

/// A judgment, or a summary. Who reads it is told what was decided, on what grounds, and how to know the text again.
#[derive(Serialize)]
pub(super) struct EntryJson<'a> {
    decision: String,
    at_ms: u64,
    by: &'a str,
    kind: &'static str,
    text: TextJson,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<TextJson>,
    action: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    categories: BTreeMap<&'a str, ScoreJson>,
    record: RecordJson,
}

/// What is kept of a text.
#[derive(Serialize)]
struct TextJson {
    bytes: usize,
    sha256: String,
}

/// The part of a line that is read again. Other keys are left alone: the line is handed out as it is.
#[derive(Deserialize)]
struct HeadJson {
    decision: String,
    at_ms: u64,
    by: String,
}

impl Head {
    /// The head of a line, if it is one.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let HeadJson { decision, at_ms, by } = serde_json::from_slice(line).ok()?;
        Some(Self { id: Uuid::try_parse(&decision).ok()?, at_ms, by: by.into() })
    }
}

impl<'a> EntryJson<'a> {
    pub(super) fn judged(head: &'a Head, text: &str, judgment: &'a Judgment) -> Self {
        let Judgment { verdict, record, .. } = judgment;
        let categories = verdict.scores.iter();
        Self {
            decision: head.id.to_string(),
            at_ms: head.at_ms,
            by: &head.by,
            kind: "judgment",
            text: TextJson::of(text),
            documents: Vec::new(),
            action: verdict.action.name(),
            categories: categories.map(|(category, scored)| (category.name(), score_json(*scored))).collect(),
            record: record_json(record),
        }
    }

    pub(super) fn summarized(head: &'a Head, summarized: &Summarized) -> Self {
        Self {
            decision: head.id.to_string(),
            at_ms: head.at_ms,
            by: &head.by,
            kind: "summary",
            text: TextJson::of(&summarized.summary.text()),
            documents: summarized.sources.iter().map(|source| TextJson::of(&source.text)).collect(),
            action: summarized.action.name(),
            categories: BTreeMap::new(),
            record: record_json(&summarized.record),
        }
    }
}

impl TextJson {
    fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self { bytes: text.len(), sha256: data_encoding::HEXLOWER.encode(&digest) }
    }
}
