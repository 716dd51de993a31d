//! What a policy's parts must agree on.

use std::collections::HashSet;

use super::file::{Case, CategoryRule, Lines, Thresholds, Written};
use crate::Category;

/// Contradictions: a policy with any of them is refused.
pub(super) fn faults(policy: &Written) -> Vec<String> {
    let mut faults = Vec::new();
    if policy.stage.is_empty() {
        faults.push("it has no [[stage]]: an empty pipeline allows everything".to_owned());
    }
    if policy.category.is_empty() {
        faults.push("it has no [[category]]".to_owned());
    }
    check_names(policy, &mut faults);
    check_lines(policy, &mut faults);
    check_categories(policy, &mut faults);
    check_references(policy, &mut faults);
    faults
}

fn check_names(policy: &Written, faults: &mut Vec<String>) {
    let mut unique = |what: &str, names: &mut dyn Iterator<Item = &str>| {
        let mut seen = HashSet::new();
        for name in names {
            if name.is_empty() {
                faults.push(format!("a {what} has an empty name"));
            } else if !seen.insert(name) {
                faults.push(format!("two {what} entries are called `{name}`"));
            }
        }
    };
    unique("[[category]]", &mut policy.category.iter().map(|rule| rule.name.name()));
    unique("[[clause]]", &mut policy.clause.iter().map(|clause| &*clause.id));
    unique("[[stage]]", &mut policy.stage.iter().map(super::StageSpec::label));
    unique("[[summary]]", &mut policy.summary.iter().map(super::StageSpec::label));
    unique("[[blocklist]]", &mut policy.blocklist.iter().map(|list| &*list.name));
    unique("[[precedent]]", &mut policy.precedent.iter().map(|precedent| &*precedent.id));
    unique("[[case]]", &mut policy.case.iter().map(|case| &*case.id));
}

fn check_lines(policy: &Written, faults: &mut Vec<String>) {
    let mut check = |whose: &str, score: Option<Lines<f32>>, severity: Option<Lines<u8>>| {
        if let Some(lines) = score {
            let ascending = lines.flag <= lines.review && lines.review <= lines.block;
            if !(ascending && (0.0..=1.0).contains(&lines.flag) && (0.0..=1.0).contains(&lines.block)) {
                faults.push(format!("{whose}: score lines must ascend within 0 to 1"));
            }
        }
        if let Some(lines) = severity
            && !(lines.flag <= lines.review && lines.review <= lines.block && lines.block <= 7)
        {
            faults.push(format!("{whose}: severity lines must ascend within 0 to 7"));
        }
    };
    check("[thresholds]", Some(policy.thresholds.score), Some(policy.thresholds.severity));
    for rule in &policy.category {
        check(&format!("category `{}`", rule.name), rule.score, rule.severity);
        for (language, lines) in &rule.language {
            let whose = format!("category `{}`, language `{language}`", rule.name);
            check(&whose, lines.score, lines.severity);
        }
    }
    for rule in &policy.category {
        check_languages(policy, rule, faults);
    }
}

/// Lines for a language that nothing would ever read, and those that would lower a floor.
fn check_languages(policy: &Written, rule: &CategoryRule, faults: &mut Vec<String>) {
    let Thresholds { score, severity } = rule.lines("", policy.thresholds);
    for (language, lines) in &rule.language {
        let whose = format!("category `{}`, language `{language}`", rule.name);
        if !policy.languages.contains(language) {
            faults.push(format!(
                "{whose}: the language is not among the policy's `languages`, {}",
                policy.languages.join(", ")
            ));
        }
        if lines.score.is_none() && lines.severity.is_none() {
            faults.push(format!("{whose}: neither `score` nor `severity` is given"));
        }
        let laxer_score = lines.score.is_some_and(|own| own.is_laxer_than(score));
        let laxer_severity = lines.severity.is_some_and(|own| own.is_laxer_than(severity));
        if rule.floor && (laxer_score || laxer_severity) {
            faults.push(format!(
                "{whose}: the category is a floor, its lines for a language are no higher than for any other"
            ));
        }
    }
}

fn check_categories(policy: &Written, faults: &mut Vec<String>) {
    for rule in &policy.category {
        match (&rule.name, rule.custom) {
            (Category::Custom(name), false) => faults.push(format!(
                "category `{name}` is not built in (say `custom = true` if it is your own); built in are {}",
                Category::BUILTIN.map(|category| category.name().to_owned()).join(", ")
            )),
            (name, true) if !matches!(name, Category::Custom(_)) => {
                faults.push(format!("category `{name}` is built in and cannot be `custom`"));
            }
            _ => {}
        }
    }
}

fn check_references(policy: &Written, faults: &mut Vec<String>) {
    let judged: HashSet<&Category> = policy.category.iter().map(|rule| &rule.name).collect();
    let mut known = |whose: String, categories: &mut dyn Iterator<Item = &Category>| {
        for category in categories.filter(|category| !judged.contains(category)) {
            faults.push(format!("{whose}: category `{category}` has no [[category]] entry"));
        }
    };
    for clause in &policy.clause {
        known(format!("clause `{}`", clause.id), &mut [&clause.category].into_iter());
    }
    for list in &policy.blocklist {
        known(format!("blocklist `{}`", list.name), &mut [&list.category].into_iter());
    }
    for precedent in &policy.precedent {
        known(format!("precedent `{}`", precedent.id), &mut precedent.category.iter());
    }
    for case in &policy.case {
        known(format!("case `{}`", case.id), &mut case.categories.iter());
    }
    for stage in policy.stage.iter().chain(&policy.summary) {
        known(format!("stage `{}`: only_if", stage.label()), &mut stage.only_if.categories.iter());
    }
    for stage in policy.stage.iter().chain(&policy.summary) {
        if stage
            .only_if
            .score_within
            .is_some_and(|super::Bounds(low, high)| !(0.0 <= low && low <= high && high <= 1.0))
        {
            faults.push(format!(
                "stage `{}`: only_if.score_within must be two ascending scores",
                stage.label()
            ));
        }
    }
    for precedent in &policy.precedent {
        if (precedent.ruling == crate::Action::Allow) != precedent.category.is_none() {
            faults.push(format!(
                "precedent `{}`: a category goes with every ruling but `allow`, and with that one not",
                precedent.id
            ));
        }
    }
    faults.extend(policy.case.iter().filter_map(expectation));
}

fn expectation(case: &Case) -> Option<String> {
    let given = [case.action, case.at_least, case.at_most].iter().flatten().count();
    (given != 1)
        .then(|| format!("case `{}`: give exactly one of `action`, `at_least` and `at_most`", case.id))
}

/// What may be meant otherwise.
pub(super) fn warnings(policy: &Written) -> Vec<String> {
    let mut warnings = Vec::new();
    if policy.case.is_empty() {
        warnings.push("it has no [[case]]: nothing tests it".to_owned());
    }
    for rule in &policy.category {
        if !policy.clause.iter().any(|clause| clause.category == rule.name) {
            warnings.push(format!("category `{}` has no [[clause]] to cite", rule.name));
        }
    }
    let precedents: HashSet<&str> = policy.precedent.iter().map(|precedent| precedent.text.trim()).collect();
    for case in policy.case.iter().filter(|case| precedents.contains(case.text.trim())) {
        warnings.push(format!("case `{}` is also a precedent: it tests nothing", case.id));
    }
    for list in &policy.blocklist {
        if list.terms.is_empty() && list.patterns.is_empty() {
            warnings.push(format!("blocklist `{}` is empty", list.name));
        }
    }
    warnings
}
