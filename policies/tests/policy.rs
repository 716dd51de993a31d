//! What a policy file must say, and what it is told when it does not.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use policies::{Action, Case, Category, Finding, Policy, Score, Severity};
use proptest::prelude::*;

const SMALLEST: &str = r#"
name = "smallest"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "hate"
definition = "Hatred."
[[stage]]
kind = "blocklist"
on_fault = "review"
"#;

fn refusal(text: &str) -> String {
    Policy::parse(text).expect_err("the policy is wrong").to_string()
}

/// The smallest policy with `more` at its end.
fn with(more: &str) -> String {
    format!("{SMALLEST}{more}")
}

#[test]
fn the_smallest_policy_is_a_policy() {
    let policy = Policy::parse(SMALLEST).expect("it holds all that is needed");
    assert_eq!(policy.name(), "smallest");
    assert_eq!(policy.stages()[0].label(), "blocklist");
}

#[test]
fn a_policy_without_stages_is_refused() {
    let (head, _) = SMALLEST.split_once("[[stage]]").expect("it has a stage");
    assert!(refusal(head).contains("it has no [[stage]]: an empty pipeline allows everything"));
}

#[test]
fn a_misspelt_option_is_refused_with_the_names_there_are() {
    let text = refusal(&SMALLEST.replace("definition", "defintion"));
    assert!(text.contains("unknown field `defintion`"), "{text}");
    assert!(text.contains("`definition`"), "{text}");
    let text = refusal(&SMALLEST.replace("languages", "langauges"));
    assert!(text.contains("unknown field `langauges`"), "{text}");
}

#[test]
fn a_stage_must_say_what_its_faults_lead_to() {
    let text = refusal(&SMALLEST.replace("on_fault = \"review\"", ""));
    assert!(text.contains("missing field `on_fault`"), "{text}");
}

#[test]
fn a_category_that_is_not_built_in_must_be_declared_as_ones_own() {
    let misspelt = with("[[category]]\nname = \"harrassment\"\ndefinition = \"x\"\n");
    let text = refusal(&misspelt);
    assert!(text.contains("`harrassment` is not built in"), "{text}");
    assert!(text.contains("harassment/threatening"), "{text}");
    let own = with("[[category]]\nname = \"spoilers\"\ncustom = true\ndefinition = \"x\"\n");
    let policy = Policy::parse(&own).expect("declared");
    assert_eq!(
        policy.category("spoilers").map(|rule| &rule.name),
        Some(&Category::Custom("spoilers".into()))
    );
}

