//! `pii`: personal data that has a form, as findings, and masked if the policy says so.
//!
//! Data are sought in every view of the text, so that a number in full-width digits or in base64 is found; what is masked
//! are the bytes of the original that it was made from. A copy of a precedent ends a case, and stages behind `retrieve`
//! do not run then: to mask every text, `pii` stands before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use policies::{
    Category, Content, ContentError, Dossier, Entry, Evidence, Examination, Finding, Replacement, Rewrite,
    Score, Severity, Span, Stage, StageError, merge_spans,
};
use serde::Deserialize;

use super::masking::Masking;
use super::{Datum, Kind, find};
use crate::lanes::aside;
use crate::registry::{Resources, StageConfig};

/// Places reported for one kind; more say nothing new. All of them are masked.
const MOST_PLACES: usize = 32;
/// Longer texts are searched aside, so that short ones need not wait. *Units*: bytes.
const LONG: usize = 16 << 10;

/// Options of `pii`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The kinds that are sought; all unless given: `email`, `card`, `iban`, `ip`, `phone`, `us-ssn`, `uk-nino`,
    /// `de-tax-id`.
    #[serde(default)]
    kinds: Option<BTreeSet<Kind>>,
    /// Scores of kinds that take the place of ours, `0.0..=1.0`.
    #[serde(default)]
    scores: BTreeMap<Kind, f32>,
    /// Severities of kinds that take the place of ours, `0..=7`.
    #[serde(default)]
    severities: BTreeMap<Kind, Severity>,
    /// Whether what is found is masked, besides being found.
    #[serde(default)]
    mask: bool,
    /// What stands in the place of what is masked: `{ placeholder = "[{kind}]" }` or `{ fill = "*" }`.
    #[serde(default)]
    with: Option<Masking>,
}

impl StageConfig for Config {
    const KIND: &'static str = "pii";

    fn build(self, _: &Resources) -> Result<Box<dyn Stage>, String> {
        if self.with.is_some() && !self.mask {
            return Err("`with` says how to mask, but `mask` is not true".to_owned());
        }
        let kinds = self.kinds.unwrap_or_else(|| Kind::ALL.into());
        if kinds.is_empty() {
            return Err("`kinds` is empty: nothing would be sought".to_owned());
        }
        let named = self.scores.keys().chain(self.severities.keys());
        if let Some(kind) = named.copied().find(|kind| !kinds.contains(kind)) {
            return Err(format!("`{}` has a score or a severity, but is not among `kinds`", kind.name()));
        }
        let rated = |kind: Kind| {
            let given = self.scores.get(&kind).copied().unwrap_or_else(|| kind.score());
            let score = Score::new(given)
                .ok_or_else(|| format!("the score of `{}` lies within 0 to 1", kind.name()))?;
            let severity = self.severities.get(&kind).copied().unwrap_or_else(|| kind.severity());
            Ok((kind, (score, severity)))
        };
        let ratings = kinds.into_iter().map(rated).collect::<Result<_, String>>()?;
        super::prepare();
        Ok(Box::new(Pii { ratings, masking: self.mask.then(|| self.with.unwrap_or_default()) }))
    }
}

struct Pii {
    /// What is sought, how sure it is and how bad.
    ratings: BTreeMap<Kind, (Score, Severity)>,
    masking: Option<Masking>,
}

#[async_trait]
impl Stage for Pii {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let content = Arc::clone(dossier.content());
        let data = if content.original().len() <= LONG {
            find_in(&content)
        } else {
            let searching = aside(content.original().len(), move || find_in(&content));
            let failed = |error| StageError::Unavailable { dependency: "pii", source: Box::new(error) };
            searching.await.map_err(failed)?
        };
        let entry = self.entry(dossier.content().original(), data);
        Ok(Examination { scored: vec![Category::Pii], ..Examination::of_whole(dossier, entry) })
    }
}

impl Pii {
    /// A finding for each kind, and what is to be masked.
    fn entry(&self, original: &str, mut data: Vec<Datum>) -> Entry {
        data.retain(|datum| self.ratings.contains_key(&datum.kind));
        let found = self.ratings.iter().filter_map(|(kind, (score, severity))| {
            let places = data.iter().filter(|datum| datum.kind == *kind).take(MOST_PLACES);
            let evidence: Vec<Evidence> = places.map(|datum| Evidence::Span(span(datum))).collect();
            let finding = Finding { category: Category::Pii, score: *score, severity: *severity, evidence };
            (!finding.evidence.is_empty()).then_some(finding)
        });
        let findings = found.collect();
        let Some(masking) = &self.masking else { return Entry::Findings(findings) };
        let replacements = data.iter().map(|datum| Replacement {
            span: span(datum),
            with: masking.of(datum.kind, original.get(datum.range.clone()).unwrap_or_default()),
        });
        Entry::Rewrite(Rewrite { findings, replacements: replacements.collect() })
    }
}

fn span(datum: &Datum) -> Span {
    Span { start: datum.range.start, end: datum.range.end }
}

/// The personal data in any view of `content`, ascending: bytes of the original. What the plain view shows counts before
/// what disguises and encodings hide; those may overlap each other.
#[must_use]
pub fn find_in(content: &Content) -> Vec<Datum> {
    let mut found: Vec<Datum> = Vec::new();
    // Ascending and apart, so that a text full of data costs no more than its length.
    let mut known: Vec<Span> = Vec::new();
    for view in content.views() {
        let data = find(view.text()).into_iter().map(|datum| {
            let range = view.span(datum.range).range();
            Datum { range, ..datum }
        });
        let new: Vec<Datum> = data.filter(|datum| !overlaps(&known, span(datum))).collect();
        known = merge_spans(known.into_iter().chain(new.iter().map(span)).collect());
        found.extend(new);
    }
    found.sort_by_key(|datum| (datum.range.start, datum.range.end));
    found
}

/// The same for a text that is not judged. One that shows nothing has none, and one too long to be judged is read as it is
/// written.
#[must_use]
pub fn find_behind(text: &str) -> Vec<Datum> {
    match Content::new(text) {
        Ok(content) => find_in(&content),
        Err(ContentError::Empty | ContentError::Blank) => Vec::new(),
        Err(ContentError::TooLong { .. }) => find(text),
    }
}

/// Whether `span` has a byte in common with one of `known`, which are ascending and apart.
fn overlaps(known: &[Span], span: Span) -> bool {
    let next = known.partition_point(|other| other.end <= span.start);
    known.get(next).is_some_and(|other| other.start < span.end)
}
