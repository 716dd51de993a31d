//! How fast and how big the embedded engine is: `cargo run --release -p indexes --example banks -- 100000`.
//!
//! Rows have 384 numbers in 200 topics, as embeddings have them, and a text of a dozen words. Prints one line of JSON.
//! `benches/peers/vectors.py` measures others on the same vectors.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use indexes::{Embedded, Filter, Index, Query, Row, Sought, Terms};

const DIMENSION: usize = 384;
const TOPICS: usize = 200;
const BATCH: usize = 5_000;
const QUERIES: usize = 200;
/// A spread of 0.06 leaves rows of one topic at a cosine of about 0.7.
const SPREAD: f32 = 0.06;

/// A small seeded generator (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
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

/// Wall and processor time since it was made. *Units*: seconds.
struct Watch(Instant, f64);

impl Watch {
    fn new() -> Self {
        Self(Instant::now(), processor_seconds())
    }

    fn read(&self) -> (f64, f64) {
        (self.0.elapsed().as_secs_f64(), processor_seconds() - self.1)
    }
}

/// What the system says of this process in `/proc`: user and system time in hundredths of a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Resident memory. *Units*: MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim_end_matches("kB").trim().parse::<f64>().unwrap_or_default() / 1_000.0
}

fn row(dice: &mut Dice, topics: &[Vec<f32>], number: usize) -> Row {
    let text = format!(
        "message {number} speaks of topic {} and of words like w{} w{}",
        number % TOPICS,
        number % 977,
        number % 3_331
    );
    Row {
        id: format!("row-{number:07}"),
        bank: "precedents".to_owned(),
        terms: Terms::of(&text, Some("en")),
        text,
        label: Some(format!("label-{}", number % 10)),
        tags: vec![format!("tag-{}", number % 100)],
        vector: topics.get(number % TOPICS).map(|topic| dice.around(topic, SPREAD)).unwrap_or_default(),
        confirmed: true,
        ..Row::default()
    }
}

