//! What finds a list's items in a text, in time linear in the text.
//!
//! Words and phrases are found as a policy's blocklists find theirs: whole, in any case, across any white space, and in
//! their common disguises. Patterns are looked for in the same readings of the text, in any case.

use std::collections::HashSet;

use plugins::Blocklist;
use policies::{Category, Content, Evidence, ListSpec, Severity};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{Item, ListError, field};

/// Bytes that one pattern may compile to.
const PATTERN_BYTES: usize = 1 << 20;
/// Bytes that all patterns of a list may compile to together.
const PATTERNS_BYTES: usize = 8 << 20;

pub(super) struct Matcher {
    terms: Blocklist,
    patterns: RegexSet,
    /// For each pattern, its item's id.
    owners: Vec<String>,
}

/// One pattern alone: what is wrong with it, if something is.
pub(super) fn pattern(text: &str) -> Result<Regex, &'static str> {
    let built = RegexBuilder::new(text).case_insensitive(true).size_limit(PATTERN_BYTES).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression stands for too much",
        _ => "it is not a regular expression (look-around and back-references are none here)",
    })
}

impl Matcher {
    pub(super) fn new(items: &[Item]) -> Result<Self, ListError> {
        let refused = |reason: &str| field("blocklistItems", reason);
        let (patterns, terms): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.is_regex);
        // A list for each item: the evidence then names the item, however many others are in the text.
        let specs: Vec<ListSpec> = terms.into_iter().map(spec).collect();
        let terms = Blocklist::new(&specs.iter().collect::<Vec<_>>());
        let set = RegexSetBuilder::new(patterns.iter().map(|item| &item.text))
            .case_insensitive(true)
            .size_limit(PATTERNS_BYTES)
            .dfa_size_limit(PATTERNS_BYTES)
            .build();
        Ok(Self {
            terms: terms.map_err(|_| refused("an item cannot be looked for"))?,
            patterns: set
                .map_err(|_| refused("the list's regular expressions stand for too much together"))?,
            owners: patterns.into_iter().map(|item| item.id.clone()).collect(),
        })
    }

    /// The ids of the items that are in `content`.
    pub(super) fn hits(&self, content: &Content) -> HashSet<String> {
        let evidence = self.terms.search(content).into_iter().flat_map(|finding| finding.evidence);
        let listed = evidence.filter_map(|evidence| match evidence {
            Evidence::Listed { list, .. } => Some(list.to_string()),
            Evidence::Span(_) | Evidence::Precedent { .. } | Evidence::Clause(_) => None,
        });
        let mut found: HashSet<String> = listed.collect();
        if !self.owners.is_empty() {
            let matching = content.views().flat_map(|view| self.patterns.matches(view.text()));
            found.extend(matching.filter_map(|number| self.owners.get(number).cloned()));
        }
        found
    }
}

fn spec(item: &Item) -> ListSpec {
    ListSpec {
        name: item.id.as_str().into(),
        // No policy weighs what callers list.
        category: Category::Custom("listed".into()),
        severity: Severity::default(),
        terms: vec![item.text.as_str().into()],
        patterns: Vec::new(),
        file: None,
    }
}
