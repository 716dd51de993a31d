//! A text as the encoder reads it: views cut into windows, embedded until the deadline.

use std::ops::Range;
use std::sync::Arc;

use inference::{Embedder, Embedding};
use policies::{Dossier, Entry, Examination, Span, StageError, View};
use tokio::time::Instant;

/// Windows embedded between two looks at the clock.
const CHUNK: usize = 16;

/// One window of one view.
pub(crate) struct Window<'a> {
    /// The view it is cut from.
    pub(crate) view: &'a View,
    /// Its bytes of that view.
    pub(crate) range: Range<usize>,
    /// What the encoder made of it.
    pub(crate) embedding: Embedding,
}

impl Window<'_> {
    /// The text the encoder read.
    pub(crate) fn text(&self) -> &str {
        self.view.text().get(self.range.clone()).unwrap_or_default()
    }

    /// The bytes of the caller's text it stands for.
    pub(crate) fn span(&self) -> Span {
        self.view.span(self.range.clone())
    }
}

/// What was read of a text, and why no more.
pub(crate) struct Reading<'a> {
    /// The windows, plain view first, in the order of the text.
    pub(crate) windows: Vec<Window<'a>>,
    device: Arc<str>,
    cached: bool,
    cut_short: Option<String>,
}

impl Reading<'_> {
    /// What a stage hands in that read this much, with `entry` as its result.
    pub(crate) fn into_examination(self, entry: Entry) -> Examination {
        Examination {
            entry,
            device: Some(self.device),
            read: self.windows.iter().map(Window::span).collect(),
            scored: Vec::new(),
            cached: self.cached,
            cut_short: self.cut_short,
            tokens: None,
        }
    }
}

/// Embeds every window of `views`, views of the dossier's text, or as many as the deadline allows.
///
/// # Errors
///
/// [`StageError::Unavailable`] when the encoder does not answer.
pub(crate) async fn read<'a>(
    embedder: &Embedder,
    dossier: &Dossier,
    views: impl Iterator<Item = &'a View>,
) -> Result<Reading<'a>, StageError> {
    let unavailable = |source| StageError::Unavailable { dependency: "encoder", source: Box::new(source) };
    let mut cuts: Vec<(&View, Range<usize>)> = Vec::new();
    for view in views {
        let ranges = embedder.windows(view.text()).map_err(unavailable)?;
        cuts.extend(ranges.into_iter().map(|range| (view, range)));
    }
    let total = cuts.len();
    let mut reading = Reading {
        windows: Vec::with_capacity(total),
        device: embedder.device().provider.name().into(),
        cached: true,
        cut_short: None,
    };
    for chunk in cuts.chunks(CHUNK) {
        if dossier.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
            reading.cut_short =
                Some(format!("the deadline came after {} of {total} windows", reading.windows.len()));
            break;
        }
        let texts: Vec<&str> =
            chunk.iter().map(|(view, range)| view.text().get(range.clone()).unwrap_or_default()).collect();
        let embeddings = embedder.embed(&texts).await.map_err(unavailable)?;
        for ((view, range), embedding) in chunk.iter().zip(embeddings) {
            reading.cached &= embedding.cached;
            reading.windows.push(Window { view, range: range.clone(), embedding });
        }
    }
    Ok(reading)
}
