//! Groundedness: a text held against the documents it should rest on.

use std::ops::Range;
use std::time::Duration;

use inference::Embedder;
use plugins::ground::{Grounded, Grounder, Passages, ground_text};

use crate::error::ApiError;

/// From this probability on a sentence, or a text, counts as grounded.
pub const GROUNDED_FROM: f32 = 0.5;

/// Holds texts against documents. Shared by all requests.
pub struct Grounds {
    grounder: Grounder,
    embedder: Embedder,
}

/// A text held against its documents.
pub struct Standing {
    /// How likely all of it is borne out, sentence by sentence.
    pub grounded: Grounded,
    /// For each sentence, the documents and bytes that carry it, best first.
    pub citations: Vec<Vec<(usize, Range<usize>)>>,
}

impl Grounds {
    /// By the model that ships.
    ///
    /// # Errors
    ///
    /// A sentence, if that does not fit this version.
    pub fn new(embedder: Embedder) -> Result<Self, String> {
        Ok(Self { grounder: Grounder::shipped()?, embedder })
    }

    /// SHA-256 of the model, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.grounder.digest()
    }

    /// Holds `text` against `documents`.
    ///
    /// # Errors
    ///
    /// [`ApiError::TimedOut`], or a model that does not answer.
    pub async fn hold(
        &self,
        text: &str,
        documents: &[&str],
        deadline: Option<Duration>,
    ) -> Result<Standing, ApiError> {
        let work = async {
            let sources = Passages::read(&self.embedder, documents).await?;
            let grounded = ground_text(&self.grounder, &self.embedder, text, &sources).await?;
            Ok::<_, ApiError>(standing(grounded, &sources))
        };
        match deadline {
            Some(deadline) => tokio::time::timeout(deadline, work).await.map_err(|_| ApiError::TimedOut)?,
            None => work.await,
        }
    }
}

fn standing(grounded: Grounded, sources: &Passages) -> Standing {
    let sentences = sources.sources().sentences();
    let cited = grounded.sentences.iter().map(|sentence| {
        let mut cited = sentence.support.cited.clone();
        cited.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        let place = |source: usize| sentences.get(source).map(|found| (found.document, found.range.clone()));
        cited.into_iter().filter_map(|citation| place(citation.source)).collect()
    });
    let citations = cited.collect();
    Standing { grounded, citations }
}
