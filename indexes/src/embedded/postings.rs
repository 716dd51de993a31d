//! Which rows of a segment have a term: the inverted lists, one after the other in one sorted list.
//!
//! A segment is copied by every write that touches it, so its lists lie in one piece of memory: copying it is one
//! move, where thousands of small lists would be as many allocations.

use std::ops::Range;

use super::shelf::SEGMENT_ROWS;
use crate::Terms;
use crate::terms::norm;

/// That a row has a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    term: u32,
    pub(super) row: u16,
    pub(super) count: u16,
}

/// The terms of a segment's rows.
#[derive(Debug, Clone)]
pub(super) struct Postings {
    /// By term, then row, once settled.
    sorted: Vec<Posting>,
    /// What was added since.
    fresh: Vec<Posting>,
    /// Rows whose settled postings no longer hold.
    stale: [u64; SEGMENT_ROWS / 64],
    /// [`norm`] of each row; 0 for one without terms.
    norms: Vec<f32>,
}

impl Default for Postings {
    fn default() -> Self {
        Self { sorted: Vec::new(), fresh: Vec::new(), stale: [0; SEGMENT_ROWS / 64], norms: Vec::new() }
    }
}

impl Postings {
    /// Gives a row its terms, instead of those it had. Counted after [`Postings::settle`].
    pub(super) fn put(&mut self, row: usize, terms: &Terms) {
        self.take(row);
        let Ok(number) = u16::try_from(row) else { return };
        self.fresh.extend(terms.iter().map(|(term, count)| Posting { term, row: number, count }));
        if self.norms.len() <= row {
            self.norms.resize(row + 1, 0.0);
        }
        if let Some(place) = self.norms.get_mut(row) {
            *place = if terms.is_empty() { 0.0 } else { norm(terms.words()) };
        }
    }

    /// Takes a row's terms from it.
    pub(super) fn take(&mut self, row: usize) {
        let Some(place) = self.norms.get_mut(row).filter(|norm| **norm > 0.0) else { return };
        *place = 0.0;
        self.fresh.retain(|posting| usize::from(posting.row) != row);
        if let Some(word) = self.stale.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Brings the lists in order after a write: once, however many rows it touched.
    pub(super) fn settle(&mut self) {
        if self.stale.iter().any(|word| *word != 0) {
            let stale = std::mem::replace(&mut self.stale, [0; SEGMENT_ROWS / 64]);
            let is_stale =
                |row: u16| stale.get(usize::from(row / 64)).is_some_and(|word| word >> (row % 64) & 1 == 1);
            self.sorted.retain(|posting| !is_stale(posting.row));
        }
        if !self.fresh.is_empty() {
            self.fresh.sort_unstable();
            self.sorted.reserve_exact(self.fresh.len());
            self.sorted.append(&mut self.fresh);
            // Two sorted runs: the stable sort merges them.
            self.sorted.sort();
            self.fresh = Vec::new();
        }
    }

    /// Where the rows with a term lie in [`Postings::list`].
    pub(super) fn find(&self, term: u32) -> Range<usize> {
        let start = self.sorted.partition_point(|posting| posting.term < term);
        let rest = self.sorted.get(start..).unwrap_or_default();
        // Lists are short: most terms occur in a few rows of a segment.
        start..start + rest.iter().take_while(|posting| posting.term == term).count()
    }

    pub(super) fn list(&self, range: Range<usize>) -> &[Posting] {
        self.sorted.get(range).unwrap_or_default()
    }

    /// [`norm`] of a row.
    pub(super) fn norm(&self, row: u16) -> f32 {
        self.norms.get(usize::from(row)).copied().unwrap_or_default()
    }

    /// Rows that have terms.
    pub(super) fn rows(&self) -> usize {
        self.norms.iter().filter(|norm| **norm > 0.0).count()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + (self.sorted.capacity() + self.fresh.capacity()) * size_of::<Posting>()
            + self.norms.capacity() * size_of::<f32>()
    }
}
