//! `retrieve`: precedents and clauses that resemble the text; a copy of a precedent rules by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use indexes::{Filter, Hit, Index, Query};
use inference::Embedder;
use policies::{
    Action, Category, Dossier, Entry, Evidence, Examination, Finding, Precedent, Retrieved, Ruling, Score,
    Severity, Stage, StageError,
};
use serde::Deserialize;

use crate::bank::{CLAUSES, PRECEDENTS};
use crate::folding::{essence, wording};
use crate::neighbours::{NEIGHBOUR_FROM, NEIGHBOURS};
use crate::precedents::Precedents;
use crate::reading::{self, Window};
use crate::registry::{Resources, StageConfig};

/// Least similarity of a near copy, unless said otherwise. *Units*: cosine.
pub(crate) const NEAR_COPY: f32 = 0.95;
/// Least agreement in wording of a near copy, unless said otherwise: [`wording`].
pub(crate) const NEAR_WORDING: f32 = 0.90;

/// Options of `retrieve`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Least similarity of a precedent, cosine, `-1.0..=1.0`. It is low: far ones say nothing singly, but something
    /// together. The line that was fitted to a tenant's confirmed cases says which of those may speak singly.
    #[serde(default = "default_at_least")]
    at_least: f32,
    /// Least similarity of a clause, cosine. A rule and what breaks it are worded differently, so this is low.
    #[serde(default = "default_clause_at_least")]
    clause_at_least: f32,
    /// Precedents per window of the text, of each bank; `classify` hears at most 32 in all.
    #[serde(default = "default_k")]
    k: usize,
    /// Clauses per window of the text.
    #[serde(default = "default_clause_k")]
    clause_k: usize,
    /// Least similarity of a near copy, cosine; its wording must agree as well.
    #[serde(default = "default_near_copy")]
    near_copy: f32,
    /// Least agreement in wording of a near copy: Dice's coefficient over character trigrams, `0.0..=1.0`.
    #[serde(default = "default_near_wording")]
    near_wording: f32,
    /// The tenant's bank of precedents that is asked beside the policy's own.
    #[serde(default = "default_bank")]
    bank: String,
}

fn default_bank() -> String {
    PRECEDENTS.to_owned()
}
fn default_at_least() -> f32 {
    NEIGHBOUR_FROM
}
fn default_clause_at_least() -> f32 {
    0.25
}
fn default_k() -> usize {
    NEIGHBOURS
}
fn default_clause_k() -> usize {
    8
}
fn default_near_copy() -> f32 {
    NEAR_COPY
}
fn default_near_wording() -> f32 {
    NEAR_WORDING
}

impl StageConfig for Config {
    const KIND: &'static str = "retrieve";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String> {
        let cosine = -1.0..=1.0;
        if ![self.at_least, self.clause_at_least, self.near_copy].iter().all(|value| cosine.contains(value)) {
            return Err("`at_least`, `clause_at_least` and `near_copy` are cosines, -1 to 1".to_owned());
        }
        if !(0.0..=1.0).contains(&self.near_wording) {
            return Err("`near_wording` lies within 0 to 1".to_owned());
        }
        if ![self.k, self.clause_k].iter().all(|count| (1..=100).contains(count)) {
            return Err("`k` and `clause_k` lie within 1 to 100".to_owned());
        }
        let own = resources.policy.precedents().iter().filter_map(|precedent| precedent.category.clone());
        let known: BTreeSet<Category> = own.collect();
        let cases = resources.tenant.as_ref().map(|tenant| tenant.precedents(&self.bank));
        Ok(Box::new(Retrieve {
            config: self,
            cases,
            embedder: resources.embedder.clone(),
            banks: resources.banks.clone(),
            known,
        }))
    }
}

struct Retrieve {
    config: Config,
    embedder: Embedder,
    banks: Vec<Arc<dyn Index>>,
    /// The tenant's.
    cases: Option<Arc<Precedents>>,
    /// Categories that the policy's own precedents stand for.
    known: BTreeSet<Category>,
}

/// A precedent, and whether it says what the text says.
struct Candidate {
    precedent: Precedent,
    copy: Copy,
}

