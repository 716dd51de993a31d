//! A whole text held against whole sources.

use std::ops::Range;
use std::sync::Arc;

use inference::{Embedder, InferenceError};

use super::{Grounder, SourceSentence, Sources, Support};
use crate::sentences;

/// Sentences embedded by one call: small enough that others get a turn between two.
const AT_ONCE: usize = 32;

/// Bytes that are certainly no more than one window of the encoder: a token has at least one.
const SURELY_ONE_WINDOW: usize = 200;

/// Why a text could not be held against its sources.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The encoder did not answer.
    #[error("the encoder did not embed a sentence")]
    Encoder(#[from] InferenceError),
    /// The process is shutting down.
    #[error("the sources were not read to their end")]
    Stopped,
}

/// Documents read as sources: cut into sentences, embedded, and ready for any number of answers.
pub struct Passages {
    sources: Sources,
}

impl Passages {
    /// Reads documents. The work is done in pieces; dropping the future ends it.
    ///
    /// # Errors
    ///
    /// [`GroundError::Encoder`], as [`Embedder::embed`].
    pub async fn read(embedder: &Embedder, documents: &[&str]) -> Result<Self, GroundError> {
        let mut sentences = Vec::new();
        for (document, text) in documents.iter().enumerate() {
            let ranges = sentences_of(embedder, text)?;
            let vectors = embed(embedder, text, &ranges).await?;
            sentences.extend(ranges.into_iter().zip(vectors).map(|(range, vector)| {
                let text = Arc::from(text.get(range.clone()).unwrap_or_default());
                SourceSentence { document, range, text, vector }
            }));
        }
        let sources = tokio::task::spawn_blocking(|| Sources::new(sentences)).await;
        Ok(Self { sources: sources.map_err(|_| GroundError::Stopped)? })
    }

    /// The sentences read.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// One sentence of an answer.
#[derive(Clone, Debug)]
pub struct GroundedSentence {
    /// Where it stands in the answer, in bytes.
    pub range: Range<usize>,
    /// How well it is borne out, and by which of the passages' sentences.
    pub support: Support,
}

/// A text held against its sources.
#[derive(Clone, Debug)]
pub struct Grounded {
    /// Its sentences, in order.
    pub sentences: Vec<GroundedSentence>,
    /// How probable it is that all of it is borne out, calibrated, `0.0..=1.0`.
    pub probability: f32,
}

/// Holds `answer` against `passages`, sentence by sentence. The work is done in pieces; dropping the future ends it.
///
/// # Errors
///
/// [`GroundError::Encoder`], as [`Embedder::embed`].
pub async fn ground_text(
    grounder: &Grounder,
    embedder: &Embedder,
    answer: &str,
    passages: &Passages,
) -> Result<Grounded, GroundError> {
    let ranges = sentences_of(embedder, answer)?;
    let vectors = embed(embedder, answer, &ranges).await?;
    let mut sentences = Vec::with_capacity(ranges.len());
    for (range, vector) in ranges.into_iter().zip(vectors) {
        let claim = answer.get(range.clone()).unwrap_or_default();
        let support = grounder.support(claim, &vector, &passages.sources);
        sentences.push(GroundedSentence { range, support });
        // A claim against thousands of sentences takes a while, and this thread has other callers.
        tokio::task::yield_now().await;
    }
    let supports: Vec<f32> = sentences.iter().map(|sentence| sentence.support.probability).collect();
    Ok(Grounded { sentences, probability: Grounder::whole(&supports) })
}

/// The sentences of a text, each short enough for the encoder.
fn sentences_of(embedder: &Embedder, text: &str) -> Result<Vec<Range<usize>>, GroundError> {
    let mut ranges = Vec::new();
    for range in sentences(text, None) {
        if range.len() <= SURELY_ONE_WINDOW {
            ranges.push(range);
            continue;
        }
        let windows = embedder.windows(text.get(range.clone()).unwrap_or_default())?;
        ranges.extend(windows.into_iter().map(|window| range.start + window.start..range.start + window.end));
    }
    Ok(ranges)
}

async fn embed(
    embedder: &Embedder,
    text: &str,
    ranges: &[Range<usize>],
) -> Result<Vec<Arc<[f32]>>, GroundError> {
    let mut vectors = Vec::with_capacity(ranges.len());
    for ranges in ranges.chunks(AT_ONCE) {
        let texts: Vec<&str> = ranges.iter().filter_map(|range| text.get(range.clone())).collect();
        vectors.extend(embedder.embed(&texts).await?.into_iter().map(|embedding| embedding.vector));
    }
    Ok(vectors)
}
