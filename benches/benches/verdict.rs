//! The encoder alone, the heads alone, and one whole verdict by the default policy.

#![expect(clippy::expect_used, reason = "a bench that cannot start can only stop")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use inference::{Llama, LlamaOptions};
use plugins::Resources;
use policies::{Ask, Content, Pipeline, Policy};
use tokio::runtime::Runtime;

fn pipeline(runtime: &Runtime) -> Pipeline {
    let policy = Policy::parse(include_str!("../../policies/library/default.toml")).expect("it ships");
    let embedder = benches::encoder().expect("the encoder loads");
    let classifier = benches::heads(&embedder).expect("the heads load");
    let llama = Llama::load(
        benches::runtime().expect("ONNX Runtime loads"),
        &benches::models().join("guard"),
        &LlamaOptions::default(),
    );
    let llama = Some(llama.expect("the guard loads"));
    let own = runtime.block_on(plugins::policy_bank(&policy, &embedder, None)).expect("the bank is built");
    let resources = Resources {
        policy: Arc::new(policy),
        embedder,
        classifier,
        banks: vec![own],
        tenant: None,
        llama,
        writer: None,
        judging: None,
    };
    plugins::builtin().pipeline(&resources).expect("the stages are built")
}

fn verdict(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let encoder = benches::encoder().expect("the encoder loads");
    let heads = benches::heads(&encoder).expect("the heads load");
    let mut group = criterion.benchmark_group("embedding");
    for texts in [1, 32] {
        group.throughput(Throughput::Elements(texts as u64));
        group.bench_function(format!("{texts} of 32 tokens"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(encoder.embed(&vec![benches::MESSAGE; texts])).expect("it answers")
            });
        });
    }
    group.finish();
    let embedding = runtime.block_on(encoder.embed(&[benches::MESSAGE])).expect("it answers").remove(0);
    criterion
        .bench_function("heads", |bencher| bencher.iter(|| heads.classify(&embedding, benches::MESSAGE)));
    let pipeline = pipeline(&runtime);
    criterion.bench_function("verdict on 32 tokens", |bencher| {
        bencher.iter(|| {
            let content = Arc::new(Content::new(benches::MESSAGE).expect("content"));
            runtime.block_on(pipeline.judge(content, &Ask::default()))
        });
    });
}

criterion_group!(benches, verdict);
criterion_main!(benches);
