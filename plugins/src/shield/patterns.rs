//! When the patterns are built: before the first text is there.

use std::sync::LazyLock;

use regex::Regex;

use super::{hidden, imperative, mention, sign, template};

/// Those that stand alone.
fn alone() -> [&'static LazyLock<Option<Regex>>; 6] {
    [
        &hidden::MARKUP,
        &imperative::ORDERS,
        &mention::ABOUT,
        &sign::CONDITION,
        &template::TURN,
        &template::TOKENS,
    ]
}

/// Builds all patterns of the detector. That takes a hundred times as long as reading a text.
pub fn prepare() {
    LazyLock::force(&sign::PATTERNS);
    LazyLock::force(&template::TEMPLATES);
    for pattern in alone() {
        LazyLock::force(pattern);
    }
}

/// Whether all are built.
#[must_use]
pub fn is_prepared() -> bool {
    LazyLock::get(&sign::PATTERNS).is_some()
        && LazyLock::get(&template::TEMPLATES).is_some()
        && alone().into_iter().all(|pattern| LazyLock::get(pattern).is_some())
}
