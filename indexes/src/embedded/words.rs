//! The search by words over a shelf.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::scan::{Best, Candidate, PARALLEL_ROWS};
use super::shelf::{SEGMENT_ROWS, Segment, Shelf};
use super::sieve::Sieve;
use crate::Terms;
use crate::terms::{idf, weight};

/// Where one segment has each of a query's terms, in their order.
type Found = Vec<Range<usize>>;

/// The `n` rows the sieve passes with the greatest BM25 for `terms`, in no order. How rare a term is, all rows say,
/// whatever the sieve passes.
pub(super) fn wordy<'a>(shelf: &'a Shelf, terms: &Terms, sieve: &Sieve, n: usize) -> Vec<Candidate<'a>> {
    let find = |segment: &Arc<Segment>| -> Found {
        terms.iter().map(|(term, _)| segment.postings().find(term)).collect()
    };
    let parallel = shelf.rows() >= PARALLEL_ROWS;
    let found: Vec<Found> = if parallel {
        shelf.segments().par_iter().map(find).collect()
    } else {
        shelf.segments().iter().map(find).collect()
    };
    let rows = shelf.segments().iter().map(|segment| segment.postings().rows()).sum();
    let mut with = vec![0; terms.iter().len()];
    for ranges in &found {
        with.iter_mut().zip(ranges).for_each(|(with, range)| *with += range.len());
    }
    let rarities: Vec<f32> = with.into_iter().map(|with| idf(rows, with)).collect();
    let best_of = |mut best: Best<'a>, (segment, ranges): (&'a Arc<Segment>, &Found)| {
        offer(&mut best, (segment, ranges), &rarities, sieve);
        best
    };
    let shares = shelf.segments();
    if parallel {
        let parts = shares.par_iter().zip(&found).fold(|| Best::new(n), best_of);
        parts.reduce(|| Best::new(n), Best::merge).into_candidates()
    } else {
        shares.iter().zip(&found).fold(Best::new(n), best_of).into_candidates()
    }
}

fn offer<'a>(
    best: &mut Best<'a>,
    (segment, ranges): (&'a Arc<Segment>, &Found),
    rarities: &[f32],
    sieve: &Sieve,
) {
    if ranges.iter().all(Range::is_empty) {
        return;
    }
    let postings = segment.postings();
    let mut scores = [0.0_f32; SEGMENT_ROWS];
    for (range, rarity) in ranges.iter().zip(rarities) {
        for posting in postings.list(range.clone()) {
            if let Some(score) = scores.get_mut(usize::from(posting.row)) {
                *score += rarity * weight(posting.count, postings.norm(posting.row));
            }
        }
    }
    for (entry, score) in segment.entries().zip(scores) {
        if let Some(entry) = entry.filter(|entry| score > 0.0 && sieve.passes(entry)) {
            best.offer(Candidate { score, id: &entry.id });
        }
    }
}
