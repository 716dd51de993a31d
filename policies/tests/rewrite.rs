//! Masking: what is replaced, what stays, and that it stands beside the action.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use policies::{
    Action, Ask, Category, Content, Dossier, Entry, Evidence, Examination, Finding, Judgment, Pipeline,
    Policy, Replacement, Rewrite, Rewritten, Ruling, Score, Seat, Severity, Span, Stage, StageError,
};
use proptest::prelude::*;

fn replacement(start: usize, end: usize, with: &str) -> Replacement {
    Replacement { span: Span { start, end }, with: with.into() }
}

fn check(original: &str, replacements: &[(usize, usize, &str)], expected: &Expect) {
    let replacements = replacements.iter().map(|(start, end, with)| replacement(*start, *end, with));
    let shown = Rewritten::of(original, replacements).map(|rewritten| {
        let replaced = rewritten.replaced.iter();
        let replaced = replaced.map(|one| format!("{}..{} {}", one.span.start, one.span.end, one.with));
        format!("{} | {}", rewritten.text, replaced.collect::<Vec<_>>().join(", "))
    });
    expected.assert_eq(&shown.unwrap_or_else(|| "nothing".to_owned()));
}

#[test]
fn bytes_are_replaced_where_they_stand_in_whatever_order_they_are_named() {
    let text = "Write to ana@example.org or call 555-0142.";
    check(
        text,
        &[(33, 41, "[PHONE]"), (9, 24, "[EMAIL]")],
        &expect!["Write to [EMAIL] or call [PHONE]. | 9..24 [EMAIL], 33..41 [PHONE]"],
    );
    check(text, &[(0, 42, "")], &expect![" | 0..42 "]);
    check(text, &[], &expect!["nothing"]);
    check(text, &[(9, 9, "x"), (42, 50, "x"), (24, 9, "x")], &expect!["nothing"]);
}

#[test]
fn replacements_that_overlap_become_one_and_those_that_touch_stay_two() {
    check("0123456789", &[(2, 5, "a"), (4, 8, "b"), (6, 7, "c")], &expect!["01a89 | 2..8 a"]);
    check(
        "0123456789",
        &[(2, 4, "short"), (2, 6, "long"), (2, 6, "later")],
        &expect!["01long6789 | 2..6 long"],
    );
    check("0123456789", &[(2, 4, "a"), (4, 6, "b")], &expect!["01ab6789 | 2..4 a, 4..6 b"]);
}

#[test]
fn a_replacement_that_cuts_a_character_hides_all_of_it() {
    check("a\u{1F600}b", &[(2, 3, "*")], &expect!["a*b | 1..5 *"]);
    check("äö", &[(1, 3, "*")], &expect!["* | 0..4 *"]);
}

proptest! {
    #[test]
    fn whatever_is_replaced_all_other_bytes_stay(
        original in "\\PC{0,60}",
        spans in prop::collection::vec((0_usize..200, 0_usize..200), 0..8),
    ) {
        let replacements: Vec<Replacement> =
            spans.iter().map(|(start, end)| replacement(*start, *end, "[…]")).collect();
        let hidden = |at: usize| spans.iter().filter(|(start, end)| start < end).any(|(start, end)| {
            (original.floor_char_boundary(*start)..original.ceil_char_boundary(*end)).contains(&at)
        });
        let wanted = (0..original.len()).any(|at| spans.iter().any(|(start, end)| (*start..*end).contains(&at)));
        let Some(rewritten) = Rewritten::of(&original, replacements) else {
            prop_assert!(!wanted);
            return Ok(());
        };
        prop_assert!(wanted);
        let mut rebuilt = String::new();
        let mut taken = 0;
        let mut rest = rewritten.text.as_str();
        for Replacement { span, with } in &rewritten.replaced {
            prop_assert!(taken <= span.start && span.start < span.end, "ascending, apart");
            let kept = original.get(taken..span.start).expect("on a boundary");
            prop_assert!((taken..span.start).all(|at| !hidden(at)), "what was to be hidden is");
            prop_assert!((span.start..span.end).all(hidden), "and nothing else");
            rest = rest.strip_prefix(kept).and_then(|rest| rest.strip_prefix(&**with)).expect("in its place");
            rebuilt.push_str(kept);
            rebuilt.push_str(original.get(span.range()).expect("on a boundary"));
            taken = span.end;
        }
        prop_assert_eq!(rest, &original[taken..]);
        prop_assert!((taken..original.len()).all(|at| !hidden(at)));
        rebuilt.push_str(rest);
        prop_assert_eq!(rebuilt, original);
    }
}

