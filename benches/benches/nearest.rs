//! The nearest 10 among 100,000 rows of 384 numbers, in 200 topics as embeddings have them.

#![expect(clippy::expect_used, reason = "a bench may fail by panicking")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use indexes::{Embedded, Filter, Index, Query, Row};

const ROWS: usize = 100_000;
const DIMENSION: usize = 384;
const TOPICS: usize = 200;

/// A small seeded generator (splitmix64, <https://prng.di.unimi.it/splitmix64.c>): the bench needs the same rows
/// every time, not good chance.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A direction around `center`: the center itself plus `spread` times a uniform cube.
    fn around(&mut self, center: &[f32], spread: f32) -> Vec<f32> {
        let step = f32::from(i16::MAX);
        let vector: Vec<f32> = center
            .iter()
            .map(|number| number + spread * f32::from(((self.throw() >> 48) as u16).cast_signed()) / step)
            .collect();
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        vector.iter().map(|number| number / length).collect()
    }
}

fn nearest(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nearest");
    // What an earlier run left.
    drop(std::fs::remove_dir_all(&directory));
    let index = Embedded::open(&directory, "bench", DIMENSION, "none").expect("an index");

    let mut dice = Dice(42);
    let origin = vec![0.0; DIMENSION];
    let topics: Vec<Vec<f32>> = (0..TOPICS).map(|_| dice.around(&origin, 1.0)).collect();
    // A spread of 0.06 leaves rows of one topic at a cosine of about 0.7.
    let mut row = |number: usize| Row {
        id: format!("row-{number:06}"),
        bank: "precedents".to_owned(),
        text: format!("The text of row {number}, about as long as a short message is."),
        label: Some(format!("label-{}", number % 10)),
        vector: dice.around(&topics[number % TOPICS], 0.06),
        confirmed: true,
        ..Row::default()
    };
    for first in (0..ROWS).step_by(5_000) {
        let rows = (first..first + 5_000).map(&mut row).collect();
        runtime.block_on(index.upsert(rows)).expect("written");
    }
    let queries: Vec<Query> =
        (0..64).map(|topic| Query::new(dice.around(&topics[topic], 0.06), 10)).collect();

    let mut next = queries.iter().cycle();
    criterion.bench_function("nearest 10 of 100,000", |bencher| {
        bencher.iter(|| {
            let query = next.next().expect("queries go round");
            black_box(runtime.block_on(index.nearest(query)).expect("an answer"))
        });
    });
    let filter = Filter { labels: vec!["label-3".to_owned()], ..Filter::default() };
    let filtered: Vec<Query> =
        queries.iter().map(|query| Query { filter: filter.clone(), ..query.clone() }).collect();
    let mut next = filtered.iter().cycle();
    criterion.bench_function("nearest 10 of 100,000, a filter lets a tenth pass", |bencher| {
        bencher.iter(|| {
            let query = next.next().expect("queries go round");
            black_box(runtime.block_on(index.nearest(query)).expect("an answer"))
        });
    });
}

criterion_group!(benches, nearest);
criterion_main!(benches);
