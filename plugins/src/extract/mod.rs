//! Extractive summaries: which sentences stand for the whole. Numbers only; nothing is read, embedded or written here.
//!
//! What is known of each sentence is a row of traits (`traits.rs`), what they are worth is [`Weights`], fitted on open data,
//! and a sentence that says what a chosen one says already counts less (MMR).

mod offsets;
mod pick;
#[cfg(test)]
mod tests;
mod traits;
mod weights;
mod words;

use std::sync::Arc;

pub use offsets::{Extent, Unit, offsets};
pub use weights::{TRAITS, Weights};

use traits::Traits;

/// A sentence that may be chosen.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Which document it is of. A document's sentences stand together and in their order.
    pub document: usize,
    /// Sentences before it in its document, those that are no items included.
    pub position: usize,
    /// What it says.
    pub text: &'a str,
    /// Its vector. *Shape*: as long as every other. *Units*: length 1 (L2).
    pub vector: Arc<[f32]>,
    /// Whether it is known to be no sentence: a heading, a caption.
    pub heading: bool,
}

/// What the summary is to answer.
#[derive(Clone, Debug)]
pub struct Focus<'a> {
    /// The question.
    pub text: &'a str,
    /// Its vector, as [`Item::vector`].
    pub vector: Arc<[f32]>,
}

/// How chosen sentences are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they stand in the documents.
    #[default]
    Offset,
    /// Best first.
    Rank,
}

/// What is wanted of [`choose`].
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// How many sentences at most.
    pub sentences: usize,
    /// How they are ordered.
    pub order: Order,
    /// What they are to answer, if anything.
    pub focus: Option<Focus<'a>>,
    /// ISO 639-1; of an unknown one, words count as they are written.
    pub language: Option<&'a str>,
}

/// A sentence chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Its place among the items.
    pub item: usize,
    /// How well it stands for the whole, or answers. *Units*: 0 for the least of all items, 1 for the best.
    pub score: f32,
}

/// The sentences that stand for all `items`, or answer the question.
///
/// - *Source*: nearness to the centroid and to the other sentences' words, as in Radev et al. 2004 ("Centroid-based
///   summarization of multiple documents", section 3) and, for `LexRank` without a matrix, Erkan & Radev 2004; places and cue
///   words, Edmundson 1969; diversity by maximal marginal relevance, Carbonell & Goldstein 1998.
///
/// Time is linear in the items for each sentence chosen; memory is linear.
#[must_use]
pub fn choose(items: &[Item<'_>], wanted: &Wanted<'_>) -> Vec<Chosen> {
    let weights = if wanted.focus.is_some() { Weights::FOCUSED } else { Weights::whole(items.len()) };
    Scored::of(items, wanted.focus.as_ref(), wanted.language).choose(&weights, wanted.sentences, wanted.order)
}

/// Items whose traits are known: the dear part of [`choose`], done once where weights are tried.
pub struct Scored<'a> {
    items: &'a [Item<'a>],
    traits: Traits,
}

impl<'a> Scored<'a> {
    /// Reads the traits of `items`.
    #[must_use]
    pub fn of(items: &'a [Item<'a>], focus: Option<&Focus<'_>>, language: Option<&str>) -> Self {
        Self { items, traits: Traits::of(items, focus, language) }
    }

    /// [`choose`], by other weights.
    #[must_use]
    pub fn choose(&self, weights: &Weights, sentences: usize, order: Order) -> Vec<Chosen> {
        let worth: Vec<f32> = self.traits.rows().iter().map(|row| weights.worth(row)).collect();
        let (least, most) = worth
            .iter()
            .fold((f32::MAX, f32::MIN), |(least, most), &worth| (least.min(worth), most.max(worth)));
        let score = |worth: f32| if most > least { (worth - least) / (most - least) } else { 1.0 };
        let mut picked: Vec<(usize, f32)> = pick::pick(self.items, &worth, weights.likeness, sentences);
        match order {
            Order::Offset => picked.sort_unstable_by_key(|&(item, _)| item),
            Order::Rank => picked.sort_by(|(one, a), (other, b)| b.total_cmp(a).then(one.cmp(other))),
        }
        picked.into_iter().map(|(item, worth)| Chosen { item, score: score(worth) }).collect()
    }
}

/// The dot product: of unit vectors, the cosine.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
