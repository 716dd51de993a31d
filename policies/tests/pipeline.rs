//! How stages, faults, rulings and deadlines come together in a verdict.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use policies::{
    Action, Ask, Category, Content, Dossier, Entry, Evidence, Examination, Finding, Judgment, Pipeline,
    Policy, Precedent, Retrieved, Revision, Ruling, Score, Seat, Severity, Span, Stage, StageError,
};
use proptest::prelude::*;

/// A stage that does what the test says.
enum Scripted {
    Finds(Vec<Finding>),
    Revises(Vec<Finding>),
    Rules(Ruling),
    Breaks,
    Panics,
    Hangs,
    CutsShort,
}

#[async_trait]
impl Stage for Scripted {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let whole = |entry| Examination::of_whole(dossier, entry);
        match self {
            Self::Finds(findings) => Ok(Examination {
                scored: findings.iter().map(|finding| finding.category.clone()).collect(),
                ..whole(Entry::Findings(findings.clone()))
            }),
            Self::Revises(findings) => Ok(whole(Entry::Revision(Revision {
                findings: findings.clone(),
                explanation: dossier.explain().then(|| "because".into()),
            }))),
            Self::Rules(ruling) => Ok(whole(Entry::Ruling(ruling.clone()))),
            Self::Breaks => Err(StageError::Unavailable { dependency: "test", source: "gone".into() }),
            Self::Panics => panic!("on purpose"),
            Self::Hangs => std::future::pending().await,
            Self::CutsShort => Ok(Examination {
                read: vec![Span { start: 0, end: 1 }],
                cut_short: Some("half of it".to_owned()),
                ..whole(Entry::Findings(Vec::new()))
            }),
        }
    }
}

/// A stage that retrieves one precedent.
struct Retrieves;
#[async_trait]
impl Stage for Retrieves {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let known = Precedent {
            id: "p1".into(),
            similarity: 0.9,
            category: Some(Category::Hate),
            severity: Severity::default(),
            ruling: Action::Block,
            text: "a text".into(),
            alone: true,
        };
        let retrieved = Retrieved { precedents: vec![known], ..Retrieved::default() };
        Ok(Examination::of_whole(dossier, Entry::Precedents(retrieved)))
    }
}

const HEAD: &str = r#"
name = "test"
version = "1"
languages = ["en", "de"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "hate"
definition = "x"
language.de.score = { flag = 0.2, review = 0.7, block = 0.9 }
[[category]]
name = "violence"
definition = "x"
floor = true
[[clause]]
id = "hate-1"
category = "hate"
severity = 4
text = "x"
"#;

/// A pipeline of scripted stages, each with its lines of the policy file.
fn pipeline(stages: Vec<(&str, Scripted)>) -> Pipeline {
    let mut text = vec![HEAD.to_owned()];
    for (place, (lines, _)) in stages.iter().enumerate() {
        text.push(format!("[[stage]]\nkind = \"scripted\"\nname = \"s{place}\"\n{lines}\n"));
    }
    let text = text.concat();
    let policy = Arc::new(Policy::parse(&text).expect("a policy"));
    let seat = |(spec, (_, stage)): (&policies::StageSpec, (&str, Scripted))| Seat {
        spec: spec.clone(),
        stage: Box::new(stage),
    };
    let seats = policy.stages().iter().zip(stages).map(seat).collect();
    Pipeline::new(policy, seats, BTreeMap::new(), None)
}

async fn judge(stages: Vec<(&str, Scripted)>) -> Judgment {
    judge_within(stages, &Ask::default()).await
}

async fn judge_within(stages: Vec<(&str, Scripted)>, ask: &Ask) -> Judgment {
    let content = Arc::new(Content::new("Grüß dich, Welt").expect("content"));
    pipeline(stages).judge(content, ask).await
}

fn finding(category: Category, score: f32, severity: u8) -> Finding {
    Finding {
        category,
        score: Score::new(score).expect("a score"),
        severity: Severity::new(severity).expect("a severity"),
        evidence: Vec::new(),
    }
}

fn statuses(judgment: &Judgment) -> Vec<&'static str> {
    judgment.record.stages.iter().map(|run| run.status.name()).collect()
}

const SKIP: &str = "on_fault = \"skip\"";
const REVIEW: &str = "on_fault = \"review\"";
const BLOCK: &str = "on_fault = \"block\"";

fn allow(precedents: Vec<Precedent>) -> Scripted {
    let reason = "the text is an exact copy".to_owned();
    Scripted::Rules(Ruling { action: Action::Allow, findings: Vec::new(), precedents, reason })
}

#[tokio::test]
async fn a_fault_leads_to_what_the_policy_says_and_never_to_silence() {
    for (lines, expected) in [(SKIP, Action::Allow), (REVIEW, Action::Review), (BLOCK, Action::Block)] {
        for fault in [Scripted::Breaks, Scripted::Panics, Scripted::CutsShort] {
            let judgment = judge(vec![(lines, fault)]).await;
            assert_eq!(judgment.verdict.action, expected);
            assert!(judgment.record.degraded());
        }
    }
}

