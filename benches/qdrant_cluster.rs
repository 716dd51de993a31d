//! A Qdrant cluster that loses a node in the middle of writes and reads, and gets it back: what fails, what is slow, and
//! whether a row is missing.
//!
//! ```text
//! QDRANT_URL=http://a:6334,http://b:6334,http://c:6334 QDRANT_KILL='ssh b pkill -9 qdrant' \
//!   QDRANT_REJOIN='ssh b systemctl start qdrant' cargo run --release -p benches --example qdrant_cluster
//! ```
//!
//! Without the addresses it says so and does nothing. It fails where an acknowledged row is missing or changed. Prints one
//! line of JSON.

use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indexes::{ApiKey, Embedded, Filter, Fingerprint, Index, Qdrant, QdrantOptions, Query, Row, Terms};

const DIMENSION: usize = 384;
const TOPICS: u64 = 50;
const ROWS: usize = 40_000;
const BATCH: usize = 256;
const TENANT: &str = "cluster bench";

type Failure = Box<dyn Error + Send + Sync>;

/// Numbers between -1 and 1 (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
fn numbers(mut seed: u64) -> impl Iterator<Item = f32> {
    std::iter::repeat_with(move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f32::from(((bits >> 48) as u16).cast_signed()) / f32::from(i16::MAX)
    })
}

/// A unit vector near its topic's.
fn vector(number: u64) -> Vec<f32> {
    let (topic, own) = (numbers(number % TOPICS), numbers(number + 1_000_000));
    let vector: Vec<f32> = topic.zip(own).take(DIMENSION).map(|(topic, own)| topic + 0.4 * own).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}

fn row(number: usize) -> Row {
    let text = format!("message {number} of topic {}", number as u64 % TOPICS);
    Row {
        id: format!("row-{number:07}"),
        bank: "precedents".to_owned(),
        terms: Terms::of(&text, Some("en")),
        text,
        vector: vector(number as u64),
        confirmed: true,
        ..Row::default()
    }
}

/// What the operator says, by the environment.
#[expect(clippy::disallowed_methods, reason = "this program has no configuration but these")]
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn order(name: &str) -> Result<(), Failure> {
    let Some(command) = said(name) else { return Err(format!("{name} gives no command").into()) };
    let status = Command::new("sh").arg("-c").arg(&command).status()?;
    writeln!(std::io::stderr(), "{name}: {command}: {status}")?;
    Ok(())
}

/// Asks until told to stop: answers and how long each took, in milliseconds, and how many questions failed.
async fn read(index: Qdrant, stop: Arc<AtomicBool>) -> (Vec<f64>, usize) {
    let (mut took, mut failed) = (Vec::new(), 0);
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let start = Instant::now();
        match index.nearest(&Query::new(vector(number), 10)).await {
            Ok(_) => took.push(start.elapsed().as_secs_f64() * 1_000.0),
            Err(_) => failed += 1,
        }
    }
    took.sort_by(f64::total_cmp);
    (took, failed)
}

/// Writes all rows, with the node gone for the middle third; a batch that fails is written again.
async fn write(server: &Qdrant, twin: &Embedded) -> Result<(usize, Duration), Failure> {
    let (mut failed, mut worst) = (0, Duration::ZERO);
    for first in (0..ROWS).step_by(BATCH) {
        if first / BATCH == ROWS / BATCH / 3 {
            order("QDRANT_KILL")?;
        }
        if first / BATCH == ROWS / BATCH * 2 / 3 {
            order("QDRANT_REJOIN")?;
        }
        let rows: Vec<Row> = (first..ROWS.min(first + BATCH)).map(row).collect();
        twin.upsert(rows.clone()).await?;
        let start = Instant::now();
        while let Err(error) = server.upsert(rows.clone()).await {
            failed += 1;
            writeln!(std::io::stderr(), "the batch from row {first} on: {error}")?;
            if failed > 100 {
                return Err("too many batches failed".into());
            }
        }
        worst = worst.max(start.elapsed());
    }
    Ok((failed, worst))
}

async fn measure(nodes: Vec<String>) -> Result<bool, Failure> {
    let options = QdrantOptions {
        nodes,
        api_key: said("QDRANT_API_KEY").map(ApiKey),
        prefix: "lamassu-bench".to_owned(),
        shards: 3,
        replicas: 2,
        ..QdrantOptions::default()
    };
    let server = Qdrant::connect(options, TENANT, DIMENSION, "none").await?;
    server.remove_where(&Filter::default()).await?;
    let twin = Embedded::in_memory(TENANT, DIMENSION)?;
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read(server.clone(), Arc::clone(&stop)));
    let written = write(&server, &twin).await;
    stop.store(true, Ordering::SeqCst);
    let (took, unanswered) = reader.await?;
    let (failed, worst) = written?;
    let whole = Fingerprint::of(&server).await? == Fingerprint::of(&twin).await?;
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    writeln!(
        std::io::stdout(),
        "{{\"rows\":{ROWS},\"whole\":{whole},\"writes_failed\":{failed},\"worst_write_s\":{:.2},\"reads\":{},\
         \"reads_failed\":{unanswered},\"read_p50_ms\":{:.1},\"read_p99_ms\":{:.1}}}",
        worst.as_secs_f64(),
        took.len(),
        at(50),
        at(99)
    )?;
    server.remove_where(&Filter::default()).await?;
    Ok(whole)
}

fn main() -> Result<ExitCode, Failure> {
    let nodes: Vec<String> =
        said("QDRANT_URL").iter().flat_map(|urls| urls.split(',')).map(str::to_owned).collect();
    if nodes.len() < 3 {
        writeln!(
            std::io::stderr(),
            "SKIPPED: QDRANT_URL names {} nodes, and a cluster has three",
            nodes.len()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(if runtime.block_on(measure(nodes))? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
