//! A policy file as it is written: every option, and nothing that is not an option.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::{Action, Category, Severity};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// What it is called in answers and on the command line.
    pub(crate) name: String,
    /// The author's version of it.
    pub(crate) version: String,
    /// What it is for.
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the file")]
    pub(crate) description: String,
    /// ISO 639-1 codes of the languages it is written for.
    pub(crate) languages: Vec<String>,
    /// Lines for categories that have none of their own.
    pub(crate) thresholds: Thresholds,
    /// The categories it judges.
    pub(crate) category: Vec<CategoryRule>,
    /// The rules it consists of.
    #[serde(default)]
    pub(crate) clause: Vec<Clause>,
    /// The stages, in the order they run. There must be one.
    #[serde(default)]
    pub(crate) stage: Vec<StageSpec>,
    /// The stages that summarize documents, in the order they run; without one the policy summarizes nothing.
    #[serde(default)]
    pub(crate) summary: Vec<StageSpec>,
    /// Lists of terms and patterns.
    #[serde(default)]
    pub(crate) blocklist: Vec<ListSpec>,
    /// Decided cases to judge by.
    #[serde(default)]
    pub(crate) precedent: Vec<PrecedentText>,
    /// Its own tests.
    #[serde(default)]
    pub(crate) case: Vec<Case>,
}

/// From where on something is flagged, held for review, or blocked.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines<T> {
    /// Let it pass, marked.
    pub flag: T,
    /// Hold it for a person.
    pub review: T,
    /// Keep it out.
    pub block: T,
}

impl<T: PartialOrd + Copy> Lines<T> {
    /// Whether something that reaches a line of `other` may miss the one here.
    pub(crate) fn is_laxer_than(self, other: Self) -> bool {
        self.flag > other.flag || self.review > other.review || self.block > other.block
    }
}

/// Lines of score and severity: a finding must reach both.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Probabilities, `0.0..=1.0`, ascending.
    pub score: Lines<f32>,
    /// Severities, `0..=7`, ascending.
    pub severity: Lines<u8>,
}

/// A category that the policy judges.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryRule {
    /// A built-in name, or with `custom = true` one of the policy's own.
    pub name: Category,
    /// Whether the name is the policy's own.
    #[serde(default)]
    pub custom: bool,
    /// What counts as this harm.
    pub definition: String,
    /// Whether an allow-precedent is powerless against it.
    #[serde(default)]
    pub floor: bool,
    /// Score lines of its own.
    #[serde(default)]
    pub score: Option<Lines<f32>>,
    /// Severity lines of its own.
    #[serde(default)]
    pub severity: Option<Lines<u8>>,
    /// Lines for texts in one language, by its ISO 639-1 code, which is among the policy's `languages`. A text whose
    /// language is another, or could not be told, is held against the lines above. Of a floor they may only be stricter.
    #[serde(default)]
    pub language: BTreeMap<String, LanguageLines>,
}

/// Lines for texts in one language; what is not given is as for any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageLines {
    /// Score lines.
    #[serde(default)]
    pub score: Option<Lines<f32>>,
    /// Severity lines.
    #[serde(default)]
    pub severity: Option<Lines<u8>>,
}

impl CategoryRule {
    /// The lines that texts of `language` are held against, where `common` are those of categories without any.
    pub(crate) fn lines(&self, language: &str, common: Thresholds) -> Thresholds {
        let own = self.language.get(language).copied().unwrap_or_default();
        Thresholds {
            score: own.score.or(self.score).unwrap_or(common.score),
            severity: own.severity.or(self.severity).unwrap_or(common.severity),
        }
    }
}

/// One rule of the policy: what a verdict can cite.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its name in evidence.
    pub id: Arc<str>,
    /// The category it belongs to.
    pub category: Category,
    /// How bad what it describes is.
    pub severity: Severity,
    /// The rule.
    pub text: String,
}

/// What happens to a text when a stage that should have judged it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The verdict rests on the other stages.
    Skip,
    /// The text is held for a person, or worse.
    Review,
    /// The text is kept out.
    Block,
}

