//! A LLaMA under clients that give up at random: is every answer right, is every place free afterwards, does memory stay?
//!
//! ```console
//! $ cargo run --release -p benches --example soak -- --seconds 300 --clients 64
//! ```
//!
//! Each client scores, generates or streams from a golden model of the repository, and hangs up on every other call
//! after a random time. Every answer that is there is compared with what the reference says: logits within 1e-3, tokens
//! equal. Prints figures every 30 seconds; fails on a wrong answer, on a place that is still taken at the end, and when
//! the resident memory of the last third of the run is more than 2 % above that of the second third.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::cast_precision_loss, reason = "figures of a few digits")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use inference::{GenerateOptions, InferenceError, Llama, LlamaOptions, Sampling, Written};
use serde::Deserialize;

/// Places for calls: fewer than clients, so that some are refused.
const PLACES: usize = 48;

#[derive(Deserialize)]
struct Golden {
    logit_indices: Vec<usize>,
    cached: Cached,
    greedy: Greedy,
}

#[derive(Deserialize)]
struct Cached {
    prefix: Vec<u32>,
    suffixes: Vec<Logits>,
}

#[derive(Deserialize)]
struct Logits {
    ids: Vec<u32>,
    logits: Vec<f32>,
}

#[derive(Deserialize)]
struct Greedy {
    prompt: Vec<u32>,
    ids: Vec<u32>,
}

#[derive(Default)]
struct Figures {
    right: AtomicU64,
    wrong: AtomicU64,
    given_up: AtomicU64,
    overloaded: AtomicU64,
}

/// A sequence of numbers that a seed begins; *source*: Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick(&mut self, length: usize) -> usize {
        usize::try_from(self.roll(length as u64)).unwrap_or_default()
    }
}

/// One call: whether its answer is right.
async fn call(llama: &Llama, golden: &Golden, dice: &mut Dice) -> Result<bool, InferenceError> {
    match dice.roll(4) {
        0 | 1 => {
            let suffix = &golden.cached.suffixes[dice.pick(golden.cached.suffixes.len())];
            let logits = llama.logits(&golden.cached.prefix, &suffix.ids).await?;
            let mut pairs = golden.logit_indices.iter().zip(&suffix.logits);
            Ok(pairs.all(|(index, expected)| (logits[*index] - expected).abs() < 1e-3))
        }
        2 => {
            let new = 1 + dice.pick(golden.greedy.ids.len());
            let text = llama.continued(&golden.greedy.prompt, new).await?;
            Ok(text.ids == golden.greedy.ids[..new])
        }
        _ => {
            let sampling = Sampling { temperature: 1.0, seed: dice.roll(1000), ..Sampling::default() };
            let options = GenerateOptions { new: 1 + dice.pick(60), sampling, ..GenerateOptions::default() };
            let prompt = inference::Prompt::raw("so it is in the");
            let mut writing = llama.stream(&prompt, options).await?;
            let mut heard = String::new();
            while let Some(part) = writing.next().await {
                match part? {
                    Written::Text(text) => heard.push_str(&text),
                    Written::End(end) => return Ok(end.text == heard),
                }
            }
            Ok(false)
        }
    }
}

async fn client(llama: Llama, golden: Arc<Golden>, figures: Arc<Figures>, (seed, end): (u64, Instant)) {
    let mut dice = Dice(seed);
    while Instant::now() < end {
        let patience = if dice.roll(2) == 0 { dice.roll(60) } else { 3_600_000 };
        match tokio::time::timeout(Duration::from_millis(patience), call(&llama, &golden, &mut dice)).await {
            Err(_) => figures.given_up.fetch_add(1, Ordering::Relaxed),
            Ok(Ok(true)) => figures.right.fetch_add(1, Ordering::Relaxed),
            Ok(Err(InferenceError::Overloaded)) => {
                tokio::time::sleep(Duration::from_millis(dice.roll(20))).await;
                figures.overloaded.fetch_add(1, Ordering::Relaxed)
            }
            Ok(Ok(false) | Err(_)) => figures.wrong.fetch_add(1, Ordering::Relaxed),
        };
    }
}

fn resident() -> f64 {
    let bytes = memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem);
    bytes as f64 / f64::from(1 << 20)
}

/// The value of an option `--name N`.
fn option(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (seconds, clients) = (option("--seconds", 300), option("--clients", 64));
    let folder = benches::models().join("golden-llama/gqa");
    let golden: Arc<Golden> = Arc::new(serde_json::from_slice(&std::fs::read(folder.join("golden.json"))?)?);
    let options = LlamaOptions { threads: 1, waiting: PLACES, ..LlamaOptions::default() };
    let llama = Llama::load(benches::runtime()?, &folder, &options)?;
    let figures = Arc::new(Figures::default());
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);
    let clients = (0..clients).map(|seed| {
        tokio::spawn(client(llama.clone(), Arc::clone(&golden), Arc::clone(&figures), (seed, end)))
    });
    let clients: Vec<_> = clients.collect();
    let mut memory = Vec::new();
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1).min(end.duration_since(Instant::now()))).await;
        memory.push(resident());
        if memory.len() % 30 == 0 {
            print(&figures, began);
        }
    }
    for client in clients {
        client.await?;
    }
    print(&figures, began);
    // Every place is free: as many calls at once as there are places, and none is refused.
    let ids = &golden.cached.suffixes[0].ids;
    let calls: Vec<_> = (0..PLACES)
        .map(|_| {
            let (llama, ids) = (llama.clone(), ids.clone());
            tokio::spawn(async move { llama.logits(&[], &ids).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await??;
    }
    println!("all {PLACES} places are free");
    let third = memory.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (middle, last) = (mean(&memory[third..2 * third]), mean(&memory[2 * third..]));
    println!("resident memory: {middle:.1} MiB in the second third, {last:.1} MiB in the last");
    if figures.wrong.load(Ordering::Relaxed) > 0 {
        return Err("there were wrong answers".into());
    }
    if last > middle * 1.02 {
        return Err("memory grows".into());
    }
    Ok(())
}

fn print(figures: &Figures, began: Instant) {
    let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        "{:>4} s: {} right, {} wrong, {} given up, {} refused as the queue was full, {:.1} MiB resident",
        began.elapsed().as_secs(),
        of(&figures.right),
        of(&figures.wrong),
        of(&figures.given_up),
        of(&figures.overloaded),
        resident()
    );
}
