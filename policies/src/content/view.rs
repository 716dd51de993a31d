use std::fmt;
use std::ops::Range;

use super::span::{Mapped, Span};
use super::{broken, confusables, joined, leetspeak, pictures, stretched};

/// One reading of the caller's text.
#[derive(Clone)]
pub struct View {
    kind: ViewKind,
    mapped: Mapped,
}

/// How a [`View`] reads the text. Each of the first four builds on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewKind {
    /// What a reader sees, written in one way only.
    Plain,
    /// Letters that only look Latin, letters under needless accents, and pictures inside words, as the Latin letters they
    /// pass for.
    Confusables,
    /// Digits and signs inside words as the letters they stand for.
    Leetspeak,
    /// Words whose letters were drawn apart or drawn out, or that were parted by line breaks.
    Joined,
    /// What was written in an encoding.
    Decoded(Encoding),
}

/// An encoding that hides text from a filter and not from the software behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Base64, also in its URL-safe alphabet; the view holds the decoded stretches, one a line.
    Base64,
    /// Pairs of hexadecimal digits; the view holds the decoded stretches, one a line.
    Hex,
    /// Percent-encoding; the view holds the whole text with the escapes undone.
    Percent,
    /// HTML character references; the view holds the whole text with the references undone.
    Html,
    /// Letters moved on by thirteen; the view holds the whole text with them moved back.
    Rot13,
    /// A right-to-left override; the view holds the whole text in the order in which it is seen.
    Override,
    /// Tag characters or variation selectors, which show nothing; the view holds what they spell, one stretch a line.
    Invisible,
}

impl View {
    pub(super) fn new(kind: ViewKind, mapped: Mapped) -> Self {
        Self { kind, mapped }
    }

    /// How this view reads the text.
    #[must_use]
    pub fn kind(&self) -> ViewKind {
        self.kind
    }

    /// The text in this reading.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.mapped.text
    }

    /// The smallest stretch of the original that `normalized`, bytes of [`View::text`], was made from.
    ///
    /// A range that leaves the text or cuts a character is first fitted to whole characters of it.
    #[must_use]
    pub fn span(&self, normalized: Range<usize>) -> Span {
        self.mapped.span(normalized)
    }

    pub(super) fn mapped(&self) -> &Mapped {
        &self.mapped
    }
}

/// Length only: a text to judge does not belong in a log.
impl fmt::Debug for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("View")
            .field("kind", &self.kind)
            .field("bytes", &self.mapped.text.len())
            .finish_non_exhaustive()
    }
}

/// The views that undo disguises, each built on the one before it so that combined disguises fall too.
pub(super) fn unmask(plain: &Mapped) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    let undone = confusables::unmask(plain);
    let undone = pictures::unmask(undone.as_ref().unwrap_or(plain)).or(undone);
    views.extend(undone.map(|mapped| View::new(ViewKind::Confusables, mapped)));
    let undone = leetspeak::unmask(views.last().map_or(plain, View::mapped));
    views.extend(undone.map(|mapped| View::new(ViewKind::Leetspeak, mapped)));
    let base = views.last().map_or(plain, View::mapped);
    let joined = joined::unmask(base);
    let written_on = broken::unmask(joined.as_ref().unwrap_or(base)).or(joined);
    let undone = stretched::unmask(written_on.as_ref().unwrap_or(base)).or(written_on);
    views.extend(undone.map(|mapped| View::new(ViewKind::Joined, mapped)));
    views
}
