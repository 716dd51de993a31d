//! `Content::new`: from a chat message to a million characters.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use policies::Content;

fn content(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("content");
    let german = "Über die Größe des Grundstücks müssen wir noch einmal in Ruhe sprechen. ";
    let disguised = "Y0u аre a b l o c k h e a d, &#102;ool, ZnJvbSBiYXNlNjQgaXQgY29tZXM= ";
    for (name, text, copies) in [
        ("message", benches::MESSAGE, 1),
        ("german", german, 3),
        ("disguised", disguised, 3),
        ("german, 100,000 characters", german, 1_389),
        ("disguised, 100,000 characters", disguised, 1_471),
    ] {
        let text = text.repeat(copies);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher.iter(|| Content::new(text.as_str()));
        });
    }
    group.finish();
}

criterion_group!(benches, content);
criterion_main!(benches);
