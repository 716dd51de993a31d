//! `lamassu index`: banks in the data folder, or those of a service.

mod door;
mod files;
mod intake;
mod migrate;
mod shown;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugins::Kind;
use serde_json::json;

use super::Outcome;
use crate::config::Config;
use door::{Ask, Door};

/// Rows of a page.
const PAGE: usize = 500;

/// Where the banks are.
#[derive(Args)]
pub(super) struct Where {
    /// Ask a service instead of the data folder: `http://HOST:PORT`
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The service's key
    #[arg(long, global = true, requires = "server", env = "LAMASSU_KEY", hide_env_values = true)]
    key: Option<String>,
}

/// What to do with a bank.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a bank
    Create {
        /// Its name
        bank: String,
        /// What it holds: `precedents` or `documents`
        #[arg(long, default_value = "precedents")]
        kind: String,
    },
    /// Hand in cases, JSON lines from standard input, all or none; or documents, from files and folders
    Add {
        /// The bank
        bank: String,
        /// Documents: text (.txt), Markdown (.md), HTML (.html) and JSON lines (.jsonl), and folders of them; a document's
        /// id is its path within the folder. Without any, JSON lines from standard input
        files: Vec<PathBuf>,
        /// Confirm them as well
        #[arg(long)]
        confirmed: bool,
        #[command(flatten)]
        reviewer: Reviewer,
    },
    /// Hand in JSON lines from standard input, any number; what is there already is passed over, so it can be resumed
    Import {
        /// The bank
        bank: String,
    },
    /// Print the cases that resemble a text, with their rulings, or the passages of documents that answer it
    Search {
        /// The bank
        bank: String,
        /// The text
        text: String,
        /// How many
        #[arg(short, default_value_t = 10)]
        k: usize,
        /// What is compared: `dense` (meaning), `sparse` (words) or `hybrid`
        #[arg(long, default_value = "dense")]
        mode: String,
        /// Of documents, only those that somebody may see who holds these access tags; may be repeated
        #[arg(long, value_name = "TAG")]
        holding: Option<Vec<String>>,
    },
    /// Let a case act
    Confirm(Case),
    /// Refuse a case
    Reject(Case),
    /// Take a case back: it stops acting, and stays for the record
    Retract(Case),
    /// Remove a case without a trace, or a document with all its chunks
    Remove {
        /// The bank
        bank: String,
        /// The case, or the document
        id: String,
    },
    /// Print the cases or documents of a bank, or the banks
    List {
        /// The bank; all banks by name unless given
        bank: Option<String>,
        /// Only those in this state
        #[arg(long)]
        state: Option<String>,
    },
    /// Print how much a bank holds
    Stats {
        /// The bank; all of them unless given
        bank: Option<String>,
    },
    /// Print a bank as JSON lines that `import` takes
    Export {
        /// The bank
        bank: String,
    },
    /// Move all banks to another engine: copy, compare, switch; no service may write meanwhile
    Migrate(migrate::Arguments),
}

#[derive(Args)]
struct Case {
    /// The bank
    bank: String,
    /// The case
    id: String,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    reviewer: Reviewer,
}

