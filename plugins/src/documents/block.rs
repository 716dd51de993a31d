//! A document as a row of blocks: what its structure keeps together.

use std::ops::Range;

use super::mapped::Mapped;

/// A paragraph, an item, a row of a table, a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// 1 to 6 for a heading.
    pub(crate) heading: Option<u8>,
    /// What a reader sees.
    pub(crate) text: Mapped,
}

/// A document as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The title it gives itself, which is no part of its text.
    pub(crate) title: Option<String>,
    /// In the order of the document.
    pub(crate) blocks: Vec<Block>,
}

/// Blocks being collected.
#[derive(Default)]
pub(crate) struct Blocks {
    pub(crate) done: Vec<Block>,
    heading: Option<u8>,
    now: Mapped,
}

impl Blocks {
    /// Ends the block at hand; a heading of that level or another block begins.
    pub(crate) fn next(&mut self, heading: Option<u8>) {
        let text = std::mem::take(&mut self.now);
        let heading = std::mem::replace(&mut self.heading, heading);
        if !text.text().trim().is_empty() {
            self.done.push(Block { heading, text });
        }
    }

    /// The text of the block at hand.
    pub(crate) fn now(&mut self) -> &mut Mapped {
        &mut self.now
    }

    /// White space of the source.
    pub(crate) fn space(&mut self, source: Range<usize>) {
        self.now.space(source);
    }

    /// All blocks, in their order.
    pub(crate) fn finish(mut self) -> Vec<Block> {
        self.next(None);
        self.done
    }
}
