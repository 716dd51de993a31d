//! From which similarity on a precedent counts.

use serde::Serialize;

use super::super::share;

/// Steps in which lines are tried, in hundredths.
const STEP: u8 = 2;
/// Harmless texts that may come as near to a case of the harm as a near copy: one in a thousand.
const COPIES: f64 = 0.001;

/// How near a text comes to the cases of the harm and to the allowed ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearest {
    harm: f32,
    allowed: f32,
    harmful: bool,
}

impl Nearest {
    /// Cosines: all vectors are of unit length.
    pub(super) fn of(vector: &[f32], bank: &[(Vec<f32>, bool)], harmful: bool) -> Self {
        let nearest = |side: bool| {
            let cases = bank.iter().filter(|(_, ruling)| *ruling == side);
            let cosine = |case: &[f32]| case.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
            cases.map(|(case, _)| cosine(case)).fold(-1.0, f32::max)
        };
        Self { harm: nearest(true), allowed: nearest(false), harmful }
    }

    /// The score that `classify` gives a category which precedents alone speak for.
    fn score(self, from: f32, full: f32) -> f32 {
        let weight = |similarity: f32| ((similarity - from) / (full - from)).clamp(0.0, 1.0);
        let lowered = if self.allowed > self.harm { 1.0 - weight(self.allowed) } else { 1.0 };
        weight(self.harm) * lowered
    }
}

/// The lines that fit best, and what they were chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightsFit {
    /// Similarity from which on a precedent counts at all.
    pub weigh_from: f32,
    /// Similarity from which on it counts in full.
    pub weigh_full: f32,
    /// Brier score with the lines, harmful and harmless texts counting alike.
    pub brier: f64,
    /// The same with the lines that `classify` has unless told otherwise.
    pub brier_before: f64,
    /// Similarity to a case of the harm that at most one harmless text in a thousand reaches: a near copy is nearer.
    pub near_copy: f32,
    /// Harmless texts that tells of.
    pub harmless: usize,
}

impl WeightsFit {
    /// Tries all lines in steps of 0.02.
    pub(super) fn of(texts: &[Nearest]) -> Self {
        let line = |step: u8| f32::from(step) / 100.0;
        let steps = (0..=100 - 2 * STEP).step_by(usize::from(STEP));
        let pairs = steps.flat_map(|from| {
            (from + 2 * STEP..=100).step_by(usize::from(STEP)).map(move |full| (line(from), line(full)))
        });
        let tried = pairs.map(|(from, full)| (balanced_brier(texts, from, full), from, full));
        let best = tried.min_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let (brier, weigh_from, weigh_full) = best.unwrap_or((1.0, 0.6, 0.9));
        let mut near: Vec<f32> = texts.iter().filter(|text| !text.harmful).map(|text| text.harm).collect();
        near.sort_unstable_by(|a, b| b.total_cmp(a));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count of texts is such a count"
        )]
        let near_copy = near.get((COPIES * near.len() as f64) as usize).copied().unwrap_or(1.0);
        let brier_before = balanced_brier(texts, 0.60, 0.90);
        Self { weigh_from, weigh_full, brier, brier_before, near_copy, harmless: near.len() }
    }
}

/// The mean of the two kinds' Brier scores.
fn balanced_brier(texts: &[Nearest], from: f32, full: f32) -> f64 {
    let kind = |harmful: bool| {
        let meant = texts.iter().filter(|text| text.harmful == harmful);
        let wanted = f64::from(u8::from(harmful));
        let squares = meant.clone().map(|text| (f64::from(text.score(from, full)) - wanted).powi(2));
        squares.sum::<f64>() * share(1, meant.count()).unwrap_or_default()
    };
    f64::midpoint(kind(true), kind(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_lie_between_what_is_harmless_and_what_is_not() {
        let text = |harm: f32, harmful: bool| Nearest { harm, allowed: 0.1, harmful };
        let texts: Vec<Nearest> = (0..50_u8)
            .flat_map(|n| [text(0.30 + f32::from(n) / 500.0, false), text(0.60 + f32::from(n) / 500.0, true)])
            .collect();
        let fit = WeightsFit::of(&texts);
        assert!(fit.weigh_from >= 0.38 && fit.weigh_full <= 0.62, "{fit:?}");
        assert!(fit.brier < 1e-6 && fit.brier_before > 0.3, "{fit:?}");
        assert!((fit.near_copy - 0.398).abs() < 1e-6 && fit.harmless == 50, "{fit:?}");
    }

    #[test]
    fn an_allowed_case_that_is_nearer_speaks_against_the_harm() {
        let one = Nearest { harm: 0.8, allowed: 0.85, harmful: false };
        let other = Nearest { allowed: 0.75, ..one };
        assert!(one.score(0.6, 0.9) < 0.2 && other.score(0.6, 0.9) > 0.6);
        let bank = [(vec![1.0, 0.0], true), (vec![0.6, 0.8], false)];
        assert_eq!(
            Nearest::of(&[0.0, 1.0], &bank, false),
            Nearest { harm: 0.0, allowed: 0.8, harmful: false }
        );
    }
}
