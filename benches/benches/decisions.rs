//! What it costs a verdict to be noted: a line of JSON, a digest, a write to the log.

#![expect(clippy::expect_used, reason = "a bench that cannot start can only stop")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use policies::{
    Action, Category, Judgment, Policy, Record, Score, Severity, Span, StageRun, Status, Verdict,
};
use service::decisions::{Decisions, Minutes};
use service::{config, metrics::Metrics};

const POLICY: &str = include_str!("../../policies/library/default.toml");

/// A judgment as the default policy makes it: every category, four stages.
fn judgment(policy: &Policy) -> Judgment {
    let score = Score::new(0.123_456).expect("a probability");
    let scores = Category::BUILTIN.map(|category| (category, (score, Severity::MILD)));
    let run = |stage: &str| StageRun {
        stage: stage.into(),
        status: Status::Ran,
        device: Some("cpu".into()),
        bytes: vec![Span { start: 0, end: benches::MESSAGE.len() }],
        tokens: None,
        took: Duration::from_micros(1234),
    };
    let digest = "0123456789abcdef".repeat(4);
    let models = ["classifier", "encoder", "llama"].map(|model| (model.to_owned(), digest.clone()));
    Judgment {
        verdict: Verdict {
            action: Action::Allow,
            language: "en".into(),
            findings: Vec::new(),
            scores: scores.into(),
            explanations: Vec::new(),
            is_ruled: false,
        },
        record: Record {
            stages: ["blocklist", "retrieve", "classify", "adjudicate"].map(run).into(),
            policy: Arc::clone(policy.digest()),
            models: models.into(),
            index: None,
            not_scored: Vec::new(),
        },
        rewritten: None,
    }
}

fn noted(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let policy = Policy::parse(POLICY).expect("the policy");
    let judgment = judgment(&policy);
    let mut group = criterion.benchmark_group("a judgment is noted");
    for (name, log_files) in [("in memory", 0), ("in memory and in the log", 8)] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = config::Decisions { log_files, ..config::Decisions::default() };
        let decisions =
            Decisions::open(folder.path(), &options, Metrics::new().expect("metrics")).expect("a log");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let work = async { decisions.judged(benches::MESSAGE, &judgment, &policy) };
                runtime.block_on(Minutes::open().over(work));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, noted);
criterion_main!(benches);
