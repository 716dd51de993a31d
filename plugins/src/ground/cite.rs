//! Which source sentences carry a claim.

use super::numbers::share;
use super::scene::{Scene, has};

/// Sentences cited for one claim, at most.
const MOST: usize = 4;
/// Nearness that the first sentence needs: half its cosine, half its share of words.
const LEAST_FIRST: f32 = 0.25;
/// Share of the claim's words that a further sentence must bring.
const LEAST_MORE: f32 = 0.12;

/// A source sentence that carries a claim, or part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Citation {
    /// Its place among [`super::Sources::sentences`].
    pub source: usize,
    /// How much of the claim it carries: half its cosine, half its share of the claim's words, `0.0..=1.0`.
    pub weight: f32,
}

/// The sentences that carry the claim: the closest, then those that bring what it still lacks. They ascend.
pub(super) fn cite(scene: &Scene<'_>) -> Vec<Citation> {
    let mut cited = Vec::new();
    let mut open: Vec<(u32, f32)> =
        scene.telling.iter().filter_map(|(_, term, weight)| term.map(|term| (term, *weight))).collect();
    let whole: f32 = scene.telling.iter().map(|(_, _, weight)| weight).sum();
    let brings = |open: &[(u32, f32)], place: usize| {
        let had = open.iter().filter(|(term, _)| has(scene.sources.with(*term), place));
        share(had.map(|(_, weight)| weight).sum(), whole, 0.0)
    };
    let mut next = scene.close.first().copied().filter(|&place| scene.nearness(place) >= LEAST_FIRST);
    while let Some(place) = next {
        cited.push(Citation { source: place, weight: scene.nearness(place).clamp(0.0, 1.0) });
        open.retain(|(term, _)| !has(scene.sources.with(*term), place));
        let more = scene.close.iter().filter(|&&other| cited.iter().all(|known| known.source != other));
        let best = more.map(|&other| (brings(&open, other), other)).max_by(|a, b| {
            let nearer = scene.nearness(a.1).total_cmp(&scene.nearness(b.1));
            a.0.total_cmp(&b.0).then(nearer).then(b.1.cmp(&a.1))
        });
        next = best.filter(|(brings, _)| *brings >= LEAST_MORE && cited.len() < MOST).map(|(_, other)| other);
    }
    cited.sort_unstable_by_key(|citation| citation.source);
    cited
}