/// A precedent near a window.
struct Met<'a> {
    hit: &'a Hit,
    /// Whether it may speak by itself.
    alone: bool,
    /// Whether models read the view that the window is of.
    read: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Copy {
    None,
    Near,
    Exact,
}

#[async_trait]
impl Stage for Retrieve {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        // All of them: who entered a disguised text finds it again in the same disguise.
        let reading = reading::read(&self.embedder, dossier, dossier.content().views()).await?;
        let essences: Vec<String> = dossier.content().views().map(|view| essence(view.text())).collect();
        let mut precedents: BTreeMap<Arc<str>, Candidate> = BTreeMap::new();
        let mut clauses: BTreeMap<Arc<str>, (Category, f32)> = BTreeMap::new();
        let mut matched: BTreeMap<Arc<str>, f32> = BTreeMap::new();
        let Config { at_least, k, clause_at_least, clause_k, .. } = self.config;
        for window in &reading.windows {
            let read = window.view.is_read();
            for hit in self.nearest(window, PRECEDENTS, (k, at_least)).await? {
                keep_nearest(
                    &mut precedents,
                    self.candidate(&Met { hit: &hit, alone: true, read }, &essences),
                );
            }
            for hit in self.nearest_case(window).await? {
                let nearest = matched.entry(hit.row.id.as_str().into()).or_insert(hit.similarity);
                *nearest = nearest.max(hit.similarity);
                let alone = self.cases.as_ref().is_none_or(|cases| cases.speaks_alone(hit.similarity));
                keep_nearest(&mut precedents, self.candidate(&Met { hit: &hit, alone, read }, &essences));
            }
            if !read {
                continue;
            }
            for hit in self.nearest(window, CLAUSES, (clause_k, clause_at_least)).await? {
                let category = Category::named(hit.row.label.as_deref().unwrap_or_default());
                let kept = clauses.entry(hit.row.id.as_str().into()).or_insert((category, -1.0));
                kept.1 = kept.1.max(hit.similarity);
            }
        }
        if let (Some(cases), Some(text)) = (&self.cases, essences.first()) {
            cases.saw(text, matched);
        }
        let mut candidates: Vec<Candidate> = precedents.into_values().collect();
        candidates.sort_by(|a, b| b.precedent.similarity.total_cmp(&a.precedent.similarity));
        let entry = match ruling(&candidates) {
            Some(ruling) => Entry::Ruling(ruling),
            None => Entry::Precedents(self.retrieved(candidates, clauses)),
        };
        let mut examination = reading.into_examination(entry);
        if let Entry::Ruling(ruling) = &examination.entry {
            examination.scored = ruling.findings.iter().map(|finding| finding.category.clone()).collect();
        }
        Ok(examination)
    }
}

