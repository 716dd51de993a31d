//! A document as chunks: as much as the encoder reads well at once, cut where the document itself is cut.
//!
//! Nothing is left out and nothing is in two chunks. A chunk ends with a block where it can, else with a sentence, else
//! with a word. Where chunks end hangs on the blocks near by and not on the whole, so that a paragraph put in at the
//! beginning changes the first chunks and not all of them.

use std::ops::Range;
use std::sync::Arc;

use inference::Word;
use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

use super::block::Block;
use super::mapped::Mapped;

/// Tokens a chunk is filled up to. With what is embedded before it, it stays within the encoder's 254.
pub(crate) const TOKENS: usize = 180;
/// Tokens a chunk may have at most: a heading is not left without a beginning of what it heads.
pub(crate) const MOST_TOKENS: usize = 230;
/// Tokens from which on a chunk ends before a heading.
const LEAST: usize = 40;
/// Tokens from which on a chunk ends before a block that happens to be one of these...
const STEADY: usize = 90;
/// ...a quarter of all blocks, by their text: wherever the chunks before ended, here the next begins.
const ONE_IN: u8 = 4;
/// Characters of a heading that are kept with the chunks below it.
const HEADING_CHARS: usize = 120;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// What a reader sees of it.
    pub(crate) text: String,
    /// Bytes of the document as sent, from the first character of the text to the last.
    pub(crate) range: Range<usize>,
    /// The headings it stands under, the outermost first; its own among them.
    pub(crate) headings: Vec<String>,
    /// Those of them that its text does not have itself.
    pub(crate) above: Vec<String>,
}

/// A heading that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Heading {
    level: u8,
    /// The block it is.
    block: usize,
    text: String,
}

/// What is not cut any further.
struct Atom {
    block: usize,
    /// Bytes of the block's text.
    range: Range<usize>,
    tokens: usize,
}

/// Packs blocks into chunks, counting by `words`: see [`inference::Embedder::words`].
///
/// # Errors
///
/// Those of `words`.
pub(crate) fn pack<E>(
    blocks: &[Block],
    words: impl Fn(&str) -> Result<Vec<Word>, E>,
) -> Result<Vec<Chunk>, E> {
    let mut packing =
        Packing { blocks, paths: paths(blocks), chunk: Vec::new(), tokens: 0, done: Vec::new() };
    for (number, block) in blocks.iter().enumerate() {
        let words = uncut(&block.text, words(block.text.text())?);
        for atom in atoms(number, block.text.text(), &words) {
            packing.add(atom);
        }
    }
    packing.close();
    Ok(packing.done)
}

/// The headings that are open in each block.
fn paths(blocks: &[Block]) -> Vec<Arc<[Heading]>> {
    let mut open: Arc<[Heading]> = Arc::default();
    let path = |(block, Block { heading, text }): (usize, &Block)| {
        if let Some(level) = *heading {
            let mut path: Vec<Heading> =
                open.iter().take_while(|heading| heading.level < level).cloned().collect();
            path.push(Heading { level, block, text: brief(text.text()) });
            open = path.into();
        }
        Arc::clone(&open)
    };
    blocks.iter().enumerate().map(path).collect()
}

/// The beginning of a heading, in one line.
pub(crate) fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(HEADING_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// Words, those together that stand for one thing in the source.
fn uncut(text: &Mapped, words: Vec<Word>) -> Vec<Word> {
    let mut whole: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        match whole.last_mut() {
            Some(last) if !text.may_end(word.bytes.start) => {
                last.bytes.end = word.bytes.end;
                last.tokens += word.tokens;
            }
            _ => whole.push(word),
        }
    }
    whole
}

