//! Summarizing documents.

use std::sync::Arc;

use super::{Ask, Pipeline, Progress};
use crate::{
    Action, Assignment, Dossier, Mode, Passages, Status, Subject, Summarized, Summary, Wanted, Withheld,
};

impl Pipeline<Assignment> {
    /// Summarizes documents.
    pub async fn summarize(&self, assignment: Arc<Assignment>, ask: &Ask) -> Summarized {
        let progress = self.run(assignment, ask).await;
        self.sum_up(progress)
    }

    fn sum_up(&self, progress: Progress<Assignment>) -> Summarized {
        let Progress { dossier, runs, scored, demanded, heard } = progress;
        let ruling = dossier.ruling();
        let action = ruling.map_or(Action::Allow, |ruling| ruling.action).max(demanded);
        let Passages { sources, mut withheld, .. } = dossier.passages().cloned().unwrap_or_default();
        let found = dossier.summary().cloned().filter(|_| ruling.is_none());
        let mut summary = found.unwrap_or_else(|| Summary::empty(Mode::Extractive));
        let mut reason = ruling.map(|ruling| ruling.reason.clone()).or_else(|| summary.reason.clone());
        if action == Action::Block {
            // A stage whose fault blocks has not looked: nothing is said.
            summary.sentences.clear();
        }
        for Withheld { what, category, count } in
            dossier.summary().into_iter().flat_map(|summary| &summary.withheld)
        {
            (0..*count).for_each(|_| Withheld::count(&mut withheld, *what, category.clone()));
        }
        let told =
            runs.iter().filter(|run| run.status.is_fault() || matches!(run.status, Status::Skipped(_)));
        let mut told = told.filter_map(|run| Some(format!("`{}`: {}", run.stage, run.status.reason()?)));
        if reason.is_none() && (summary.sentences.is_empty() || summary.mode != wanted(&dossier)) {
            reason = told.next();
        }
        if heard == 0 {
            summary.sentences.iter().for_each(|sentence| super::tell(&dossier, sentence));
        }
        let judged = self.policy.categories().iter().map(|rule| rule.name.clone());
        let record = self.record(runs, &scored, judged);
        Summarized { action, summary, reason, sources, withheld, record }
    }
}

/// Whose words were asked for.
fn wanted(dossier: &Dossier<Assignment>) -> Mode {
    match dossier.subject().wish.mode {
        Wanted::Extractive => Mode::Extractive,
        Wanted::Best | Wanted::Abstractive => Mode::Abstractive,
    }
}

/// Drops citations that do not hold, before anybody sees them.
pub(super) fn admit<S: Subject>(summary: &mut Summary, dossier: &Dossier<S>) {
    for sentence in &mut summary.sentences {
        sentence.citations.retain(|citation| dossier.holds(citation));
    }
}
