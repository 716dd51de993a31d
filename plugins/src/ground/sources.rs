//! What claims are held against, read once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Bound, Range};
use std::sync::Arc;

use super::numbers::{count, dot};
use super::words::{Grammar, Role, Stems, Word};
use crate::folding;

/// Letters that two words have to begin with for one to count as half of the other: `price` and `pricing`.
const BEGINNING: usize = 4;

/// One sentence of a source.
#[derive(Clone, Debug)]
pub struct SourceSentence {
    /// Which document it is of; neighbours of one document are read together.
    pub document: usize,
    /// Where it stands in its document, in bytes.
    pub range: Range<usize>,
    /// Its text.
    pub text: Arc<str>,
    /// Its vector by the encoder; of length 1 (L2).
    pub vector: Arc<[f32]>,
}

/// A word of a source or a claim, as far as comparing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub term: u32,
    pub role: Role,
}

/// A source's sentence as read.
pub(super) struct Line {
    pub tokens: Box<[Token]>,
    /// How often it denies.
    pub denials: usize,
    /// Length (L2) of the sum of its vector and its neighbours', and which those are.
    pub window: (Range<usize>, f32),
}

/// A claim as read against the sources: `None` for a word that none of them has.
pub(super) struct Claim {
    pub words: Vec<Word>,
    pub terms: Vec<Option<u32>>,
}

/// The sources of an answer: their sentences, and which words stand where.
///
/// Making one costs about as much as reading its text a few times; asking it costs a claim little, however many claims
/// there are.
pub struct Sources {
    sentences: Vec<SourceSentence>,
    lines: Vec<Line>,
    grammar: &'static Grammar,
    /// Every word's number, and the sentences that have it, ascending.
    terms: BTreeMap<String, u32>,
    postings: Vec<Vec<u32>>,
    runs: HashSet<(u32, u32, Option<u32>)>,
    essences: HashMap<String, usize>,
    centre: Vec<f32>,
}

impl Sources {
    /// Reads the sentences, which stand in the order of their documents.
    #[must_use]
    pub fn new(sentences: Vec<SourceSentence>) -> Self {
        let grammar = Grammar::of(sentences.iter().map(|sentence| &*sentence.text));
        let mut sources = Self {
            lines: Vec::with_capacity(sentences.len()),
            grammar,
            terms: BTreeMap::new(),
            postings: Vec::new(),
            runs: HashSet::new(),
            essences: HashMap::new(),
            centre: centre(&sentences),
            sentences: Vec::new(),
        };
        let mut stems = Stems::default();
        for (place, sentence) in sentences.iter().enumerate() {
            let words = grammar.read(&sentence.text, &mut stems);
            let line = sources.line(place, &words, window(&sentences, place));
            sources.lines.push(line);
            sources.essences.entry(folding::essence(&sentence.text)).or_insert(place);
        }
        sources.sentences = sentences;
        sources
    }

    fn line(&mut self, place: usize, words: &[Word], window: (Range<usize>, f32)) -> Line {
        let row = u32::try_from(place).unwrap_or(u32::MAX);
        let mut tokens = Vec::with_capacity(words.len());
        for word in words {
            let next = u32::try_from(self.postings.len()).unwrap_or(u32::MAX);
            let term = *self.terms.entry(word.term.clone()).or_insert(next);
            if term == next {
                self.postings.push(Vec::new());
            }
            if let Some(rows) = self.postings.get_mut(term as usize)
                && rows.last() != Some(&row)
            {
                rows.push(row);
            }
            tokens.push(Token { term, role: word.role });
        }
        self.runs.extend(tokens.array_windows().map(|[a, b]| (a.term, b.term, None)));
        self.runs.extend(tokens.array_windows().map(|[a, b, c]| (a.term, b.term, Some(c.term))));
        let denials = tokens.iter().filter(|token| token.role == Role::Negation).count();
        Line { tokens: tokens.into(), denials, window }
    }

