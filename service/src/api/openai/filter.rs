//! What a filter found, as Azure's clients of this API know it, and in a sentence.

use std::collections::BTreeMap;

use policies::{Category, Judgment, Severity};
use schemars::JsonSchema;
use serde::Serialize;

/// Categories, by their names in this form.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct FilterJson(BTreeMap<String, FoundJson>);

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
struct FoundJson {
    filtered: bool,
    severity: &'static str,
}

/// The four that such answers always have.
const ALWAYS: [&str; 4] = ["hate", "self_harm", "sexual", "violence"];

/// The name of a category in this form.
fn group(category: &Category) -> &str {
    match category {
        Category::Hate
        | Category::HateThreatening
        | Category::Harassment
        | Category::HarassmentThreatening => "hate",
        Category::SelfHarm | Category::SelfHarmIntent | Category::SelfHarmInstructions => "self_harm",
        Category::Sexual | Category::SexualMinors => "sexual",
        Category::Violence | Category::ViolenceGraphic => "violence",
        Category::PromptAttack => "jailbreak",
        Category::Illicit | Category::IllicitViolent => "illicit",
        Category::Pii | Category::Spam | Category::Profanity | Category::Custom(_) => category.name(),
    }
}

/// The four levels of severity.
fn level(severity: Severity) -> &'static str {
    match severity.value() {
        0 | 1 => "safe",
        2 | 3 => "low",
        4 | 5 => "medium",
        _ => "high",
    }
}

impl FilterJson {
    /// What a text was kept back for: every category whose finding reaches a line of the policy.
    pub(super) fn new(judgment: &Judgment) -> Self {
        let safe = FoundJson { filtered: false, severity: "safe" };
        let mut found: BTreeMap<String, FoundJson> =
            ALWAYS.iter().map(|name| ((*name).to_owned(), safe.clone())).collect();
        for (name, severity) in worst(judgment, group) {
            found.insert(name.to_owned(), FoundJson { filtered: true, severity: level(severity) });
        }
        Self(found)
    }
}

/// The greatest severity of what was found, by names of categories.
fn worst(judgment: &Judgment, name: impl Fn(&Category) -> &str) -> BTreeMap<&str, Severity> {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in &judgment.verdict.findings {
        let worst = worst.entry(name(&finding.category)).or_default();
        *worst = finding.severity.max(*worst);
    }
    worst
}

/// Why a text was kept back, without any of it.
pub(super) fn reason(judgment: &Judgment) -> String {
    let found = worst(judgment, Category::name);
    let found: Vec<String> =
        found.into_iter().map(|(name, severity)| format!("{name} (severity {})", severity.value())).collect();
    let action = judgment.verdict.action.name();
    if !found.is_empty() {
        return format!("the policy says `{action}`: {}", found.join(", "));
    }
    let faults = judgment.record.stages.iter().filter(|run| run.status.is_fault());
    let faults: Vec<String> = faults.map(|run| format!("`{}`", run.stage)).collect();
    if faults.is_empty() {
        return format!("the policy says `{action}`");
    }
    format!("the policy says `{action}`, because it could not be judged by {}", faults.join(", "))
}