/// Median, 99th percentile and processor time of a query. *Units*: milliseconds.
async fn time(index: &Embedded, queries: &[Query]) -> Result<String, Box<dyn Error>> {
    let watch = Watch::new();
    let mut each = Vec::new();
    for query in queries {
        let start = Instant::now();
        index.nearest(query).await?;
        each.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    let processor = watch.read().1 * 1_000.0 / f64::from(u32::try_from(queries.len())?);
    each.sort_by(f64::total_cmp);
    let at = |share: usize| each.get(each.len() * share / 100).copied().unwrap_or_default();
    Ok(format!("{{\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"cpu_ms\":{processor:.3}}}", at(50), at(99)))
}

/// The share of the true nearest rows, found by comparing every row in full, that the first queries' answers hold.
async fn recall(index: &Embedded, queries: &[Query]) -> Result<f64, Box<dyn Error>> {
    const CHECKED: usize = 20;
    let queries = queries.get(..CHECKED).unwrap_or(queries);
    let mut best: Vec<Vec<(f32, String)>> = vec![Vec::new(); queries.len()];
    let mut after = None;
    loop {
        let page = index.scan(after.as_deref(), BATCH, &Filter::default()).await?;
        for (query, best) in queries.iter().zip(&mut best) {
            let Sought::Dense(sought) = &query.sought else { continue };
            for row in &page.rows {
                let cosine = sought.iter().zip(&row.vector).map(|(a, b)| a * b).sum::<f32>();
                if best.len() < query.k || best.last().is_some_and(|(least, _)| cosine > *least) {
                    best.push((cosine, row.id.clone()));
                    best.sort_by(|a, b| b.0.total_cmp(&a.0));
                    best.truncate(query.k);
                }
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let (mut found, mut all) = (0_u32, 0_u32);
    for (query, best) in queries.iter().zip(&best) {
        let hits = index.nearest(query).await?;
        // Rows as near as the last of them are as good.
        let least = best.last().map_or(-1.0, |(least, _)| *least - 1e-6);
        found += u32::try_from(hits.iter().filter(|hit| hit.similarity >= least).count())?;
        all += u32::try_from(best.len())?;
    }
    Ok(f64::from(found) / f64::from(all))
}

/// Queries a second that so many clients get together.
async fn rate(index: &Embedded, queries: &[Query], clients: usize) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (index, queries) = (index.clone(), queries.to_vec());
        tasks.spawn(async move {
            for query in &queries {
                index.nearest(query).await?;
            }
            Ok::<(), indexes::IndexError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(f64::from(u32::try_from(clients * queries.len())?) / start.elapsed().as_secs_f64())
}

/// Writes of one row each, from so many writers at once: how many a second, and durable when acknowledged.
async fn single_writes(index: &Embedded, row: &Row, writers: usize) -> Result<f64, Box<dyn Error>> {
    const EACH: usize = 20;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (index, row) = (index.clone(), row.clone());
        tasks.spawn(async move {
            for number in 0..EACH {
                index.upsert(vec![Row { id: format!("single-{writer}-{number}"), ..row.clone() }]).await?;
            }
            Ok::<(), indexes::IndexError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(f64::from(u32::try_from(writers * EACH)?) / start.elapsed().as_secs_f64())
}

async fn measure(rows: usize, directory: &Path) -> Result<String, Box<dyn Error>> {
    let mut dice = Dice(42);
    let origin = vec![0.0; DIMENSION];
    let topics: Vec<Vec<f32>> = (0..TOPICS).map(|_| dice.around(&origin, 1.0)).collect();
    let index = Embedded::open(directory, "bench", DIMENSION, "none")?;
    let (mut wall, mut processor) = (0.0, 0.0);
    for first in (0..rows).step_by(BATCH) {
        let batch: Vec<Row> =
            (first..rows.min(first + BATCH)).map(|number| row(&mut dice, &topics, number)).collect();
        let watch = Watch::new();
        index.upsert(batch).await?;
        let took = watch.read();
        wall += took.0;
        processor += took.1;
    }
    let count = f64::from(u32::try_from(rows)?);
    let imports = format!("{{\"per_s\":{:.0},\"per_cpu_s\":{:.0}}}", count / wall, count / processor);
    drop(index);
    let before = resident();
    let watch = Watch::new();
    let index = Embedded::open(directory, "bench", DIMENSION, "none")?;
    let opened = watch.read();
    let memory = resident() - before;
    let stats = index.stats().await?;

    let queries: Vec<Query> = (0..QUERIES)
        .map(|number| {
            Query::new(
                topics.get(number % TOPICS).map(|topic| dice.around(topic, SPREAD)).unwrap_or_default(),
                10,
            )
        })
        .collect();
    let filtered = |filter: &Filter| -> Vec<Query> {
        queries.iter().map(|query| Query { filter: filter.clone(), ..query.clone() }).collect()
    };
    let tenth = filtered(&Filter { labels: vec!["label-3".to_owned()], ..Filter::default() });
    let hundredth = filtered(&Filter { tags: vec!["tag-3".to_owned()], ..Filter::default() });
    let terms = |number: usize| Terms::of(&format!("topic {number} w{number} message"), Some("en"));
    let sparse: Vec<Query> = (0..QUERIES).map(|number| Query::sparse(terms(number), 10)).collect();
    let text = row(&mut dice, &topics, 0);
    Ok(format!(
        "{{\"engine\":\"embedded\",\"rows\":{rows},\"import\":{imports},\"open\":{{\"s\":{:.2},\"cpu_s\":{:.2}}},\
         \"memory_mb\":{memory:.0},\"stats_mb\":{:.0},\"file_mb\":{},\"nearest\":{},\"recall\":{:.4},\"tenth\":{},\"hundredth\":{},\
         \"words\":{},\"qps_1\":{:.0},\"qps_16\":{:.0},\"single_writes_per_s_1\":{:.0},\"single_writes_per_s_64\":{:.0}}}",
        opened.0,
        opened.1,
        f64::from(u32::try_from((stats.vector_bytes + stats.entry_bytes + stats.term_bytes) / 1_000)?)
            / 1_000.0,
        stats.file_bytes / 1_000_000,
        time(&index, &queries).await?,
        recall(&index, &queries).await?,
        time(&index, &tenth).await?,
        time(&index, &hundredth).await?,
        time(&index, &sparse).await?,
        rate(&index, &queries, 1).await?,
        rate(&index, &queries, 16).await?,
        single_writes(&index, &text, 1).await?,
        single_writes(&index, &text, 64).await?,
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(100_000), |rows| rows.parse())?;
    let directory = tempfile::tempdir_in(std::env::args().nth(2).unwrap_or_else(|| ".".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let line = runtime.block_on(measure(rows, directory.path()))?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
