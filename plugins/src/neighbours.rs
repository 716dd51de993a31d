//! What the precedents around a text say together.
//!
//! Harmless texts that use the words of a harm come as near to its cases as the harm does, so the nearest case says little
//! by itself. Of the cases around a text, how many were found harmful says more: each has a voice, the nearest the loudest.

use std::collections::BTreeMap;

use policies::{Action, Category, Precedent, Retrieved};

/// Precedents that are heard, the nearest ones.
pub(crate) const NEIGHBOURS: usize = 32;
/// Similarity from which on a precedent is heard, unless a policy says otherwise. *Units*: cosine.
pub const NEIGHBOUR_FROM: f32 = 0.25;
/// So much farther than the nearest, a precedent counts 1/e of it. *Units*: cosine.
const SPREAD: f32 = 0.1;
/// Doubt, which weighs as much as that many precedents as near as the nearest, and speaks for nothing. It is more than one,
/// so that a case which is alone in its surroundings gets less than half of the say however near it is.
const DOUBT: f32 = 1.25;

/// What one side has to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// Its part in the weight of all neighbours and of doubt, `0.0..=1.0`.
    pub share: f32,
    /// Similarity of its nearest precedent, cosine.
    pub nearest: f32,
}

/// The vote of the 32 nearest precedents, given by similarity and the side each is on.
///
/// The voice of one at similarity `s` weighs `exp((s - s_max) / 0.1)`, `s_max` being that of the nearest.
#[must_use]
pub fn vote<Side: Ord>(neighbours: impl IntoIterator<Item = (f32, Side)>) -> BTreeMap<Side, Voice> {
    let mut near: Vec<(f32, Side)> = neighbours.into_iter().filter(|(s, _)| s.is_finite()).collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.truncate(NEIGHBOURS);
    let mut voices = BTreeMap::new();
    let Some(top) = near.first().map(|(similarity, _)| *similarity) else { return voices };
    let weight = |similarity: f32| ((similarity - top) / SPREAD).exp();
    let all = DOUBT + near.iter().map(|(similarity, _)| weight(*similarity)).sum::<f32>();
    for (similarity, side) in near {
        // They come nearest first.
        let voice = voices.entry(side).or_insert(Voice { share: 0.0, nearest: similarity });
        voice.share += weight(similarity) / all;
    }
    voices
}

/// How much a similarity counts: nothing up to `from`, in full from `full` on, in between along a line.
#[must_use]
pub fn ramp(similarity: f32, (from, full): (f32, f32)) -> f32 {
    ((similarity - from) / (full - from)).clamp(0.0, 1.0)
}

/// How a precedent was decided, as far as a vote is concerned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side<'a> {
    Allowed,
    Harmful(Option<&'a Category>),
}

/// The precedents around a text, of all banks, and what they say together.
pub(crate) struct Neighbourhood<'a> {
    /// Nearest first, each once.
    near: Vec<&'a Precedent>,
    voices: BTreeMap<Side<'a>, Voice>,
    /// Similarities between which the nearest of a side begins to count and counts in full.
    lines: (f32, f32),
}

impl<'a> Neighbourhood<'a> {
    pub(crate) fn of(retrieved: impl Iterator<Item = &'a Retrieved>, lines: (f32, f32)) -> Self {
        let mut near: Vec<&Precedent> = retrieved.flat_map(|found| &found.precedents).collect();
        // Several stages may have found the same.
        near.sort_by(|a, b| a.id.cmp(&b.id).then(b.similarity.total_cmp(&a.similarity)));
        near.dedup_by(|a, b| a.id == b.id);
        near.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        near.truncate(NEIGHBOURS);
        let voices = vote(near.iter().map(|precedent| (precedent.similarity, side(precedent))));
        Self { near, voices, lines }
    }

    /// The harms that the precedents around speak of, and how likely each is by them, `0.0..=1.0`.
    pub(crate) fn harms(&self) -> impl Iterator<Item = (&'a Category, f32)> {
        self.voices.iter().filter_map(|(side, voice)| match side {
            Side::Harmful(Some(category)) => Some((*category, voice.share * ramp(voice.nearest, self.lines))),
            Side::Harmful(None) | Side::Allowed => None,
        })
    }

    /// How much they speak against every harm, `0.0..=1.0`: as far as the allowed ones outweigh all the others.
    pub(crate) fn against(&self) -> f32 {
        let Some(allowed) = self.voices.get(&Side::Allowed) else { return 0.0 };
        let shares = self.voices.iter().filter(|(side, _)| **side != Side::Allowed);
        let harm: f32 = shares.map(|(_, voice)| voice.share).sum();
        (allowed.share - harm).max(0.0) * ramp(allowed.nearest, self.lines)
    }

    /// Those that speak of a harm, nearest first.
    pub(crate) fn harmful(&self, category: &'a Category) -> impl Iterator<Item = &'a Precedent> {
        self.near.iter().copied().filter(move |precedent| side(precedent) == Side::Harmful(Some(category)))
    }

    /// Those that were allowed, nearest first.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &'a Precedent> {
        self.near.iter().copied().filter(|precedent| side(precedent) == Side::Allowed)
    }
}

fn side(precedent: &Precedent) -> Side<'_> {
    match precedent.ruling {
        Action::Allow => Side::Allowed,
        Action::Flag | Action::Review | Action::Block => Side::Harmful(precedent.category.as_ref()),
    }
}