#[tokio::test]
async fn later_stages_run_although_an_earlier_one_failed() {
    let hate = Scripted::Finds(vec![finding(Category::Hate, 0.95, 5)]);
    let judgment = judge(vec![(SKIP, Scripted::Breaks), (SKIP, hate)]).await;
    assert_eq!(statuses(&judgment), ["failed", "ran"]);
    assert_eq!(judgment.record.stages[0].status.reason(), Some("`test` did not answer: gone"));
    assert_eq!(judgment.verdict.action, Action::Block);
}

#[tokio::test]
async fn a_text_is_held_against_the_lines_for_its_language() {
    for (text, language, expected) in [
        ("Morgen regnet es im Norden, und abends wird es kühl.", "de", Action::Flag),
        ("Tomorrow there will be rain in the north of the country.", "en", Action::Allow),
        ("12345 67890", "und", Action::Allow),
    ] {
        let content = Arc::new(Content::new(text).expect("content"));
        let found = Scripted::Finds(vec![finding(Category::Hate, 0.3, 5)]);
        let judgment = pipeline(vec![(SKIP, found)]).judge(content, &Ask::default()).await;
        let verdict = judgment.verdict;
        assert_eq!((&*verdict.language, verdict.action), (language, expected));
        assert_eq!(verdict.findings.is_empty(), expected == Action::Allow);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_hangs_is_cut_off_at_the_budget() {
    let ask = Ask { budget: Some(Duration::from_millis(80)), ..Ask::default() };
    let judgment = judge_within(vec![(REVIEW, Scripted::Hangs)], &ask).await;
    assert_eq!(statuses(&judgment), ["timed_out"]);
    assert_eq!(judgment.verdict.action, Action::Review);
    let own = "on_fault = \"skip\"\ndeadline_ms = 5";
    let hate = Scripted::Finds(vec![finding(Category::Hate, 0.6, 5)]);
    let judgment = judge(vec![(own, Scripted::Hangs), (SKIP, hate)]).await;
    assert_eq!(statuses(&judgment), ["timed_out", "ran"]);
    assert_eq!(judgment.verdict.action, Action::Flag);
}

#[tokio::test]
async fn a_ruling_ends_the_case_and_clears_what_is_no_floor() {
    let hate = || Scripted::Finds(vec![finding(Category::Hate, 0.99, 7)]);
    let judgment = judge(vec![(SKIP, hate()), (SKIP, allow(Vec::new())), (SKIP, hate())]).await;
    assert_eq!(statuses(&judgment), ["ran", "ran", "skipped"]);
    assert_eq!(judgment.record.stages[2].status.reason(), Some("the text is an exact copy"));
    assert_eq!(judgment.verdict.action, Action::Allow);
    assert!(!judgment.record.degraded(), "what need not run is no fault");
}

#[tokio::test]
async fn a_ruling_lifts_neither_a_floor_nor_what_a_fault_demanded() {
    let violence = Scripted::Finds(vec![finding(Category::Violence, 0.99, 7)]);
    let judgment = judge(vec![(SKIP, violence), (SKIP, allow(Vec::new()))]).await;
    assert_eq!(judgment.verdict.action, Action::Block);
    let judgment = judge(vec![(REVIEW, Scripted::Breaks), (SKIP, allow(Vec::new()))]).await;
    assert_eq!(judgment.verdict.action, Action::Review);
}

#[tokio::test]
async fn a_second_opinion_takes_the_place_of_the_first() {
    for (score, expected) in [(0.1, Action::Allow), (0.95, Action::Block)] {
        let first = Scripted::Finds(vec![finding(Category::Hate, 0.75, 4)]);
        let second = Scripted::Revises(vec![finding(Category::Hate, score, 4)]);
        let verdict = judge(vec![(SKIP, first), (SKIP, second)]).await.verdict;
        assert_eq!(verdict.action, expected);
        assert!((verdict.scores[&Category::Hate].0.value() - score).abs() < 1e-6);
        assert!(verdict.explanations.is_empty(), "nobody asked for one");
    }
}

#[tokio::test]
async fn a_second_opinion_cannot_make_light_of_what_is_certain_or_a_floor() {
    let certain = Scripted::Finds(vec![finding(Category::Hate, 1.0, 4)]);
    let mild =
        || Scripted::Revises(vec![finding(Category::Hate, 0.1, 0), finding(Category::Violence, 0.1, 0)]);
    assert_eq!(judge(vec![(SKIP, certain), (SKIP, mild())]).await.verdict.action, Action::Block);
    let floor = Scripted::Finds(vec![finding(Category::Violence, 0.95, 4)]);
    assert_eq!(judge(vec![(SKIP, floor), (SKIP, mild())]).await.verdict.action, Action::Block);
}

#[tokio::test]
async fn a_stage_explains_itself_to_whoever_asks() {
    let ask = Ask { explain: true, ..Ask::default() };
    let verdict = judge_within(vec![(SKIP, Scripted::Revises(Vec::new()))], &ask).await.verdict;
    assert_eq!(verdict.explanations, ["because".into()]);
}

#[tokio::test]
async fn a_stage_runs_only_inside_the_band_it_is_given() {
    let band = "on_fault = \"block\"\nonly_if = { score_within = [0.3, 0.7] }";
    for (score, expected) in [(0.2, "skipped"), (0.3, "ran"), (0.7, "ran"), (0.71, "skipped")] {
        let first = Scripted::Finds(vec![finding(Category::Hate, score, 0)]);
        let judgment = judge(vec![(SKIP, first), (band, Scripted::Finds(Vec::new()))]).await;
        assert_eq!(statuses(&judgment)[1], expected, "at {score}");
        assert!(!judgment.record.degraded());
    }
}

#[tokio::test]
async fn a_category_that_nothing_scores_is_listed_and_its_zero_says_so() {
    let judgment = judge(vec![(SKIP, Scripted::Finds(vec![finding(Category::Hate, 0.1, 0)]))]).await;
    assert_eq!(judgment.record.not_scored, [Category::Violence]);
    assert_eq!(judgment.verdict.scores[&Category::Violence].0, Score::default());
    assert_eq!(judgment.verdict.scores.len(), 2);
}

#[tokio::test]
async fn a_request_may_name_its_categories_but_not_lose_a_floor() {
    let found = vec![finding(Category::Hate, 0.95, 5), finding(Category::Violence, 0.75, 3)];
    let ask = Ask { categories: [Category::Violence].into(), ..Ask::default() };
    let judgment = judge_within(vec![(SKIP, Scripted::Finds(found))], &ask).await;
    assert_eq!(judgment.verdict.scores.keys().collect::<Vec<_>>(), [&Category::Violence]);
    assert_eq!(judgment.verdict.action, Action::Review);
    let found = vec![finding(Category::Violence, 0.95, 5)];
    let ask = Ask { categories: [Category::Hate].into(), ..Ask::default() };
    let judgment = judge_within(vec![(SKIP, Scripted::Finds(found))], &ask).await;
    assert_eq!(judgment.verdict.action, Action::Block);
}

#[tokio::test]
async fn evidence_that_does_not_hold_is_dropped_before_anybody_sees_it() {
    let precedent = |id: &str| Evidence::Precedent { id: id.into(), similarity: 0.9, ruling: Action::Block };
    let mut found = finding(Category::Hate, 0.95, 5);
    found.evidence = vec![
        Evidence::Span(Span { start: 0, end: 2 }),
        // Byte 3 is inside "ü"; byte 99 is beyond the text.
        Evidence::Span(Span { start: 0, end: 3 }),
        Evidence::Span(Span { start: 0, end: 99 }),
        Evidence::Clause("hate-1".into()),
        Evidence::Clause("hate-99".into()),
        precedent("p1"),
        precedent("p2"),
    ];
    let text = format!("{HEAD}[[stage]]\nkind=\"r\"\n{SKIP}\n[[stage]]\nkind=\"f\"\n{SKIP}\n");
    let policy = Arc::new(Policy::parse(&text).expect("a policy"));
    let stages: [Box<dyn Stage>; 2] = [Box::new(Retrieves), Box::new(Scripted::Finds(vec![found]))];
    let seats = policy.stages().iter().zip(stages).map(|(spec, stage)| Seat { spec: spec.clone(), stage });
    let pipeline = Pipeline::new(Arc::clone(&policy), seats.collect(), BTreeMap::new(), None);
    let content = Arc::new(Content::new("Grüß dich, Welt").expect("content"));
    let judgment = pipeline.judge(content, &Ask::default()).await;
    let kept = &judgment.verdict.findings[0].evidence;
    let held =
        [Evidence::Span(Span { start: 0, end: 2 }), Evidence::Clause("hate-1".into()), precedent("p1")];
    assert_eq!(kept.as_slice(), held);
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let category = prop_oneof![Just(Category::Hate), Just(Category::Violence)];
    (category, 0.0..=1.0_f32, 0..=7_u8)
        .prop_map(|(category, score, severity)| finding(category, score, severity))
}

proptest! {
    #[test]
    fn a_finding_never_lowers_the_action(
        found in prop::collection::vec(any_finding(), 0..6),
        more in any_finding(),
        ruled in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let action = |found: Vec<Finding>| {
            let mut stages = vec![(SKIP, Scripted::Finds(found))];
            if ruled {
                stages.push((SKIP, allow(Vec::new())));
            }
            runtime.block_on(judge(stages)).verdict.action
        };
        let before = action(found.clone());
        let after = action([found, vec![more]].concat());
        prop_assert!(after >= before);
    }
}