#[test]
fn every_contradiction_is_named_at_once() {
    let text = refusal(&with(
        "[[category]]\nname = \"spam\"\ndefinition = \"x\"\nscore = { flag = 0.9, review = 0.7, block = 0.95 }\n\
         [[clause]]\nid = \"c\"\ncategory = \"pii\"\nseverity = 3\ntext = \"x\"\n\
         [[precedent]]\nid = \"p\"\ntext = \"x\"\nlanguage = \"en\"\nruling = \"allow\"\ncategory = \"hate\"\n\
         [[case]]\nid = \"k\"\ntext = \"x\"\nlanguage = \"en\"\n",
    ));
    for part in [
        "category `spam`: score lines must ascend",
        "clause `c`: category `pii` has no [[category]] entry",
        "precedent `p`: a category goes with every ruling but `allow`",
        "case `k`: give exactly one of",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn a_severity_beyond_seven_is_refused() {
    let text = refusal(&with("[[clause]]\nid = \"c\"\ncategory = \"hate\"\nseverity = 8\ntext = \"x\"\n"));
    assert!(text.contains("severity 8 is not within 0 to 7"), "{text}");
}

#[test]
fn the_digest_knows_content_from_layout() {
    let digest = |text: &str| Policy::parse(text).expect("a policy").digest().to_string();
    let reordered = SMALLEST.replace(
        "name = \"smallest\"\nversion = \"1\"",
        "# a comment\nversion   =   \"1\"\nname = 'smallest'",
    );
    assert_eq!(digest(SMALLEST), digest(&reordered));
    assert_ne!(digest(SMALLEST), digest(&SMALLEST.replace("0.9", "0.91")));
    assert_eq!(digest(SMALLEST).len(), 64);
}

#[test]
fn a_lists_file_belongs_to_the_policy_and_its_digest() {
    let text = with("[[blocklist]]\nname = \"l\"\ncategory = \"hate\"\nseverity = 3\nfile = \"terms.txt\"\n");
    let read = |terms: &'static str| Policy::parse_with_files(&text, move |_| Ok(terms.to_owned()));
    let one = read("alpha\n\n beta \n").expect("a policy");
    let terms: Vec<&str> = one.blocklist("l").expect("the list").terms.iter().map(|term| &**term).collect();
    assert_eq!(terms, ["alpha", "beta"]);
    assert_ne!(one.digest(), read("alpha\n").expect("a policy").digest());
    assert!(refusal(&text).contains("`terms.txt` cannot be read"));
}

#[test]
fn a_finding_must_reach_both_lines() {
    let policy = Policy::parse(SMALLEST).expect("a policy");
    let action = |score: f32, severity: u8| policy.action_for(&hate(score, severity), "en");
    assert_eq!(action(0.95, 5), Action::Block);
    assert_eq!(action(0.95, 3), Action::Review);
    assert_eq!(action(0.6, 7), Action::Flag);
    assert_eq!(action(1.0, 0), Action::Allow);
    assert_eq!(action(0.4, 7), Action::Allow);
}

#[test]
fn a_case_says_what_is_wrong_with_a_verdict() {
    let case = |expectation: &str| -> Case {
        let text = with(&format!(
            "[[case]]\nid = \"k\"\ntext = \"x\"\nlanguage = \"en\"\n{expectation}\ncategories = [\"hate\"]\n"
        ));
        Policy::parse(&text).expect("a policy").cases()[0].clone()
    };
    let hate = [Category::Hate];
    assert_eq!(case("action = \"block\"").objection(Action::Block, &hate), None);
    let objection = case("at_least = \"review\"").objection(Action::Flag, &hate);
    assert_eq!(objection.as_deref(), Some("expected at least review, got flag"));
    let objection = case("at_most = \"flag\"").objection(Action::Block, &hate);
    assert_eq!(objection.as_deref(), Some("expected at most flag, got block"));
    let objection = case("action = \"flag\"").objection(Action::Flag, &[Category::Spam]);
    assert_eq!(objection.as_deref(), Some("expected one of [hate], found [spam]"));
}

#[test]
fn the_default_policy_holds_what_it_promises() {
    let policy = Policy::parse(include_str!("../library/default.toml")).expect("it ships");
    assert_eq!(policy.warnings(), Vec::<String>::new());
    for category in Category::BUILTIN {
        assert!(policy.category(category.name()).is_some(), "{category} is not judged");
    }
    assert!(policy.cases().len() >= 60 && policy.precedents().len() >= 200);
    let german = policy.precedents().iter().filter(|precedent| precedent.language == "de").count();
    assert!(german * 10 >= policy.precedents().len() * 4, "{german} are German");
}

/// A finding of the smallest policy's category.
fn hate(score: f32, severity: u8) -> Finding {
    Finding {
        category: Category::Hate,
        score: Score::new(score).expect("a score"),
        severity: Severity::new(severity).expect("a severity"),
        evidence: Vec::new(),
    }
}

/// The smallest policy in three languages, with `more` among the lines of its category.
fn with_lines(more: &str) -> String {
    let text = SMALLEST.replace("languages = [\"en\"]", "languages = [\"en\", \"de\", \"fr\"]");
    text.replace("definition = \"Hatred.\"\n", &format!("definition = \"Hatred.\"\n{more}\n"))
}

#[test]
fn lines_for_a_language_hold_for_texts_in_it_and_for_no_others() {
    let dotted = with_lines("language.de.score = { flag = 0.2, review = 0.3, block = 0.4 }");
    let table = with_lines("[category.language.de]\nscore = { flag = 0.2, review = 0.3, block = 0.4 }");
    for text in [dotted, table] {
        let policy = Policy::parse(&text).expect("a policy");
        let action = |score, severity, language| policy.action_for(&hate(score, severity), language);
        assert_eq!(action(0.45, 7, "de"), Action::Block);
        assert_eq!(action(0.45, 7, "en"), Action::Allow);
        assert_eq!(action(0.45, 7, "und"), Action::Allow);
        // What is not given for the language is as for any other: a severity of 3 is not blocked.
        assert_eq!(action(0.45, 3, "de"), Action::Review);
        assert_eq!(policy.flag_line(&Category::Hate, "de"), Some(0.2));
        assert_eq!(policy.flag_line(&Category::Hate, "fr"), Some(0.5));
        assert_eq!(policy.flag_line(&Category::Spam, "de"), None);
    }
}

#[test]
fn lines_for_a_language_are_part_of_the_digest() {
    let digest = |more: &str| Policy::parse(&with_lines(more)).expect("a policy").digest().to_string();
    let one = digest("language.de.severity = { flag = 1, review = 2, block = 3 }");
    assert_ne!(one, digest(""));
    assert_ne!(one, digest("language.de.severity = { flag = 1, review = 2, block = 4 }"));
    assert_ne!(one, digest("language.fr.severity = { flag = 1, review = 2, block = 3 }"));
}

#[test]
fn lines_for_a_language_that_would_never_be_read_are_refused() {
    for (lines, sentence) in [
        (
            "language.it.score = { flag = 0.2, review = 0.3, block = 0.4 }",
            "category `hate`, language `it`: the language is not among the policy's `languages`, en, de, fr",
        ),
        ("language.de = {}", "category `hate`, language `de`: neither `score` nor `severity` is given"),
        (
            "language.de.score = { flag = 0.5, review = 0.3, block = 0.4 }",
            "category `hate`, language `de`: score lines must ascend within 0 to 1",
        ),
        (
            "language.de.severity = { flag = 1, review = 3, block = 8 }",
            "category `hate`, language `de`: severity lines must ascend within 0 to 7",
        ),
        ("language.de.scores = { flag = 0.2, review = 0.3, block = 0.4 }", "unknown field `scores`"),
    ] {
        let said = refusal(&with_lines(lines));
        assert!(said.contains(sentence), "`{sentence}` is not in: {said}");
    }
}

#[test]
fn lines_for_a_language_may_raise_a_floor_and_not_lower_it() {
    let floor = |lines: &str| with_lines(&format!("floor = true\n{lines}"));
    for stricter in [
        "language.de.score = { flag = 0.4, review = 0.7, block = 0.8 }",
        "language.de.severity = { flag = 1, review = 2, block = 4 }",
    ] {
        Policy::parse(&floor(stricter)).expect("a floor may be stricter in a language");
    }
    for laxer in [
        "language.de.score = { flag = 0.51, review = 0.7, block = 0.9 }",
        "language.de.score = { flag = 0.1, review = 0.2, block = 0.95 }",
        "language.de.severity = { flag = 1, review = 4, block = 4 }",
    ] {
        let said = refusal(&floor(laxer));
        assert!(said.contains("the category is a floor"), "{laxer}: {said}");
        Policy::parse(&with_lines(laxer)).expect("another category may be laxer in a language");
    }
}

/// Three ascending lines, as text.
fn ascending() -> impl Strategy<Value = [f32; 3]> {
    [0.0_f32..=1.0, 0.0..=1.0, 0.0..=1.0].prop_map(|mut lines| {
        lines.sort_by(f32::total_cmp);
        lines
    })
}

fn score_lines([flag, review, block]: [f32; 3]) -> String {
    format!("score = {{ flag = {flag:?}, review = {review:?}, block = {block:?} }}")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_language_is_judged_as_by_a_policy_whose_plain_lines_are_those_of_the_language(
        plain in ascending(),
        german in ascending(),
        score in 0.0_f32..=1.0,
        severity in 0_u8..=7,
    ) {
        let lines = format!("{}\nlanguage.de.{}", score_lines(plain), score_lines(german));
        let both = Policy::parse(&with_lines(&lines)).expect("a policy");
        let alone = |lines| Policy::parse(&with_lines(&score_lines(lines))).expect("a policy");
        let finding = hate(score, severity);
        prop_assert_eq!(both.action_for(&finding, "de"), alone(german).action_for(&finding, "en"));
        prop_assert_eq!(both.action_for(&finding, "en"), alone(plain).action_for(&finding, "en"));
        prop_assert_eq!(both.action_for(&finding, "und"), alone(plain).action_for(&finding, "de"));
    }

    #[test]
    fn a_higher_score_or_severity_never_makes_an_action_milder(
        plain in ascending(),
        german in ascending(),
        (low, high) in (0.0_f32..=1.0, 0.0_f32..=1.0),
        (mild, severe) in (0_u8..=7, 0_u8..=7),
    ) {
        let lines = format!("{}\nlanguage.de.{}", score_lines(plain), score_lines(german));
        let policy = Policy::parse(&with_lines(&lines)).expect("a policy");
        let least = hate(low.min(high), mild.min(severe));
        let most = hate(low.max(high), mild.max(severe));
        for language in ["en", "de", "und"] {
            prop_assert!(policy.action_for(&least, language) <= policy.action_for(&most, language));
        }
    }
}
