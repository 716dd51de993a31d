//! How stages, faults, rulings and listeners come together in a summary.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use policies::{
    Action, Ask, Assignment, Citation, Dossier, Entry, Examination, Library, Listener, Mode, Part, Passage,
    Passages, Pipeline, Policy, Ruling, Seat, Sentence, Shelf, Source, Span, Stage, StageError, Stated,
    Summarized, Summary, Wanted, Wish, Withheld,
};

const TEXT: &str = "One sentence. Another one.";

/// A stage that does what the test says.
enum Scripted {
    Chooses,
    Says(Vec<Stated>),
    /// Hands each sentence on while it writes, and waits before the last.
    Writes(Vec<Stated>),
    /// Keeps back what has this word.
    KeepsBack(&'static str),
    Abstains,
    Rules,
    Breaks,
}

#[async_trait]
impl Stage<Assignment> for Scripted {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        let said = |sentences: &[Stated], mode| {
            let summary = Summary { sentences: sentences.to_vec(), ..Summary::empty(mode) };
            Ok(Examination::of(Entry::Summary(summary)))
        };
        match self {
            Self::Chooses => {
                let Shelf { sources, passages } = dossier.subject().library.open().await?;
                let withheld = vec![Withheld { what: Part::Passage, category: None, count: 2 }];
                Ok(Examination::of(Entry::Passages(Passages { sources, shown: passages, withheld })))
            }
            Self::Says(sentences) => said(sentences, Mode::Extractive),
            Self::Writes(sentences) => {
                for sentence in sentences {
                    dossier.draft(sentence.clone());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                said(sentences, Mode::Abstractive)
            }
            Self::KeepsBack(word) => {
                let mut summary = dossier.summary().expect("a summary").clone();
                summary.sentences.retain(|sentence| !sentence.text.contains(word));
                Ok(Examination::of(Entry::Summary(summary)))
            }
            Self::Abstains => Ok(Examination::of(Entry::Abstained("no model is able".to_owned()))),
            Self::Rules => Ok(Examination::of(Entry::Ruling(Ruling {
                action: Action::Block,
                findings: Vec::new(),
                precedents: Vec::new(),
                reason: "it may not be said".to_owned(),
            }))),
            Self::Breaks => Err(StageError::Unavailable { dependency: "test", source: "gone".into() }),
        }
    }

    async fn check(&self, _: &Dossier<Assignment>, sentence: Stated) -> Option<Stated> {
        match self {
            Self::KeepsBack(word) => (!sentence.text.contains(word)).then_some(sentence),
            _ => Some(sentence),
        }
    }
}

struct OneDocument;

#[async_trait]
impl Library for OneDocument {
    async fn open(&self) -> Result<Shelf, StageError> {
        let sentence =
            Sentence { span: Span { start: 0, end: 13 }, text: "One sentence.".into(), heading: false };
        Ok(Shelf {
            sources: vec![Source { id: "d".into(), title: None, text: TEXT.into() }],
            passages: vec![Passage { document: 0, sentences: vec![sentence] }],
        })
    }
}

/// Notes what it hears.
#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Listener for Ears {
    fn hear(&self, sentence: &Stated, sources: &[Source]) {
        assert_eq!(sources.len(), 1);
        self.0.lock().expect("nobody panicked").push(sentence.text.to_string());
    }
}

fn says(text: &str) -> Stated {
    Stated { text: text.into(), rank: None, citations: Vec::new(), support: None, unsupported: false }
}

const HEAD: &str = r#"
name = "test"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "hate"
definition = "x"
[[stage]]
kind = "scripted"
on_fault = "review"
"#;

async fn summarize(stages: Vec<(&str, Scripted)>, ears: Option<Arc<Ears>>) -> Summarized {
    let mut text = vec![HEAD.to_owned()];
    for (place, (on_fault, _)) in stages.iter().enumerate() {
        text.push(format!(
            "[[summary]]\nkind = \"scripted\"\nname = \"s{place}\"\non_fault = \"{on_fault}\"\n"
        ));
    }
    let policy = Arc::new(Policy::parse(&text.concat()).expect("a policy"));
    let seat = |(spec, (_, stage)): (&policies::StageSpec, (&str, Scripted))| Seat {
        spec: spec.clone(),
        stage: Box::new(stage) as Box<dyn Stage<Assignment>>,
    };
    let seats = policy.summary_stages().iter().zip(stages).map(seat).collect();
    let wish = Wish {
        mode: Wanted::Best,
        sentences: None,
        length: policies::Length::default(),
        sort_by: policies::SortBy::default(),
        language: "en".into(),
    };
    let listener = ears.map(|ears| ears as Arc<dyn Listener>);
    let assignment = Assignment { library: Arc::new(OneDocument), query: None, wish, listener };
    Pipeline::new(policy, seats, BTreeMap::new(), None).summarize(Arc::new(assignment), &Ask::default()).await
}

