//! `lamassu model measure`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use inference::{ModelFolder, Verb};
use serde_json::{Value, json};

use super::Outcome;
use crate::abilities::{self, Showing};
use crate::config::Config;
use crate::wiring;

/// The file of a model folder that says what the model is able to do.
const CARD: &str = "lamassu.json";

/// Options of `model measure`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The model folder
    dir: PathBuf,
    /// The policy on whose cases judging is tried; the default policy unless given
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Leave the folder's card as it is
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let Arguments { dir, policy, dry_run } = arguments;
    let policy = wiring::policy(policy.as_deref())?;
    let llama = super::model::load(config, &dir, Verb::Generate)?;
    let embedder = wiring::models(config, [])?.embedder;
    let showings = abilities::measure(&llama, &embedder, &policy).await?;
    let mut out = anstream::stdout().lock();
    for Showing { ability, share, least, of } in &showings {
        let able = if share >= least { "able" } else { "not able" };
        writeln!(out, "{:<14} {able}: {share:.2} of {of}, {least:.2} is the least", ability.name())?;
    }
    if dry_run {
        return Ok(Outcome::Done);
    }
    write_card(&dir, &showings)?;
    writeln!(out, "card           {}", dir.join(CARD).display())?;
    Ok(Outcome::Done)
}

/// Puts what was found into the card, and leaves all else in it as it is.
fn write_card(dir: &Path, showings: &[Showing]) -> anyhow::Result<()> {
    let path = dir.join(CARD);
    let mut card: Value = match std::fs::read(&path) {
        Ok(card) => serde_json::from_slice(&card)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({}),
        Err(error) => return Err(error.into()),
    };
    let able: Vec<&str> = showings.iter().filter(|one| one.is_able()).map(|one| one.ability.name()).collect();
    let Some(fields) = card.as_object_mut() else { anyhow::bail!("{} holds no object", path.display()) };
    fields.insert("abilities".to_owned(), json!(able));
    let new = dir.join(format!("{CARD}.new"));
    std::fs::write(&new, serde_json::to_vec_pretty(&card)?)?;
    // A reader sees the old card or the new one.
    std::fs::rename(&new, &path)?;
    ModelFolder::read(dir)?;
    Ok(())
}
