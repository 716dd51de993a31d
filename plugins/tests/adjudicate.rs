//! `adjudicate` with the guard that ships: when it is asked, what it changes, and what the record says of it.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use inference::Llama;
use plugins::{PluginError, Resources};
use policies::{Ask, Category, Content, Evidence, Judgment, Pipeline, Policy, StageRun};
use support::{guard, llama, models};

/// A policy whose only doubt is insults.
const HEAD: &str = r#"
name = "small"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 0, review = 0, block = 0 }
[[category]]
name = "harassment"
definition = "Insults a person."
[[clause]]
id = "harassment-1"
category = "harassment"
severity = 4
text = "Do not insult people."
[[precedent]]
id = "p-1"
text = "Nobody wants to hear from you, you silly clown."
language = "en"
ruling = "block"
category = "harassment"
severity = 4
[[precedent]]
id = "p-2"
text = "Nobody asked you to wear the silly clown costume, but we all loved it."
language = "en"
ruling = "allow"
[[stage]]
kind = "retrieve"
on_fault = "review"
clause_at_least = -1.0
at_least = -1.0
[[stage]]
kind = "classify"
on_fault = "review"
weigh_from = 0.98
weigh_full = 0.99
agree_from = 0.98
agree_full = 0.99
[[stage]]
kind = "adjudicate"
on_fault = "review"
"#;

const INSULT: &str = "Nobody asked you, you silly little clown.";
const KIND: &str = "Thank you, that was very kind of you.";

fn built(lines: &str, llama: Option<&Llama>) -> Result<Pipeline, PluginError> {
    let (runtime, embedder, classifier) = models();
    let policy = Arc::new(Policy::parse(&format!("{HEAD}{lines}\n")).expect("a policy"));
    let own = runtime.block_on(plugins::policy_bank(&policy, embedder, None)).expect("the bank is built");
    let (embedder, classifier) = (embedder.clone(), Arc::clone(classifier));
    let resources = Resources {
        policy,
        embedder,
        classifier,
        banks: vec![own],
        tenant: None,
        llama: llama.cloned(),
        writer: None,
        judging: None,
    };
    plugins::builtin().pipeline(&resources)
}

fn judge_with(lines: &str, ask: &Ask, text: &str) -> Judgment {
    let pipeline = built(lines, Some(guard())).expect("the stages are built");
    let content = Arc::new(Content::new(text).expect("content"));
    models().0.block_on(pipeline.judge(content, ask))
}

fn judge(lines: &str, text: &str) -> Judgment {
    judge_with(lines, &Ask::default(), text)
}

fn harassment(judgment: &Judgment) -> f32 {
    judgment.verdict.scores[&Category::Harassment].0.value()
}

fn adjudicated(judgment: &Judgment) -> &StageRun {
    judgment.record.stages.last().expect("a last stage")
}

#[test]
fn a_text_inside_the_band_is_judged_by_the_llama_and_a_text_outside_is_not() {
    let before = harassment(&judge("weight = 0.0", INSULT));
    let around = format!("only_if = {{ score_within = [{}, {}] }}", before - 0.01, before + 0.01);
    let inside = judge(&around, INSULT);
    let run = adjudicated(&inside);
    assert_eq!((run.status.name(), run.device.as_deref()), ("ran", Some("cpu")));
    assert_eq!((run.bytes[0].start, run.bytes[0].end), (0, INSULT.len()));
    let outside = judge(&around, KIND);
    let run = adjudicated(&outside);
    assert_eq!((run.status.name(), run.tokens, run.bytes.len()), ("skipped", None, 0));
    assert!(!outside.record.degraded());
    assert!(outside.record.models["llama"].len() == 64, "the record names the model that was there");
}

#[test]
fn the_models_opinion_counts_as_much_as_its_weight_says() {
    let score = |weight: f32| harassment(&judge(&format!("weight = {weight}"), INSULT));
    let (none, half, all) = (score(0.0), score(0.5), score(1.0));
    assert!((none - all).abs() > 0.02, "the two opinions differ: {none}, {all}");
    let odds = |p: f32| (p / (1.0 - p)).ln();
    assert!((odds(half) - f32::midpoint(odds(none), odds(all))).abs() < 1e-3, "{none} {half} {all}");
}

#[test]
fn a_harm_that_is_likelier_than_not_has_a_severity() {
    let judged = judge("weight = 1.0", INSULT).verdict.scores[&Category::Harassment];
    assert!(judged.0.value() >= 0.5 && judged.1.value() >= 1, "{judged:?}");
    let findings = judge("weight = 0.0\nquestion_from = 0.0", KIND).verdict.scores;
    assert_eq!(findings[&Category::Harassment].1.value(), 0, "{findings:?}");
}

