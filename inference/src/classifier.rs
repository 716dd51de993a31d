//! Probabilities and severities of labels, from what the encoder makes of a text and the text's characters.

use std::path::Path;

use crate::{
    Embedding, InferenceError, Weights, features,
    heads::{Heads, Tail},
    session::DIMENSION,
};

/// What a head says of one label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Calibrated probability, 0 to 1.
    pub probability: f32,
    /// 0 (none) to 7 (worst).
    pub severity: u8,
}

/// Linear heads on an embedding's vector and reading, fused with hashed character n-grams and words.
#[derive(Debug)]
pub struct Classifier {
    heads: Heads,
}

impl Classifier {
    /// Reads `heads.safetensors`. `weights` is [`crate::Embedder::weights`] of the encoder in use: heads make sense only
    /// of the vectors and readings they were trained on.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`], [`InferenceError::Format`] or [`InferenceError::OtherEncoder`], naming the file.
    pub fn load(path: &Path, weights: &Weights) -> Result<Self, InferenceError> {
        let heads = Heads::load(path)?;
        let Weights { encoder, reader } = &heads.weights;
        for (part, expected, found) in
            [("encoder", encoder, &weights.encoder), ("reader", reader, &weights.reader)]
        {
            if expected != found {
                let (path, expected, found) = (path.to_owned(), expected.clone(), found.clone());
                return Err(InferenceError::OtherEncoder { path, part, expected, found });
            }
        }
        Ok(Self { heads })
    }

    /// The labels, in the order of the scores.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.heads.labels
    }

    /// SHA-256 of the heads' file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.heads.digest
    }

    /// Whether the row of that id was kept out of the training of the heads that ship: one in five, by its hash.
    #[must_use]
    pub fn is_held_out(id: &str) -> bool {
        features::is_held_out(id)
    }

    /// Scores one window.
    ///
    /// - *Shape*: `embedding` is that of `text`; the result is `[labels]`.
    /// - *Units*: `text` is the window as normalized, its characters as they are: case and white space are folded here.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window's few thousand buckets and their sums fit an f32 exactly"
    )]
    pub fn classify(&self, embedding: &Embedding, text: &str) -> Vec<Score> {
        let Heads { dense, ngrams, tail, .. } = &self.heads;
        let labels = tail.len();
        let buckets = features::buckets(text, self.heads.buckets);
        let mut sums = vec![0_i32; labels];
        for bucket in &buckets {
            let at = *bucket as usize * labels;
            let weights = ngrams.get(at..at + labels).unwrap_or_default();
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += i32::from(*weight));
        }
        let norm = (buckets.len().max(1) as f32).sqrt();
        let rows = dense.chunks_exact(2 * DIMENSION).map(|row| row.split_at(DIMENSION));
        tail.iter()
            .zip(rows.zip(sums))
            .map(|(tail, ((vector, reading), sum))| {
                let dense = dot(vector, &embedding.vector) + dot(reading, &embedding.reading);
                score(tail, dense + tail.scale * sum as f32 / norm + tail.bias)
            })
            .collect()
    }
}

/// The dot product, in lanes: summed strictly one after the other it would take eight times as long.
fn dot(row: &[f32], numbers: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (row, _) = row.as_chunks::<LANES>();
    let (numbers, _) = numbers.as_chunks::<LANES>();
    for (weights, values) in row.iter().zip(numbers) {
        for (sum, (weight, value)) in sums.iter_mut().zip(weights.iter().zip(values)) {
            *sum += weight * value;
        }
    }
    sums.iter().sum()
}

fn score(tail: &Tail, logit: f32) -> Score {
    let [slope, offset] = tail.calibration;
    let probability = 1.0 / (1.0 + (-(slope * logit + offset)).exp());
    let reached = tail.cuts.iter().filter(|cut| **cut <= probability).count();
    Score { probability, severity: u8::try_from(reached).unwrap_or(u8::MAX) }
}
