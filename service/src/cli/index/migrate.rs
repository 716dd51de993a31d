//! `lamassu index migrate`

use std::io::Write;

use clap::Args;

use super::Where;
use crate::cli::Outcome;
use crate::config::{Config, EngineName};
use crate::engine::{self, Migration};
use crate::wiring;

/// Where to, and over what.
#[derive(Args)]
pub(super) struct Arguments {
    /// The engine that is to hold the banks
    #[arg(long, value_name = "ENGINE")]
    to: EngineName,
    /// Remove rows that are there and not here
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(config: &Config, place: &Where, arguments: Arguments) -> anyhow::Result<Outcome> {
    let Arguments { to, replace } = arguments;
    anyhow::ensure!(place.server.is_none(), "`migrate` works on the data folder; run it where the folder is");
    let models = wiring::models(config, [])?;
    let mut out = anstream::stdout();
    match engine::migrate(config, &models.embedder, (to, replace)).await? {
        Migration::Done { print, from } => {
            let rows = print.rows;
            writeln!(out, "{rows} rows are in `{to}` now, the same as in `{from}` (sum {print})")?;
            writeln!(
                out,
                "`{to}` is in force in this data folder; what is left in `{from}` is not used any more"
            )?;
        }
        Migration::Needless => writeln!(out, "the banks are in `{to}` already")?,
    }
    if let Some(wanted) = config.index.engine.filter(|wanted| *wanted != to) {
        writeln!(out, "`index.engine` says `{wanted}`: nothing starts before it says `{to}`, or nothing")?;
    }
    Ok(Outcome::Done)
}
