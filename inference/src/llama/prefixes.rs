//! What is remembered of texts that were read, as many bytes of it as there may be.

use std::{collections::VecDeque, sync::Arc};

use super::{cache::Cache, kv::Layout, tokens::common};

/// Who may share what is remembered: callers of one scope, and no others.
pub(super) type Scope = Arc<str>;

/// A text with its keys and values.
#[derive(Debug)]
pub(super) struct Remembered {
    scope: Scope,
    ids: Vec<u32>,
    pub(super) cache: Cache,
}

/// Texts read before, the latest first.
#[derive(Debug)]
pub(super) struct Memory {
    texts: VecDeque<Remembered>,
    layout: Arc<Layout>,
}

impl Memory {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { texts: VecDeque::new(), layout }
    }

    pub(super) fn clear(&mut self) {
        self.texts.clear();
    }

    /// Bytes of all keys and values remembered.
    pub(super) fn bytes(&self) -> u64 {
        self.texts.iter().map(|text| text.cache.bytes(&self.layout)).sum()
    }

    /// Takes out what is remembered of exactly this text, or an empty place for it.
    pub(super) fn take(&mut self, scope: &Scope, ids: &[u32]) -> Remembered {
        let known = self.texts.iter().position(|text| text.scope == *scope && text.ids == ids);
        known.and_then(|position| self.texts.remove(position)).unwrap_or_else(|| Remembered {
            scope: Arc::clone(scope),
            ids: ids.to_vec(),
            cache: Cache::default(),
        })
    }

    /// Remembers a text as the latest, in place of one that is the same.
    pub(super) fn keep(&mut self, text: Remembered) {
        self.texts.retain(|other| other.scope != text.scope || other.ids != text.ids);
        self.texts.push_front(text);
    }

    /// Forgets the texts used longest ago until all of them have at most `bytes`.
    pub(super) fn shrink(&mut self, bytes: u64) {
        while self.bytes() > bytes && self.texts.pop_back().is_some() {}
    }

    /// What is remembered of the text that shares the longest beginning with `ids`, and how many tokens that is.
    pub(super) fn nearest(&self, scope: &Scope, ids: &[u32]) -> Option<(&Cache, usize)> {
        let same = self.texts.iter().filter(|text| text.scope == *scope);
        same.map(|text| (&text.cache, common(text.cache.ids(), ids))).max_by_key(|(_, tokens)| *tokens)
    }
}

impl Remembered {
    pub(super) fn new(scope: &Scope, cache: Cache) -> Self {
        Self { scope: Arc::clone(scope), ids: cache.ids().to_vec(), cache }
    }
}
