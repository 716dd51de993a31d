//! A judgment in this vendor's categories.

use std::collections::BTreeMap;

use policies::{Action, Category, Judgment};
use schemars::JsonSchema;
use serde::Serialize;

use crate::json::rounded;

/// The category of a text that the policy demands something of without naming one: a ruling, or a stage that could not
/// judge. A client that looks at `flagged` alone does not let it pass.
const UNNAMED: &str = "lamassu/policy";

/// What was found in a text.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ResultJson {
    pub(super) flagged: bool,
    categories: BTreeMap<String, bool>,
    category_scores: BTreeMap<String, f64>,
    category_applied_input_types: BTreeMap<String, Vec<&'static str>>,
}

/// Where a category stands in answers.
enum Place<'a> {
    /// It is one of the vendor's thirteen.
    Vendors,
    /// It is one of ours or of the policy's, after the vendor's.
    Further(&'a str),
}

/// Where a category stands. Ours have the vendor's names where the vendor has them.
fn place(category: &Category) -> Place<'_> {
    match category {
        Category::Hate
        | Category::HateThreatening
        | Category::Harassment
        | Category::HarassmentThreatening
        | Category::SelfHarm
        | Category::SelfHarmIntent
        | Category::SelfHarmInstructions
        | Category::Sexual
        | Category::SexualMinors
        | Category::Violence
        | Category::ViolenceGraphic
        | Category::Illicit
        | Category::IllicitViolent => Place::Vendors,
        Category::PromptAttack
        | Category::Pii
        | Category::Spam
        | Category::Profanity
        | Category::Custom(_) => Place::Further(category.name()),
    }
}

impl ResultJson {
    /// What `judgment` says. A category is flagged if a finding in it reaches a line of the policy and the verdict stands
    /// by it.
    pub(super) fn new(judgment: &Judgment) -> Self {
        let Judgment { verdict, record, .. } = judgment;
        let acts = verdict.action > Action::Allow;
        let mut result = Self {
            flagged: false,
            categories: BTreeMap::new(),
            category_scores: BTreeMap::new(),
            category_applied_input_types: BTreeMap::new(),
        };
        let vendors = Category::BUILTIN.iter().filter(|category| matches!(place(category), Place::Vendors));
        for category in vendors {
            // Not every policy judges all of them: 0, applied to nothing.
            result.add(category.name(), false, (0.0, false));
        }
        for (category, (score, _)) in &verdict.scores {
            let name = match place(category) {
                Place::Vendors => category.name(),
                Place::Further(name) => name,
            };
            let found = verdict.findings.iter().any(|finding| finding.category == *category);
            // A list may find what no stage scores.
            let is_scored = found || !record.not_scored.contains(category);
            result.add(name, acts && found, (rounded(score.value()), is_scored));
        }
        if acts && !result.flagged {
            result.add(UNNAMED, true, (1.0, true));
        }
        result
    }

    fn add(&mut self, name: &str, is_flagged: bool, (score, is_scored): (f64, bool)) {
        self.flagged |= is_flagged;
        self.categories.insert(name.to_owned(), is_flagged);
        self.category_scores.insert(name.to_owned(), score);
        let applied = if is_scored { vec!["text"] } else { Vec::new() };
        self.category_applied_input_types.insert(name.to_owned(), applied);
    }
}

#[cfg(test)]
mod tests {
    use policies::{Finding, Record, Score, Severity, Verdict};

    use super::*;

    fn result(action: Action, found: &[Category], not_scored: &[Category]) -> ResultJson {
        let finding = |category: &Category| Finding {
            category: category.clone(),
            score: Score::CERTAIN,
            severity: Severity::MILD,
            evidence: Vec::new(),
        };
        let judged = found.iter().chain(not_scored);
        let verdict = Verdict {
            action,
            language: "en".into(),
            is_ruled: false,
            findings: found.iter().map(finding).collect(),
            scores: judged.map(|category| (category.clone(), Default::default())).collect(),
            explanations: Vec::new(),
        };
        let record = Record {
            stages: Vec::new(),
            policy: "".into(),
            models: BTreeMap::new(),
            index: None,
            not_scored: not_scored.to_vec(),
        };
        ResultJson::new(&Judgment { verdict, record, rewritten: None })
    }

    fn flagged(result: &ResultJson) -> Vec<&str> {
        let flagged: Vec<&str> =
            result.categories.iter().filter_map(|(name, flag)| flag.then_some(name.as_str())).collect();
        assert_eq!(result.flagged, !flagged.is_empty());
        flagged
    }

    #[test]
    fn what_the_verdict_stands_by_is_flagged_and_what_it_lifts_is_not() {
        let found = [Category::Hate, Category::Custom("secrets".into())];
        assert_eq!(flagged(&result(Action::Flag, &found, &[])), ["hate", "secrets"]);
        assert!(flagged(&result(Action::Allow, &found, &[])).is_empty());
    }

    #[test]
    fn a_text_that_could_not_be_judged_is_flagged_where_the_policy_demands_something() {
        let result = result(Action::Review, &[], &[Category::Hate]);
        assert_eq!(flagged(&result), [UNNAMED]);
        assert!(result.category_applied_input_types["hate"].is_empty());
    }
}
