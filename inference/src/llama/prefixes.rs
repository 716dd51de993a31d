//! What is remembered of texts that were read, as many bytes of it as there may be.

use std::{collections::VecDeque, sync::Arc};

use super::{cache::Cache, kv::Layout, tokens::common};

/// Texts that are remembered, at most, however much room there is. What many ask is worth it: a policy's question, once for each
/// tenant; a chat that goes on. Questions that each ask for something else would fill all the room and serve nobody.
const MOST: usize = 64;

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

    /// Forgets the texts used longest ago until all of them have at most `bytes`, and are few.
    pub(super) fn shrink(&mut self, bytes: u64) {
        self.texts.truncate(MOST);
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

#[cfg(test)]
mod tests {
    use super::{Arc, Layout, MOST, Memory};
    use crate::Provider;

    #[test]
    fn however_much_room_there_is_the_texts_used_longest_ago_are_forgotten() {
        let provider = Provider::Cpu;
        let layout =
            Layout { names: Vec::new(), heads: 1, head_size: 1, context: 8, is_half: false, provider };
        let (mut memory, scope) = (Memory::new(Arc::new(layout)), "anybody".into());
        for first in 0..=64 {
            let text = memory.take(&scope, &[first]);
            memory.keep(text);
            memory.shrink(u64::MAX);
        }
        let known = |first: u32| memory.texts.iter().any(|text| text.ids == [first]);
        assert_eq!(memory.texts.len(), MOST);
        assert!(!known(0) && known(1) && known(64));
    }
}
