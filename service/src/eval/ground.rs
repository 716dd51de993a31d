//! How well answers that their sources do not bear out are told from those they do.

use std::collections::BTreeMap;
use std::path::Path;

use inference::{Classifier, Embedder};
use plugins::{GroundError, Grounded, Grounder, Passages, ground_text};
use serde::{Deserialize, Serialize};

use super::figures::share;
use super::{Confusion, Rows, RowsError, average_precision};

/// How often the sample is drawn again.
const DRAWS: usize = 1_000;
/// Steps of the fit of a baseline's two numbers; it is there after about ten.
const STEPS: usize = 30;

/// Why a file of answers could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum GroundednessError {
    /// The file is not what it should be.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// An answer could not be held against its sources.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// The model that ships does not fit this version.
    #[error("the grounding model cannot be used: {0}")]
    Model(String),
}

/// What one file shows. Positive is *ungrounded*.
#[derive(Debug, Serialize)]
pub struct GroundednessReport {
    /// The file.
    pub file: String,
    /// Answers measured, of how many contexts.
    pub answers: usize,
    /// Contexts they are of.
    pub contexts: usize,
    /// Answers with another label than 0 or 1, or with none.
    pub unlabelled: usize,
    /// Share that is ungrounded.
    pub base: f64,
    /// Ours, then words alone, then meaning alone.
    pub systems: Vec<GroundednessSystem>,
}

/// One way of telling.
#[derive(Debug, Serialize)]
pub struct GroundednessSystem {
    /// `ground`, `overlap only` or `embedding only`.
    pub system: &'static str,
    /// How well it tells.
    pub figures: Figures,
    /// How far ours is ahead, and where 95 % of the draws of whole contexts lie; none for ours.
    pub behind: Option<[Ahead; 3]>,
}

/// How well ungrounded answers are told; a probability above one half says *ungrounded*.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// Area under the precision-recall curve; 0 without both kinds.
    pub auprc: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share told rightly.
    pub accuracy: f64,
    /// Expected calibration error over ten equal bins.
    pub calibration_error: f64,
}

/// A difference and its interval, of AUPRC, F1 and accuracy in this order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Ahead {
    /// The difference.
    pub mean: f64,
    /// Below it lie 2.5 % of the draws.
    pub low: f64,
    /// Above it lie 2.5 % of the draws.
    pub high: f64,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    context: String,
    #[serde(default)]
    labels: BTreeMap<String, u8>,
}

/// One answer as measured.
struct Outcome {
    /// Which context it is of.
    context: usize,
    held_out: bool,
    ungrounded: bool,
    /// The scores by system; of the baselines, what their fit turns into a probability.
    scores: [f64; 3],
}

/// Whether the model that ships was not fitted to answers about `context`: one in five, by a hash.
#[must_use]
pub fn is_held_out_context(context: &str) -> bool {
    // The salt makes the fifths of SummEdits, which has 39 contexts, of even size (`models/train/ground.py`).
    Classifier::is_held_out(&format!("131 {context}"))
}

/// Measures a file of answers; with `held_out` only those about contexts that nothing was fitted to.
///
/// The two baselines are the mean share of a sentence's words, weighed by how rare they are, that the sources have, and
/// its best cosine with a sentence of theirs. Each is fitted to this very file's other contexts, by a logistic curve.
///
/// # Errors
///
/// A line that is no answer with its context, or an encoder that does not answer.
pub async fn groundedness(
    file: &Path,
    embedder: &Embedder,
    held_out: bool,
) -> Result<GroundednessReport, GroundednessError> {
    let mut outcomes = outcomes(file, embedder).await?;
    let all = outcomes.rows.len();
    for system in [1, 2] {
        let known = outcomes.rows.iter().filter(|row| !row.held_out);
        let curve = fit(known.map(|row| (row.scores[system], row.ungrounded)));
        for row in &mut outcomes.rows {
            row.scores[system] = curve.at(row.scores[system]);
        }
    }
    outcomes.rows.retain(|row| row.held_out || !held_out);
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    tracing::debug!(all, "answers are held against their sources");
    Ok(report(name, &outcomes))
}

struct Outcomes {
    rows: Vec<Outcome>,
    unlabelled: usize,
}