#[derive(Args)]
struct Reviewer {
    /// The reviewer's name, for the data folder; a service knows it from the key
    #[arg(long, default_value = "command line", conflicts_with = "server", value_name = "NAME")]
    reviewer: String,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let Arguments { place, command } = arguments;
    let command = match command {
        Command::Migrate(arguments) => return migrate::run(config, &place, arguments).await,
        command => command,
    };
    let reads = matches!(
        command,
        Command::Search { .. } | Command::List { .. } | Command::Stats { .. } | Command::Export { .. }
    );
    let lines = match &command {
        Command::Add { bank, files, .. } if files.is_empty() => given(config, &place, bank).await?,
        _ => Vec::new(),
    };
    let by = match &command {
        Command::Add { reviewer, .. }
        | Command::Confirm(Case { reviewer, .. })
        | Command::Reject(Case { reviewer, .. })
        | Command::Retract(Case { reviewer, .. }) => reviewer.reviewer.clone(),
        _ => "command line".to_owned(),
    };
    let door = match place.server {
        Some(server) => Door::remote(&server, place.key),
        None => match Door::local(config, reads, by).await? {
            Some(door) => door,
            None => return shown::nothing(),
        },
    };
    match command {
        Command::Create { bank, kind } => {
            shown::made(&door.ask(Ask::Create(&json!({"name": bank, "kind": kind}))).await?)
        }
        Command::Add { bank, files, confirmed, .. } => {
            let limit = config.limits.max_body_bytes;
            match files.as_slice() {
                [] => add(&door, (&bank, limit), &lines, confirmed).await,
                _ if confirmed => anyhow::bail!("`--confirmed` is for cases, which come by standard input"),
                files => add_files(&door, (&bank, limit), files).await,
            }
        }
        Command::Import { bank } => intake::run(&door, &bank, config.limits.max_body_bytes).await,
        Command::Search { bank, text, k, mode, holding } => {
            let mut wanted = json!({"text": text, "k": k, "mode": mode});
            if let Some(tags) = holding {
                wanted["tags"] = json!(tags);
            }
            shown::rows(&door.ask(Ask::Search(&bank, &wanted)).await?["hits"])
        }
        Command::Confirm(case) => review(&door, &case, "confirm").await,
        Command::Reject(case) => review(&door, &case, "reject").await,
        Command::Retract(case) => review(&door, &case, "retract").await,
        Command::Remove { bank, id } => shown::removed(&door.ask(Ask::Remove(&bank, &id)).await?, &id),
        Command::List { bank: None, .. } | Command::Stats { bank: None } => {
            shown::banks(&door.ask(Ask::List).await?)
        }
        Command::List { bank: Some(bank), state } => pages(&door, (&bank, state)).await,
        Command::Stats { bank: Some(bank) } => shown::account(&door.ask(Ask::Account(&bank)).await?),
        Command::Export { bank } => export(&door, &bank).await,
        // Done before there was a door.
        Command::Migrate(_) => Ok(Outcome::Done),
    }
}

async fn review(door: &Door, case: &Case, verb: &str) -> anyhow::Result<Outcome> {
    let row = door.ask(Ask::Review((&case.bank, &case.id), verb, case.reason.as_deref())).await?;
    shown::state(&row)
}

/// The lines of standard input. Where they are for cases, each is checked before anything is opened for writing.
async fn given(config: &Config, place: &Where, bank: &str) -> anyhow::Result<Vec<u8>> {
    let lines = intake::all_lines(config).await?;
    if let Err(wrong) = intake::check(&lines) {
        // No document passes for a case, so only now it matters which of them the bank holds.
        let door = match &place.server {
            Some(server) => Some(Door::remote(server, place.key.clone())),
            None => Door::local(config, true, String::new()).await?,
        };
        let documents = match door {
            Some(door) => holds_documents(&door, bank).await?,
            None => bank == plugins::DOCUMENTS,
        };
        if !documents {
            return Err(wrong);
        }
    }
    Ok(lines.join(&b'\n'))
}

async fn holds_documents(door: &Door, bank: &str) -> anyhow::Result<bool> {
    let banks = door.ask(Ask::List).await?;
    let mut held = banks["banks"].as_array().into_iter().flatten();
    Ok(held.any(|held| held["name"] == bank && held["kind"] == Kind::Documents.name()))
}

/// Hands in lines of cases or documents, by what the bank holds.
async fn add(
    door: &Door,
    (bank, limit): (&str, usize),
    mut lines: &[u8],
    confirmed: bool,
) -> anyhow::Result<Outcome> {
    if !holds_documents(door, bank).await? {
        return intake::add(door, bank, lines, confirmed).await;
    }
    anyhow::ensure!(!confirmed, "`--confirmed` is for cases; `{bank}` holds documents");
    intake::stream(door, bank, (&mut lines, limit)).await
}

/// Hands in files and folders.
async fn add_files(door: &Door, (bank, limit): (&str, usize), files: &[PathBuf]) -> anyhow::Result<Outcome> {
    if holds_documents(door, bank).await? {
        return files::run(door, (bank, limit), files).await;
    }
    // A bank that is not there is the clearer error.
    door.ask(Ask::Account(bank)).await?;
    anyhow::bail!("files are for documents; `{bank}` holds cases, which come by standard input")
}

/// Shows every page of a bank.
async fn pages(door: &Door, (bank, state): (&str, Option<String>)) -> anyhow::Result<Outcome> {
    let mut after = None;
    loop {
        let page = door.ask(Ask::Page(bank, (state.as_deref(), after.as_deref()), PAGE)).await?;
        shown::rows(&page["rows"])?;
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(Outcome::Done);
        }
    }
}

/// Prints a bank as lines that an import takes.
async fn export(door: &Door, bank: &str) -> anyhow::Result<Outcome> {
    let mut after = None;
    loop {
        let page = door.ask(Ask::Whole(bank, after.as_deref())).await?;
        shown::lines(&page["rows"])?;
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(Outcome::Done);
        }
    }
}
