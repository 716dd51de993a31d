//! How well a label is found: in all texts that are annotated with it, and in parts of them.

use serde::Serialize;

use super::figures::{Confusion, average_precision, brier, calibration_error};

/// What became of one annotated text.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The highest score among the label's categories.
    pub(super) score: f32,
    /// Whether one of them was flagged.
    pub(super) flagged: bool,
    /// Whether the text has the label.
    pub(super) set: bool,
    /// The language it is said to be in, else the one it is taken for.
    pub(super) language: String,
    /// Characters of the text.
    pub(super) chars: usize,
}

/// Figures of a label over some texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// Texts annotated with the label.
    pub annotated: usize,
    /// Texts that have it.
    pub positives: usize,
    /// Area under the precision-recall curve; none without both kinds of text, or without a score.
    pub auprc: Option<f64>,
    /// Harmonic mean of precision and recall at the policy's flag line.
    pub f1: Option<f64>,
    /// Share of the texts with the label that are flagged.
    pub recall: Option<f64>,
    /// Share of the texts without it that are flagged.
    pub fpr: Option<f64>,
    /// Expected calibration error over ten bins of equally many texts.
    pub calibration_error: Option<f64>,
    /// Brier score: the mean square of what the score is off by.
    pub brier: Option<f64>,
}

/// A language or a range of lengths, and the figures there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// ISO 639-1 code of a language, or characters.
    pub part: String,
    /// The figures.
    #[serde(flatten)]
    pub figures: Slice,
}

/// Ranges of lengths, in characters: where each begins, and its name.
const LENGTHS: [(usize, &str); 3] = [(0, "to 50"), (51, "51 to 200"), (201, "over 200")];

impl Slice {
    /// The figures of these outcomes; without those that need a score where nothing scored the label.
    pub(super) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone, scored: bool) -> Self {
        let confusion = Confusion::of(outcomes.clone().map(|outcome| (outcome.flagged, outcome.set)));
        let ranked: Vec<(f32, bool)> = outcomes.map(|outcome| (outcome.score, outcome.set)).collect();
        let told = |figure: Option<f64>| figure.filter(|_| scored);
        Self {
            annotated: ranked.len(),
            positives: confusion.positives(),
            auprc: told(average_precision(&ranked)),
            f1: told(confusion.f1()),
            recall: told(confusion.recall()),
            fpr: told(confusion.false_positive_rate()),
            calibration_error: told(calibration_error(&ranked)),
            brier: told(brier(&ranked)),
        }
    }
}

/// The figures by language, the most frequent first.
pub(super) fn by_language(outcomes: &[Outcome], scored: bool) -> Vec<Part> {
    let mut languages: Vec<&str> = outcomes.iter().map(|outcome| outcome.language.as_str()).collect();
    languages.sort_unstable();
    languages.dedup();
    let part = |language: &str| {
        let meant = outcomes.iter().filter(|outcome| outcome.language == language);
        Part { part: language.to_owned(), figures: Slice::of(meant, scored) }
    };
    let mut parts: Vec<Part> = languages.into_iter().map(part).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.figures.annotated));
    parts
}

/// The figures by length, the shortest first; of lengths that no text has there are none.
pub(super) fn by_length(outcomes: &[Outcome], scored: bool) -> Vec<Part> {
    let ends = LENGTHS.iter().skip(1).map(|(start, _)| *start).chain([usize::MAX]);
    let parts = LENGTHS.iter().zip(ends).map(|((start, name), end)| {
        let meant = outcomes.iter().filter(move |outcome| (*start..end).contains(&outcome.chars));
        Part { part: (*name).to_owned(), figures: Slice::of(meant, scored) }
    });
    parts.filter(|part| part.figures.annotated > 0).collect()
}
