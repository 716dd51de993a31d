//! The command line. Output is written here and nowhere else.

mod attacked;
mod bench;
mod compared;
mod eval;
mod fit;
mod grounded;
mod import;
mod index;
mod learned;
mod lines;
mod measure;
mod model;
mod moderate;
mod painted;
mod policy;
mod serve;
mod summarize;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat, Overrides};
use crate::telemetry::Telemetry;

/// A self-hosted content filter: it judges what people write, learns from decisions, and says what it did.
#[derive(Parser)]
#[command(name = "lamassu", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Common {
    /// Configuration file (TOML); every option is also an environment variable `LAMASSU_…`
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for banks and whatever else must last
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of the models that ship with the service
    #[arg(long, global = true, value_name = "DIR")]
    models: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve over HTTP
    Serve {
        /// Where to listen
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
    },
    /// Judge one text, or JSON lines from standard input
    Moderate(moderate::Arguments),
    /// Summarize documents, or what a bank has on a question; every sentence cites
    Summarize(summarize::Arguments),
    /// Check, test, show or refit a policy
    #[command(subcommand)]
    Policy(policy::Command),
    /// Look after the banks of precedents and documents
    Index(index::Arguments),
    /// Look into model folders, and run them
    #[command(subcommand)]
    Model(model::Command),
    /// Measure quality on labelled JSON lines
    Eval(eval::Arguments),
}

/// How a command ended that did not break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// All went well.
    Done,
    /// Some of it did not; the output says what.
    Flawed,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Flawed) => ExitCode::FAILURE,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to report to if standard error is gone too.
            let _ = writeln!(std::io::stderr(), "lamassu: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let Common { config: file, data, models } = cli.common;
    let listen = if let Command::Serve { listen } = cli.command { listen } else { None };
    let config = Config::read(Overrides { file, listen, data, models })?;
    let telemetry = match cli.command {
        Command::Serve { .. } => Telemetry::open(&config.telemetry)?,
        _ => None,
    };
    log(&config, telemetry.as_ref());
    match cli.command {
        Command::Serve { .. } => serve::run(&config, telemetry),
        Command::Moderate(arguments) => on_threads(moderate::run(&config, arguments)),
        Command::Summarize(arguments) => on_threads(summarize::run(&config, arguments)),
        Command::Policy(command) => on_threads(policy::run(&config, command)),
        Command::Index(arguments) => on_threads(index::run(&config, arguments)),
        Command::Model(command) => on_threads(model::run(&config, command)),
        Command::Eval(arguments) => on_threads(eval::run(&config, arguments)),
    }
}

fn on_threads(command: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

/// Log lines go to standard error: standard output is for answers.
fn log(config: &Config, telemetry: Option<&Telemetry>) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let both = tracing_subscriber::registry().with(lines.with_filter(filter));
    // A second subscriber is refused: the first one stays, which is as good.
    let _ = both.with(telemetry.map(Telemetry::layer)).try_init();
}

/// An error and its causes as one sentence.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !sentence.contains(&said) {
            sentence.push_str(": ");
            sentence.push_str(&said);
        }
        cause = error.source();
    }
    sentence
}

/// Whether whoever read the output has stopped reading: no fault of ours.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
