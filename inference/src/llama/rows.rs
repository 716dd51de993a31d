//! Keys and values of several texts in one buffer, so that one run adds a token to each.

use std::sync::Arc;

use ort::session::{RunOptions, Session};

use super::{
    cache::Cache,
    kv::{Layout, Line, Past},
    session::{LlamaSession, RowInput},
};

/// Texts side by side, as many as there are rows: no run computes a row for nobody.
#[derive(Debug)]
pub(super) struct Rows {
    layout: Arc<Layout>,
    /// `[rows, heads, capacity, head size]` for each past.
    pasts: Vec<Past>,
    capacity: usize,
    /// Tokens of each row.
    lengths: Vec<usize>,
}

/// Where a row comes from when rows are set anew.
pub(super) enum Source<'a> {
    /// It was this row before.
    Row(usize),
    /// A text that was read by itself.
    Text(&'a Cache),
}

impl Rows {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { layout, pasts: Vec::new(), capacity: 0, lengths: Vec::new() }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(Arc::clone(&self.layout));
    }

    /// Sets the rows anew, in the order of `sources`, each with room for one token more.
    pub(super) fn set(&mut self, sources: &[Source<'_>], session: &Session) -> Result<(), ort::Error> {
        let length = |source: &Source<'_>| match source {
            Source::Row(row) => self.lengths.get(*row).copied().unwrap_or_default(),
            Source::Text(cache) => cache.ids().len(),
        };
        let lengths: Vec<usize> = sources.iter().map(length).collect();
        let longest = lengths.iter().max().copied().unwrap_or_default();
        if sources.is_empty() {
            self.clear();
            return Ok(());
        }
        let stays = |(at, source): (usize, &Source<'_>)| match source {
            Source::Row(row) => *row == at,
            Source::Text(_) => true,
        };
        let in_place = sources.len() == self.lengths.len()
            && longest < self.capacity
            && sources.iter().enumerate().all(stays)
            && self.pasts.iter().all(Past::is_here);
        if in_place {
            for (layer, past) in self.pasts.iter_mut().enumerate() {
                write_texts(past, layer, sources)?;
            }
        } else {
            let capacity = self.layout.capacity(longest + 1);
            for layer in 0..self.layout.names.len() {
                // One layer after the other: old and new are not all there at once.
                let new = self.rebuilt(layer, (sources, &lengths), capacity)?;
                let new = new.on_device(&self.layout, session)?;
                match self.pasts.get_mut(layer) {
                    Some(past) => *past = new,
                    None => self.pasts.push(new),
                }
            }
            self.capacity = capacity;
        }
        self.lengths = lengths;
        Ok(())
    }

    fn rebuilt(
        &self,
        layer: usize,
        (sources, lengths): (&[Source<'_>], &[usize]),
        capacity: usize,
    ) -> Result<Past, ort::Error> {
        let mut new = Past::empty(sources.len(), capacity, &self.layout)?;
        for (to, (source, tokens)) in sources.iter().zip(lengths).enumerate() {
            if let (Source::Row(row), Some(past)) = (source, self.pasts.get(layer)) {
                new.write(to, Line { past, row: *row, tokens: *tokens })?;
            }
        }
        write_texts(&mut new, layer, sources)?;
        Ok(new)
    }

    /// Adds a token to each row, in their order.
    ///
    /// - *Shape*: `ids` is `[rows]`; the result is `[rows]` of the logits of what follows each.
    pub(super) fn step(
        &mut self,
        session: &mut LlamaSession,
        ids: &[u32],
        options: &RunOptions,
    ) -> Result<Vec<Vec<f32>>, ort::Error> {
        if self.lengths.iter().any(|length| *length >= self.capacity) {
            let same: Vec<Source<'_>> = (0..self.lengths.len()).map(Source::Row).collect();
            self.set(&same, session.raw())?;
        }
        let rows: Vec<RowInput<'_>> =
            ids.chunks(1).zip(&self.lengths).map(|(ids, past)| RowInput { ids, past: *past }).collect();
        if rows.len() != self.lengths.len() {
            return Err(ort::Error::new("there is not one token for each row"));
        }
        let logits = session.run_shared(&mut self.pasts, &rows, options)?;
        self.lengths.iter_mut().for_each(|length| *length += 1);
        Ok(logits)
    }
}

/// Copies texts that were read by themselves to their rows.
fn write_texts(past: &mut Past, layer: usize, sources: &[Source<'_>]) -> Result<(), ort::Error> {
    for (to, source) in sources.iter().enumerate() {
        if let Source::Text(cache) = source
            && let Some(text) = cache.shared.get(layer)
        {
            past.write(to, Line { past: text, row: 0, tokens: cache.ids().len() })?;
        }
    }
    Ok(())
}
