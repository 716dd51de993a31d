//! `lamassu model bench`: how fast a model scores and generates on this machine.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use inference::{GenerateOptions, Llama, Sampling, Verb};
use serde::Serialize;

use super::{Outcome, model};
use crate::config::Config;

/// Scores that are taken without the prefix remembered: each costs as much as many others.
const UNCACHED: usize = 4;

/// Tokens of a text read at once, where the context holds as many.
const PREFILL: usize = 512;

/// Options of `model bench`.
#[derive(Args)]
pub(super) struct Bench {
    /// The model folder
    dir: PathBuf,
    /// Tokens of the prefix that all items share
    #[arg(long, value_name = "TOKENS", default_value_t = 400)]
    prefix: usize,
    /// Tokens of each item behind it
    #[arg(long, value_name = "TOKENS", default_value_t = 60)]
    suffix: usize,
    /// Tokens of a text read at once, behind a prefix of one token; 512 unless given, or what the context holds
    #[arg(long, value_name = "TOKENS")]
    prefill: Option<usize>,
    /// Items to score
    #[arg(long, value_name = "N", default_value_t = 64)]
    items: usize,
    /// Tokens to generate, behind a prompt as long as prefix and suffix
    #[arg(long, value_name = "N", default_value_t = 128)]
    new: usize,
    /// Texts generated side by side
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,4,8")]
    batch: Vec<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was measured. Times are in seconds; memory is in bytes, `null` where the system does not tell.
#[derive(Serialize)]
struct Report {
    model: String,
    device: String,
    load: Took,
    /// A text read in the scoring graph, behind one token.
    prefill: Work,
    /// Prefix and suffix read with nothing remembered, one item at a time.
    uncached: Work,
    /// Suffixes read behind the remembered prefix.
    score: Work,
    /// CPU-seconds of an item without the cache over those with it.
    cache_gain: Option<f64>,
    rss_anon_after_score: Option<u64>,
    generate: Vec<Generated>,
    rss_anon_after_generate: Option<u64>,
}

#[derive(Clone, Copy, Serialize)]
struct Took {
    wall: f64,
    cpu: Option<f64>,
}

#[derive(Serialize)]
struct Work {
    items: usize,
    tokens: usize,
    #[serde(flatten)]
    took: Took,
}

#[derive(Serialize)]
struct Generated {
    batch: usize,
    #[serde(flatten)]
    work: Work,
}

pub(super) async fn run(config: &Config, bench: &Bench) -> anyhow::Result<Outcome> {
    ensure!(
        bench.items > 0 && bench.suffix > 0 && bench.prefill != Some(0),
        "`--items`, `--suffix` and `--prefill` are at least 1"
    );
    ensure!(!bench.batch.contains(&0), "`--batch` has no 0");
    let clock = Clock::start();
    let llama = model::load(config, &bench.dir, Verb::Score)?;
    let loaded = clock.stop();
    let context = llama.shape().context;
    let prefill = bench.prefill.unwrap_or(PREFILL.min(context - 1));
    let longest = (bench.prefix + bench.suffix + bench.new).max(1 + prefill);
    ensure!(longest <= context, "texts of {longest} tokens were asked for; the model's context is {context}");

    let prefill = bench.read_at_once(&llama, prefill).await?;
    let uncached = bench.uncached(&llama).await?;
    let score = bench.score(&llama).await?;
    let rss_anon_after_score = rss_anon();
    let mut generate = Vec::with_capacity(bench.batch.len());
    for batch in &bench.batch {
        generate.push(bench.generate(&llama, *batch).await?);
    }
    let report = Report {
        model: llama.digest().to_owned(),
        device: llama.device().provider.to_string(),
        load: loaded,
        prefill,
        cache_gain: uncached.cpu_an_item().zip(score.cpu_an_item()).map(|(without, with)| without / with),
        uncached,
        score,
        rss_anon_after_score,
        generate,
        rss_anon_after_generate: rss_anon(),
    };
    let mut out = anstream::stdout().lock();
    if bench.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(Outcome::Done)
}

impl Bench {
    /// Texts behind one and the same token.
    async fn read_at_once(&self, llama: &Llama, count: usize) -> anyhow::Result<Work> {
        let (items, prefix) = (self.items.min(UNCACHED), tokens(llama, 0, 1));
        llama.logits(&prefix, &tokens(llama, 3000, count)).await?;
        let clock = Clock::start();
        for item in 0..items {
            llama.logits(&prefix, &tokens(llama, 3001 + item, count)).await?;
        }
        Ok(Work { items, tokens: items * count, took: clock.stop() })
    }

    /// Each with a prefix of its own.
    async fn uncached(&self, llama: &Llama) -> anyhow::Result<Work> {
        let items = self.items.min(UNCACHED);
        let clock = Clock::start();
        for item in 0..items {
            llama.logits(&tokens(llama, 1000 + item, self.prefix), &tokens(llama, item, self.suffix)).await?;
        }
        Ok(Work { items, tokens: items * (self.prefix + self.suffix), took: clock.stop() })
    }

