//! Text under a right-to-left override, which a reader sees in reverse.

use super::span::{Mapped, Rewriter};

const OVERRIDE: char = '\u{202E}';

/// `source` with what stands under an override in the order in which it is seen, or `None` when nothing does.
///
/// An override ends at its mark, at the end of the line, or with the text.
///
/// - *Source*: Unicode Standard Annex 9, sections 2.2 and 3.3.2 (<https://www.unicode.org/reports/tr9/>).
pub(super) fn decode(source: &Mapped) -> Option<Mapped> {
    let text = source.text.as_str();
    let mut rewriter = Rewriter::new(source);
    let mut position = 0;
    while let Some(found) = text.get(position..).and_then(|rest| rest.find(OVERRIDE)) {
        let start = position + found;
        let inside = start + OVERRIDE.len_utf8();
        let rest = text.get(inside..).unwrap_or_default();
        let length = rest.find(['\u{202C}', '\n', '\u{2029}']).unwrap_or(rest.len());
        let seen: String = rest.get(..length).unwrap_or_default().chars().rev().collect();
        position = inside + length;
        // Its letters have no order in common with the original: all of them stand for all of it.
        rewriter.edit(start..position, &seen);
    }
    rewriter.finish()
}
