//! From which similarity on precedents count.

use plugins::{NEIGHBOUR_FROM, ramp, vote};
use serde::Serialize;

use super::super::share;

/// Steps in which lines are tried, in hundredths.
const STEP: u8 = 2;
/// Harmless texts that may come as near to a case of the harm as a near copy: one in a thousand.
const COPIES: f64 = 0.001;
/// The lines that `classify` has unless told otherwise, for precedents that speak together.
const TOGETHER: (f32, f32) = (0.30, 0.70);
/// The same for those that speak alone.
const ALONE: (f32, f32) = (0.60, 0.90);

/// The cases around a text: how near they come, and what they say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Around {
    harm: f32,
    allowed: f32,
    /// The part of the cases of the harm in the vote.
    share: f32,
    harmful: bool,
}

impl Around {
    /// Cosines: all vectors are of unit length.
    pub(super) fn of(vector: &[f32], bank: &[(Vec<f32>, bool)], harmful: bool) -> Self {
        let cosine = |case: &[f32]| case.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
        let cases: Vec<(f32, bool)> = bank.iter().map(|(case, side)| (cosine(case), *side)).collect();
        let nearest = |side: bool| {
            let cases = cases.iter().filter(|(_, ruling)| *ruling == side);
            cases.map(|(similarity, _)| *similarity).fold(-1.0, f32::max)
        };
        let near = cases.iter().copied().filter(|(similarity, _)| *similarity >= NEIGHBOUR_FROM);
        let share = vote(near).get(&true).map_or(0.0, |voice| voice.share);
        Self { harm: nearest(true), allowed: nearest(false), share, harmful }
    }

    /// The score that `classify` gives a category which precedents alone speak for.
    fn score(self, lines: (f32, f32)) -> f32 {
        let raised = (self.share * ramp(self.harm, lines)).max(ramp(self.harm, ALONE));
        let lowered = if self.allowed > self.harm { 1.0 - ramp(self.allowed, ALONE) } else { 1.0 };
        raised * lowered
    }
}

/// The lines that fit best, and what they were chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightsFit {
    /// Similarity of the nearest from which on the precedents around a text count together.
    pub agree_from: f32,
    /// Similarity of the nearest from which on they count in full.
    pub agree_full: f32,
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
    pub(super) fn of(texts: &[Around]) -> Self {
        let line = |step: u8| f32::from(step) / 100.0;
        let steps = (0..=100 - 2 * STEP).step_by(usize::from(STEP));
        let pairs = steps.flat_map(|from| {
            (from + 2 * STEP..=100).step_by(usize::from(STEP)).map(move |full| (line(from), line(full)))
        });
        let tried = pairs.map(|lines| (balanced_brier(texts, lines), lines));
        let best = tried.min_by(|(one, _), (other, _)| one.total_cmp(other));
        let (brier, (agree_from, agree_full)) = best.unwrap_or((1.0, TOGETHER));
        let mut near: Vec<f32> = texts.iter().filter(|text| !text.harmful).map(|text| text.harm).collect();
        near.sort_unstable_by(|a, b| b.total_cmp(a));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count of texts is such a count"
        )]
        let near_copy = near.get((COPIES * near.len() as f64) as usize).copied().unwrap_or(1.0);
        let brier_before = balanced_brier(texts, TOGETHER);
        Self { agree_from, agree_full, brier, brier_before, near_copy, harmless: near.len() }
    }
}

/// The mean of the two kinds' Brier scores.
fn balanced_brier(texts: &[Around], lines: (f32, f32)) -> f64 {
    let kind = |harmful: bool| {
        let meant = texts.iter().filter(|text| text.harmful == harmful);
        let wanted = f64::from(u8::from(harmful));
        let squares = meant.clone().map(|text| (f64::from(text.score(lines)) - wanted).powi(2));
        squares.sum::<f64>() * share(1, meant.count()).unwrap_or_default()
    };
    f64::midpoint(kind(true), kind(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_lie_between_what_is_harmless_and_what_is_not() {
        let text = |harm: f32, harmful: bool| Around { harm, allowed: 0.1, share: 1.0, harmful };
        let texts: Vec<Around> = (0..50_u8)
            .flat_map(|n| [text(0.40 + f32::from(n) / 500.0, false), text(0.60 + f32::from(n) / 500.0, true)])
            .collect();
        let fit = WeightsFit::of(&texts);
        assert!(fit.agree_from >= 0.48 && fit.agree_full <= 0.62, "{fit:?}");
        assert!(fit.brier < 1e-6 && fit.brier_before > 0.05, "{fit:?}");
        assert!((fit.near_copy - 0.498).abs() < 1e-6 && fit.harmless == 50, "{fit:?}");
    }

    #[test]
    fn a_vote_for_the_harm_scores_as_far_as_it_is_shared() {
        let one = Around { harm: 0.58, allowed: 0.5, share: 0.9, harmful: true };
        let other = Around { share: 0.2, ..one };
        let (sure, unsure) = (one.score((0.2, 0.5)), other.score((0.2, 0.5)));
        assert!((sure - 0.9).abs() < 1e-6 && (unsure - 0.2).abs() < 1e-6, "{sure} {unsure}");
    }

    #[test]
    fn an_allowed_case_that_is_nearer_speaks_against_the_harm() {
        let one = Around { harm: 0.8, allowed: 0.85, share: 0.5, harmful: false };
        let other = Around { allowed: 0.75, ..one };
        assert!(one.score(TOGETHER) < 0.2 && other.score(TOGETHER) > 0.6);
        let bank = [(vec![1.0, 0.0], true), (vec![0.6, 0.8], false)];
        let around = Around::of(&[0.0, 1.0], &bank, false);
        assert_eq!(around, Around { harm: 0.0, allowed: 0.8, share: 0.0, harmful: false });
    }
}