#[test]
fn an_opinion_of_harm_raises_the_likeliest_category_and_what_was_ruled_on_alone() {
    const HATE: &str = "[[category]]\nname = \"hate\"\ndefinition = \"Demeans people for their origin.\"\n";
    const RULED: &str = "[[precedent]]\nid = \"p-3\"\ntext = \"Nobody asked your kind, you clowns.\"\n\
                         language = \"en\"\nruling = \"block\"\ncategory = \"hate\"\nseverity = 4\n";
    let scores = |weight: f32, more: &str| {
        let lines = format!("weight = {weight}\nquestion_from = 0.0\n{HATE}{more}");
        let scores = judge(&lines, INSULT).verdict.scores;
        (scores[&Category::Harassment].0.value(), scores[&Category::Hate].0.value())
    };
    let (before, after) = (scores(0.0, ""), scores(0.5, ""));
    assert!(
        before.1 < before.0 && after.0 > before.0,
        "an insult, and likelier than hate: {before:?}, {after:?}"
    );
    assert!((after.1 - before.1).abs() < f32::EPSILON, "{before:?}, {after:?}");
    let (before, after) = (scores(0.0, RULED), scores(0.5, RULED));
    assert!(after.1 > before.1, "{before:?}, {after:?}");
}

#[test]
fn the_model_tells_an_insult_from_thanks() {
    let score = |text: &str| harassment(&judge("weight = 1.0", text));
    assert!(score(INSULT) > score(KIND) + 0.2, "{} {}", score(INSULT), score(KIND));
}

#[test]
fn tokens_are_counted_and_the_policy_is_read_once() {
    let pipeline = built("", Some(&llama("guard"))).expect("the stages are built");
    let tokens = |text: &str| {
        let content = Arc::new(Content::new(text).expect("content"));
        let judgment = models().0.block_on(pipeline.judge(content, &Ask::default()));
        adjudicated(&judgment).tokens.expect("a model read something")
    };
    let (first, second) = (tokens(INSULT), tokens(KIND));
    assert_eq!((first.cached, first.computed), (0, first.prompt));
    assert!(second.cached > 200, "the categories: {second:?}");
    assert_eq!(second.cached + second.computed, second.prompt);
}

#[test]
fn a_line_explains_the_opinion_to_whoever_asks_and_quotes_nothing() {
    let explain = Ask { explain: true, ..Ask::default() };
    let judgment = judge_with("", &explain, INSULT);
    let [line] = judgment.verdict.explanations.as_slice() else { panic!("one line") };
    for part in
        ["the model says ", "the probability of harm is 0.", "nearest precedent p-1 (block, similarity 0."]
    {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("clown") && !line.contains('\n'), "{line}");
    assert!(judge("", INSULT).verdict.explanations.is_empty());
}

#[test]
fn evidence_is_what_was_shown_and_speaks_for_the_opinion() {
    let judgment = judge("weight = 1.0", INSULT);
    let evidence = &judgment.verdict.findings.first().expect("a finding").evidence;
    let cites = |wanted: &str| {
        evidence.iter().any(|one| match one {
            Evidence::Precedent { id, .. } | Evidence::Clause(id) => &**id == wanted,
            Evidence::Span(_) | Evidence::Listed { .. } => false,
        })
    };
    assert!(cites("p-1") && cites("harassment-1"), "{evidence:?}");
    assert!(!cites("p-2"), "what was allowed does not speak for harm");
    assert!(evidence.iter().any(|one| matches!(one, Evidence::Span(span) if span.end == INSULT.len())));
}

#[test]
fn a_long_text_is_read_in_windows_and_its_worst_one_counts() {
    let long = format!(
        "{}{} {}",
        "We went to the market. ".repeat(150),
        format!("{INSULT} ").repeat(10),
        "Then we went home. ".repeat(150)
    );
    let judgment = judge("weight = 1.0", &long);
    let run = adjudicated(&judgment);
    assert_eq!(run.status.name(), "ran");
    let read: usize = run.bytes.iter().map(|span| span.end - span.start).sum();
    assert_eq!(read, long.len(), "every byte was read");
    let boring = harassment(&judge("weight = 1.0", &"We went to the market. ".repeat(300)));
    assert!(harassment(&judgment) > boring + 0.1, "{} {boring}", harassment(&judgment));
}

#[test]
fn a_deadline_cuts_it_short_and_the_record_says_so() {
    let ask = Ask { budget: Some(Duration::from_millis(1500)), ..Ask::default() };
    let judgment = judge_with("", &ask, &"We went to the market and bought some bread. ".repeat(8000));
    let run = adjudicated(&judgment);
    assert!(run.status.is_fault(), "{:?}", run.status);
    assert!(judgment.record.degraded());
}

#[test]
fn a_chat_model_takes_the_same_seat() {
    let pipeline = built("", Some(&llama("tiny-llama"))).expect("the stages are built");
    let content = Arc::new(Content::new(INSULT).expect("content"));
    let judgment = models().0.block_on(pipeline.judge(content, &Ask::default()));
    assert_eq!(adjudicated(&judgment).status.name(), "ran");
}

#[test]
fn what_cannot_work_is_refused_with_what_to_change() {
    let refused = |lines: &str, llama| built(lines, llama).err().expect("it is refused").to_string();
    assert!(refused("", None).contains("name its folder in `llama.folder`"));
    assert!(refused("wieght = 1.0", Some(guard())).contains("`weight`"));
    assert!(refused("weight = 2.0", Some(guard())).contains("lie within 0 to 1"));
    assert!(refused("precedents = 17", Some(guard())).contains("at most 16"));
}
