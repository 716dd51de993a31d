//! What memory holds of a tenant's rows, in segments that states share.

use std::sync::Arc;

use super::postings::Postings;
use super::sieve::{NO_SYMBOL, Symbols, mask};
use crate::Terms;
use crate::record::Record;

/// Rows in a segment. A write copies the segments it touches, so that a state being read stays as it is: 1,024 rows
/// of 384 numbers are 0.4 MB, far quicker copied than a disk syncs.
pub(super) const SEGMENT_ROWS: usize = 1_024;

/// Rows a segment makes room for at a time.
const GROWTH_ROWS: usize = 64;

/// What filters and ties ask of a row.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: Arc<str>,
    pub(super) bank: u32,
    pub(super) label: u32,
    pub(super) language: u32,
    pub(super) tags: Box<[u32]>,
    pub(super) tag_mask: u64,
    pub(super) created: u64,
    pub(super) expires: Option<u64>,
    pub(super) confirmed: bool,
}

impl Entry {
    pub(super) fn new(id: Arc<str>, record: &Record<'_>, symbols: &Symbols) -> Self {
        let number = |name: Option<&str>| name.map_or(NO_SYMBOL, |name| symbols.number(name));
        let tags: Box<[u32]> = record.tags.iter().map(|tag| symbols.number(tag)).collect();
        Self {
            id,
            bank: symbols.number(&record.bank),
            label: number(record.label.as_deref()),
            language: number(record.language.as_deref()),
            tag_mask: mask(&tags),
            tags,
            created: record.created,
            expires: record.expires,
            confirmed: record.confirmed,
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Option<Self>>() + self.id.len() + 2 * size_of::<usize>() + size_of_val(&*self.tags)
    }
}

/// A vector in 8 bits: each number divided by `scale` and rounded.
#[derive(Debug)]
pub(super) struct Quantized {
    pub(super) codes: Vec<i8>,
    pub(super) scale: f32,
}

impl Quantized {
    pub(super) fn new(vector: &[f32]) -> Self {
        let greatest = vector.iter().fold(f32::MIN_POSITIVE, |greatest, number| greatest.max(number.abs()));
        let scale = greatest / f32::from(i8::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "the quotient lies between -127 and 127")]
        let codes = vector.iter().map(|number| (number / scale).round() as i8).collect();
        Self { codes, scale }
    }
}

/// Some rows: row `i` has `codes[i * dimension..][..dimension]`. A removed row has no entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    codes: Vec<i8>,
    scales: Vec<f32>,
    entries: Vec<Option<Entry>>,
    postings: Postings,
}

impl Segment {
    /// Grows by a few rows at a time: doubling would leave a third of the memory empty.
    fn make_room(&mut self, dimension: usize) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(GROWTH_ROWS);
            self.scales.reserve_exact(GROWTH_ROWS);
            self.codes.reserve_exact(GROWTH_ROWS * dimension);
        }
    }

    /// What it knows of each row, by number; `None` for a removed one.
    pub(super) fn entries(&self) -> impl Iterator<Item = Option<&Entry>> {
        self.entries.iter().map(Option::as_ref)
    }

    pub(super) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// Its rows, of vectors of `dimension` numbers.
    #[inline]
    pub(super) fn rows(&self, dimension: usize) -> impl Iterator<Item = Slot<'_>> {
        let codes = self.codes.chunks_exact(dimension.max(1));
        let vectors = codes.zip(&self.scales);
        self.entries.iter().zip(vectors).filter_map(|(entry, (codes, scale))| {
            entry.as_ref().map(|entry| Slot { entry, codes, scale: *scale })
        })
    }
}

/// All of a tenant's rows at one moment, numbered by slot. Cloning shares the segments.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    dimension: usize,
    segments: Vec<Arc<Segment>>,
    rows: usize,
    /// Segments that have been written to since [`Shelf::settle`].
    unsettled: Vec<usize>,
}

/// A row in memory.
pub(super) struct Slot<'a> {
    pub(super) entry: &'a Entry,
    pub(super) codes: &'a [i8],
    pub(super) scale: f32,
}

impl Shelf {
    pub(super) fn new(dimension: usize) -> Self {
        Self { dimension, segments: Vec::new(), rows: 0, unsettled: Vec::new() }
    }

    /// Rows, not counting removed ones.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows in shares of work.
    pub(super) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// All rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = Slot<'_>> {
        self.segments.iter().flat_map(|segment| segment.rows(self.dimension))
    }

    /// Puts a row into `slot`: one that has been given before, or the next. [`Shelf::settle`] must follow.
    pub(super) fn put(&mut self, slot: usize, entry: Entry, (vector, terms): (&Quantized, &Terms)) {
        let (number, row) = (slot / SEGMENT_ROWS, slot % SEGMENT_ROWS);
        if number == self.segments.len() {
            self.segments.push(Arc::default());
        }
        self.unsettle(number);
        let Some(segment) = self.segments.get_mut(number).map(Arc::make_mut) else { return };
        segment.postings.put(row, terms);
        let start = row * self.dimension;
        if let Some(old) = segment.entries.get_mut(row) {
            self.rows += usize::from(old.is_none());
            *old = Some(entry);
            if let Some(codes) = segment.codes.get_mut(start..start + self.dimension) {
                codes.copy_from_slice(&vector.codes);
            }
            if let Some(scale) = segment.scales.get_mut(row) {
                *scale = vector.scale;
            }
        } else {
            self.rows += 1;
            segment.make_room(self.dimension);
            segment.entries.push(Some(entry));
            segment.codes.extend_from_slice(&vector.codes);
            segment.scales.push(vector.scale);
        }
    }

    fn unsettle(&mut self, number: usize) {
        if self.unsettled.last() != Some(&number) {
            self.unsettled.push(number);
        }
    }

    /// Ends a write.
    pub(super) fn settle(&mut self) {
        for number in std::mem::take(&mut self.unsettled) {
            if let Some(segment) = self.segments.get_mut(number).map(Arc::make_mut) {
                segment.postings.settle();
            }
        }
    }

    /// Removes the row in `slot`. [`Shelf::settle`] must follow.
    pub(super) fn clear(&mut self, slot: usize) {
        let (number, row) = (slot / SEGMENT_ROWS, slot % SEGMENT_ROWS);
        self.unsettle(number);
        let Some(segment) = self.segments.get_mut(number).map(Arc::make_mut) else { return };
        segment.postings.take(row);
        if let Some(entry) = segment.entries.get_mut(row) {
            self.rows -= usize::from(entry.is_some());
            *entry = None;
        }
    }

    /// What it takes.
    pub(super) fn weigh(&self) -> Weight {
        let codes = |s: &Arc<Segment>| s.codes.capacity() + s.scales.capacity() * size_of::<f32>();
        Weight {
            vectors: self.segments.iter().map(codes).sum(),
            entries: self.iter().map(|slot| slot.entry.bytes()).sum(),
            terms: self.segments.iter().map(|segment| segment.postings.bytes()).sum(),
        }
    }
}

/// *Units*: bytes.
pub(super) struct Weight {
    pub(super) vectors: usize,
    pub(super) entries: usize,
    pub(super) terms: usize,
}
