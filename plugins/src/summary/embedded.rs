//! Sentences of passages with their vectors.

use std::sync::Arc;

use inference::Embedder;
use policies::{Passage, Sentence, StageError};
use tokio::time::Instant;

/// Sentences embedded between two looks at the clock.
const AT_ONCE: usize = 32;

/// A sentence of a passage, and what the encoder makes of it.
pub(super) struct Embedded<'a> {
    /// Which of the sources it is of.
    pub(super) document: usize,
    pub(super) sentence: &'a Sentence,
    /// Unit length.
    pub(super) vector: Arc<[f32]>,
}

/// What was embedded, and why no more.
pub(super) struct Reading<'a> {
    pub(super) sentences: Vec<Embedded<'a>>,
    pub(super) cached: bool,
    pub(super) cut_short: Option<String>,
}

/// Embeds all sentences of `passages`, or as many as the deadline allows.
///
/// # Errors
///
/// [`StageError::Unavailable`] when the encoder does not answer.
pub(super) async fn embedded<'a>(
    embedder: &Embedder,
    passages: &'a [Passage],
    deadline: Option<Instant>,
) -> Result<Reading<'a>, StageError> {
    let all: Vec<(usize, &Sentence)> = passages
        .iter()
        .flat_map(|passage| passage.sentences.iter().map(|sentence| (passage.document, sentence)))
        .collect();
    let mut reading = Reading { sentences: Vec::with_capacity(all.len()), cached: true, cut_short: None };
    for chunk in all.chunks(AT_ONCE) {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let (read, all) = (reading.sentences.len(), all.len());
            reading.cut_short = Some(format!("the deadline came after {read} of {all} sentences"));
            break;
        }
        let texts: Vec<&str> = chunk.iter().map(|(_, sentence)| &*sentence.text).collect();
        let (vectors, cached) = vectors(embedder, &texts).await?;
        reading.cached &= cached;
        let pairs = chunk.iter().zip(vectors);
        reading.sentences.extend(pairs.map(|((document, sentence), vector)| Embedded {
            document: *document,
            sentence,
            vector,
        }));
    }
    Ok(reading)
}

/// One vector of unit length for each text, and whether all were remembered.
///
/// # Errors
///
/// [`StageError::Unavailable`] when the encoder does not answer.
pub(super) async fn vectors(
    embedder: &Embedder,
    texts: &[&str],
) -> Result<(Vec<Arc<[f32]>>, bool), StageError> {
    let unavailable = |source| StageError::Unavailable { dependency: "encoder", source: Box::new(source) };
    // A sentence longer than the encoder reads is as its first window: its end is judged, ranked it is by how it begins.
    let begun: Vec<&str> = texts
        .iter()
        .map(|text| first_window(embedder, text))
        .collect::<Result<_, _>>()
        .map_err(unavailable)?;
    let embeddings = embedder.embed(&begun).await.map_err(unavailable)?;
    let cached = embeddings.iter().all(|embedding| embedding.cached);
    Ok((embeddings.into_iter().map(|embedding| embedding.vector).collect(), cached))
}

fn first_window<'a>(embedder: &Embedder, text: &'a str) -> Result<&'a str, inference::InferenceError> {
    // A token has at least one byte: a short text is one window.
    if text.len() < 200 {
        return Ok(text);
    }
    let first = embedder.windows(text)?.into_iter().next();
    Ok(first.and_then(|range| text.get(range)).unwrap_or(text))
}
