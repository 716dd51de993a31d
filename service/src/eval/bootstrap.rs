//! How sure a mean is, by drawing the sample again.

use serde::Serialize;

/// How often the sample is drawn again.
const DRAWS: usize = 1_000;

/// A mean difference and where 95 % of the drawn ones lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Below it lie 2.5 % of the draws.
    pub low: f64,
    /// Above it lie 2.5 % of the draws.
    pub high: f64,
}

/// The mean of differences between two systems over the same rows, and its percentile interval over [`DRAWS`] draws of
/// whole groups: rows about one document stand or fall together.
///
/// - *Shape*: `groups` is `[documents][rows]`.
/// - *Source*: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; Koehn 2004 for the pairing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "rows are fewer than 2^52")]
pub(super) fn paired(groups: &[Vec<f64>]) -> Interval {
    let sums: Vec<(f64, usize)> = groups.iter().map(|group| (group.iter().sum(), group.len())).collect();
    let mean = |drawn: &mut dyn Iterator<Item = (f64, usize)>| {
        let (sum, rows) = drawn.fold((0.0, 0), |(sum, rows), (more, count)| (sum + more, rows + count));
        if rows == 0 { 0.0 } else { sum / rows as f64 }
    };
    let mut dice = dice("bootstrap");
    let draw = |_| {
        let mut drawn = (0..sums.len()).filter_map(|_| sums.get(dice.usize(0..sums.len())).copied());
        mean(&mut drawn)
    };
    let mut means: Vec<f64> = (0..DRAWS).map(draw).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| means.get(place).copied().unwrap_or_default();
    Interval { mean: mean(&mut sums.iter().copied()), low: at(DRAWS / 40), high: at(DRAWS - 1 - DRAWS / 40) }
}

/// Dice that fall the same in every run, for the same seed.
pub(super) fn dice(seed: &str) -> fastrand::Rng {
    fastrand::Rng::with_seed(fingerprint(seed))
}

/// A number for a text that looks random and is the same in every run.
///
/// *Source*: FNV-1a, Fowler, Noll & Vo.
pub(super) fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::paired;

    #[test]
    fn an_interval_is_as_wide_as_the_sample_is_small_and_spread() {
        let sample = |rows: usize| {
            (0..rows).map(|row| vec![if row % 2 == 0 { 1.0 } else { -0.5 }]).collect::<Vec<_>>()
        };
        let (few, many) = (paired(&sample(20)), paired(&sample(2_000)));
        assert!((few.mean - 0.25).abs() < 1e-9 && (many.mean - 0.25).abs() < 1e-9);
        // The standard error is 0.75 / sqrt(n), and 1.96 of them are on either side.
        for (interval, rows) in [(few, 20.0_f64), (many, 2_000.0)] {
            let half = 1.96 * 0.75 / rows.sqrt();
            assert!((interval.mean - interval.low - half).abs() < 0.2 * half, "{interval:?}");
            assert!((interval.high - interval.mean - half).abs() < 0.2 * half, "{interval:?}");
        }
        assert_eq!(paired(&sample(20)), few);
    }

    #[test]
    fn rows_of_one_document_are_drawn_together() {
        let apart: Vec<Vec<f64>> = (0..40).map(|row| vec![f64::from(row % 2)]).collect();
        let together = [vec![1.0; 20], vec![0.0; 20]];
        assert!((paired(&apart).mean - 0.5).abs() < 1e-9);
        assert!(paired(&apart).low > 0.3 && paired(&together).low < 1e-9);
        assert!(paired(&[]).mean.abs() < 1e-9);
    }
}
