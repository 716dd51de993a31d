//! Where byte ranges lie when characters are counted as other languages count them.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// What a string's length is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// UTF-8 bytes, as Rust and Go count.
    #[default]
    Byte,
    /// Unicode code points, as Python counts; Azure's `UnicodeCodePoint`.
    CodePoint,
    /// UTF-16 code units, as JavaScript, Java and .NET count; Azure's `Utf16CodeUnit`.
    Utf16,
    /// What a reader takes for one character: extended grapheme clusters (UAX #29), of the newest Unicode where Azure's
    /// `TextElement_V8` is of Unicode 8.
    Grapheme,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Units before it.
    pub start: usize,
    /// Units of it.
    pub length: usize,
}

/// The extents of `ranges` (bytes of `text`), each in its place.
///
/// A cluster of which only a part is in a range counts as in it. What lies behind the text's end is taken for the end.
/// Time is linear in the text, and in the number of ranges times its logarithm.
///
/// - *Units*: `unit`.
#[must_use]
pub fn offsets(text: &str, ranges: &[Range<usize>], unit: Unit) -> Vec<Extent> {
    let starts = counted(text, ranges.iter().map(|range| range.start), unit, Around::Behind);
    let ends = counted(text, ranges.iter().map(|range| range.end), unit, Around::Before);
    let extents = starts.into_iter().zip(ends);
    extents.map(|(start, end)| Extent { start, length: end.saturating_sub(start) }).collect()
}

/// On which side of a bound a unit counts that lies around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Before,
    Behind,
}

/// For each of `bounds` (bytes), in its place, the units before it.
fn counted(text: &str, bounds: impl Iterator<Item = usize>, unit: Unit, around: Around) -> Vec<usize> {
    let mut pieces: Box<dyn Iterator<Item = (usize, usize)>> = match unit {
        Unit::Byte => Box::new(text.bytes().map(|_| (1, 1))),
        Unit::CodePoint => Box::new(text.chars().map(|char| (char.len_utf8(), 1))),
        Unit::Utf16 => Box::new(text.chars().map(|char| (char.len_utf8(), char.len_utf16()))),
        Unit::Grapheme => Box::new(text.graphemes(true).map(|cluster| (cluster.len(), 1))),
    };
    let mut bounds: Vec<(usize, usize)> = bounds.enumerate().collect();
    bounds.sort_unstable_by_key(|&(_, bound)| bound);
    let mut next = pieces.next();
    let (mut at, mut units) = (0, 0);
    let mut counts: Vec<(usize, usize)> = Vec::with_capacity(bounds.len());
    for (place, bound) in bounds {
        while let Some((bytes, unit_count)) = next {
            if at + bytes > bound && !(around == Around::Before && at < bound) {
                break;
            }
            at += bytes;
            units += unit_count;
            next = pieces.next();
        }
        counts.push((place, units));
    }
    counts.sort_unstable();
    counts.into_iter().map(|(_, count)| count).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Extent, Unit, offsets};

    /// A German word, a woman at a computer (three code points, joined), and "é" of two code points.
    const TEXT: &str = "Süß \u{1F469}\u{200D}\u{1F4BB} e\u{301}!";

    #[test]
    fn a_range_has_its_extent_in_every_unit() {
        let woman = TEXT.find('\u{1F469}').unwrap();
        let accented = TEXT.find('e').unwrap();
        let ranges = [accented..accented + 3, 0..5, woman..accented - 1];
        let extents =
            |unit| offsets(TEXT, &ranges, unit).into_iter().map(|Extent { start, length }| (start, length));
        assert!(extents(Unit::Byte).eq([(18, 3), (0, 5), (6, 11)]));
        assert!(extents(Unit::CodePoint).eq([(8, 2), (0, 3), (4, 3)]));
        assert!(extents(Unit::Utf16).eq([(10, 2), (0, 3), (4, 5)]));
        assert!(extents(Unit::Grapheme).eq([(6, 1), (0, 3), (4, 1)]));
    }

    #[test]
    fn a_cluster_cut_by_a_range_counts_as_in_it() {
        let woman = TEXT.find('\u{1F469}').unwrap();
        // From the joiner to the end of the computer.
        let cut = std::iter::once(woman + 4..woman + 11).collect::<Vec<_>>();
        assert_eq!(offsets(TEXT, &cut, Unit::Grapheme), [Extent { start: 4, length: 1 }]);
        // Both halves of the woman: each has all of her.
        let halves = [woman..woman + 4, woman + 4..woman + 11];
        assert_eq!(offsets(TEXT, &halves, Unit::Grapheme), [Extent { start: 4, length: 1 }; 2]);
        let behind = std::iter::once(TEXT.len()..usize::MAX).collect::<Vec<_>>();
        assert_eq!(offsets(TEXT, &behind, Unit::CodePoint), [Extent { start: 11, length: 0 }]);
    }

    proptest! {
        #[test]
        fn extents_cut_the_same_text_out(text in any::<String>(), cuts in proptest::collection::vec(any::<(u16, u16)>(), 0..9)) {
            let bound = |at: u16| text.floor_char_boundary(usize::from(at) % (text.len() + 1));
            let ranges: Vec<_> = cuts.iter().map(|&(a, b)| bound(a.min(b)).min(bound(a.max(b)))..bound(a.max(b)).max(bound(a.min(b)))).collect();
            let units: Vec<u16> = text.encode_utf16().collect();
            for (range, extent) in ranges.iter().zip(offsets(&text, &ranges, Unit::CodePoint)) {
                let cut: String = text.chars().skip(extent.start).take(extent.length).collect();
                prop_assert_eq!(&cut, &text[range.clone()]);
            }
            for (range, extent) in ranges.iter().zip(offsets(&text, &ranges, Unit::Utf16)) {
                let cut = String::from_utf16(&units[extent.start..extent.start + extent.length]);
                prop_assert_eq!(cut.unwrap(), &text[range.clone()]);
            }
        }
    }
}
