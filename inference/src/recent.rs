//! What the encoder made of recent texts.

use quick_cache::sync::Cache;

use crate::{Embedding, digest};

/// A bounded memory of embeddings. It knows a text only by half of its SHA-256.
#[derive(Debug)]
pub(crate) struct Recent {
    embeddings: Option<Cache<u128, Embedding>>,
}

impl Recent {
    /// Remembers about `texts` embeddings; none at all when that is 0.
    pub(crate) fn new(texts: usize) -> Self {
        Self { embeddings: (texts > 0).then(|| Cache::new(texts)) }
    }

    /// The name of `text` here, and its embedding if it is remembered.
    pub(crate) fn find(&self, text: &str) -> (u128, Option<Embedding>) {
        self.embeddings.as_ref().map_or((0, None), |embeddings| {
            let name = digest::of_text(text);
            (name, embeddings.get(&name))
        })
    }

    /// Remembers the embedding of the text with this name.
    pub(crate) fn keep(&self, name: u128, embedding: &Embedding) {
        if let Some(embeddings) = &self.embeddings {
            embeddings.insert(name, Embedding { cached: true, ..embedding.clone() });
        }
    }
}
