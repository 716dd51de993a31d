//! Words whose letters were drawn out: `kiiiiilllll`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::span::{Mapped, Rewriter};

/// As many of one letter in a row are more than any spelling has (but for German compounds, which lose nothing).
const FLOOD: usize = 3;
const KASHIDA: char = 'ـ';

/// The words of English and German with a letter twice in a row, by what they are without; `models/train/doubles.py` counts them.
/// Nine words of ten are drawn out to the same as their spelling with every letter once: only these have to be known.
static DOUBLED: LazyLock<HashMap<String, &'static str>> =
    LazyLock::new(|| include_str!("doubles.txt").lines().map(|word| (single(word.chars()), word)).collect());

/// Longer words are in no list.
const LONGEST: usize = 40;

/// `base` with such letters written as often as a spelling would, or `None` when there are none.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if !has_flood(&base.text) && !base.text.contains(KASHIDA) {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let mut word: Vec<(usize, char)> = Vec::new();
    let mut chars = base.text.char_indices().peekable();
    let mut before = ' ';
    while let Some((position, c)) = chars.next() {
        if c.is_lowercase() || c.is_uppercase() {
            word.push((position, c));
        } else if !word.is_empty() {
            shorten(&word, &mut rewriter);
            word.clear();
        }
        // Between letters it lengthens the line and is none itself; at the end of a word it is part of it.
        if c == KASHIDA && before.is_alphabetic() && chars.peek().is_some_and(|(_, c)| c.is_alphabetic()) {
            rewriter.edit(position..position + c.len_utf8(), "");
        }
        before = c;
    }
    shorten(&word, &mut rewriter);
    rewriter.finish()
}

fn has_flood(text: &str) -> bool {
    let mut before = ' ';
    let mut run = 0;
    text.chars().any(|c| {
        run = if c.is_alphabetic() && alike(before, c) { run + 1 } else { 1 };
        before = c;
        run == FLOOD
    })
}

fn alike(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b) || !a.is_ascii() && !b.is_ascii() && a.to_lowercase().eq(b.to_lowercase())
}

fn shorten(word: &[(usize, char)], rewriter: &mut Rewriter<'_>) {
    let runs: Vec<_> = word.chunk_by(|(_, a), (_, b)| alike(*a, *b)).collect();
    let roman = word.iter().all(|(_, c)| matches!(c, 'I' | 'V' | 'X' | 'L' | 'C' | 'D' | 'M'));
    if roman || runs.len() < 2 || runs.iter().all(|run| run.len() < FLOOD) {
        return;
    }
    let spelled = spelling(&runs);
    for (at, run) in runs.iter().enumerate().filter(|(_, run)| run.len() >= FLOOD) {
        let kept = spelled.as_ref().and_then(|counts| counts.get(at)).copied().unwrap_or(1);
        if let (Some((start, _)), Some((last, c))) = (run.get(kept), run.last()) {
            rewriter.edit(*start..last + c.len_utf8(), "");
        }
    }
}

/// How often the known word that these runs may be has each letter in a row: it agrees with the runs that were not drawn out.
fn spelling(runs: &[&[(usize, char)]]) -> Option<Vec<usize>> {
    if runs.len() > LONGEST {
        return None;
    }
    let letters = runs.iter().filter_map(|run| run.first()).flat_map(|(_, c)| c.to_lowercase());
    let known = DOUBLED.get(&single(letters))?;
    let counts = counted(known);
    let agrees = |(run, count): (&&[(usize, char)], &usize)| run.len() >= FLOOD || run.len() == *count;
    (counts.len() == runs.len() && runs.iter().zip(&counts).all(agrees)).then_some(counts)
}

/// How often each letter of a word stands in a row.
fn counted(word: &str) -> Vec<usize> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunk_by(|a, b| a == b).map(<[char]>::len).collect()
}

/// Every letter once in a row.
fn single(word: impl Iterator<Item = char>) -> String {
    let mut kept = String::new();
    for c in word {
        if !kept.ends_with(c) {
            kept.push(c);
        }
    }
    kept
}
