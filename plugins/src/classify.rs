//! `classify`: a probability for every category the heads know, weighed with what was retrieved.
//!
//! Precedents speak twice. All of them speak together, as far as most around a text are of one mind ([`Neighbourhood`]).
//! One that is very near speaks alone as well: a confirmed case has to act at once, whatever lies around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use inference::{Classifier, Embedder};
use policies::{
    Action, Category, Dossier, Entry, Evidence, Examination, Finding, Policy, Precedent, Retrieved, Score,
    Severity, Stage, StageError,
};
use serde::Deserialize;

use crate::brief::{self, SHOWN_FROM};
use crate::neighbours::{Neighbourhood, ramp};
use crate::reading::{self, Reading};
use crate::registry::{Resources, StageConfig};

/// Precedents of a side that a finding cites, at most.
const CITED: usize = 3;

/// Options of `classify`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Similarity from which on a precedent counts by itself, cosine, `-1.0..=1.0`.
    #[serde(default = "default_weigh_from")]
    weigh_from: f32,
    /// Similarity from which on a precedent counts by itself in full, cosine; more than `weigh_from`.
    #[serde(default = "default_weigh_full")]
    weigh_full: f32,
    /// Similarity of the nearest from which on the precedents around a text count together, cosine, `-1.0..=1.0`.
    #[serde(default = "default_agree_from")]
    agree_from: f32,
    /// Similarity of the nearest from which on they count in full, cosine; more than `agree_from`.
    #[serde(default = "default_agree_full")]
    agree_full: f32,
}

fn default_weigh_from() -> f32 {
    0.60
}
fn default_weigh_full() -> f32 {
    0.90
}
fn default_agree_from() -> f32 {
    0.30
}
fn default_agree_full() -> f32 {
    0.70
}

impl StageConfig for Config {
    const KIND: &'static str = "classify";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String> {
        let ascend = |from: f32, full: f32| -1.0 <= from && from < full && full <= 1.0;
        if !ascend(self.weigh_from, self.weigh_full) {
            return Err("`weigh_from` and `weigh_full` are ascending cosines, -1 to 1".to_owned());
        }
        if !ascend(self.agree_from, self.agree_full) {
            return Err("`agree_from` and `agree_full` are ascending cosines, -1 to 1".to_owned());
        }
        let classifier = Arc::clone(&resources.classifier);
        Ok(Box::new(Classify {
            config: self,
            labels: classifier.labels().iter().map(|label| Category::named(label)).collect(),
            classifier,
            embedder: resources.embedder.clone(),
            policy: Arc::clone(&resources.policy),
        }))
    }
}

struct Classify {
    config: Config,
    labels: Vec<Category>,
    classifier: Arc<Classifier>,
    embedder: Embedder,
    policy: Arc<Policy>,
}

#[async_trait]
impl Stage for Classify {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let reading = reading::read(&self.embedder, dossier, dossier.content().readings()).await?;
        let mut findings = self.classified(&reading)?;
        let lines = (self.config.agree_from, self.config.agree_full);
        self.hear(&mut findings, &Neighbourhood::of(dossier.retrieved(), lines));
        for retrieved in dossier.retrieved() {
            self.weigh(&mut findings, retrieved);
        }
        let known = dossier.retrieved().flat_map(|retrieved| retrieved.known.iter().cloned());
        let scored = self.labels.iter().cloned().chain(known).collect();
        let entry = Entry::Findings(findings.into_values().collect());
        // The heads ran, even where the vectors they ran on were remembered.
        Ok(Examination { scored, cached: false, ..reading.into_examination(entry) })
    }
}

impl Classify {
    /// Each category's worst window.
    fn classified(&self, reading: &Reading<'_>) -> Result<BTreeMap<Category, Finding>, StageError> {
        let mut findings: BTreeMap<Category, Finding> = BTreeMap::new();
        for window in &reading.windows {
            let estimates = self.classifier.classify(&window.embedding, window.text());
            for (category, estimate) in self.labels.iter().zip(estimates) {
                let score = Score::new(estimate.probability).ok_or_else(|| StageError::Unreadable {
                    model: "classifier".to_owned(),
                    reason: format!("{} is no probability", estimate.probability),
                })?;
                if findings.get(category).is_none_or(|finding| finding.score < score) {
                    let finding = Finding {
                        category: category.clone(),
                        score,
                        severity: Severity::new(estimate.severity).unwrap_or_default(),
                        evidence: vec![Evidence::Span(window.span())],
                    };
                    findings.insert(category.clone(), finding);
                }
            }
        }
        Ok(findings)
    }

    /// Lets precedents speak together: allowed ones that outweigh the others lower what the heads found, but no floor, and
    /// harmful ones raise their category.
    fn hear(&self, findings: &mut BTreeMap<Category, Finding>, around: &Neighbourhood<'_>) {
        self.lower(findings, around.against(), around.allowed());
        for (category, score) in around.harms() {
            // What the heads are surer of needs no witnesses from afar.
            if findings.get(category).is_none_or(|finding| score > finding.score.value()) {
                raise(findings, category, score, around.harmful(category));
            }
        }
    }

