//! Signs of an attack, found by patterns over words.

use std::{ops::Range, sync::LazyLock};

use regex::{Regex, RegexSet, RegexSetBuilder};

use super::{Family, english, german, words::Words};
use crate::pattern::pattern;

/// A sign that a sentence is an attack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sign {
    pub(super) family: Family,
    /// How much it counts, `0.0..=1.0`.
    pub(super) weight: f32,
    /// Bytes of the text.
    pub(super) range: Range<usize>,
}

/// A family, how much a pattern of it counts, and the pattern over [`Words`]; `{name}` stands for a part of
/// [`english::PARTS`] or [`german::PARTS`].
pub(super) type Pattern = (Family, f32, &'static str);

/// How much an order to disregard counts that a condition follows: "disregard this if you have paid" speaks to people.
const CONDITIONAL: f32 = 0.45;

/// Patterns searched at once. All together have more states than an automaton may keep, and take four to eight times as
/// long as in such groups; groups of eight are as quick only with four times the room each.
const TOGETHER: usize = 4;
/// Bytes of the states that the automaton of a group keeps, for each thread that reads; beyond, it begins anew. Half as
/// many cost a tenth to a third more time.
const GROUP_BYTES: usize = 512 << 10;

pub(super) struct Patterns {
    rules: Vec<(Family, f32, Regex)>,
    /// Of [`TOGETHER`] rules each, in their order.
    groups: Vec<RegexSet>,
}

pub(super) static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let listed = || english::PATTERNS.iter().chain(german::PATTERNS);
    let written: Vec<String> = listed().map(|(_, _, pattern)| written(pattern)).collect();
    // Tests show that each of them compiles.
    let compiled = written.iter().filter_map(|written| pattern(written));
    let rules = listed().zip(compiled).map(|(&(family, weight, _), regex)| (family, weight, regex)).collect();
    let group = |patterns: &[String]| {
        let group = RegexSetBuilder::new(patterns).dfa_size_limit(GROUP_BYTES).build();
        group.unwrap_or_else(|_| RegexSet::empty())
    };
    Patterns { rules, groups: written.chunks(TOGETHER).map(group).collect() }
});

pub(super) static CONDITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        "(?-u) (?:if (?:you|your|the|this|it|they|there|no)|unless|in case|falls|sofern|wenn (?:sie|du|ihr|der|die|das|es|kein)) ",
    )
});

/// A pattern with its parts written out, over ASCII.
fn written(pattern: &str) -> String {
    let mut pattern = pattern.to_owned();
    // Parts may name parts that come after them.
    for (name, part) in english::PARTS.iter().chain(german::PARTS) {
        pattern = pattern.replace(&format!("{{{name}}}"), part);
    }
    format!("(?-u){pattern}")
}

/// All signs that words are.
pub(super) fn all(words: &Words) -> impl Iterator<Item = Sign> + '_ {
    let grouped = PATTERNS.rules.chunks(TOGETHER).zip(&PATTERNS.groups);
    let matched = grouped.flat_map(move |(rules, group)| {
        group.matches(words.text()).into_iter().filter_map(|number| rules.get(number)).collect::<Vec<_>>()
    });
    matched.filter_map(move |(family, weight, regex)| {
        let found = regex.find(words.text())?;
        let rest = words.text().get(found.end().saturating_sub(1)..).unwrap_or_default();
        let conditional = CONDITION.as_ref().is_some_and(|condition| condition.is_match(rest));
        let weight =
            if conditional && *family == Family::Override { weight.min(CONDITIONAL) } else { *weight };
        Some(Sign { family: *family, weight, range: words.source(&found.range()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_begins_at_a_word() {
        for (_, _, pattern) in english::PATTERNS.iter().chain(german::PATTERNS) {
            let written = written(pattern);
            assert!(
                !written.replace("{0,", "").replace("{1,", "").replace("{3,", "").contains('{'),
                "{written}"
            );
            Regex::new(&written).expect("it compiles");
        }
        assert_eq!(PATTERNS.rules.len(), english::PATTERNS.len() + german::PATTERNS.len());
        assert_eq!(PATTERNS.groups.iter().map(RegexSet::len).sum::<usize>(), PATTERNS.rules.len());
        assert!(CONDITION.is_some());
    }
}
