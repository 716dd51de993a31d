//! `classify`: a probability for every category the heads know, weighed with what was retrieved.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use inference::{Classifier, Embedder};
use policies::{
    Action, Category, Dossier, Entry, Evidence, Examination, Finding, Policy, Precedent, Retrieved, Score,
    Severity, Stage, StageError,
};
use serde::Deserialize;

use crate::reading::{self, Reading};
use crate::registry::{Resources, StageConfig};

/// Options of `classify`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Similarity from which on a precedent counts at all, cosine, `-1.0..=1.0`.
    #[serde(default = "default_weigh_from")]
    weigh_from: f32,
    /// Similarity from which on a precedent counts in full, cosine; more than `weigh_from`.
    #[serde(default = "default_weigh_full")]
    weigh_full: f32,
}

fn default_weigh_from() -> f32 {
    0.60
}
fn default_weigh_full() -> f32 {
    0.90
}

impl StageConfig for Config {
    const KIND: &'static str = "classify";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String> {
        if !(-1.0 <= self.weigh_from && self.weigh_from < self.weigh_full && self.weigh_full <= 1.0) {
            return Err("`weigh_from` and `weigh_full` are ascending cosines, -1 to 1".to_owned());
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

    /// Lets precedents speak: harmful ones raise their category, allowed ones that are nearer than any
    /// harmful one lower all but the floors. Then cites the nearest clause of each category.
    fn weigh(&self, findings: &mut BTreeMap<Category, Finding>, retrieved: &Retrieved) {
        let harmful = |precedent: &&Precedent| precedent.ruling > Action::Allow;
        for precedent in retrieved.precedents.iter().filter(harmful) {
            self.raise(findings, precedent);
        }
        let nearest_harm = retrieved.precedents.iter().find(harmful).map_or(-1.0, |p| p.similarity);
        let allowed = retrieved.precedents.iter().find(|precedent| precedent.ruling == Action::Allow);
        if let Some(allowed) = allowed.filter(|allowed| allowed.similarity > nearest_harm) {
            self.lower(findings, allowed);
        }
        for (id, category, _) in &retrieved.clauses {
            if let Some(finding) = findings.get_mut(category)
                && !finding.evidence.iter().any(|evidence| matches!(evidence, Evidence::Clause(_)))
            {
                finding.evidence.push(Evidence::Clause(Arc::clone(id)));
            }
        }
    }

    fn raise(&self, findings: &mut BTreeMap<Category, Finding>, precedent: &Precedent) {
        let Some(category) = &precedent.category else { return };
        let weight = self.weight(precedent.similarity);
        let Some(score) = Score::new(weight).filter(|score| score.value() > 0.0) else { return };
        let finding = findings.entry(category.clone()).or_insert_with(|| Finding {
            category: category.clone(),
            score: Score::default(),
            severity: Severity::default(),
            evidence: Vec::new(),
        });
        finding.evidence.push(cite(precedent));
        if score > finding.score {
            finding.score = score;
            finding.severity = finding.severity.max(precedent.severity);
        }
    }

    fn lower(&self, findings: &mut BTreeMap<Category, Finding>, allowed: &Precedent) {
        let keep = 1.0 - self.weight(allowed.similarity);
        let floors = self.policy.floors();
        for finding in findings.values_mut().filter(|finding| !floors.contains(&finding.category)) {
            if let Some(score) =
                Score::new(finding.score.value() * keep).filter(|score| *score < finding.score)
            {
                finding.score = score;
                finding.evidence.push(cite(allowed));
            }
        }
    }

    /// How much a precedent of that similarity counts, `0.0..=1.0`.
    fn weight(&self, similarity: f32) -> f32 {
        let Config { weigh_from, weigh_full } = self.config;
        ((similarity - weigh_from) / (weigh_full - weigh_from)).clamp(0.0, 1.0)
    }
}

fn cite(precedent: &Precedent) -> Evidence {
    Evidence::Precedent {
        id: Arc::clone(&precedent.id),
        similarity: precedent.similarity,
        ruling: precedent.ruling,
    }
}
