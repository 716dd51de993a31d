//! Which waiting texts run together.

/// At least this share of a batch's slots holds tokens; the rest is padding.
const FILLED: f64 = 0.75;

/// The positions of the lengths that run together with the first: those nearest to it in length, as long as the batch
/// with its padding stays within `budget` tokens and is mostly not padding. The first is always among them.
pub(crate) fn plan(lengths: &[usize], budget: usize) -> Vec<usize> {
    let Some(&first) = lengths.first() else { return Vec::new() };
    let mut others: Vec<(usize, usize)> = lengths.iter().copied().enumerate().skip(1).collect();
    others.sort_by_key(|&(_, length)| length.abs_diff(first));
    let (mut chosen, mut longest, mut tokens) = (vec![0], first, first);
    for (position, length) in others {
        let slots = longest.max(length) * (chosen.len() + 1);
        let share = f64::from(u32::try_from(tokens + length).unwrap_or(u32::MAX))
            / f64::from(u32::try_from(slots).unwrap_or(u32::MAX));
        if slots <= budget && share >= FILLED {
            chosen.push(position);
            longest = longest.max(length);
            tokens += length;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], budget: usize, expected: &[usize]) {
        let mut chosen = plan(lengths, budget);
        chosen.sort_unstable();
        assert_eq!(chosen, expected, "{lengths:?} within {budget}");
    }

    #[test]
    fn texts_of_like_length_run_together() {
        check(&[32, 250, 30, 251, 33], 1024, &[0, 2, 4]);
    }

    #[test]
    fn a_batch_with_its_padding_stays_within_the_budget() {
        check(&[100, 100, 100, 100], 300, &[0, 1, 2]);
        check(&[100, 110, 100], 310, &[0, 2]);
    }

    #[test]
    fn a_text_longer_than_the_budget_runs_alone() {
        check(&[256, 8, 8], 64, &[0]);
    }

    #[test]
    fn nothing_waiting_is_no_batch() {
        check(&[], 64, &[]);
    }
}
