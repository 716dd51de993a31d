//! A claim and the source sentences that come into question for it.

use std::collections::HashMap;

use super::numbers::share;
use super::sources::{Claim, Sources};

/// Sentences that are looked at closely.
pub(super) const CLOSE: usize = 8;

/// A claim held against its sources.
pub(super) struct Scene<'a> {
    pub sources: &'a Sources,
    pub claim: Claim,
    /// For each sentence its cosine with the claim.
    pub cosines: Vec<f32>,
    /// For each sentence that has any, the weight of the claim's telling words it has, of all of it.
    pub covered: HashMap<usize, f32>,
    /// The best sentences, the best first; at most [`CLOSE`].
    pub close: Vec<usize>,
    /// Each different telling word of the claim once, with its weight; `None` where no source has it.
    pub telling: Vec<(usize, Option<u32>, f32)>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(claim: &str, vector: &[f32], sources: &'a Sources) -> Self {
        let claim = sources.read(claim);
        let cosines = sources.cosines(vector);
        let telling = telling(&claim, sources);
        let whole: f32 = telling.iter().map(|(_, _, weight)| weight).sum();
        let mut covered: HashMap<usize, f32> = HashMap::new();
        for (_, term, weight) in &telling {
            for &row in term.map(|term| sources.with(term)).unwrap_or_default() {
                *covered.entry(row as usize).or_default() += share(*weight, whole, 0.0);
            }
        }
        let close = best(&cosines, &covered);
        Self { sources, claim, cosines, covered, close, telling }
    }

    /// How near a sentence comes to carrying the claim: half meaning, half words, about `0.0..=1.0`.
    pub(super) fn nearness(&self, place: usize) -> f32 {
        nearness(self.cosine(place), self.coverage(place))
    }

    pub(super) fn cosine(&self, place: usize) -> f32 {
        self.cosines.get(place).copied().unwrap_or_default()
    }

    pub(super) fn coverage(&self, place: usize) -> f32 {
        self.covered.get(&place).copied().unwrap_or_default()
    }

    /// Whether one of the first `places` close sentences has a word.
    pub(super) fn is_close(&self, term: u32, places: usize) -> bool {
        let rows = self.sources.with(term);
        self.close.iter().take(places).any(|&place| has(rows, place))
    }
}

/// Whether a sentence is among `rows`, which ascend.
pub(super) fn has(rows: &[u32], place: usize) -> bool {
    u32::try_from(place).is_ok_and(|place| rows.binary_search(&place).is_ok())
}

fn nearness(cosine: f32, coverage: f32) -> f32 {
    0.5 * cosine + 0.5 * coverage
}

fn telling(claim: &Claim, sources: &Sources) -> Vec<(usize, Option<u32>, f32)> {
    let mut seen = std::collections::HashSet::new();
    let words = claim.words.iter().zip(&claim.terms).enumerate();
    let telling = words.filter(|(_, (word, _))| word.tells() && seen.insert(word.term.as_str()));
    telling.map(|(place, (_, term))| (place, *term, sources.rarity(*term))).collect()
}

fn best(cosines: &[f32], covered: &HashMap<usize, f32>) -> Vec<usize> {
    let nearness =
        |place: usize, cosine: f32| nearness(cosine, covered.get(&place).copied().unwrap_or_default());
    let mut ranked: Vec<(f32, usize)> =
        cosines.iter().enumerate().map(|(place, cosine)| (nearness(place, *cosine), place)).collect();
    let order = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if ranked.len() > CLOSE {
        ranked.select_nth_unstable_by(CLOSE - 1, order);
        ranked.truncate(CLOSE);
    }
    ranked.sort_unstable_by(order);
    ranked.into_iter().map(|(_, place)| place).collect()
}