async fn outcomes(file: &Path, embedder: &Embedder) -> Result<Outcomes, GroundednessError> {
    let grounder = Grounder::shipped().map_err(GroundednessError::Model)?;
    let mut contexts: BTreeMap<String, usize> = BTreeMap::new();
    let mut last: Option<(String, Passages)> = None;
    let mut outcomes = Outcomes { rows: Vec::new(), unlabelled: 0 };
    for row in Rows::<Row>::open(file)? {
        let Row { text, context, labels } = row?;
        let Some(&ungrounded) = labels.get("ungrounded").filter(|label| **label <= 1) else {
            outcomes.unlabelled += 1;
            continue;
        };
        let passages = match last.take() {
            Some((known, passages)) if known == context => passages,
            _ => Passages::read(embedder, &[&context]).await?,
        };
        let held = ground_text(&grounder, embedder, &text, &passages).await?;
        let next = contexts.len();
        let place = *contexts.entry(context.clone()).or_insert(next);
        outcomes.rows.push(Outcome {
            context: place,
            held_out: is_held_out_context(&context),
            ungrounded: ungrounded == 1,
            scores: [
                1.0 - f64::from(held.probability),
                -mean_of(&held, "coverage by all"),
                -mean_of(&held, "cosine"),
            ],
        });
        last = Some((context, passages));
    }
    Ok(outcomes)
}

/// The mean of a measurement over the sentences; 1 for none, as then nothing is claimed.
fn mean_of(held: &Grounded, name: &str) -> f64 {
    let values = held.sentences.iter().flat_map(|sentence| &sentence.support.features.values);
    let values: Vec<f64> =
        values.filter(|(known, _)| *known == name).map(|(_, value)| f64::from(*value)).collect();
    mean(values.iter().copied()).unwrap_or(1.0)
}

/// A logistic curve over one number.
#[derive(Clone, Copy, Debug)]
struct Curve {
    slope: f64,
    offset: f64,
}

impl Curve {
    fn at(self, value: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * value + self.offset)).exp())
    }
}

/// The curve under which the labels are most probable, by Newton's method; the slope is held back a little, so that
/// there is one even where the two kinds do not overlap.
fn fit(pairs: impl Iterator<Item = (f64, bool)>) -> Curve {
    let pairs: Vec<(f64, bool)> = pairs.collect();
    let mut curve = Curve { slope: 0.0, offset: 0.0 };
    for _ in 0..STEPS {
        let (mut down, mut bend) = ([-1e-3 * curve.slope, 0.0], [1e-3, 0.0, 1e-6]);
        for &(value, label) in &pairs {
            let chance = curve.at(value);
            let (wrong, weight) = (f64::from(u8::from(label)) - chance, chance * (1.0 - chance));
            down = [down[0] + wrong * value, down[1] + wrong];
            bend = [bend[0] + weight * value * value, bend[1] + weight * value, bend[2] + weight];
        }
        let whole = bend[0] * bend[2] - bend[1] * bend[1];
        if whole < 1e-12 {
            break;
        }
        curve.slope += (bend[2] * down[0] - bend[1] * down[1]) / whole;
        curve.offset += (bend[0] * down[1] - bend[1] * down[0]) / whole;
    }
    curve
}

fn report(file: String, outcomes: &Outcomes) -> GroundednessReport {
    let mut contexts: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
    for row in &outcomes.rows {
        contexts.entry(row.context).or_default().push(row);
    }
    let contexts: Vec<Vec<&Outcome>> = contexts.into_values().collect();
    let rows: Vec<&Outcome> = outcomes.rows.iter().collect();
    let own = figures(&rows, 0);
    let system = |(place, system)| GroundednessSystem {
        system,
        figures: figures(&rows, place),
        behind: (place > 0).then(|| ahead(&contexts, place, (own, figures(&rows, place)))),
    };
    let systems = ["ground", "overlap only", "embedding only"].into_iter().enumerate().map(system).collect();
    GroundednessReport {
        file,
        answers: rows.len(),
        contexts: contexts.len(),
        unlabelled: outcomes.unlabelled,
        base: share(rows.iter().filter(|row| row.ungrounded).count(), rows.len()).unwrap_or_default(),
        systems,
    }
}

/// How far ours is ahead of the system at `place`, drawing whole contexts: answers about one stand or fall together.
fn ahead(contexts: &[Vec<&Outcome>], place: usize, (own, other): (Figures, Figures)) -> [Ahead; 3] {
    let mut dice = fastrand::Rng::with_seed(131);
    let mut draws: [Vec<f64>; 3] = Default::default();
    for _ in 0..DRAWS {
        let picked = (0..contexts.len()).filter_map(|_| contexts.get(dice.usize(0..contexts.len())));
        let rows: Vec<&Outcome> = picked.flatten().copied().collect();
        let apart = difference(figures(&rows, 0), figures(&rows, place));
        draws.iter_mut().zip(apart).for_each(|(draws, apart)| draws.push(apart));
    }
    let means = difference(own, other);
    let mut means = means.into_iter();
    draws.map(|mut draws| {
        draws.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| draws.get(place).copied().unwrap_or_default();
        let mean = means.next().unwrap_or_default();
        Ahead { mean, low: at(DRAWS / 40), high: at(DRAWS - 1 - DRAWS / 40) }
    })
}

