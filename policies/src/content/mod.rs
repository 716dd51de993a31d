//! The text to judge: non-empty, bounded and normalized by construction.
//!
//! A [`Content`] keeps the caller's bytes and shows them in several [`View`]s. The plain view is what a reader
//! sees. The others undo what writers do to get past a filter, and are there only when they differ; a text in
//! any script is never worse off for being in that script, for its plain view stays as it is. Patterns look into all of
//! them; a model reads those that no other one says more plainly.

mod broken;
mod confusables;
mod decode;
mod escapes;
mod invisible;
mod joined;
mod language;
mod leetspeak;
mod letters;
mod normalize;
mod packed;
mod pictures;
mod plainer;
mod reversed;
mod rotated;
mod smuggled;
mod span;
mod stretched;
mod view;

use std::fmt;
use std::sync::OnceLock;

pub use language::Language;
pub use span::Span;
pub use view::{Encoding, View, ViewKind};

use span::Mapped;

/// Above this, offsets of rewritten texts would not fit their 32 bits; no [`Limits`] go further.
const MOST_CHARS: usize = 64_000_000;

/// How much text a [`Content`] takes, and how far it decodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters (Unicode scalar values) of the caller's text; at most 64 million count.
    pub max_chars: usize,
    /// How many encodings may be nested in one another and still be undone; 0 decodes nothing.
    pub max_decode_depth: u8,
    /// Bytes of all decoded views together.
    pub max_decoded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_chars: 1_000_000, max_decode_depth: 3, max_decoded_bytes: 4 << 20 }
    }
}

/// Why a text cannot be judged. The message never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// There is no text.
    #[error("the text is empty")]
    Empty,
    /// There is text, but nothing in it that a reader could see.
    #[error("the text holds only white space or invisible characters")]
    Blank,
    /// The text is longer than the limit.
    #[error("the text has {chars} characters, {limit} are allowed")]
    TooLong {
        /// Characters of the text.
        chars: usize,
        /// Characters allowed.
        limit: usize,
    },
}

/// A text ready to be judged.
#[derive(Clone)]
pub struct Content {
    original: String,
    plain: View,
    extra: Vec<View>,
    decoded_fully: bool,
    language: OnceLock<Language>,
}

impl Content {
    /// Takes a text within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the text is empty, blank or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, ContentError> {
        Self::with_limits(text, &Limits::default())
    }

    /// Takes a text within `limits`.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the text is empty, blank or too long.
    pub fn with_limits(text: impl Into<String>, limits: &Limits) -> Result<Self, ContentError> {
        let original = text.into();
        if original.is_empty() {
            return Err(ContentError::Empty);
        }
        let limit = limits.max_chars.min(MOST_CHARS);
        let chars = original.chars().count();
        if chars > limit {
            return Err(ContentError::TooLong { chars, limit });
        }
        let source = Mapped::original(&original);
        let normalized = normalize::normalize(&source);
        let plain = normalized.as_ref().unwrap_or(&source);
        if plain.text.trim().is_empty() {
            return Err(ContentError::Blank);
        }
        let unmasked = view::unmask(plain);
        let mut extra = unmasked.views;
        let decoded = decode::decode(&source, plain, limits, &mut extra);
        let mut plain = View::new(ViewKind::Plain, normalized.unwrap_or(source));
        if unmasked.plainer || decoded.plainer {
            plain.leave_out();
        }
        Ok(Self { original, plain, extra, decoded_fully: decoded.fully, language: OnceLock::new() })
    }

    /// The text as the caller sent it. Every [`Span`] is a range of its bytes.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// What a reader sees, written in one way only.
    #[must_use]
    pub fn plain(&self) -> &View {
        &self.plain
    }

    /// All views: the plain one first, then those that undo disguises, then decoded ones. No two are the same.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        std::iter::once(&self.plain).chain(&self.extra)
    }

    /// The views a model is to read, one at least, in the order of [`Content::views`]: without those that a later one says
    /// all of more plainly. A word is never left out with its view: it stands in another, or is undone there.
    pub fn readings(&self) -> impl Iterator<Item = &View> {
        self.views().filter(|view| view.is_read())
    }

    /// False when something looked encoded and a limit kept it from being decoded.
    #[must_use]
    pub fn decoded_fully(&self) -> bool {
        self.decoded_fully
    }

    /// The language of the first of [`Content::readings`], so of the plain view where it is read; found on the first call and kept.
    #[must_use]
    pub fn language(&self) -> &Language {
        self.language.get_or_init(|| Language::of(self.readings().next().unwrap_or(&self.plain).text()))
    }
}

/// Lengths only: a text to judge does not belong in a log.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Content")
            .field("bytes", &self.original.len())
            .field("views", &self.views().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
