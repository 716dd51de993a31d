//! Diversity: maximal marginal relevance.

use super::{Item, dot};

/// Sentences among which repetition is looked for; of those chosen after so many, only the worth counts.
const DIVERSE: usize = 128;

/// The best `count` items in the order they were chosen, and what each is worth. Each time the one is taken whose worth
/// less `likeness` times its nearness to the nearest one taken is highest; of equal ones, the first.
///
/// - *Shape*: `worth` is `[items]`.
/// - *Source*: Carbonell & Goldstein 1998, section 2, the weight on the other side.
pub(super) fn pick(items: &[Item<'_>], worth: &[f32], likeness: f32, count: usize) -> Vec<(usize, f32)> {
    let mut left: Vec<Candidate> =
        worth.iter().enumerate().map(|(item, &worth)| Candidate { item, worth, nearest: 0.0 }).collect();
    let mut picked = Vec::with_capacity(count.min(left.len()));
    while picked.len() < count.min(DIVERSE) {
        let marginal = |candidate: &Candidate| candidate.worth - likeness * candidate.nearest;
        let best = left.iter().enumerate().max_by(|(_, one), (_, other)| {
            marginal(one).total_cmp(&marginal(other)).then(other.item.cmp(&one.item))
        });
        let Some(place) = best.map(|(place, _)| place) else { return picked };
        let taken = left.swap_remove(place);
        picked.push((taken.item, taken.worth));
        let Some(item) = items.get(taken.item) else { continue };
        for candidate in &mut left {
            let near = items.get(candidate.item).map_or(0.0, |other| dot(&item.vector, &other.vector));
            candidate.nearest = candidate.nearest.max(near);
        }
    }
    left.sort_by(|one, other| other.worth.total_cmp(&one.worth).then(one.item.cmp(&other.item)));
    let rest = count - picked.len();
    picked.extend(left.into_iter().take(rest).map(|candidate| (candidate.item, candidate.worth)));
    picked
}

/// An item that is not taken yet.
struct Candidate {
    item: usize,
    worth: f32,
    /// To those taken: a cosine, at least 0.
    nearest: f32,
}
