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

/// The `n` rows the sieve passes with the greatest dot product of 8-bit vectors, in no order.
///
/// The scores rank rows against each other; they are no cosines.
pub(super) fn candidates<'a>(
    shelf: &'a Shelf,
    vector: &Quantized,
    sieve: &Sieve,
    n: usize,
) -> Vec<Candidate<'a>> {
    let dimension = vector.codes.len();
    let best_of = |mut best: Best<'a>, segment: &'a Arc<Segment>| {
        for slot in segment.rows(dimension) {
            if sieve.passes(slot.entry) {
                let score = score(&vector.codes, slot.codes) * slot.scale;
                best.offer(Candidate { score, id: &slot.entry.id });
            }
        }
        best
    };
    let best = if shelf.rows() < PARALLEL_ROWS {
        shelf.segments().iter().fold(Best::new(n), best_of)
    } else {
        let parts = shelf.segments().par_iter().fold(|| Best::new(n), best_of);
        parts.reduce(|| Best::new(n), Best::merge)
    };
    best.into_candidates()
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
        Self { n, heap: BinaryHeap::with_capacity(n + 1), floor: f32::NEG_INFINITY }
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

    pub(super) fn into_candidates(self) -> Vec<Candidate<'a>> {
        self.heap.into_iter().map(|Reverse(candidate)| candidate).collect()
    }
}
