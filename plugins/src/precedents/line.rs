//! From which similarity on precedents of this tenant say the same thing, with this encoder.

use indexes::Row;

/// Precedents compared with each other at most; pairs grow with their square.
pub(crate) const MOST_ROWS: usize = 600;
/// Pairs of either kind below which nothing can be said.
const LEAST_PAIRS: usize = 50;
/// Pairs above a line below which its precision is chance.
const LEAST_ABOVE: usize = 20;
/// No line lies outside: below, everything resembles everything; above, only copies do.
const WITHIN: (f32, f32) = (0.30, 0.95);

/// A line fitted from confirmed precedents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// From here on two precedents agree. *Units*: cosine.
    pub similarity: f32,
    /// Of the pairs from there on, how many agree, `0.0..=1.0`; less than asked for where no line reaches that.
    pub precision: f32,
    /// Pairs of the same category and ruling.
    pub agreeing: usize,
    /// Pairs that differ in one of them.
    pub differing: usize,
}

/// The lowest line from which on pairs of `rows` agree in category and ruling with `precision`.
///
/// `None` where there are too few pairs of either kind. Where no line is that precise, it is the strictest there is.
/// Rows without vectors agree with none.
#[must_use]
pub fn fit(rows: &[impl AsRef<Row>], precision: f32) -> Option<Line> {
    let mut pairs: Vec<(f32, bool)> = Vec::new();
    for (number, one) in rows.iter().enumerate() {
        for other in rows.iter().skip(number + 1) {
            let (one, other) = (one.as_ref(), other.as_ref());
            let agree = one.label == other.label && one.ruling == other.ruling;
            pairs.push((cosine(&one.vector, &other.vector), agree));
        }
    }
    let agreeing = pairs.iter().filter(|(_, agree)| *agree).count();
    let differing = pairs.len() - agreeing;
    if agreeing < LEAST_PAIRS || differing < LEAST_PAIRS {
        return None;
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = None;
    let mut agreed = 0;
    for (above, (similarity, agree)) in pairs.iter().enumerate() {
        agreed += usize::from(*agree);
        let reached = ratio(agreed, above + 1);
        // Pairs as similar as this one lie above the line with it.
        let last = pairs.get(above + 1).is_none_or(|next| next.0 < *similarity);
        if last && above + 1 >= LEAST_ABOVE && reached >= precision {
            best = Some((*similarity, reached));
        }
    }
    let strictest = || {
        let above: Vec<bool> = pairs.iter().filter(|pair| pair.0 >= WITHIN.1).map(|pair| pair.1).collect();
        let agreed = above.iter().filter(|agree| **agree).count();
        (WITHIN.1, if above.is_empty() { 0.0 } else { ratio(agreed, above.len()) })
    };
    let (similarity, precision) = best.unwrap_or_else(strictest);
    Some(Line { similarity: similarity.clamp(WITHIN.0, WITHIN.1), precision, agreeing, differing })
}

/// The cosine of two vectors of unit length.
pub(crate) fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[expect(clippy::cast_precision_loss, reason = "pairs of 600 rows are far below 2^24")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A precedent in the plane, at that angle.
    fn row(label: &str, degrees: f32) -> Arc<Row> {
        let (y, x) = degrees.to_radians().sin_cos();
        Arc::new(Row { label: Some(label.to_owned()), vector: vec![x, y], ..Row::default() })
    }

    /// Two heaps of precedents, each within 10 degrees, `apart` from each other.
    fn heaps(apart: f32) -> Vec<Arc<Row>> {
        let steps = || (0_u8..11).map(f32::from);
        let spam = steps().map(|n| row("spam", n));
        spam.chain(steps().map(|n| row("hate", apart + n))).collect()
    }

    #[test]
    fn the_line_lies_where_other_kinds_of_precedents_begin() {
        let line = fit(&heaps(60.0), 0.95).expect("enough pairs");
        assert_eq!((line.agreeing, line.differing), (110, 121));
        // The nearest pair that differs is 50 degrees apart, the farthest that agrees 10; a few of the former are let in.
        let (least, most) = (55_f32.to_radians().cos(), 10_f32.to_radians().cos());
        assert!((least..=most + 1e-4).contains(&line.similarity), "{line:?}");
        assert!(line.precision >= 0.95);
        let nearer = fit(&heaps(30.0), 0.95).expect("enough pairs");
        assert!(nearer.similarity > line.similarity, "{nearer:?}");
    }

    #[test]
    fn too_few_pairs_or_one_kind_alone_give_no_line() {
        assert_eq!(fit(&heaps(60.0)[..8], 0.9), None);
        let one_kind: Vec<_> = (0_u8..30).map(|n| row("spam", f32::from(n))).collect();
        assert_eq!(fit(&one_kind, 0.9), None);
    }

    #[test]
    fn where_no_line_is_precise_only_copies_count() {
        let mixed: Vec<_> =
            (0_u8..40).map(|n| row(if n % 2 == 0 { "a" } else { "b" }, f32::from(n) / 4.0)).collect();
        let line = fit(&mixed, 0.9).expect("enough pairs");
        assert!((line.similarity - 0.95).abs() < 1e-6 && line.precision < 0.9, "{line:?}");
    }
}
