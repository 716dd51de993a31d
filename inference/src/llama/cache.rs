//! Keys and values of one text.

use ort::session::Session;

use super::kv::{Layout, Past};

/// The tokens of a text that were read, with their keys and values.
#[derive(Debug, Default)]
pub(super) struct Cache {
    ids: Vec<u32>,
    /// One buffer for each past, which any graph of the model adds to where it is.
    pub(super) shared: Vec<Past>,
    capacity: usize,
    /// A tensor for each past, exactly as long as there are tokens, for graphs that cannot share.
    pub(super) separate: Vec<Past>,
}

impl Cache {
    /// The tokens whose keys and values are held.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Tokens that a run has added.
    pub(super) fn added(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
    }

    /// Bytes of its buffers.
    pub(super) fn bytes(&self, layout: &Layout) -> u64 {
        layout.bytes(if self.shared.is_empty() { self.ids.len() } else { self.capacity })
    }

    /// Forgets all but the first `tokens`.
    pub(super) fn rewind(&mut self, tokens: usize, layout: &Layout) -> Result<(), ort::Error> {
        if tokens < self.ids.len() {
            self.ids.truncate(tokens);
            // A shared buffer is overwritten: what lies behind the tokens counts for nothing.
            for past in &mut self.separate {
                *past = past.resized(tokens, tokens, layout)?;
            }
        }
        Ok(())
    }

    /// Another text that begins with the first `tokens` of this one.
    pub(super) fn branched(
        &self,
        tokens: usize,
        layout: &Layout,
        session: &Session,
    ) -> Result<Self, ort::Error> {
        let ids: Vec<u32> = self.ids.iter().copied().take(tokens).collect();
        let mut branch = Self { ids, ..Self::default() };
        let tokens = branch.ids.len();
        for past in &self.separate {
            branch.separate.push(past.resized(tokens, tokens, layout)?);
        }
        if !self.shared.is_empty() {
            branch.capacity = layout.capacity(tokens);
            for past in &self.shared {
                let copy = past.resized(tokens, branch.capacity, layout)?;
                branch.shared.push(copy.on_device(layout, session)?);
            }
        }
        Ok(branch)
    }

    /// Makes room for `tokens` in shared buffers.
    pub(super) fn reserve(
        &mut self,
        tokens: usize,
        layout: &Layout,
        session: &Session,
    ) -> Result<(), ort::Error> {
        if !self.shared.is_empty() && self.capacity >= tokens {
            return Ok(());
        }
        let capacity = layout.capacity(tokens);
        if self.shared.is_empty() {
            for _ in &layout.names {
                self.shared.push(Past::empty(1, capacity, layout)?.on_device(layout, session)?);
            }
        } else {
            // One after the other: old and new are not all there at once.
            for past in &mut self.shared {
                *past = past.resized(self.ids.len(), capacity, layout)?.on_device(layout, session)?;
            }
        }
        self.capacity = capacity;
        Ok(())
    }
}
