//! Plain text: an empty line ends a paragraph.

use super::block::{Blocks, Reading};

pub(crate) fn read(text: &str) -> Reading {
    let mut blocks = Blocks::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            blocks.next(None);
        } else {
            blocks.now().say(line, at);
        }
        at += line.len();
    }
    Reading { title: None, blocks: blocks.finish() }
}