/// A stage that masks, or one that rules.
enum Scripted {
    Masks(Rewrite),
    Rules(Action),
}

#[async_trait]
impl Stage for Scripted {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let entry = match self {
            Self::Masks(rewrite) => Entry::Rewrite(rewrite.clone()),
            Self::Rules(action) => Entry::Ruling(Ruling {
                action: *action,
                findings: Vec::new(),
                precedents: Vec::new(),
                reason: "a copy".to_owned(),
            }),
        };
        Ok(Examination::of_whole(dossier, entry))
    }
}

const HEAD: &str = r#"
name = "test"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "pii"
definition = "x"
[[category]]
name = "hate"
definition = "x"
"#;

const TEXT: &str = "Grüß Ana, ana@example.org, 555-0142";

fn masks(severity: u8, replacements: Vec<Replacement>) -> Scripted {
    let spans = replacements.iter().map(|replacement| Evidence::Span(replacement.span)).collect();
    let finding = Finding {
        category: Category::Pii,
        score: Score::CERTAIN,
        severity: Severity::new(severity).expect("a severity"),
        evidence: spans,
    };
    Scripted::Masks(Rewrite { findings: vec![finding], replacements })
}

async fn judge(stages: Vec<Scripted>, ask: &Ask) -> Judgment {
    let written =
        (0..stages.len()).map(|n| format!("[[stage]]\nkind = \"x\"\nname = \"{n}\"\non_fault = \"skip\"\n"));
    let policy = Policy::parse(&format!("{HEAD}{}", written.collect::<String>())).expect("a policy");
    let seats = policy.stages().iter().zip(stages);
    let seats = seats.map(|(spec, stage)| Seat { spec: spec.clone(), stage: Box::new(stage) }).collect();
    let pipeline = Pipeline::new(Arc::new(policy), seats, BTreeMap::new(), None);
    pipeline.judge(Arc::new(Content::new(TEXT).expect("content")), ask).await
}

#[tokio::test]
async fn masking_stands_beside_the_action_and_several_stages_mask_one_text() {
    let email = || masks(2, vec![replacement(12, 27, "[EMAIL]")]);
    let phone = || masks(3, vec![replacement(29, 37, "[PHONE]"), replacement(20, 27, "[HOST]")]);
    let judgment = judge(vec![email(), phone()], &Ask::default()).await;
    let rewritten = judgment.rewritten.expect("a text to pass on");
    assert_eq!(rewritten.text, "Grüß Ana, [EMAIL], [PHONE]");
    assert_eq!(judgment.verdict.action, Action::Review);
    assert_eq!(judgment.verdict.findings.len(), 2);
    assert_eq!(judge(vec![email()], &Ask::default()).await.verdict.action, Action::Flag);
    let unmasked = judge(vec![Scripted::Rules(Action::Flag)], &Ask::default()).await;
    assert!(unmasked.rewritten.is_none());
}

#[tokio::test]
async fn what_is_masked_stays_masked_whatever_is_ruled_later_and_whichever_categories_are_asked_for() {
    let email = || masks(2, vec![replacement(12, 27, "[EMAIL]")]);
    let ruled = judge(vec![email(), Scripted::Rules(Action::Allow)], &Ask::default()).await;
    assert_eq!(ruled.verdict.action, Action::Allow);
    assert_eq!(ruled.rewritten.expect("a text to pass on").text, "Grüß Ana, [EMAIL], 555-0142");
    let ask = Ask { categories: [Category::Hate].into(), ..Ask::default() };
    let asked = judge(vec![email()], &ask).await;
    assert_eq!(asked.verdict.action, Action::Allow);
    assert!(asked.rewritten.is_some());
}

#[tokio::test]
async fn what_is_left_of_a_text_is_in_no_debug_output() {
    let judgment = judge(vec![masks(2, vec![replacement(12, 27, "[EMAIL]")])], &Ask::default()).await;
    let shown = format!("{judgment:?}");
    assert!(shown.contains("Rewritten") && !shown.contains("Ana") && !shown.contains("555"), "{shown}");
}
