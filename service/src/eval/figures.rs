//! The figures themselves.

/// Flagged against labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    true_positives: usize,
    false_positives: usize,
    false_negatives: usize,
    true_negatives: usize,
}

impl Confusion {
    /// Counts pairs of (flagged, labelled).
    pub fn of(outcomes: impl Iterator<Item = (bool, bool)>) -> Self {
        outcomes.fold(Self::default(), |mut counts, outcome| {
            *match outcome {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, true) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            } += 1;
            counts
        })
    }

    /// Texts that have the label.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.true_positives + self.false_negatives
    }

    /// Share of texts that have the label that were flagged; none without any.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.positives())
    }

    /// Harmonic mean of precision and recall; none without positives.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let errors = self.false_positives + self.false_negatives;
        share(2 * self.true_positives, 2 * self.true_positives + errors).filter(|_| self.positives() > 0)
    }

    /// Share of texts without the label that were flagged; none if all have it.
    #[must_use]
    pub fn false_positive_rate(&self) -> Option<f64> {
        share(self.false_positives, self.false_positives + self.true_negatives)
    }
}

/// Area under the precision-recall curve, as average precision: the sum over distinct scores of the gain in
/// recall times the precision there. None without both kinds of text.
///
/// - *Source*: Davis & Goadrich 2006 on why not to interpolate; ties count as one step.
#[must_use]
pub fn average_precision(ranked: &[(f32, bool)]) -> Option<f64> {
    let positives = ranked.iter().filter(|(_, set)| *set).count();
    if positives == 0 || positives == ranked.len() {
        return None;
    }
    let mut ranked = ranked.to_vec();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut hits, mut area) = (0, 0, 0.0);
    for tied in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let new = tied.iter().filter(|(_, set)| *set).count();
        seen += tied.len();
        hits += new;
        area += share(new, positives)? * share(hits, seen)?;
    }
    Some(area)
}

/// Bins of [`calibration_error`].
const BINS: usize = 10;

/// Expected calibration error: over ten bins of equally many texts in the order of their scores, the mean distance between
/// a bin's mean score and its share of texts that have the label. Texts of one score are in one bin. None of no texts.
///
/// - *Source*: Nixon et al. 2019, "Measuring Calibration in Deep Learning", on bins of equal mass.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of texts stay far below 2^53")]
pub fn calibration_error(ranked: &[(f32, bool)]) -> Option<f64> {
    let mut ranked = ranked.to_vec();
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut error, mut placed) = (0.0, 0);
    let mut bin: Vec<(f32, bool)> = Vec::new();
    let mut ends = (1..=BINS).map(|bin| bin * ranked.len() / BINS).filter(|end| *end > 0);
    let mut end = ends.next()?;
    for tied in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        bin.extend_from_slice(tied);
        placed += tied.len();
        if placed < end {
            continue;
        }
        let score: f64 = bin.iter().map(|(score, _)| f64::from(*score)).sum();
        let set = bin.iter().filter(|(_, set)| *set).count();
        error += (score - set as f64).abs();
        bin.clear();
        end = ends.find(|end| *end > placed).unwrap_or(ranked.len());
    }
    Some(error / ranked.len() as f64)
}

/// The mean square of the distance between score and label, 1 or 0. None of no texts.
///
/// - *Source*: Brier 1950.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of texts stay far below 2^53")]
pub fn brier(ranked: &[(f32, bool)]) -> Option<f64> {
    let squares = ranked.iter().map(|(score, set)| (f64::from(*score) - f64::from(u8::from(*set))).powi(2));
    (!ranked.is_empty()).then(|| squares.sum::<f64>() / ranked.len() as f64)
}

/// `part` of `whole`; none of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of texts stay far below 2^53")]
pub(crate) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_agrees_with_a_worked_example() {
        // Ranked: hit, miss, hit, miss; precision 1 at recall 1/2, then 2/3 at recall 1.
        let ranked = [(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
        let area = average_precision(&ranked).expect("both kinds are there");
        assert!((area - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn tied_scores_do_not_profit_from_their_order() {
        let one = average_precision(&[(0.5, true), (0.5, false)]);
        let other = average_precision(&[(0.5, false), (0.5, true)]);
        assert_eq!(one, other);
        assert_eq!(one, Some(0.5));
    }

    #[test]
    fn scores_that_are_probabilities_are_calibrated_and_confident_ones_that_are_wrong_are_not() {
        // Of a hundred texts scored 0.1 ten have the label, of a hundred scored 0.9 ninety.
        let text = |score: f32, of: usize| move |place: usize| (score, place < of);
        let honest: Vec<(f32, bool)> =
            (0..100).map(text(0.1, 10)).chain((0..100).map(text(0.9, 90))).collect();
        let figure = |ranked: &[(f32, bool)]| {
            (calibration_error(ranked).expect("texts"), brier(ranked).expect("texts"))
        };
        let (error, square) = figure(&honest);
        assert!(error < 1e-6 && (square - 0.09).abs() < 1e-6, "{error} {square}");
        let boastful: Vec<(f32, bool)> = honest.iter().map(|(score, set)| (score.round(), *set)).collect();
        let (error, square) = figure(&boastful);
        assert!((error - 0.1).abs() < 1e-6 && (square - 0.1).abs() < 1e-6, "{error} {square}");
        assert_eq!((calibration_error(&[]), brier(&[])), (None, None));
    }

    #[test]
    fn bins_hold_equally_many_texts_where_scores_differ() {
        // In each tenth the scores are 0.05 too high: bins of unequal mass would not see it so evenly.
        let ranked: Vec<(f32, bool)> = (0..1_000_u16)
            .map(|place| {
                let bin = place / 100;
                (f32::from(bin) / 10.0 + 0.05 + f32::from(place % 100) * 1e-6, place % 100 < bin * 10)
            })
            .collect();
        let error = calibration_error(&ranked).expect("texts");
        assert!((error - 0.05).abs() < 1e-3, "{error}");
    }

    #[test]
    fn no_figure_is_given_where_there_is_nothing_to_tell_apart() {
        assert_eq!(average_precision(&[(0.5, true)]), None);
        assert_eq!(average_precision(&[(0.5, false)]), None);
        assert_eq!(Confusion::of([(true, false)].into_iter()).f1(), None);
        assert_eq!(Confusion::of([(true, true)].into_iter()).false_positive_rate(), None);
    }
}
