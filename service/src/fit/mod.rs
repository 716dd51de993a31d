//! Refitting a policy's score lines to labelled texts, for a stated rate of false alarms.
//!
//! A policy with every line at nought lists all that its stages find ([`wide_open`]). Of each category, and of each
//! language of the policy, the texts that are said to be free of it and those that are said to be it show where its lines
//! should be ([`Examples::fit`]). Severity lines are the author's decision and stay; a score counts where its finding
//! reaches the severity line as well.

mod file;
mod group;
mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policies::{Category, CategoryRule, Judgment, Lines, Policy, PolicyError};
use serde::Serialize;

use crate::eval::meaning_of;
pub use file::{Origin, rewrite, wide_open};
use group::Group;
pub use group::{FittedLine, Standing};

/// Why a policy cannot be refitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The rate is no share of texts that could be kept.
    #[error("the false-positive rate {0} is not above 0 and at most 0.5")]
    Rate(f64),
    /// The policy is not TOML.
    #[error("the policy cannot be read")]
    Unreadable(#[from] toml_edit::TomlError),
    /// The policy with its new lines is none: a fault of this command.
    #[error("the policy with its new lines")]
    Policy(#[from] PolicyError),
    /// The policy holds its lines in a form that this command does not know.
    #[error("the policy's `{0}` is written in a form that cannot be edited")]
    Form(&'static str),
}

/// The shares of harmless texts that may reach each line.
///
/// - *Units*: `0.0..=1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// May be flagged, or worse.
    pub flag: f64,
    /// May be held for a person, or worse: a quarter of that.
    pub review: f64,
    /// May be kept out: a twentieth of it.
    pub block: f64,
}

impl Rates {
    /// The rates where `flag` is the share that may be flagged.
    ///
    /// # Errors
    ///
    /// [`FitError::Rate`].
    pub fn of(flag: f64) -> Result<Self, FitError> {
        if flag > 0.0 && flag <= 0.5 {
            Ok(Self { flag, review: flag / 4.0, block: flag / 20.0 })
        } else {
            Err(FitError::Rate(flag))
        }
    }
}

/// A judged text, as far as one category is concerned.
#[derive(Clone, Debug, PartialEq)]
struct Example {
    /// The language whose lines hold for it.
    language: Arc<str>,
    /// Score and severity of each finding of the category.
    findings: Vec<(f32, u8)>,
    /// Whether it is this harm.
    harmful: bool,
}

/// Judged texts, by the categories that their labels say something about.
#[derive(Debug, Default)]
pub struct Examples {
    by_category: BTreeMap<Category, Vec<Example>>,
}

/// New lines of a category, for one language or for all that have none of their own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitting {
    /// The category.
    pub category: String,
    /// ISO 639-1; none for the category's plain lines.
    pub language: Option<String>,
    /// Whether these are lines of its own: a language without any is held against the plain ones.
    pub own: bool,
    /// Texts that are not this harm.
    pub negatives: usize,
    /// Texts that are.
    pub positives: usize,
    /// From where on a text is flagged.
    pub flag: FittedLine,
    /// From where on it is held for a person.
    pub review: FittedLine,
    /// From where on it is kept out.
    pub block: FittedLine,
}

impl Fitting {
    /// The three lines, mildest first, with the names of their actions.
    #[must_use]
    pub fn lines(&self) -> [(&'static str, &FittedLine); 3] {
        [("flag", &self.flag), ("review", &self.review), ("block", &self.block)]
    }

    /// Whether a line is not where it was.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.lines().iter().any(|(_, line)| line.is_moved())
    }

    /// Whether a line was chosen from data, though it may have been there already.
    #[must_use]
    pub fn is_fitted(&self) -> bool {
        self.lines().iter().any(|(_, line)| line.standing == Standing::Fitted)
    }

    fn scores(&self) -> Lines<f32> {
        Lines { flag: self.flag.after, review: self.review.after, block: self.block.after }
    }
}

