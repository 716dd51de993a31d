//! Judging one text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ask, Pipeline, Progress};
use crate::{Action, Category, Content, Dossier, Finding, Judgment, Rewritten, Score, Severity, Verdict};

impl Pipeline {
    /// Judges one text.
    pub async fn judge(&self, content: Arc<Content>, ask: &Ask) -> Judgment {
        let progress = self.run(content, ask).await;
        self.conclude(progress, ask)
    }

    fn conclude(&self, progress: Progress<Content>, ask: &Ask) -> Judgment {
        let Progress { dossier, runs, scored, demanded, .. } = progress;
        let floors = self.policy.floors();
        let language: Arc<str> = dossier.content().language().code().into();
        let action_for = |finding: &Finding| self.policy.action_for(finding, &language);
        let asked = |category: &Category| {
            ask.categories.is_empty() || ask.categories.contains(category) || floors.contains(category)
        };
        let judged: Vec<&Category> =
            self.policy.categories().iter().map(|rule| &rule.name).filter(|name| asked(name)).collect();
        let mut scores: BTreeMap<Category, (Score, Severity)> =
            judged.iter().map(|category| ((*category).clone(), Default::default())).collect();
        let mut findings: Vec<Finding> = Vec::new();
        for finding in dossier.findings() {
            let Some(best) = scores.get_mut(&finding.category) else { continue };
            best.0 = best.0.max(finding.score);
            best.1 = best.1.max(finding.severity);
            if action_for(finding) > Action::Allow {
                findings.push(finding.clone());
            }
        }
        let action = self.decide(&dossier, &findings, demanded);
        findings.sort_by_key(|f| std::cmp::Reverse((action_for(f), f.severity, f.score)));
        let judged: Vec<Category> = judged.into_iter().cloned().collect();
        Judgment {
            verdict: Verdict {
                action,
                language,
                is_ruled: dossier.ruling().is_some(),
                findings,
                scores,
                explanations: dossier.explanations().cloned().collect(),
            },
            record: self.record(runs, &scored, judged),
            rewritten: Rewritten::of(dossier.content().original(), dossier.replacements().cloned()),
        }
    }

    /// A ruling ends the case, but cannot undo what a fault demanded, nor lift a floor.
    fn decide(&self, dossier: &Dossier, findings: &[Finding], demanded: Action) -> Action {
        let floors = self.policy.floors();
        let language = dossier.content().language().code();
        let strictest = |only_floors: bool| {
            findings
                .iter()
                .filter(|finding| !only_floors || floors.contains(&finding.category))
                .map(|finding| self.policy.action_for(finding, language))
                .max()
                .unwrap_or_default()
        };
        let judged = match dossier.ruling() {
            Some(ruling) => ruling.action.max(strictest(true)),
            None => strictest(false),
        };
        judged.max(demanded)
    }
}