    /// Lets precedents speak alone: harmful ones raise their category, allowed ones that are nearer than any
    /// harmful one lower all but the floors. Then cites the nearest clause of each category.
    fn weigh(&self, findings: &mut BTreeMap<Category, Finding>, retrieved: &Retrieved) {
        let lines = (self.config.weigh_from, self.config.weigh_full);
        let weight = |precedent: &Precedent| ramp(precedent.similarity, lines);
        let alone = || retrieved.precedents.iter().filter(|precedent| precedent.alone);
        let harmful = |precedent: &&Precedent| precedent.ruling > Action::Allow;
        for precedent in alone().filter(harmful) {
            if let Some(category) = &precedent.category {
                raise(findings, category, weight(precedent), [precedent]);
            }
        }
        let nearest_harm = alone().find(harmful).map_or(-1.0, |precedent| precedent.similarity);
        let allowed = alone().find(|precedent| precedent.ruling == Action::Allow);
        if let Some(allowed) = allowed.filter(|allowed| allowed.similarity > nearest_harm) {
            self.lower(findings, weight(allowed), [allowed]);
        }
        for (id, category, _) in &retrieved.clauses {
            if let Some(finding) = findings.get_mut(category)
                && !finding.evidence.iter().any(|evidence| matches!(evidence, Evidence::Clause(_)))
            {
                finding.evidence.push(Evidence::Clause(Arc::clone(id)));
            }
        }
    }

    /// Takes the part `weight` off every score but the floors', and cites those that speak for it where that changed one.
    fn lower<'a>(
        &self,
        findings: &mut BTreeMap<Category, Finding>,
        weight: f32,
        speaking: impl IntoIterator<Item = &'a Precedent>,
    ) {
        let speaking: Vec<&Precedent> = speaking.into_iter().take(CITED).collect();
        let floors = self.policy.floors();
        for finding in findings.values_mut().filter(|finding| !floors.contains(&finding.category)) {
            let lowered = Score::new(finding.score.value() * (1.0 - weight));
            if let Some(score) = lowered.filter(|score| *score < finding.score) {
                finding.score = score;
                cite(finding, speaking.iter().copied());
            }
        }
    }
}

/// A precedent's severity in a text that is only as likely as `score` to be like it: in full where that is more likely than not,
/// below in proportion, so that what hardly resembles a grave case is not grave.
fn as_far_as(severity: Severity, score: Score) -> Severity {
    let share = (2.0 * score.value()).min(1.0);
    let reached = |grade: &u8| f32::from(*grade) <= f32::from(severity.value()).mul_add(share, 0.5);
    (0..=severity.value()).rev().find(reached).and_then(Severity::new).unwrap_or_default()
}

/// Raises a category to `score` if that is more than it has, and cites those that speak for it.
fn raise<'a>(
    findings: &mut BTreeMap<Category, Finding>,
    category: &Category,
    score: f32,
    speaking: impl IntoIterator<Item = &'a Precedent>,
) {
    let Some(score) = Score::new(score).filter(|score| score.value() > 0.0) else { return };
    let finding = findings.entry(category.clone()).or_insert_with(|| Finding {
        category: category.clone(),
        score: Score::default(),
        severity: Severity::default(),
        evidence: Vec::new(),
    });
    let mut speaking = speaking.into_iter().peekable();
    if score > finding.score {
        finding.score = score;
        let severity = speaking.peek().map(|nearest| as_far_as(nearest.severity, score));
        finding.severity = finding.severity.max(severity.unwrap_or_default());
    }
    cite(finding, speaking);
}

/// Cites the nearest of the precedents, and of the others those worth showing: of each side [`CITED`] at most, none twice.
fn cite<'a>(finding: &mut Finding, speaking: impl IntoIterator<Item = &'a Precedent>) {
    for (place, precedent) in speaking.into_iter().enumerate().take(CITED) {
        let is_allowed = precedent.ruling == Action::Allow;
        let of_its_side = finding.evidence.iter().filter_map(|evidence| match evidence {
            Evidence::Precedent { id, ruling, .. } if (*ruling == Action::Allow) == is_allowed => Some(id),
            Evidence::Precedent { .. }
            | Evidence::Span(_)
            | Evidence::Clause(_)
            | Evidence::Listed { .. } => None,
        });
        let cited: Vec<_> = of_its_side.collect();
        let worth_it = place == 0 || precedent.similarity >= SHOWN_FROM;
        if worth_it && cited.len() < CITED && !cited.contains(&&precedent.id) {
            finding.evidence.push(brief::cite(precedent));
        }
    }
}

#[cfg(test)]
mod tests {
    use policies::{Score, Severity};

    use super::as_far_as;

    #[test]
    fn what_hardly_resembles_a_grave_case_is_not_grave() {
        let at = |score| {
            as_far_as(Severity::new(5).expect("one of eight"), Score::new(score).expect("a share")).value()
        };
        assert_eq!([0.02, 0.1, 0.25, 0.45, 0.5, 0.9].map(at), [0, 1, 3, 5, 5, 5]);
    }
}