impl Fault {
    /// The least action that a fault of the stage leads to.
    #[must_use]
    pub fn demands(self) -> Action {
        match self {
            Self::Skip => Action::Allow,
            Self::Review => Action::Review,
            Self::Block => Action::Block,
        }
    }
}

/// When a stage runs at all. Every condition given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlyIf {
    /// The highest score so far lies within these, both included: the uncertainty band.
    #[serde(default)]
    pub score_within: Option<Bounds>,
    /// Categories whose scores `score_within` looks at; all if none is named.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// The text's language is one of these ISO 639-1 codes.
    #[serde(default)]
    pub languages: Vec<String>,
}

/// Two scores, the lower first.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Bounds(pub f32, pub f32);

/// A stage as the policy orders it.
#[derive(Clone, Debug, Deserialize)]
pub struct StageSpec {
    /// Which stage: a name that `plugins::builtin` knows.
    pub kind: String,
    /// Its name in records; the kind unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// What a fault of it leads to. There is no default, on purpose.
    pub on_fault: Fault,
    /// When it runs; always unless given.
    #[serde(default)]
    pub only_if: OnlyIf,
    /// How long it may take, in milliseconds; as long as the request has unless given.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// The stage's own options: the stage refuses those it does not have.
    #[serde(flatten)]
    pub options: toml::Table,
}

impl StageSpec {
    /// Its name in records.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }

    /// How long it may take at most.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_ms.map(Duration::from_millis)
    }
}

/// A list of terms and patterns that are findings by themselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSpec {
    /// Its name in evidence, and in a stage's `lists`.
    pub name: Arc<str>,
    /// The harm its items stand for.
    pub category: Category,
    /// How bad they are.
    pub severity: Severity,
    /// Words and phrases: matched whole, in any case, through common disguises.
    #[serde(default)]
    pub terms: Vec<Arc<str>>,
    /// Regular expressions, matched in linear time.
    #[serde(default)]
    pub patterns: Vec<Arc<str>>,
    /// A file with one term a line, beside the policy; its terms join `terms`.
    #[serde(default)]
    pub file: Option<String>,
}

/// A decided case that the policy brings along.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecedentText {
    /// Its name in evidence.
    pub id: Arc<str>,
    /// The text that was decided.
    pub text: String,
    /// Its language, ISO 639-1.
    pub language: String,
    /// How it was decided.
    pub ruling: Action,
    /// The harm it is; none for `allow`.
    #[serde(default)]
    pub category: Option<Category>,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// Why it was decided so.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One of the policy's own tests. Exactly one of `action`, `at_least` and `at_most` is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name in the report.
    pub id: Arc<str>,
    /// The text to judge.
    pub text: String,
    /// Its language, ISO 639-1.
    pub language: String,
    /// The action it must lead to.
    #[serde(default)]
    pub action: Option<Action>,
    /// The mildest action it may lead to.
    #[serde(default)]
    pub at_least: Option<Action>,
    /// The strictest action it may lead to.
    #[serde(default)]
    pub at_most: Option<Action>,
    /// Categories of which at least one must be among the findings.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// Why the stages cannot get this right yet. Such a case is reported, and must go on failing: once it
    /// holds, the remark has to go.
    #[serde(default)]
    pub known_to_fail: Option<String>,
}

impl Case {
    /// What is wrong with a verdict of `action` on `found`, or nothing if the case holds.
    #[must_use]
    pub fn objection(&self, action: Action, found: &[Category]) -> Option<String> {
        if let Some(expected) = self.action.filter(|expected| *expected != action) {
            return Some(format!("expected {}, got {}", expected.name(), action.name()));
        }
        if let Some(least) = self.at_least.filter(|least| action < *least) {
            return Some(format!("expected at least {}, got {}", least.name(), action.name()));
        }
        if let Some(most) = self.at_most.filter(|most| action > *most) {
            return Some(format!("expected at most {}, got {}", most.name(), action.name()));
        }
        if self.categories.is_empty() || self.categories.iter().any(|category| found.contains(category)) {
            return None;
        }
        let names = |list: &[Category]| list.iter().map(Category::name).collect::<Vec<_>>().join(", ");
        Some(format!("expected one of [{}], found [{}]", names(&self.categories), names(found)))
    }
}