    /// The sentences, as given.
    #[must_use]
    pub fn sentences(&self) -> &[SourceSentence] {
        &self.sentences
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Reads a claim.
    pub(super) fn read(&self, claim: &str) -> Claim {
        let words = self.grammar.read(claim, &mut Stems::default());
        let terms = words.iter().map(|word| self.terms.get(&word.term).copied()).collect();
        Claim { words, terms }
    }

    /// The number of a word given in lower case, if a source has it.
    pub(super) fn term_of(&self, word: &str) -> Option<u32> {
        let words = self.grammar.read(word, &mut Stems::default());
        words.first().and_then(|word| self.terms.get(&word.term).copied())
    }

    /// Whether some word of the sources begins as this one does: its first [`BEGINNING`] letters, or all it has.
    pub(super) fn has_beginning(&self, term: &str) -> bool {
        let end = term.char_indices().nth(BEGINNING).map_or(term.len(), |(at, _)| at);
        let (beginning, _) = term.split_at(end);
        let next = self.terms.range::<str, _>((Bound::Included(beginning), Bound::Unbounded)).next();
        next.is_some_and(|(other, _)| other.starts_with(beginning))
    }

    /// The sentences that have a word, ascending.
    pub(super) fn with(&self, term: u32) -> &[u32] {
        self.postings.get(term as usize).map_or(&[], Vec::as_slice)
    }

    /// How much a word tells: 1 for one that every sentence has, more the fewer have it.
    pub(super) fn rarity(&self, term: Option<u32>) -> f32 {
        let with = term.map_or(0, |term| self.with(term).len());
        1.0 + ((count(self.lines.len()) + 1.0) / (count(with) + 1.0)).ln()
    }

    /// Whether two words follow each other somewhere, or three.
    pub(super) fn has_run(&self, one: u32, two: u32, three: Option<u32>) -> bool {
        self.runs.contains(&(one, two, three))
    }

    /// The first sentence that says the same, word by word and sign by sign.
    pub(super) fn copy_of(&self, claim: &str) -> Option<usize> {
        let essence = folding::essence(claim);
        if essence.is_empty() { None } else { self.essences.get(&essence).copied() }
    }

    /// The cosine of a claim's vector with every sentence's.
    pub(super) fn cosines(&self, vector: &[f32]) -> Vec<f32> {
        self.sentences.iter().map(|sentence| dot(&sentence.vector, vector)).collect()
    }

    /// The cosine of a claim's vector with the mean of all sentences'.
    pub(super) fn cosine_of_centre(&self, vector: &[f32]) -> f32 {
        dot(&self.centre, vector)
    }
}

/// The neighbours of a sentence in its document, itself included, and how long the sum of their vectors is.
fn window(sentences: &[SourceSentence], place: usize) -> (Range<usize>, f32) {
    let document = sentences.get(place).map(|sentence| sentence.document);
    let same = |at: usize| sentences.get(at).map(|sentence| sentence.document) == document;
    let start = if place > 0 && same(place - 1) { place - 1 } else { place };
    let end = if same(place + 1) { place + 2 } else { place + 1 };
    let rows = sentences.get(start..end).unwrap_or_default();
    let length = length_of_sum(rows);
    (start..end, length)
}

fn length_of_sum(rows: &[SourceSentence]) -> f32 {
    let pairs = rows.iter().flat_map(|one| rows.iter().map(|other| dot(&one.vector, &other.vector)));
    pairs.sum::<f32>().max(0.0).sqrt()
}

/// The mean of all vectors, of length 1 (L2); empty where there is none.
fn centre(sentences: &[SourceSentence]) -> Vec<f32> {
    let mut sum = vec![0.0; sentences.first().map_or(0, |sentence| sentence.vector.len())];
    for sentence in sentences {
        sum.iter_mut().zip(&*sentence.vector).for_each(|(sum, value)| *sum += value);
    }
    let length = dot(&sum, &sum).sqrt().max(f32::MIN_POSITIVE);
    sum.iter().map(|value| value / length).collect()
}
