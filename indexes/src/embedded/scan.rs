//! The exact search over a shelf.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use rayon::prelude::*;
use simsimd::SpatialSimilarity;

use super::shelf::{Quantized, Shelf};
use super::sieve::Sieve;

/// Below this many rows one thread is done before others have woken up.
const PARALLEL_ROWS: usize = 4_096;

/// A row that may be among the nearest. Greater is better: more alike, or equally alike with the lesser id.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) id: Arc<str>,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.id.cmp(&self.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

/// The `n` rows the sieve passes with the greatest dot product of 8-bit vectors, in no order.
///
/// The scores rank rows against each other; they are no cosines.
pub(super) fn candidates(shelf: &Shelf, vector: &Quantized, sieve: &Sieve, n: usize) -> Vec<Candidate> {
    let best_of = |mut best: Best, number: usize| {
        for slot in shelf.segment(number).filter(|slot| sieve.passes(slot.entry)) {
            best.offer(score(&vector.codes, slot.codes) * slot.scale, &slot.entry.id);
        }
        best
    };
    let best = if shelf.rows() < PARALLEL_ROWS {
        (0..shelf.segments()).fold(Best::new(n), best_of)
    } else {
        (0..shelf.segments())
            .into_par_iter()
            .fold(|| Best::new(n), best_of)
            .reduce(|| Best::new(n), Best::merge)
    };
    best.heap.into_iter().map(|Reverse(candidate)| candidate).collect()
}

/// The cosine of two vectors of unit length.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a cosine; the sum was made in f32")]
    let product = f32::dot(a, b).unwrap_or_default() as f32;
    product.clamp(-1.0, 1.0)
}

fn score(a: &[i8], b: &[i8]) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number; below 2^24 up to 1,040 dimensions")]
    let product = i8::dot(a, b).unwrap_or_default() as f32;
    product
}

/// The best `n` candidates seen, the worst of them on top.
struct Best {
    n: usize,
    heap: BinaryHeap<Reverse<Candidate>>,
}

impl Best {
    fn new(n: usize) -> Self {
        Self { n, heap: BinaryHeap::with_capacity(n + 1) }
    }

    fn offer(&mut self, score: f32, id: &Arc<str>) {
        if self.heap.len() >= self.n
            && self
                .heap
                .peek()
                .is_none_or(|Reverse(worst)| score < worst.score || (score <= worst.score && *id > worst.id))
        {
            return;
        }
        self.heap.push(Reverse(Candidate { score, id: Arc::clone(id) }));
        if self.heap.len() > self.n {
            self.heap.pop();
        }
    }

    fn merge(mut self, other: Self) -> Self {
        for Reverse(candidate) in other.heap {
            self.offer(candidate.score, &candidate.id);
        }
        self
    }
}