    async fn score(&self, llama: &Llama) -> anyhow::Result<Work> {
        let prefix = tokens(llama, 0, self.prefix);
        // Reads the prefix and makes its room.
        llama.logits(&prefix, &tokens(llama, self.items, self.suffix)).await?;
        let clock = Clock::start();
        for item in 0..self.items {
            llama.logits(&prefix, &tokens(llama, item, self.suffix)).await?;
        }
        Ok(Work { items: self.items, tokens: self.items * self.suffix, took: clock.stop() })
    }

    /// Only what comes after the prompts is timed: they are read once, and remembered; then one token of each is taken
    /// off all of them.
    async fn generate(&self, llama: &Llama, batch: usize) -> anyhow::Result<Generated> {
        let prompts: Vec<Vec<u32>> =
            (0..batch).map(|item| tokens(llama, 2000 + item, self.prefix + self.suffix)).collect();
        side_by_side(llama, &prompts, 1).await?;
        let (_, prefill) = side_by_side(llama, &prompts, 1).await?;
        let (tokens, whole) = side_by_side(llama, &prompts, self.new).await?;
        let took = Took {
            wall: (whole.wall - prefill.wall).max(0.0),
            cpu: whole.cpu.zip(prefill.cpu).map(|(whole, prefill)| (whole - prefill).max(0.0)),
        };
        Ok(Generated { batch, work: Work { items: batch, tokens: tokens - batch.min(tokens), took } })
    }
}

/// How many tokens came of all prompts together. No text ends before its last token.
async fn side_by_side(llama: &Llama, prompts: &[Vec<u32>], new: usize) -> anyhow::Result<(usize, Took)> {
    let bias = llama.ends().into_iter().map(|end| (end, f32::NEG_INFINITY)).collect();
    let options = GenerateOptions { sampling: Sampling { bias, ..Sampling::default() }, ..new.into() };
    let clock = Clock::start();
    let texts =
        futures::future::try_join_all(prompts.iter().map(|prompt| llama.continued(prompt, options.clone())))
            .await?;
    Ok((texts.iter().map(|text| text.ids.len()).sum(), clock.stop()))
}

/// Tokens that look like text to a model that was never trained: any but the first few, which are control tokens.
fn tokens(llama: &Llama, seed: usize, count: usize) -> Vec<u32> {
    let vocabulary = u32::try_from(llama.shape().vocabulary).unwrap_or(u32::MAX);
    let first = 3.min(vocabulary - 1);
    // Numerical Recipes' linear congruential generator: any that spreads would do.
    let mut state = u32::try_from(seed).unwrap_or_default();
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        first + (state >> 8) % (vocabulary - first)
    };
    (0..count).map(|_| next()).collect()
}

struct Clock {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_time() }
    }

    fn stop(self) -> Took {
        let cpu = cpu_time().zip(self.cpu).map(|(now, then)| now.saturating_sub(then).as_secs_f64());
        Took { wall: self.wall.elapsed().as_secs_f64(), cpu }
    }
}

/// What all threads of this process have computed for.
#[cfg(unix)]
fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(unix))]
fn cpu_time() -> Option<Duration> {
    None
}

/// Memory of this process that is no file's.
fn rss_anon() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn rate(amount: usize, seconds: f64) -> f64 {
    amount as f64 / seconds.max(1e-9)
}

impl Work {
    fn cpu_an_item(&self) -> Option<f64> {
        self.took.cpu.map(|cpu| 1.0 / rate(self.items, cpu))
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wall = self.took.wall;
        write!(f, "{:>8.1} items/s {:>9.1} tokens/s", rate(self.items, wall), rate(self.tokens, wall))?;
        if let Some(cpu) = self.took.cpu {
            write!(f, "  {:>9.1} tokens a CPU-second", rate(self.tokens, cpu))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model          {} on {}, loaded in {:.1} s", self.model, self.device, self.load.wall)?;
        writeln!(f, "prefill        {}", self.prefill)?;
        writeln!(f, "not cached     {}", self.uncached)?;
        writeln!(f, "cached prefix  {}", self.score)?;
        if let Some(gain) = self.cache_gain {
            writeln!(f, "cache          {gain:.1} times fewer CPU-seconds an item")?;
        }
        for Generated { batch, work } in &self.generate {
            writeln!(f, "generate x {batch:<3} {work}")?;
        }
        for (what, bytes) in
            [("score", self.rss_anon_after_score), ("generate", self.rss_anon_after_generate)]
        {
            if let Some(bytes) = bytes {
                writeln!(f, "memory         {} MB (RssAnon) after {what}", bytes / 1_000_000)?;
            }
        }
        Ok(())
    }
}
