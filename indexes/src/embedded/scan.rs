//! The exact search over a shelf.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use rayon::prelude::*;
use simsimd::SpatialSimilarity;

use super::shelf::{Quantized, Segment, Shelf};
use super::sieve::Sieve;

/// Below this many rows one thread is done before others have woken up.
pub(super) const PARALLEL_ROWS: usize = 4_096;

/// A row that may be among the nearest. Greater is better: more alike, or equally alike with the lesser id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) score: f32,
    pub(super) id: &'a str,
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.id.cmp(self.id))
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate<'_> {}

/// A query's vector in 8 bits, and what a row's score must reach for the row's cosine to reach the query's minimum.
///
/// A row `r` is `s c + e`: its scale, its codes, and what rounding took, at most half a scale a number. So is the query.
/// A cosine is at most `|e|` of either more than the product of what is kept, and that is all a score may err by.
pub(super) struct Probe {
    vector: Quantized,
    /// What rounding may have taken from a row's product, in units of that row's scale.
    lift: f32,
    /// What the score, so lifted, must reach.
    least: f32,
}

impl Probe {
    /// For rows whose cosine with `vector` is at least `minimum`.
    pub(super) fn new(vector: &[f32], minimum: f32) -> Self {
        let quantized = Quantized::new(vector);
        let scale = quantized.scale;
        let lost = |(number, code): (&f32, &i8)| (number - f32::from(*code) * scale).powi(2);
        let lost = vector.iter().zip(&quantized.codes).map(lost).sum::<f32>().sqrt();
        let numbers = f32::from(u16::try_from(vector.len()).unwrap_or(u16::MAX));
        // Vectors are of unit length within a thousandth; the rest is for sums in f32.
        let (unit, sums) = (1.001, 1e-4);
        Self {
            lift: (unit + lost) * numbers.sqrt() / 2.0 / scale,
            least: (minimum - unit * lost - sums) / scale,
            vector: quantized,
        }
    }
}

/// For each probe the `n` rows the sieve passes with the greatest dot product of 8-bit vectors, in no order, but none
/// that cannot reach the probe's minimum. All of them in one pass over the rows.
///
/// The scores rank rows against each other; they are no cosines.
pub(super) fn candidates<'a>(
    shelf: &'a Shelf,
    probes: &[Probe],
    sieve: &Sieve,
    n: usize,
) -> Vec<Vec<Candidate<'a>>> {
    let Some(dimension) = probes.first().map(|probe| probe.vector.codes.len()) else { return Vec::new() };
    let fresh = || -> Vec<Best<'a>> { probes.iter().map(|_| Best::new(n)).collect() };
    let best_of = |mut bests: Vec<Best<'a>>, segment: &'a Arc<Segment>| {
        for slot in segment.rows(dimension) {
            if !sieve.passes(slot.entry) {
                continue;
            }
            for (probe, best) in probes.iter().zip(&mut bests) {
                let product = score(&probe.vector.codes, slot.codes);
                if (product + probe.lift) * slot.scale >= probe.least {
                    best.offer(Candidate { score: product * slot.scale, id: &slot.entry.id });
                }
            }
        }
        bests
    };
    let merge =
        |one: Vec<Best<'a>>, other: Vec<Best<'a>>| one.into_iter().zip(other).map(Best::merged).collect();
    let bests = if shelf.rows() * probes.len() < PARALLEL_ROWS {
        shelf.segments().iter().fold(fresh(), best_of)
    } else {
        shelf.segments().par_iter().fold(fresh, best_of).reduce(fresh, merge)
    };
    bests.into_iter().map(Best::into_candidates).collect()
}

/// The cosine of two vectors of unit length.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a cosine; the sum was made in f32")]
    let product = f32::dot(a, b).unwrap_or_default() as f32;
    product.clamp(-1.0, 1.0)
}

#[inline]
fn score(a: &[i8], b: &[i8]) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number; below 2^24 up to 1,040 dimensions")]
    let product = i8::dot(a, b).unwrap_or_default() as f32;
    product
}

/// The best `n` candidates seen, the worst of them on top.
pub(super) struct Best<'a> {
    n: usize,
    heap: BinaryHeap<Reverse<Candidate<'a>>>,
    /// The score of the worst once there are `n`: what is below it need not be looked at.
    floor: f32,
}

impl<'a> Best<'a> {
    pub(super) fn new(n: usize) -> Self {
        Self { n, heap: BinaryHeap::new(), floor: f32::NEG_INFINITY }
    }

    #[inline]
    pub(super) fn offer(&mut self, candidate: Candidate<'a>) {
        if candidate.score >= self.floor {
            self.take(candidate);
        }
    }

    #[cold]
    fn take(&mut self, candidate: Candidate<'a>) {
        let full = self.heap.len() >= self.n;
        if full && self.heap.peek().is_none_or(|Reverse(worst)| candidate <= *worst) {
            return;
        }
        self.heap.push(Reverse(candidate));
        if full {
            self.heap.pop();
        }
        if self.heap.len() >= self.n {
            self.floor = self.heap.peek().map_or(self.floor, |Reverse(worst)| worst.score);
        }
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        for Reverse(candidate) in other.heap {
            self.offer(candidate);
        }
        self
    }

    fn merged((one, other): (Self, Self)) -> Self {
        one.merge(other)
    }

    pub(super) fn into_candidates(self) -> Vec<Candidate<'a>> {
        self.heap.into_iter().map(|Reverse(candidate)| candidate).collect()
    }
}
