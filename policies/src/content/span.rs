use std::num::NonZeroU32;
use std::ops::Range;

/// A byte range of the text as the caller sent it, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The same bytes as a range, for slicing the caller's text with `get`.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Text together with where each of its bytes comes from in the caller's text.
#[derive(Clone)]
pub(super) struct Mapped {
    pub(super) text: String,
    /// Ordered by `at`; the first has `at == 0`, and there is none only when `text` is empty.
    segments: Vec<Segment>,
}

/// A stretch of mapped text, up to the next segment's `at`.
#[derive(Clone, Copy)]
struct Segment {
    at: u32,
    source: u32,
    /// Bytes of source the whole stretch stands for; `None` when it is a copy, byte for byte.
    whole: Option<NonZeroU32>,
}

impl Mapped {
    /// A text that is its own source.
    pub(super) fn original(text: &str) -> Self {
        let mut mapped = Self::empty();
        mapped.push(text, Segment { at: 0, source: 0, whole: None });
        mapped
    }

    pub(super) fn empty() -> Self {
        Self { text: String::new(), segments: Vec::new() }
    }

    /// The smallest stretch of the caller's text that `range` of this text was made from.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.ceil_char_boundary(range.end);
        if start >= end {
            let point = if start < self.text.len() { self.source(start).start } else { self.end() };
            return Span { start: point, end: point };
        }
        Span { start: self.source(start).start, end: self.source(end - 1).end }
    }

    /// What the byte at `position` was made from.
    fn source(&self, position: usize) -> Span {
        let index = self.segments.partition_point(|segment| segment.at as usize <= position);
        let Some(segment) = index.checked_sub(1).and_then(|index| self.segments.get(index)) else {
            return Span { start: 0, end: 0 };
        };
        let source = segment.source as usize;
        if let Some(whole) = segment.whole {
            Span { start: source, end: source + whole.get() as usize }
        } else {
            let start = source + position - segment.at as usize;
            Span { start, end: start + 1 }
        }
    }

    fn end(&self) -> usize {
        self.text.len().checked_sub(1).map_or(0, |last| self.source(last).end)
    }

    /// Appends `text`, all of it made from `span`.
    pub(super) fn push_made(&mut self, text: &str, span: Span) {
        let whole = NonZeroU32::new(offset(span.end.saturating_sub(span.start)));
        self.push(text, Segment { at: 0, source: offset(span.start), whole });
    }

    /// Appends `text` as a line of its own, all of it made from `span`.
    pub(super) fn push_line(&mut self, text: &str, span: Span) {
        if !self.text.is_empty() {
            self.push_made("\n", span);
        }
        self.push_made(text, span);
    }

    fn push(&mut self, text: &str, mut segment: Segment) {
        if text.is_empty() {
            return;
        }
        segment.at = offset(self.text.len());
        self.text.push_str(text);
        let continues = self.segments.last().is_some_and(|last| match (last.whole, segment.whole) {
            (None, None) => last.source + (segment.at - last.at) == segment.source,
            (Some(_), Some(_)) => last.source == segment.source && last.whole == segment.whole,
            _ => false,
        });
        if !continues {
            self.segments.push(segment);
        }
    }
}

/// Makes a new text from a mapped one by edits in ascending order; what no edit touches is copied.
pub(super) struct Rewriter<'a> {
    base: &'a Mapped,
    made: Mapped,
    /// Bytes of `base` already copied or replaced.
    taken: usize,
    /// The segment of `base` in which `taken` lies.
    segment: usize,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(base: &'a Mapped) -> Self {
        Self { base, made: Mapped::empty(), taken: 0, segment: 0 }
    }

    /// Puts `text` in the place of `range` of the base. An edit that changes nothing is none.
    pub(super) fn edit(&mut self, range: Range<usize>, text: &str) {
        debug_assert!(range.start >= self.taken, "edits ascend");
        if range.start < self.taken || self.base.text.get(range.clone()) == Some(text) {
            return;
        }
        self.copy_to(range.start);
        self.made.push_made(text, self.base.span(range.clone()));
        self.taken = range.end.max(self.taken);
    }

    /// The new text, or `None` when no edit changed anything.
    pub(super) fn finish(mut self) -> Option<Mapped> {
        if self.taken == 0 {
            return None;
        }
        self.copy_to(self.base.text.len());
        Some(self.made)
    }

    fn copy_to(&mut self, end: usize) {
        while self.taken < end {
            while self.base.segments.get(self.segment + 1).is_some_and(|next| next.at as usize <= self.taken)
            {
                self.segment += 1;
            }
            let Some(segment) = self.base.segments.get(self.segment) else { return };
            let next = self.base.segments.get(self.segment + 1).map_or(usize::MAX, |next| next.at as usize);
            let until = end.min(next);
            let skipped = if segment.whole.is_none() { offset(self.taken) - segment.at } else { 0 };
            let copied = Segment { at: 0, source: segment.source + skipped, whole: segment.whole };
            self.made.push(self.base.text.get(self.taken..until).unwrap_or_default(), copied);
            self.taken = until;
        }
    }
}

/// A byte offset as it is stored. `Content` admits no text whose rewritings could pass `u32::MAX` bytes.
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
