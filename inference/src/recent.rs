//! The vectors of recent texts.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::digest;

/// A bounded memory of vectors. It knows a text only by half of its SHA-256.
#[derive(Debug)]
pub(crate) struct Recent {
    vectors: Option<Cache<u128, Arc<[f32]>>>,
}

impl Recent {
    /// Remembers about `texts` vectors; none at all when that is 0.
    pub(crate) fn new(texts: usize) -> Self {
        Self { vectors: (texts > 0).then(|| Cache::new(texts)) }
    }

    /// The name of `text` here, and its vector if it is remembered.
    pub(crate) fn find(&self, text: &str) -> (u128, Option<Arc<[f32]>>) {
        self.vectors.as_ref().map_or((0, None), |vectors| {
            let name = digest::of_text(text);
            (name, vectors.get(&name))
        })
    }

    /// Remembers the vector of the text with this name.
    pub(crate) fn keep(&self, name: u128, vector: &Arc<[f32]>) {
        if let Some(vectors) = &self.vectors {
            vectors.insert(name, Arc::clone(vector));
        }
    }
}