fn difference(own: Figures, other: Figures) -> [f64; 3] {
    [own.auprc - other.auprc, own.f1 - other.f1, own.accuracy - other.accuracy]
}

fn figures(rows: &[&Outcome], system: usize) -> Figures {
    let score = |row: &Outcome| row.scores.get(system).copied().unwrap_or_default();
    let flagged = |row: &&&Outcome| score(row) > 0.5;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "scores are ranked, and f32 ranks them finely enough"
    )]
    let ranked: Vec<(f32, bool)> = rows.iter().map(|row| (score(row) as f32, row.ungrounded)).collect();
    let confusion = Confusion::of(rows.iter().map(|row| (flagged(&row), row.ungrounded)));
    let right = rows.iter().filter(|row| flagged(row) == row.ungrounded).count();
    Figures {
        auprc: average_precision(&ranked).unwrap_or_default(),
        f1: confusion.f1().unwrap_or_default(),
        accuracy: share(right, rows.len()).unwrap_or_default(),
        calibration_error: calibration_error(rows.iter().map(|row| (score(row), row.ungrounded))),
    }
}

/// The mean distance between what is said and what is, over ten bins of what is said.
///
/// - *Source*: Naeini, Cooper & Hauskrecht 2015, "Obtaining Well Calibrated Probabilities", section 3.
fn calibration_error(pairs: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut bins: [Vec<(f64, f64)>; 10] = Default::default();
    let mut count = 0;
    for (said, is) in pairs {
        let upper = (1..10_u8).take_while(|bin| said >= f64::from(*bin) / 10.0).count();
        if let Some(bin) = bins.get_mut(upper) {
            bin.push((said, f64::from(u8::from(is))));
        }
        count += 1;
    }
    let errors = bins.iter().filter_map(|bin| {
        let said = mean(bin.iter().map(|(said, _)| *said))?;
        let is = mean(bin.iter().map(|(_, is)| *is))?;
        Some((said - is).abs() * share(bin.len(), count)?)
    });
    errors.sum()
}

/// The mean; none of nothing.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let each = share(1, values.len())?;
    Some(values.sum::<f64>() * each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(context: usize, ungrounded: bool, scores: [f64; 3]) -> Outcome {
        Outcome { context, held_out: true, ungrounded, scores }
    }

    #[test]
    fn a_curve_finds_the_shares_it_was_shown() {
        // Of those at 0, one in four; of those at 1, three in four.
        let shown = (0..400)
            .map(|row| (f64::from(row % 2), (row / 2) % 4 == 0 || (row % 2 == 1 && (row / 2) % 4 < 3)));
        let curve = fit(shown);
        assert!((curve.at(0.0) - 0.25).abs() < 0.01 && (curve.at(1.0) - 0.75).abs() < 0.01, "{curve:?}");
        let certain = fit((0..40).map(|row| (f64::from(row), row >= 20)));
        assert!(certain.at(0.0) < 0.01 && certain.at(39.0) > 0.99);
    }

    #[test]
    fn figures_are_those_worked_out_by_hand() {
        let rows = [
            outcome(0, true, [0.9, 0.5, 0.6]),
            outcome(0, false, [0.2, 0.5, 0.9]),
            outcome(1, true, [0.4, 0.5, 0.2]),
            outcome(1, false, [0.1, 0.5, 0.1]),
        ];
        let rows: Vec<&Outcome> = rows.iter().collect();
        let own = figures(&rows, 0);
        assert!((own.auprc - 1.0).abs() < 1e-9 && (own.accuracy - 0.75).abs() < 1e-9);
        assert!((own.f1 - 2.0 / 3.0).abs() < 1e-9);
        // Each bin holds one row: 0.1 + 0.2 + 0.6 + 0.1 of four.
        assert!((own.calibration_error - 0.25).abs() < 1e-9, "{own:?}");
        assert!((figures(&rows, 1).auprc - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_ahead_in_every_context_is_ahead_in_every_draw() {
        let row = |at: usize| {
            let ungrounded = at.is_multiple_of(2);
            outcome(at / 4, ungrounded, [if ungrounded { 0.9 } else { 0.1 }, 0.6, 0.4])
        };
        let outcomes = Outcomes { rows: (0..80).map(row).collect(), unlabelled: 3 };
        let report = report("file".to_owned(), &outcomes);
        assert_eq!((report.answers, report.contexts, report.unlabelled), (80, 20, 3));
        for system in &report.systems[1..] {
            let [auprc, f1, accuracy] = system.behind.expect("it is compared");
            assert!(auprc.low > 0.2 && f1.low > 0.2 && accuracy.low > 0.2, "{system:?}");
        }
    }
}
