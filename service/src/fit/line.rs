//! Where one line should be.

/// No line is put lower: a score is a probability, and one in twenty is no ground to act on.
const LOWEST: f32 = 0.05;
/// Decimals of a line, as few as tell the texts on its two sides apart.
const DECIMALS: std::ops::RangeInclusive<i32> = 2..=7;

/// The line that at most `rate` of `harmless` reach, as low as that allows: half-way between the highest of the others and
/// the next score of any text, so that it stands where no text does. None where too many score 1.
///
/// Both are the scores by which texts would reach the line; a text that no score would bring there is left out of
/// `harmful`, and is a 0 in `harmless`.
pub(super) fn between(harmless: &[f32], harmful: &[f32], rate: f64) -> Option<f32> {
    let mut ranked = harmless.to_vec();
    ranked.sort_unstable_by(|a, b| b.total_cmp(a));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count of texts is such a count"
    )]
    let allowed = (rate * ranked.len() as f64) as usize;
    let below = ranked.get(allowed).copied().unwrap_or_default();
    let floor = below.max(LOWEST);
    if below >= 1.0 {
        return None;
    }
    let above = harmless.iter().chain(harmful).copied().filter(|score| *score > floor);
    let next = above.min_by(f32::total_cmp).unwrap_or(1.0);
    Some(shortest(floor, next))
}

/// The number with the fewest decimals in the middle half between `low` and `high`; `high` where they are neighbours.
fn shortest(low: f32, high: f32) -> f32 {
    let middle = f64::midpoint(f64::from(low), f64::from(high));
    let candidates = DECIMALS.map(|decimals| {
        let scale = 10_f64.powi(decimals);
        #[expect(clippy::cast_possible_truncation, reason = "a line needs no more digits than a score has")]
        let rounded = ((middle * scale).round() / scale) as f32;
        rounded
    });
    let margin = (high - low) / 4.0;
    let mut fitting = candidates.filter(|line| *line > low + margin && *line < high - margin);
    fitting.next().unwrap_or(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_half_way_between_the_last_text_it_spares_and_the_next() {
        let harmless: Vec<f32> = (0..100_u8).map(|place| f32::from(place) / 100.0).collect();
        // Two of a hundred may be flagged: 0.98 and 0.99; 0.97 may not.
        assert_eq!(between(&harmless, &[0.3, 0.9], 0.02), Some(0.975));
        assert_eq!(between(&[0.1; 50], &[0.9], 0.02), Some(0.5));
    }

    #[test]
    fn certain_findings_are_above_every_line() {
        assert_eq!(between(&[1.0, 0.1, 0.1], &[0.9], 0.3), None);
        assert_eq!(between(&[1.0, 0.1, 0.1], &[0.9], 0.34), Some(0.5));
    }

    #[test]
    fn nobody_is_flagged_for_next_to_nothing() {
        assert_eq!(between(&[0.0; 60], &[0.01, 0.02], 0.02), Some(0.53));
        assert_eq!(between(&[0.0; 60], &[0.06], 0.02), Some(0.055));
    }

    #[test]
    fn neighbouring_scores_are_still_told_apart() {
        let low = 0.25_f32;
        let next = f32::from_bits(low.to_bits() + 1);
        assert_eq!(between(&[low; 60], &[next], 0.02), Some(next));
    }
}
