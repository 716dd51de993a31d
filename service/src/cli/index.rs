//! `lamassu index`

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Subcommand;
use indexes::{Filter, Query, Row};
use policies::{Action, Category, Content, Severity};
use serde::Deserialize;
use tokio::io::BufReader;

use super::Outcome;
use super::lines::{self, Line};
use crate::config::Config;
use crate::wiring::{self, Access};

/// Rows embedded and written at once.
const CHUNK: usize = 256;

/// What to do with a bank.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Add JSON lines from standard input to a bank, all or none
    Add {
        /// The bank: `precedents`, or one of your own
        bank: String,
        /// The rows are confirmed: they act at once
        #[arg(long)]
        confirmed: bool,
    },
    /// Print the rows nearest to a text
    Search {
        /// The bank
        bank: String,
        /// The text
        text: String,
        /// How many
        #[arg(short, default_value_t = 10)]
        k: usize,
    },
    /// Print how much a bank holds
    Stats {
        /// The bank; all of them unless given
        bank: Option<String>,
    },
}

/// One line of `index add`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    text: String,
    /// `allow`, `flag`, `review` or `block`; precedents have one.
    ruling: Option<String>,
    /// The harm; goes with every ruling but `allow`.
    category: Option<String>,
    severity: Option<u8>,
    language: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    reason: Option<String>,
    provenance: Option<String>,
    /// Unix seconds from which on the row no longer acts.
    expires: Option<u64>,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Add { bank, confirmed } => add(config, &bank, confirmed).await,
        Command::Search { bank, text, k } => search(config, bank, &text, k).await,
        Command::Stats { bank } => stats(config, bank).await,
    }
}

async fn add(config: &Config, bank: &str, confirmed: bool) -> anyhow::Result<Outcome> {
    let mut rows = read_rows(config, bank, confirmed).await?;
    let models = wiring::models(config, [])?;
    let index =
        wiring::banks(config, &models.embedder, Access::Write)?.context("there is no bank to write to")?;
    for chunk in rows.chunks_mut(CHUNK) {
        let texts: Vec<&str> = chunk.iter().map(|row| row.text.as_str()).collect();
        let vectors = plugins::embed_whole(&models.embedder, &texts).await?;
        for (row, vector) in chunk.iter_mut().zip(vectors) {
            row.vector = vector;
            row.terms = plugins::terms(&row.text, row.language.as_deref());
        }
    }
    let added = rows.len();
    index.upsert(rows).await?;
    writeln!(anstream::stdout(), "added {added} rows to `{bank}`")?;
    Ok(Outcome::Done)
}

/// Every line, checked before the first is written.
async fn read_rows(config: &Config, bank: &str, confirmed: bool) -> anyhow::Result<Vec<Row>> {
    let mut input = BufReader::new(tokio::io::stdin());
    let mut rows = Vec::new();
    let mut number = 0_u64;
    while let Some(line) = lines::next(&mut input, config.limits.max_body_bytes).await? {
        number += 1;
        let Line::Whole(bytes) = line else {
            anyhow::bail!("line {number}: more than {} bytes", config.limits.max_body_bytes);
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let entry: Entry = serde_json::from_slice(&bytes).with_context(|| format!("line {number}"))?;
        rows.push(row(entry, bank, confirmed).map_err(|reason| anyhow::anyhow!("line {number}: {reason}"))?);
    }
    Ok(rows)
}

fn row(entry: Entry, bank: &str, confirmed: bool) -> Result<Row, String> {
    Content::new(entry.text.as_str()).map_err(|error| format!("`text`: {error}"))?;
    let ruling = entry.ruling.as_deref().map(|name| {
        Action::named(name).ok_or_else(|| format!("`ruling`: `{name}` is none of allow, flag, review, block"))
    });
    let ruling = ruling.transpose()?;
    if bank == plugins::PRECEDENTS {
        let ruling = ruling.ok_or("`ruling` is missing: a precedent is a decided case")?;
        if (ruling == Action::Allow) != entry.category.is_none() {
            return Err("`category` goes with every ruling but `allow`, and with that one not".to_owned());
        }
    }
    let severity =
        entry.severity.map(Severity::try_from).transpose().map_err(|e| format!("`severity`: {e}"))?;
    Ok(Row {
        id: entry.id,
        bank: bank.to_owned(),
        text: entry.text,
        label: entry.category.map(|name| Category::named(&name).to_string()),
        ruling: ruling.map(|ruling| ruling.name().to_owned()),
        severity: severity.map(Severity::value),
        language: entry.language,
        tags: entry.tags,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()),
        expires: entry.expires,
        provenance: entry.provenance.or_else(|| Some("command line".to_owned())),
        reason: entry.reason,
        confirmed,
        ..Row::default()
    })
}

async fn search(config: &Config, bank: String, text: &str, k: usize) -> anyhow::Result<Outcome> {
    Content::new(text)?;
    let models = wiring::models(config, [])?;
    let mut out = anstream::stdout().lock();
    let Some(index) = wiring::banks(config, &models.embedder, Access::Read)? else {
        writeln!(out, "there are no banks yet")?;
        return Ok(Outcome::Done);
    };
    let vector = plugins::embed_whole(&models.embedder, &[text]).await?.pop().unwrap_or_default();
    let filter = Filter { bank: Some(bank), ..Filter::default() };
    for hit in index.nearest(&Query { filter, ..Query::new(vector, k) }).await? {
        let row = &hit.row;
        let ruling = row.ruling.as_deref().unwrap_or("-");
        let label = row.label.as_deref().unwrap_or("-");
        let state = if row.confirmed { "confirmed" } else { "unconfirmed" };
        writeln!(out, "{:.3}  {}  {ruling}  {label}  {state}  {}", hit.similarity, row.id, row.text)?;
    }
    Ok(Outcome::Done)
}

async fn stats(config: &Config, bank: Option<String>) -> anyhow::Result<Outcome> {
    let models = wiring::models(config, [])?;
    let mut out = anstream::stdout().lock();
    let Some(index) = wiring::banks(config, &models.embedder, Access::Read)? else {
        writeln!(out, "there are no banks yet")?;
        return Ok(Outcome::Done);
    };
    let rows = index.count(&Filter { bank: bank.clone(), ..Filter::default() }).await?;
    let confirmed = index.count(&Filter { bank, confirmed_only: true, ..Filter::default() }).await?;
    writeln!(out, "{rows} rows, {confirmed} of them confirmed")?;
    writeln!(out, "{:#?}", index.stats().await?)?;
    Ok(Outcome::Done)
}