/// A block whole, or its sentences, or the words of those too long.
fn atoms(block: usize, text: &str, words: &[Word]) -> Vec<Atom> {
    let atom = |words: &[Word]| Atom {
        block,
        range: words.first().map_or(0, |word| word.bytes.start)
            ..words.last().map_or(0, |word| word.bytes.end),
        tokens: words.iter().map(|word| word.tokens).sum(),
    };
    let whole = atom(words);
    if whole.tokens <= TOKENS {
        return vec![whole];
    }
    let mut ends = text.split_sentence_bound_indices().map(|(at, sentence)| at + sentence.len()).peekable();
    let sentences = words.chunk_by(|word, next| {
        // A word is of the sentence it begins in.
        while ends.next_if(|end| *end <= word.bytes.start).is_some() {}
        ends.peek().is_none_or(|end| next.bytes.start < *end)
    });
    let mut atoms = Vec::new();
    for mut sentence in sentences {
        while !sentence.is_empty() {
            let mut tokens = 0;
            let fits = sentence.iter().take_while(|word| {
                tokens += word.tokens;
                tokens <= TOKENS
            });
            let (now, later) = sentence.split_at(fits.count().max(1));
            atoms.push(atom(now));
            sentence = later;
        }
    }
    atoms
}

struct Packing<'a> {
    blocks: &'a [Block],
    paths: Vec<Arc<[Heading]>>,
    /// Of the chunk at hand, in order.
    chunk: Vec<Atom>,
    tokens: usize,
    done: Vec<Chunk>,
}

impl Packing<'_> {
    fn add(&mut self, atom: Atom) {
        if !self.chunk.is_empty() && (!self.fits(&atom) || self.ends_before(&atom)) {
            self.close();
        }
        self.tokens += atom.tokens;
        self.chunk.push(atom);
    }

    fn fits(&self, atom: &Atom) -> bool {
        let most =
            if self.chunk.iter().all(|atom| self.is_heading(atom.block)) { MOST_TOKENS } else { TOKENS };
        self.tokens + atom.tokens <= most
    }

    fn ends_before(&self, atom: &Atom) -> bool {
        let after_heading = self.chunk.last().is_some_and(|last| self.is_heading(last.block));
        if atom.range.start > 0 || after_heading {
            return false;
        }
        (self.tokens >= LEAST && self.is_heading(atom.block))
            || (self.tokens >= STEADY && self.blocks.get(atom.block).is_some_and(is_a_landmark))
    }

    fn is_heading(&self, block: usize) -> bool {
        self.blocks.get(block).is_some_and(|block| block.heading.is_some())
    }

    fn close(&mut self) {
        self.tokens = 0;
        let atoms = std::mem::take(&mut self.chunk);
        let (mut text, mut range) = (String::new(), None);
        for run in atoms.chunk_by(|one, next| one.block == next.block) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let Some(mapped) = self.blocks.get(first.block).map(|block| &block.text) else { continue };
            let part = mapped.text().get(first.range.start..last.range.end).unwrap_or_default();
            let start = first.range.start + (part.len() - part.trim_start().len());
            let seen = part.trim();
            if seen.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(seen);
            let source = mapped.source(start..start + seen.len());
            range = Some(range.map_or(source.start, |range: Range<usize>| range.start)..source.end);
        }
        if let Some(range) = range {
            let (headings, above) = self.place(&atoms);
            self.done.push(Chunk { text, range, headings, above });
        }
    }

    /// The headings that hold for all that a chunk says, and those of them that stand before it.
    fn place(&self, atoms: &[Atom]) -> (Vec<String>, Vec<String>) {
        let bodies = || atoms.iter().filter(|atom| !self.is_heading(atom.block)).peekable();
        let path = |atom: &Atom| self.paths.get(atom.block).map_or(&[][..], |path| path);
        let mut shared = match bodies().peek() {
            Some(body) => path(body),
            None => atoms.last().map_or(&[][..], path),
        };
        for body in bodies() {
            let same = shared.iter().zip(path(body)).take_while(|(one, other)| one == other).count();
            shared = shared.get(..same).unwrap_or_default();
        }
        let first = atoms.first().map_or(0, |atom| atom.block);
        let above = shared.iter().filter(|heading| heading.block < first);
        (
            shared.iter().map(|heading| heading.text.clone()).collect(),
            above.map(|heading| heading.text.clone()).collect(),
        )
    }
}

/// Whether chunks should begin at this block.
fn is_a_landmark(block: &Block) -> bool {
    Sha256::digest(block.text.text().as_bytes()).first().is_some_and(|byte| byte.is_multiple_of(ONE_IN))
}
