//! `blocklist`: terms and patterns that are findings by themselves.
//!
//! Terms match whole, in any case, across any white space, and through every view of the text, so a
//! listed word is found in its disguises. Both engines run in time linear in the text:
//! Aho & Corasick 1975 for terms, finite automata for patterns.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use async_trait::async_trait;
use policies::{
    Content, Dossier, Entry, Evidence, Examination, Finding, ListSpec, Score, Span, Stage, StageError, View,
};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use unicode_script::{Script, UnicodeScript};

use crate::folding::Folded;
use crate::registry::{Resources, StageConfig};

/// Places reported for one list; more say nothing new.
const MOST_PLACES: usize = 32;
/// Bytes one pattern may compile to, so that no pattern can exhaust memory.
const PATTERN_BYTES: usize = 4 << 20;

/// Options of `blocklist`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The policy's blocklists to apply, by name; all of them unless given.
    #[serde(default)]
    lists: Option<Vec<String>>,
}

impl StageConfig for Config {
    const KIND: &'static str = "blocklist";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String> {
        let policy = &resources.policy;
        let known = || policy.blocklist_names().collect::<Vec<_>>().join(", ");
        let names = self.lists.unwrap_or_else(|| policy.blocklist_names().map(str::to_owned).collect());
        let find = |name: &String| {
            let spec = policy.blocklist(name);
            spec.ok_or_else(|| format!("there is no [[blocklist]] called `{name}`; there are: {}", known()))
        };
        let specs = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        Ok(Box::new(Blocklist::new(&specs)?))
    }
}

/// The lists, compiled into one automaton and a few patterns.
pub struct Blocklist {
    lists: Vec<ListSpec>,
    terms: AhoCorasick,
    /// For each term of the automaton, its list and its place there.
    owners: Vec<(usize, Arc<str>)>,
    patterns: Vec<(usize, Arc<str>, Regex)>,
}

impl Blocklist {
    /// Compiles `specs`.
    ///
    /// # Errors
    ///
    /// A sentence that names the list and the term or pattern that cannot be matched.
    pub fn new(specs: &[&ListSpec]) -> Result<Self, String> {
        let mut folded = Vec::new();
        let mut owners = Vec::new();
        let mut patterns = Vec::new();
        for (place, spec) in specs.iter().enumerate() {
            for term in &spec.terms {
                let content = Content::new(&**term)
                    .map_err(|e| format!("blocklist `{}`, term `{term}`: {e}", spec.name))?;
                folded.push(Folded::new(content.plain().text().trim()).text().to_owned());
                owners.push((place, Arc::clone(term)));
            }
            for pattern in &spec.patterns {
                patterns.push((place, Arc::clone(pattern), compile(spec, pattern)?));
            }
        }
        let terms = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&folded)
            .map_err(|error| format!("the blocklists' terms cannot be compiled: {error}"))?;
        let lists = specs.iter().map(|&spec| ListSpec { terms: Vec::new(), ..spec.clone() }).collect();
        Ok(Self { lists, terms, owners, patterns })
    }

    /// One finding for each list with an item in `content`.
    #[must_use]
    pub fn search(&self, content: &Content) -> Vec<Finding> {
        let mut places: Vec<Places> = self.lists.iter().map(|_| Places::default()).collect();
        for view in content.views() {
            self.search_view(view, &mut places);
        }
        let found = self.lists.iter().zip(places).filter(|(_, places)| !places.found.is_empty());
        found
            .map(|(list, places)| Finding {
                category: list.category.clone(),
                score: Score::CERTAIN,
                severity: list.severity,
                evidence: places.found.into_iter().map(|(item, span)| listed(list, item, span)).collect(),
            })
            .collect()
    }

    fn search_view(&self, view: &View, places: &mut [Places]) {
        let folded = Folded::new(view.text());
        for hit in self.terms.find_overlapping_iter(folded.text()) {
            let whole = is_whole(folded.text(), hit.start(), hit.end());
            let Some((list, term)) = self.owners.get(hit.pattern().as_usize()).filter(|_| whole) else {
                continue;
            };
            let Some(places) = places.get_mut(*list) else { continue };
            places.add(term, view.span(folded.source(hit.start(), hit.end())));
        }
        for (list, pattern, regex) in &self.patterns {
            let Some(places) = places.get_mut(*list) else { continue };
            for hit in regex.find_iter(view.text()).take(MOST_PLACES) {
                places.add(pattern, view.span(hit.range()));
            }
        }
    }
}

#[async_trait]
impl Stage for Blocklist {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        Ok(Examination::of_whole(dossier, Entry::Findings(self.search(dossier.content()))))
    }
}

/// Where one list's items stand, each place once however many views show it.
#[derive(Default)]
struct Places {
    found: Vec<(Arc<str>, Span)>,
    seen: HashSet<(Arc<str>, usize, usize)>,
}

impl Places {
    fn add(&mut self, item: &Arc<str>, span: Span) {
        if self.found.len() < MOST_PLACES && self.seen.insert((Arc::clone(item), span.start, span.end)) {
            self.found.push((Arc::clone(item), span));
        }
    }
}

fn listed(list: &ListSpec, item: Arc<str>, span: Span) -> Evidence {
    Evidence::Listed { list: Arc::clone(&list.name), item, span }
}

fn compile(spec: &ListSpec, pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN_BYTES).build().map_err(|error| {
        format!("blocklist `{}`, pattern `{pattern}`: {}", spec.name, error.to_string().replace('\n', " "))
    })
}

/// Whether no word goes on beyond `start` or `end`.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let (Some(before), Some(item), Some(after)) = (text.get(..start), text.get(start..end), text.get(end..))
    else {
        return false;
    };
    let joined = |left: Option<char>, right: Option<char>| {
        left.zip(right).is_some_and(|(left, right)| goes_on(left) && goes_on(right))
    };
    !joined(before.chars().next_back(), item.chars().next())
        && !joined(item.chars().next_back(), after.chars().next())
}

/// Whether a word may go on with this character: not in scripts that write no spaces.
fn goes_on(character: char) -> bool {
    let unspaced = [
        Script::Han,
        Script::Hiragana,
        Script::Katakana,
        Script::Thai,
        Script::Lao,
        Script::Khmer,
        Script::Myanmar,
    ];
    character.is_alphanumeric() && !unspaced.contains(&character.script())
}
