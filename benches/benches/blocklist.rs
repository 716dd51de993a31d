//! `blocklist` with 100,000 terms.

#![expect(clippy::expect_used, reason = "a bench that cannot start can only stop")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plugins::Blocklist;
use policies::{Category, Content, ListSpec, Severity};

fn blocklist(criterion: &mut Criterion) {
    let list = ListSpec {
        name: "large".into(),
        category: Category::Profanity,
        severity: Severity::default(),
        // Words and phrases of varied beginnings, so that the automaton is wide as real lists make it.
        terms: (0..100_000_u32)
            .map(|n| format!("{:x}word {n}", n.wrapping_mul(2_654_435_761)).into())
            .collect(),
        patterns: Vec::new(),
        file: None,
    };
    let blocklist = Blocklist::new(&[&list]).expect("the terms compile");
    let mut group = criterion.benchmark_group("blocklist of 100,000 terms");
    for (name, text) in [("message", benches::MESSAGE.to_owned()), ("10 kB", benches::MESSAGE.repeat(73))] {
        let content = Content::new(text.as_str()).expect("content");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| blocklist.search(&content)));
    }
    group.finish();
}

criterion_group!(benches, blocklist);
criterion_main!(benches);
