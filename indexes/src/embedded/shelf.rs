//! What memory holds of a tenant's rows, in segments that states share.

use std::sync::Arc;

use super::record::Record;
use super::sieve::{NO_SYMBOL, Symbols, mask};

/// Rows in a segment. A write copies the segments it touches, so that a state being read stays as it is: 1,024 rows
/// of 384 numbers are 0.4 MB, far quicker copied than a disk syncs.
const SEGMENT_ROWS: usize = 1_024;

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
}

/// A row in memory.
pub(super) struct Slot<'a> {
    pub(super) entry: &'a Entry,
    pub(super) codes: &'a [i8],
    pub(super) scale: f32,
}

impl Shelf {
    pub(super) fn new(dimension: usize) -> Self {
        Self { dimension, segments: Vec::new(), rows: 0 }
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

    /// Puts a row into `slot`: one that has been given before, or the next.
    pub(super) fn put(&mut self, slot: usize, entry: Entry, vector: &Quantized) {
        let (number, row) = (slot / SEGMENT_ROWS, slot % SEGMENT_ROWS);
        if number == self.segments.len() {
            self.segments.push(Arc::default());
        }
        let Some(segment) = self.segments.get_mut(number).map(Arc::make_mut) else { return };
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

    /// Removes the row in `slot`.
    pub(super) fn clear(&mut self, slot: usize) {
        let (number, row) = (slot / SEGMENT_ROWS, slot % SEGMENT_ROWS);
        let segment = self.segments.get_mut(number).map(Arc::make_mut);
        if let Some(entry) = segment.and_then(|segment| segment.entries.get_mut(row)) {
            self.rows -= usize::from(entry.is_some());
            *entry = None;
        }
    }

    /// Bytes of vectors and of entries.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let vectors =
            self.segments.iter().map(|s| s.codes.capacity() + s.scales.capacity() * size_of::<f32>()).sum();
        (vectors, self.iter().map(|slot| slot.entry.bytes()).sum())
    }
}
