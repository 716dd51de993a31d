//! `lamassu index`: banks in the data folder, or those of a service.

mod door;
mod intake;
mod migrate;
mod shown;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
    },
    /// Hand in cases: JSON lines from standard input, all or none
    Add {
        /// The bank
        bank: String,
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
    /// Print the cases that resemble a text, with their rulings
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
    },
    /// Let a case act
    Confirm(Case),
    /// Refuse a case
    Reject(Case),
    /// Take a case back: it stops acting, and stays for the record
    Retract(Case),
    /// Remove a case without a trace
    Remove {
        /// The bank
        bank: String,
        /// The case
        id: String,
    },
    /// Print the cases of a bank, or the banks
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
    let lines = if let Command::Add { .. } = command { intake::all_lines(config).await? } else { Vec::new() };
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
        Command::Create { bank } => shown::made(&door.ask(Ask::Create(&json!({"name": bank}))).await?),
        Command::Add { bank, confirmed, .. } => intake::add(&door, &bank, lines, confirmed).await,
        Command::Import { bank } => intake::run(&door, &bank, config.limits.max_body_bytes).await,
        Command::Search { bank, text, k, mode } => {
            let wanted = json!({"text": text, "k": k, "mode": mode});
            shown::rows(&door.ask(Ask::Search(&bank, &wanted)).await?["hits"])
        }
        Command::Confirm(case) => review(&door, &case, "confirm").await,
        Command::Reject(case) => review(&door, &case, "reject").await,
        Command::Retract(case) => review(&door, &case, "retract").await,
        Command::Remove { bank, id } => shown::removed(&door.ask(Ask::Remove(&bank, &id)).await?, &id),
        Command::List { bank: None, .. } | Command::Stats { bank: None } => {
            shown::banks(&door.ask(Ask::List).await?)
        }
        Command::List { bank: Some(bank), state } => pages(&door, (&bank, state), shown::rows).await,
        Command::Stats { bank: Some(bank) } => shown::account(&door.ask(Ask::Account(&bank)).await?),
        Command::Export { bank } => pages(&door, (&bank, None), shown::lines).await,
        // Done before there was a door.
        Command::Migrate(_) => Ok(Outcome::Done),
    }
}

async fn review(door: &Door, case: &Case, verb: &str) -> anyhow::Result<Outcome> {
    let row = door.ask(Ask::Review((&case.bank, &case.id), verb, case.reason.as_deref())).await?;
    shown::state(&row)
}

/// Shows every page of a bank.
async fn pages(
    door: &Door,
    (bank, state): (&str, Option<String>),
    show: impl Fn(&Value) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let mut after = None;
    loop {
        let page = door.ask(Ask::Page(bank, (state.as_deref(), after.as_deref()), PAGE)).await?;
        show(&page["rows"])?;
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(Outcome::Done);
        }
    }
}
