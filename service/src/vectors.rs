//! `Vectors::of`: a text of any length as one vector.

use inference::{Embedder, InferenceError};

use crate::error::ApiError;

/// Texts longer than this are cut into windows on a thread of their own, so that short ones need not wait.
const LONG_TEXT_BYTES: usize = 16 << 10;

/// Makes vectors of texts. Shared by all requests.
pub struct Vectors {
    embedder: Embedder,
    max_chars: usize,
}

/// A text's vector, and how long the text was.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// Numbers whose length (L2) is 1.
    pub values: Vec<f32>,
    /// Tokens of the text, without the two that frame it. Of a word too long for the encoder, its pieces.
    pub tokens: usize,
}

impl Vectors {
    /// Of texts up to so many characters.
    #[must_use]
    pub fn new(embedder: Embedder, max_chars: usize) -> Self {
        Self { embedder, max_chars }
    }

    /// Most numbers of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    /// The vector of a text.
    ///
    /// - *Shape*: `dimensions` numbers, at most [`Self::dimension`]: the first ones, brought back to length 1.
    /// - *Units*: length 1 (L2), so a dot product is a cosine, `-1.0..=1.0`.
    ///
    /// A text longer than a window of the encoder is the mean of its windows, each weighted by its tokens; nothing is
    /// cut off.
    ///
    /// # Errors
    ///
    /// [`ApiError::Content`] for too much text or none, [`ApiError::Inference`] for a model that does not answer.
    pub async fn of(&self, text: String, dimensions: usize) -> Result<Vector, ApiError> {
        let (chars, limit) = (text.chars().count(), self.max_chars);
        if chars == 0 {
            return Err(policies::ContentError::Empty.into());
        }
        if chars > limit {
            return Err(policies::ContentError::TooLong { chars, limit }.into());
        }
        let (windows, tokens) = self.windows(text).await?;
        let texts: Vec<&str> = windows.iter().map(|(window, _)| window.as_str()).collect();
        let vectors = self.embedder.embed(&texts).await?;
        let mut values = vec![0.0; dimensions.min(self.dimension())];
        for (embedding, (_, weight)) in vectors.iter().zip(&windows) {
            for (sum, value) in values.iter_mut().zip(embedding.vector.iter()) {
                *sum += value * weight;
            }
        }
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            for value in &mut values {
                *value /= length;
            }
        }
        Ok(Vector { values, tokens })
    }

    /// The windows of a text with their weights, and all its tokens.
    async fn windows(&self, text: String) -> Result<(Vec<(String, f32)>, usize), ApiError> {
        if text.len() <= LONG_TEXT_BYTES {
            return Ok(cut(&self.embedder, &text)?);
        }
        let embedder = self.embedder.clone();
        let cutting = tokio::task::spawn_blocking(move || cut(&embedder, &text));
        Ok(cutting.await.map_err(|_| ApiError::Internal)??)
    }
}

fn cut(embedder: &Embedder, text: &str) -> Result<(Vec<(String, f32)>, usize), InferenceError> {
    let words = embedder.words(text)?;
    let windows = embedder.windows(text)?.into_iter().map(|range| {
        let inside = words.iter().filter(|word| range.contains(&word.bytes.start));
        let tokens = inside.map(|word| word.tokens).sum::<usize>();
        // A window has some hundred tokens at most. One of nothing but space still counts.
        let weight = f32::from(u16::try_from(tokens).unwrap_or(u16::MAX).max(1));
        (text.get(range).unwrap_or_default().to_owned(), weight)
    });
    Ok((windows.collect(), words.iter().map(|word| word.tokens).sum()))
}
