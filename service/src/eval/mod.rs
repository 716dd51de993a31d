//! Quality: on labelled texts, how well scores rank, and how the policy's own lines decide; how good summaries and search
//! are.

mod attacks;
mod baselines;
mod bootstrap;
mod figures;
mod ground;
mod labels;
mod learning;
mod retrieval;
pub mod rouge;
mod rows;
mod slices;
mod sources;
mod summaries;

pub use attacks::{ATTACKS, Attack, AttackReport, Battery, BatteryReport, is_harmful};
pub use bootstrap::Interval;
pub(crate) use figures::share;
pub use figures::{Confusion, average_precision, brier, calibration_error};
pub use ground::{
    Ahead, Figures, GroundednessError, GroundednessReport, GroundednessSystem, groundedness,
    is_held_out_context,
};
pub use labels::{Meaning, categories_of, meaning_of};
pub use learning::{AllowReport, BankReport, LearningError, LearningReport, WeightsFit, learning};
pub use retrieval::{Collection, MannerReport, RetrievalReport};
pub use rows::{LabelledText, Rows, RowsError, Task, sampled};
pub use slices::{Part as LabelPart, Slice};
pub use sources::{Asked, Part, Read, Source, Wanted, sources, usual_sentences};
pub use summaries::{Behind, SummariesError, SummaryReport, SystemReport, compare};

use std::collections::BTreeMap;

use policies::{Action, Category, Judgment, Policy};
use serde::Serialize;
use slices::Outcome;

/// What one file of labelled texts shows.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// Texts judged.
    pub texts: usize,
    /// Lines that hold no text that can be judged.
    pub refused: usize,
    /// Verdicts that miss a stage: their figures are not to be trusted.
    pub degraded: usize,
    /// Share of texts by the least action: at `flag` or stricter, `review` or stricter, `block`.
    pub acted_on: ActedOn,
    /// One line for each label that has a category.
    pub labels: Vec<LabelReport>,
    /// Labels of the file that are no categories of ours.
    pub unmapped: Vec<String>,
}

/// Shares, `0.0..=1.0`.
#[derive(Debug, Default, Serialize)]
pub struct ActedOn {
    /// Flagged or worse.
    pub flag: f64,
    /// Held for review or worse.
    pub review: f64,
    /// Blocked.
    pub block: f64,
}

/// How well one label is found.
#[derive(Debug, Serialize)]
pub struct LabelReport {
    /// The data set's label.
    pub label: String,
    /// The categories whose highest score stands for it.
    pub categories: Vec<String>,
    /// The figures over all texts annotated with it; the others count nowhere.
    #[serde(flatten)]
    pub figures: Slice,
    /// The lowest flag line among the categories, a score; severity lines apply as well, and lines for a language.
    pub threshold: Option<f64>,
    /// The figures by language.
    pub by_language: Vec<LabelPart>,
    /// The figures by length, in characters.
    pub by_length: Vec<LabelPart>,
}

/// What is known of a text besides its words.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// 0 or 1 for each label annotated.
    pub labels: BTreeMap<String, u8>,
    /// The language it is said to be in.
    pub lang: Option<String>,
    /// Its characters.
    pub chars: usize,
}

/// Collects judgments of one file.
#[derive(Default)]
pub struct Tally {
    texts: usize,
    refused: usize,
    degraded: usize,
    actions: BTreeMap<Action, usize>,
    labels: BTreeMap<String, LabelTally>,
}

#[derive(Default)]
struct LabelTally {
    outcomes: Vec<Outcome>,
    scored: bool,
}

impl Tally {
    /// Counts a line that could not be judged.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Counts one judgment against what is known of its text.
    pub fn count(&mut self, judgment: &Judgment, known: &Known) {
        let Judgment { verdict, record, .. } = judgment;
        self.texts += 1;
        self.degraded += usize::from(record.degraded());
        *self.actions.entry(verdict.action).or_default() += 1;
        for (label, &set) in &known.labels {
            let tally = self.labels.entry(label.clone()).or_default();
            let categories = categories_of(label);
            let scores = categories.iter().filter_map(|category| verdict.scores.get(category));
            let score = scores.map(|(score, _)| score.value()).fold(0.0, f32::max);
            let flagged = verdict.findings.iter().any(|finding| categories.contains(&finding.category));
            tally.scored |= categories.iter().any(|category| !record.not_scored.contains(category));
            tally.outcomes.push(Outcome {
                score,
                flagged,
                set: set != 0,
                language: known.lang.clone().unwrap_or_else(|| verdict.language.to_string()),
                chars: known.chars,
            });
        }
    }

    /// The report on `file`, judged by `policy`.
    #[must_use]
    pub fn report(self, file: String, policy: &Policy) -> Report {
        let share = |least: Action| {
            let acted: usize = self.actions.range(least..).map(|(_, count)| count).sum();
            figures::share(acted, self.texts).unwrap_or_default()
        };
        let acted_on =
            ActedOn { flag: share(Action::Flag), review: share(Action::Review), block: share(Action::Block) };
        let (mapped, unmapped): (Vec<_>, Vec<_>) =
            self.labels.into_iter().partition(|(label, _)| !categories_of(label).is_empty());
        Report {
            file,
            texts: self.texts,
            refused: self.refused,
            degraded: self.degraded,
            acted_on,
            labels: mapped.into_iter().map(|(label, tally)| tally.report(label, policy)).collect(),
            unmapped: unmapped.into_iter().map(|(label, _)| label).collect(),
        }
    }
}

impl LabelTally {
    fn report(self, label: String, policy: &Policy) -> LabelReport {
        let categories = categories_of(&label);
        let lines = categories.iter().filter_map(|category| policy.flag_line(category, "und"));
        let threshold = lines.map(f64::from).min_by(f64::total_cmp).map(|line| (line * 1e4).round() / 1e4);
        LabelReport {
            label,
            categories: categories.iter().map(Category::to_string).collect(),
            figures: Slice::of(self.outcomes.iter(), self.scored),
            threshold,
            by_language: slices::by_language(&self.outcomes, self.scored),
            by_length: slices::by_length(&self.outcomes, self.scored),
        }
    }
}
