//! A claim laid beside one sentence: what is kept, what is put in another's place, what is added.

use super::sources::{Claim, Line, Token};
use super::words::{Role, Word};

/// Words of either side that are laid beside each other: the table is at most this squared.
const MOST: usize = 160;

/// How a claim differs from a sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Diff {
    /// Words in common in the same order: the longest common subsequence.
    pub kept: usize,
    /// The longest stretch of the claim's words that stand together there.
    pub run: usize,
    /// Words in common in any order.
    pub shared: usize,
    /// Telling words of the claim that stand where the sentence has others: at most three for at most three.
    pub swapped: usize,
    /// Telling words of the claim that stand between words which are neighbours in the sentence.
    pub added: usize,
    /// Words that extend or deny, swapped or added.
    pub bent: usize,
    /// Single words that differ between two that are kept.
    pub slots: usize,
}

/// Lays `claim` beside `line`.
pub(super) fn diff(claim: &Claim, line: &Line) -> Diff {
    let ours: Vec<Option<u32>> = claim.terms.iter().copied().take(MOST).collect();
    let theirs: Vec<u32> = line.tokens.iter().take(MOST).map(|token| token.term).collect();
    let (pairs, run) = common(&ours, &theirs);
    let mut diff = Diff { kept: pairs.len(), run, shared: shared(&ours, &theirs), ..Diff::default() };
    for [(a, x), (b, y)] in pairs.array_windows().copied() {
        let gap = claim.words.get(a + 1..b).unwrap_or_default();
        let there = line.tokens.get(x + 1..y).unwrap_or_default();
        if !gap.is_empty() {
            diff.count_gap(gap, there);
        }
    }
    diff
}

impl Diff {
    /// Counts what stands between two kept words, here and there.
    fn count_gap(&mut self, gap: &[Word], there: &[Token]) {
        let telling = gap.iter().filter(|word| word.tells()).count();
        let bends = |word: &&Word| word.role == Role::Negation || super::wordlists::is_extent(&word.folded);
        match (gap.len(), there.len()) {
            (1..=3, 1..=3) => {
                self.swapped += telling;
                self.slots += usize::from(gap.len() == 1 && there.len() == 1);
                self.bent += gap.iter().filter(bends).count();
            }
            (_, 0) => {
                self.added += telling;
                self.bent += gap.iter().filter(bends).count();
            }
            _ => {}
        }
    }
}

/// The pairs of places of a longest common subsequence, ascending, and the longest common stretch.
fn common(ours: &[Option<u32>], theirs: &[u32]) -> (Vec<(usize, usize)>, usize) {
    let width = theirs.len() + 1;
    let mut kept = vec![0_u16; (ours.len() + 1) * width];
    let mut run = 0_u16;
    let mut runs = vec![0_u16; width];
    for (i, our) in ours.iter().enumerate() {
        let mut before = 0;
        for (j, their) in theirs.iter().enumerate() {
            let at = (i + 1) * width + j + 1;
            let above = runs[j + 1];
            if *our == Some(*their) {
                kept[at] = kept[at - width - 1] + 1;
                runs[j + 1] = before + 1;
                run = run.max(before + 1);
            } else {
                kept[at] = kept[at - 1].max(kept[at - width]);
                runs[j + 1] = 0;
            }
            before = above;
        }
    }
    (trace(&kept, width, (ours, theirs)), usize::from(run))
}

/// Follows the table back from its end.
fn trace(kept: &[u16], width: usize, (ours, theirs): (&[Option<u32>], &[u32])) -> Vec<(usize, usize)> {
    let (mut i, mut j) = (ours.len(), theirs.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let at = i * width + j;
        if ours[i - 1] == Some(theirs[j - 1]) {
            pairs.push((i - 1, j - 1));
            (i, j) = (i - 1, j - 1);
        } else if kept[at - 1] >= kept[at - width] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
    pairs.reverse();
    pairs
}

/// How many words two sides have in common, repeated ones as often as both have them.
fn shared(ours: &[Option<u32>], theirs: &[u32]) -> usize {
    let mut ours: Vec<u32> = ours.iter().flatten().copied().collect();
    let mut theirs = theirs.to_vec();
    ours.sort_unstable();
    theirs.sort_unstable();
    let (mut theirs, mut both) = (theirs.into_iter().peekable(), 0);
    for our in ours {
        while theirs.next_if(|their| *their < our).is_some() {}
        both += usize::from(theirs.next_if_eq(&our).is_some());
    }
    both
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ground::{SourceSentence, Sources};

    fn diff_of(claim: &str, source: &str) -> Diff {
        let vector: Arc<[f32]> = vec![1.0].into();
        let sentence = SourceSentence { document: 0, range: 0..source.len(), text: source.into(), vector };
        let sources = Sources::new(vec![sentence]);
        diff(&sources.read(claim), &sources.lines()[0])
    }

    #[test]
    fn what_is_kept_swapped_and_added_is_told_apart() {
        let source = "The agent offered a wide range of insurance plans";
        let same = diff_of(source, source);
        assert_eq!((same.kept, same.run, same.shared), (9, 9, 9));
        assert_eq!((same.swapped, same.added, same.bent, same.slots), (0, 0, 0, 0));
        let swapped = diff_of("The agent offered a narrow range of insurance plans", source);
        assert_eq!((swapped.kept, swapped.swapped, swapped.slots, swapped.added), (8, 1, 1, 0));
        let added = diff_of("The agent never offered a wide range of cheap insurance plans", source);
        assert_eq!((added.kept, added.added, added.bent), (9, 1, 1));
        let turned = diff_of("plans of insurance offered the agent", source);
        assert!(turned.kept < turned.shared);
    }

    #[test]
    fn nothing_has_nothing_in_common() {
        assert_eq!(diff_of("", "A word"), Diff::default());
        assert_eq!(diff_of("A word", ""), Diff::default());
    }
}
