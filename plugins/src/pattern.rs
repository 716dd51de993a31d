//! Patterns of our own, and how much their automata may keep.

use regex::{Regex, RegexBuilder};

/// Bytes of the states that an automaton keeps, for each thread that searches with it and each of its two directions; beyond,
/// it begins anew. Texts of people and hostile ones fill a tenth of it.
const STATES_BYTES: usize = 128 << 10;

/// A pattern, built; none if it cannot be. A test beside each pattern shows that it can.
pub(crate) fn pattern(written: &str) -> Option<Regex> {
    RegexBuilder::new(written).dfa_size_limit(STATES_BYTES).build().ok()
}
