//! Masking: what of a text is not to be passed on, and the text to pass on in its place.

use std::fmt;
use std::sync::Arc;

use crate::{Finding, Span};

/// Words in the place of some bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes that are not passed on.
    pub span: Span,
    /// What stands there instead; it holds nothing of the text.
    pub with: Arc<str>,
}

/// What a stage found, and wants masked. It stands beside the action that the findings lead to, and does not change it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rewrite {
    /// What the replacements rest on.
    pub findings: Vec<Finding>,
    /// In any order, and they may overlap.
    pub replacements: Vec<Replacement>,
}

/// The text judged, without what stages want masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text to pass on.
    pub text: String,
    /// What was replaced: bytes of the text judged, ascending, apart.
    pub replaced: Vec<Replacement>,
}

impl Rewritten {
    /// `original` with the replacements made, or nothing if there are none. Every byte outside of them stays as it is.
    ///
    /// Of replacements that overlap, the first and longest takes the place of them all: what one of them hides, no other
    /// brings back. One that cuts a character hides all of it, and what lies beyond the text counts for nothing.
    #[must_use]
    pub fn of(original: &str, replacements: impl IntoIterator<Item = Replacement>) -> Option<Self> {
        let replaced = apart(replacements.into_iter().filter_map(|replacement| {
            let start = original.floor_char_boundary(replacement.span.start);
            let end = original.ceil_char_boundary(replacement.span.end);
            (replacement.span.start < replacement.span.end && start < end)
                .then_some(Replacement { span: Span { start, end }, ..replacement })
        }));
        if replaced.is_empty() {
            return None;
        }
        let mut text = String::with_capacity(original.len());
        let mut taken = 0;
        for Replacement { span, with } in &replaced {
            text.push_str(original.get(taken..span.start).unwrap_or_default());
            text.push_str(with);
            taken = span.end;
        }
        text.push_str(original.get(taken..).unwrap_or_default());
        Some(Self { text, replaced })
    }
}

/// Lengths only: what is left of a text to judge does not belong in a log either.
impl fmt::Debug for Rewritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rewritten")
            .field("bytes", &self.text.len())
            .field("replaced", &self.replaced.len())
            .finish_non_exhaustive()
    }
}

/// The same bytes, ascending, with one replacement for those that overlap.
fn apart(replacements: impl Iterator<Item = Replacement>) -> Vec<Replacement> {
    let mut replacements: Vec<Replacement> = replacements.collect();
    // Stable: of two for the same bytes, the earlier stage's counts.
    replacements.sort_by_key(|replacement| (replacement.span.start, std::cmp::Reverse(replacement.span.end)));
    let mut apart: Vec<Replacement> = Vec::with_capacity(replacements.len());
    for replacement in replacements {
        match apart.last_mut() {
            Some(last) if replacement.span.start < last.span.end => {
                last.span.end = last.span.end.max(replacement.span.end);
            }
            _ => apart.push(replacement),
        }
    }
    apart
}