impl Examples {
    /// Counts one text that was judged by a policy that is [`wide_open`].
    pub fn count(&mut self, judgment: &Judgment, labels: &BTreeMap<String, u8>, policy: &Policy) {
        let verdict = &judgment.verdict;
        for (category, harmful) in told(labels, policy) {
            let found = verdict.findings.iter().filter(|finding| finding.category == category);
            let findings = found.map(|finding| (finding.score.value(), finding.severity.value())).collect();
            let example = Example { language: Arc::clone(&verdict.language), findings, harmful };
            self.by_category.entry(category).or_default().push(example);
        }
    }

    /// The lines that keep `rates`, where the texts tell. A floor's lines are never raised, unless `floors` allows it.
    #[must_use]
    pub fn fit(&self, policy: &Policy, rates: Rates, floors: bool) -> Vec<Fitting> {
        let examples = |rule: &CategoryRule| self.by_category.get(&rule.name).map_or(&[][..], Vec::as_slice);
        let fitted = policy.categories().iter().map(|rule| {
            let category = OneCategory { rule, policy, rates, floors, examples: examples(rule) };
            category.fit()
        });
        fitted.flatten().collect()
    }
}

/// What the labels of a text say of single categories. What is said of a category itself counts before what follows from
/// another label.
fn told(labels: &BTreeMap<String, u8>, policy: &Policy) -> BTreeMap<Category, bool> {
    let mut told = BTreeMap::new();
    let judged = |category: &Category| policy.category(category.name()).is_some();
    for (label, _) in labels.iter().filter(|(_, value)| **value == 0) {
        told.extend(meaning_of(label).denies.into_iter().filter(judged).map(|category| (category, false)));
    }
    for (label, value) in labels {
        let affirmed = meaning_of(label).affirms.filter(judged);
        told.extend(affirmed.map(|category| (category, *value != 0)));
    }
    told
}

/// One category and all that is known about it.
struct OneCategory<'a> {
    rule: &'a CategoryRule,
    policy: &'a Policy,
    rates: Rates,
    floors: bool,
    examples: &'a [Example],
}

impl OneCategory<'_> {
    /// The category's plain lines, then those of each language.
    fn fit(&self) -> Vec<Fitting> {
        if self.examples.is_empty() {
            return Vec::new();
        }
        let has_own = |language: &str| self.rule.language.contains_key(language);
        let groups = self.policy.languages().iter().map(|language| self.group(Some(language)));
        let fitted = groups.map(|group| {
            let mut fitting = group.fit(self.rates);
            fitting.own = fitting.is_fitted() || group.language.as_deref().is_some_and(has_own);
            (group, fitting)
        });
        let mut languages: Vec<(Group<'_>, Fitting)> = fitted.collect();
        let own = languages.iter().filter(|(_, fitting)| fitting.own);
        let apart: BTreeSet<String> = own.filter_map(|(_, fitting)| fitting.language.clone()).collect();
        let mut group = self.group(None);
        // The plain lines are for texts that have none of their own; where these are too few to tell, all have a say.
        let others = group.without(&apart);
        if others.tells(self.rates) {
            group = others;
        }
        let mut plain = group.fit(self.rates);
        group.measure(&mut plain);
        for (group, fitting) in &mut languages {
            if !fitting.own {
                fitting.follow(plain.scores());
            } else if self.rule.floor {
                fitting.cap(plain.scores());
            }
            group.measure(fitting);
        }
        // Of a language without lines of its own and without texts there is nothing to say.
        let told = languages.into_iter().map(|(_, fitting)| fitting);
        let told = told.filter(|fitting| fitting.own || fitting.negatives + fitting.positives > 0);
        std::iter::once(plain).chain(told).collect()
    }

    /// The texts in one language, or all.
    fn group(&self, language: Option<&String>) -> Group<'_> {
        let lines = self.policy.lines(&self.rule.name, language.map_or("und", String::as_str));
        let is_meant = |example: &&Example| language.is_none_or(|language| *example.language == **language);
        Group {
            category: &self.rule.name,
            language: language.cloned(),
            lines,
            capped: self.rule.floor && !self.floors,
            examples: self.examples.iter().filter(is_meant).collect(),
        }
    }
}