fn texts(summarized: &Summarized) -> Vec<&str> {
    summarized.summary.sentences.iter().map(|sentence| &*sentence.text).collect()
}

#[tokio::test]
async fn a_sentence_is_heard_as_soon_as_later_stages_have_checked_it_and_never_if_one_keeps_it_back() {
    let ears = Arc::new(Ears::default());
    let written = ["first", "a secret", "last"].map(says).to_vec();
    let stages = vec![
        ("block", Scripted::Chooses),
        ("skip", Scripted::Writes(written)),
        ("block", Scripted::KeepsBack("secret")),
    ];
    let summarized = summarize(stages, Some(Arc::clone(&ears))).await;
    assert_eq!(*ears.0.lock().expect("nobody panicked"), ["first", "last"]);
    assert_eq!(texts(&summarized), ["first", "last"]);
}

#[tokio::test]
async fn what_nobody_drafted_is_heard_when_all_stages_have_looked() {
    let ears = Arc::new(Ears::default());
    let said = ["first", "a secret"].map(says).to_vec();
    let stages = vec![
        ("block", Scripted::Chooses),
        ("review", Scripted::Says(said)),
        ("block", Scripted::KeepsBack("secret")),
    ];
    summarize(stages, Some(Arc::clone(&ears))).await;
    assert_eq!(*ears.0.lock().expect("nobody panicked"), ["first"]);
}

#[tokio::test]
async fn a_stage_that_abstains_is_skipped_with_its_reason_and_nothing_is_degraded() {
    let said = vec![says("in the documents' words")];
    let stages =
        vec![("block", Scripted::Chooses), ("review", Scripted::Says(said)), ("block", Scripted::Abstains)];
    let summarized = summarize(stages, None).await;
    assert_eq!(texts(&summarized), ["in the documents' words"]);
    assert_eq!(summarized.reason.as_deref(), Some("`s2`: no model is able"));
    assert_eq!(summarized.record.stages.last().map(|run| run.status.name()), Some("skipped"));
    assert!(!summarized.record.degraded());
    assert_eq!(summarized.action, Action::Allow);
}

#[tokio::test]
async fn a_citation_of_bytes_that_its_document_lacks_is_seen_by_nobody() {
    let cited = |document, start, end| Citation { document, span: Span { start, end } };
    let citations = vec![cited(0, 0, 13), cited(0, 14, 99), cited(1, 0, 3), cited(0, 5, 5)];
    let said = vec![Stated { citations, ..says("One sentence.") }];
    let stages = vec![("block", Scripted::Chooses), ("review", Scripted::Says(said))];
    let summarized = summarize(stages, None).await;
    let found: Vec<_> = summarized.summary.sentences.iter().flat_map(|one| one.citations.clone()).collect();
    assert_eq!(found, [cited(0, 0, 13)]);
}

#[tokio::test]
async fn a_summary_that_a_blocking_stage_could_not_look_at_is_empty_and_says_why() {
    let stages = vec![
        ("block", Scripted::Chooses),
        ("review", Scripted::Says(vec![says("unseen")])),
        ("block", Scripted::Breaks),
    ];
    let summarized = summarize(stages, None).await;
    assert_eq!((summarized.action, texts(&summarized)), (Action::Block, vec![]));
    assert_eq!(summarized.reason.as_deref(), Some("`s2`: `test` did not answer: gone"));
    assert!(summarized.record.degraded());
}

#[tokio::test]
async fn a_ruling_leaves_nothing_of_the_summary_and_what_was_withheld_is_still_said() {
    let stages = vec![
        ("block", Scripted::Chooses),
        ("review", Scripted::Says(vec![says("unsayable")])),
        ("block", Scripted::Rules),
    ];
    let summarized = summarize(stages, None).await;
    assert_eq!((summarized.action, texts(&summarized)), (Action::Block, vec![]));
    assert_eq!(summarized.reason.as_deref(), Some("it may not be said"));
    assert_eq!(summarized.withheld, [Withheld { what: Part::Passage, category: None, count: 2 }]);
}

#[tokio::test]
async fn a_writing_stage_that_breaks_leaves_the_documents_words() {
    let stages = vec![
        ("block", Scripted::Chooses),
        ("review", Scripted::Says(vec![says("One sentence.")])),
        ("skip", Scripted::Breaks),
    ];
    let summarized = summarize(stages, None).await;
    assert_eq!((summarized.action, texts(&summarized)), (Action::Allow, vec!["One sentence."]));
    assert_eq!(summarized.summary.mode, Mode::Extractive);
    assert!(summarized.record.degraded());
}
