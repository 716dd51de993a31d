use std::fmt;
use std::ops::Range;

use super::span::{Mapped, Span};
use super::{broken, confusables, joined, leetspeak, pictures, plainer, stretched};

/// One reading of the caller's text.
#[derive(Clone)]
pub struct View {
    kind: ViewKind,
    mapped: Mapped,
    left_out: bool,
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
        Self { kind, mapped, left_out: false }
    }

    /// Leaves it out of what models read: a later view says all of it.
    pub(super) fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// Whether a model is to read this view; if not, a later one says all of it more plainly.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !self.left_out
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

/// A text without its disguises.
pub(super) struct Unmasked {
    /// The views that undo them, each built on the one before it so that combined disguises fall too.
    pub(super) views: Vec<View>,
    /// Whether they say all that the text says, and more plainly.
    pub(super) plainer: bool,
}

/// Undoes the disguises of `plain`.
pub(super) fn unmask(plain: &Mapped) -> Unmasked {
    let mut views: Vec<View> = Vec::new();
    let latin = confusables::unmask(plain);
    let spelled = pictures::unmask(latin.as_ref().unwrap_or(plain));
    let without_marks = spelled.is_none()
        && latin.as_ref().is_some_and(|latin| plainer::is_without_marks(&plain.text, &latin.text));
    let latin = spelled.or(latin);
    let mut plainer =
        without_marks || latin.as_ref().is_some_and(|latin| plainer::is_unmixed(&plain.text, &latin.text));
    views.extend(latin.map(|mapped| View::new(ViewKind::Confusables, mapped)));
    let undone = leetspeak::unmask(views.last().map_or(plain, View::mapped));
    views.extend(undone.map(|mapped| View::new(ViewKind::Leetspeak, mapped)));
    let base = views.last().map_or(plain, View::mapped);
    if let Some((joined, says_all)) = join(base) {
        match views.last_mut() {
            Some(base) if says_all => base.leave_out(),
            Some(_) => {}
            None => plainer = says_all,
        }
        views.push(View::new(ViewKind::Joined, joined));
    }
    Unmasked { views, plainer }
}

/// `base` with its letters joined, if they were parted or drawn out, and whether that says all of it more plainly.
fn join(base: &Mapped) -> Option<(Mapped, bool)> {
    let joined = joined::unmask(base);
    let written_on = broken::unmask(joined.as_ref().unwrap_or(base));
    // Lines of single words look like broken ones, and joined they are no words.
    let mut says_all = written_on.is_none() && (joined.is_none() || plainer::is_drawn_apart(&base.text));
    let apart = joined.is_some();
    let together = written_on.or(joined);
    let undone = stretched::unmask(together.as_ref().unwrap_or(base)).or(together)?;
    says_all &= apart || plainer::is_drawn_out(&base.text, &undone.text);
    Some((undone, says_all))
}
