//! `lamassu model import`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use inference::{
    GuardCase, GuardCategory, GuardPrompt, Import, Imported, ModelFolder, Precision, Provider, Role,
    TrialPrompt,
};
use policies::Policy;

use super::Outcome;
use crate::config::Config;
use crate::wiring;

/// Categories of the question that is compared on: all of a policy's would be read three times over, at the price of
/// most of an import, and tell no more of the weights.
const CATEGORIES: usize = 5;

/// Options of `model import`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of a Hugging Face checkpoint: LLaMA, safetensors
    from: PathBuf,
    /// The model folder to make; there must be nothing yet
    to: PathBuf,
    /// The device that is to run it: cpu, cuda or directml
    #[arg(long = "for", value_name = "DEVICE", default_value = "cpu")]
    device: Provider,
    /// How weights are kept: fp32, fp16, int8 or int4; int4 for cpu and fp16 for GPUs unless given
    #[arg(long, value_name = "NAME")]
    precision: Option<Precision>,
    /// The policy on whose cases the result is compared with the unmodified weights; the default policy unless given
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How many of its cases to compare on; 0 for no comparison
    #[arg(long, value_name = "N", default_value_t = 8)]
    cases: usize,
    /// Keep the model however far it is off; its card says so
    #[arg(long)]
    accept_drift: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let policy = wiring::policy(arguments.policy.as_deref())?;
    let runtime = wiring::runtime(config)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&cancelled);
    tokio::spawn(async move {
        if crate::stop::told().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let work = move || -> anyhow::Result<(Imported, PathBuf)> {
        let prompts = prompts(&policy, arguments.cases);
        let choices = [GuardPrompt::SAFE.to_owned(), GuardPrompt::UNSAFE.to_owned()];
        let imported = inference::import(
            runtime,
            &Import {
                from: &arguments.from,
                to: &arguments.to,
                provider: arguments.device,
                precision: arguments.precision,
                prompts: &prompts,
                choices: &choices,
                accepts_drift: arguments.accept_drift,
                cancelled: &cancelled,
            },
        )?;
        Ok((imported, arguments.to))
    };
    let (imported, folder) = tokio::task::spawn_blocking(work).await??;
    report(&imported, &folder)
}

/// A guard's question about so many of a policy's cases, evenly spread.
fn prompts(policy: &Policy, most: usize) -> Vec<TrialPrompt> {
    let rules = policy.categories().iter().take(CATEGORIES);
    let categories =
        rules.map(|rule| GuardCategory { name: rule.name.to_string(), text: rule.definition.clone() });
    let guard = GuardPrompt::new(categories.collect());
    let prefix = guard.prefix(Role::User);
    let cases = policy.cases();
    let count = most.min(cases.len());
    let chosen = (0..count).filter_map(|number| cases.get(number * cases.len() / count.max(1)));
    chosen
        .map(|case| {
            let suffix = guard.suffix(&GuardCase { text: &case.text, ..GuardCase::default() });
            TrialPrompt { prefix: prefix.clone(), suffix }
        })
        .collect()
}

fn report(imported: &Imported, folder: &Path) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "precision      {}", imported.precision)?;
    writeln!(out, "template       {}", ModelFolder::read(folder)?.template().name())?;
    if imported.drifts.is_empty() {
        writeln!(
            out,
            "drift          not measured: the weights are used as they are, or there were no cases"
        )?;
    }
    for drift in &imported.drifts {
        writeln!(
            out,
            "drift          {}: median {:.4}, largest {:.4} of {} log-probabilities",
            drift.graph, drift.median, drift.largest, drift.answers
        )?;
    }
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    files.sort();
    for file in files {
        writeln!(out, "file           {} ({} bytes)", file.display(), file.metadata()?.len())?;
    }
    Ok(Outcome::Done)
}