impl Retrieve {
    /// The `k` nearest rows of each index, no farther than `minimum`.
    async fn nearest(
        &self,
        window: &Window<'_>,
        bank: &str,
        (k, minimum): (usize, f32),
    ) -> Result<Vec<Hit>, StageError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        let query = Query {
            minimum,
            filter: Filter {
                bank: Some(bank.to_owned()),
                confirmed_only: true,
                now: Some(now),
                ..Filter::default()
            },
            ..Query::new(window.embedding.vector.to_vec(), k)
        };
        let mut hits = Vec::new();
        for index in &self.banks {
            let found = index.nearest(&query).await;
            hits.extend(found.map_err(|source| StageError::Unavailable {
                dependency: "index",
                source: Box::new(source),
            })?);
        }
        Ok(hits)
    }

    /// The tenant's cases that act.
    async fn nearest_case(&self, window: &Window<'_>) -> Result<Vec<Hit>, StageError> {
        let Some(cases) = &self.cases else { return Ok(Vec::new()) };
        let found = cases.acting(&window.embedding.vector, self.config.k, self.config.at_least).await;
        found.map_err(|source| StageError::Unavailable { dependency: "index", source: Box::new(source) })
    }

    /// What was met. In a view that models do not read only a copy counts: what resembles gibberish says nothing.
    fn candidate(&self, &Met { hit, alone, read }: &Met<'_>, essences: &[String]) -> Option<Candidate> {
        let ruling = hit.row.ruling.as_deref().and_then(Action::named)?;
        let copy = self.copy_of(hit, essences);
        let precedent = Precedent {
            id: hit.row.id.as_str().into(),
            similarity: hit.similarity,
            category: hit.row.label.as_deref().map(Category::named),
            severity: hit.row.severity.and_then(Severity::new).unwrap_or_default(),
            ruling,
            text: hit.row.text.as_str().into(),
            alone,
        };
        (read || copy > Copy::None).then_some(Candidate { precedent, copy })
    }

    /// Whether the row says what the whole text says. Wording decides: a "not" moves no vector.
    fn copy_of(&self, hit: &Hit, essences: &[String]) -> Copy {
        if hit.similarity < self.config.near_copy {
            return Copy::None;
        }
        let row = essence(&hit.row.text);
        if essences.contains(&row) {
            return Copy::Exact;
        }
        let near = essences.iter().any(|text| wording(text, &row) >= self.config.near_wording);
        if near { Copy::Near } else { Copy::None }
    }

    fn retrieved(&self, found: Vec<Candidate>, clauses: BTreeMap<Arc<str>, (Category, f32)>) -> Retrieved {
        let mut clauses: Vec<_> = clauses.into_iter().map(|(id, (category, s))| (id, category, s)).collect();
        clauses.sort_by(|a, b| b.2.total_cmp(&a.2));
        let precedents: Vec<Precedent> = found.into_iter().map(|candidate| candidate.precedent).collect();
        let met = precedents.iter().filter_map(|precedent| precedent.category.clone());
        let known = self.known.iter().cloned().chain(met).collect::<BTreeSet<_>>().into_iter().collect();
        Retrieved { precedents, clauses, known }
    }
}

/// Keeps `found` unless the same precedent was as near before.
fn keep_nearest(kept: &mut BTreeMap<Arc<str>, Candidate>, found: Option<Candidate>) {
    let Some(found) = found else { return };
    let id = &found.precedent.id;
    if kept.get(id).is_none_or(|known| known.precedent.similarity < found.precedent.similarity) {
        kept.insert(Arc::clone(id), found);
    }
}

/// What the copies among the precedents rule: the strictest of them.
///
/// To allow a text its copy must be exact: whoever may change a word may change the meaning.
fn ruling(candidates: &[Candidate]) -> Option<Ruling> {
    let binds = |candidate: &&Candidate| match candidate.precedent.ruling {
        Action::Allow => candidate.copy == Copy::Exact,
        Action::Flag | Action::Review | Action::Block => candidate.copy >= Copy::Near,
    };
    let binding: Vec<&Candidate> = candidates.iter().filter(binds).collect();
    let exact_allow = |c: &&&Candidate| c.precedent.ruling == Action::Allow;
    // An exact copy is nearer than a near one: it rules over near copies that say otherwise.
    let best = binding.iter().map(|candidate| candidate.copy).max()?;
    let binding: Vec<&Candidate> = binding.into_iter().filter(|candidate| candidate.copy == best).collect();
    let strictest = binding.iter().max_by_key(|candidate| candidate.precedent.ruling)?;
    let findings = binding.iter().filter(|c| !exact_allow(c)).filter_map(|c| finding(&c.precedent)).collect();
    let kind = if best == Copy::Exact { "an exact" } else { "a near" };
    Some(Ruling {
        action: strictest.precedent.ruling,
        findings,
        reason: format!("the text is {kind} copy of precedent `{}`", strictest.precedent.id),
        precedents: binding.iter().map(|candidate| candidate.precedent.clone()).collect(),
    })
}

fn finding(precedent: &Precedent) -> Option<Finding> {
    let evidence = Evidence::Precedent {
        id: Arc::clone(&precedent.id),
        similarity: precedent.similarity,
        ruling: precedent.ruling,
    };
    Some(Finding {
        category: precedent.category.clone()?,
        score: Score::CERTAIN,
        severity: precedent.severity,
        evidence: vec![evidence],
    })
}
