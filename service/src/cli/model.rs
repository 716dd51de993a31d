//! `lamassu model`

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use inference::{
    GenerateOptions, GuardCase, InferenceError, Llama, LlamaOptions, LlamaTokenizer, ModelFolder, Prompt,
    Provider, Role, Sampling, Template, Verb,
};
use serde::{Deserialize, Serialize};
use tokio::io::{BufReader, Stdin};

use super::Outcome;
use super::bench::{self, Bench};
use super::import;
use super::lines::{self, Line};
use super::measure;
use crate::config::Config;
use crate::error::ApiError;
use crate::json::{ErrorJson, place_of};
use crate::wiring;

/// What to do with a model folder.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a servable folder of a Hugging Face checkpoint
    Import(import::Arguments),
    /// Print what a folder holds, without loading it
    Inspect {
        /// The model folder
        dir: PathBuf,
    },
    /// Find out which device really runs a model, and why the others do not
    Probe(Probe),
    /// Measure what a model is able to do, and write it into its card
    Measure(measure::Arguments),
    /// Measure how fast a model scores and generates here
    Bench(Bench),
    /// Continue a prompt, by the likeliest tokens unless told otherwise; the continuation alone goes to standard output
    Generate(Generate),
    /// Cut each line of standard input into tokens: JSON arrays of ids, without BOS
    Tokenize {
        /// The folder with the tokenizer.json
        dir: PathBuf,
    },
    /// Score JSON lines `{"suffix","choices":[…]}` from standard input: `{"logprobs":[…]}`
    Score {
        /// The model folder
        dir: PathBuf,
        /// What all lines begin with
        #[arg(long, value_name = "TEXT")]
        prefix: String,
    },
}

/// Options of `model probe`.
#[derive(Args)]
pub(super) struct Probe {
    /// The model folder
    dir: PathBuf,
    /// The devices to try, the best first
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "cuda,directml,cpu")]
    providers: Vec<Provider>,
    /// Fail unless this device runs it
    #[arg(long, value_name = "NAME")]
    require: Option<Provider>,
}

/// Options of `model generate`.
#[derive(Args)]
pub(super) struct Generate {
    /// The model folder
    dir: PathBuf,
    /// What to continue; put into the model's own template
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Tokens to add, at most
    #[arg(long, value_name = "N", default_value_t = 128)]
    new: usize,
    /// Leave the template away: BOS and the prompt
    #[arg(long)]
    raw: bool,
    /// Leave tokens to chance, the more of it the higher; 0 takes the likeliest
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f32,
    /// Only the likeliest tokens that together have this probability
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    top_p: f32,
    /// Only so many of the likeliest tokens; 0 for all
    #[arg(long, value_name = "K", default_value_t = 0)]
    top_k: usize,
    /// Where chance begins: the same seed gives the same text
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

impl Generate {
    fn options(&self) -> GenerateOptions {
        let Self { new, temperature, top_p, top_k, seed, .. } = *self;
        let sampling = Sampling { temperature, top_p, top_k, seed, ..Sampling::default() };
        GenerateOptions { new, sampling, ..GenerateOptions::default() }
    }
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Import(arguments) => import::run(config, arguments).await,
        Command::Inspect { dir } => inspect(&ModelFolder::read(&dir)?),
        Command::Probe(probe) => run_probe(config, probe),
        Command::Measure(arguments) => measure::run(config, arguments).await,
        Command::Bench(options) => bench::run(config, &options).await,
        Command::Generate(generate) => run_generate(config, generate).await,
        Command::Tokenize { dir } => tokenize(config, &dir).await,
        Command::Score { dir, prefix } => score(config, &dir, &prefix).await,
    }
}

pub(super) fn load(config: &Config, dir: &Path, first: Verb) -> anyhow::Result<Llama> {
    // Whatever is wrong with the folder is said before anything is fetched.
    ModelFolder::read(dir)?;
    let options = LlamaOptions { first, ..wiring::llama_options(config) };
    Ok(Llama::load(wiring::runtime(config)?, dir, &options)?)
}

fn inspect(folder: &ModelFolder) -> anyhow::Result<Outcome> {
    let (shape, card, files) = (folder.shape(), folder.card(), folder.files()?);
    let abilities: Vec<&str> = card.abilities.iter().map(|ability| ability.name()).collect();
    let abilities = if abilities.is_empty() { "none stated".to_owned() } else { abilities.join(", ") };
    let cache = if folder.shares_buffer() { "one buffer" } else { "copied at every run" };
    let mut out = anstream::stdout().lock();
    writeln!(out, "architecture   llama")?;
    writeln!(out, "layers         {}", shape.layers)?;
    writeln!(out, "hidden size    {}", shape.hidden)?;
    writeln!(out, "heads          {} of {}", shape.heads, shape.head_size)?;
    writeln!(out, "kv heads       {}", shape.key_value_heads)?;
    writeln!(out, "vocabulary     {}", shape.vocabulary)?;
    writeln!(out, "context        {} tokens", shape.context)?;
    writeln!(out, "weights        {}", folder.precision())?;
    writeln!(out, "kv cache       {}, {cache}", folder.cache_precision())?;
    writeln!(out, "template       {}", folder.template().name())?;
    writeln!(out, "abilities      {abilities}")?;
    for category in &card.categories {
        writeln!(out, "category       {}: {}", category.name, category.text)?;
    }
    for file in files {
        writeln!(out, "file           {} ({} bytes)", file.path.display(), file.bytes)?;
    }
    writeln!(out, "digest         {}", folder.digest()?)?;
    Ok(Outcome::Done)
}

fn run_probe(config: &Config, probe: Probe) -> anyhow::Result<Outcome> {
    ModelFolder::read(&probe.dir)?;
    let options =
        LlamaOptions { providers: probe.providers, require: probe.require, ..LlamaOptions::default() };
    let llama = Llama::load(wiring::runtime(config)?, &probe.dir, &options)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{} runs it", llama.device().provider)?;
    for reason in llama.device().detail.split("; ") {
        writeln!(out, "  {reason}")?;
    }
    Ok(Outcome::Done)
}

async fn run_generate(config: &Config, generate: Generate) -> anyhow::Result<Outcome> {
    let llama = load(config, &generate.dir, Verb::Generate)?;
    let text = generate.prompt.as_str();
    let prompt = match (llama.template(), llama.guard()) {
        (Template::Llama2Chat, _) if !generate.raw => Prompt::chat(None, &[], text),
        (Template::LlamaGuard1, Some(guard)) if !generate.raw => {
            let case = GuardCase { text, ..GuardCase::default() };
            Prompt::raw(&format!("{}{}", guard.prefix(Role::User), guard.suffix(&case)))
        }
        _ => Prompt::raw(text),
    };
    let generated = llama.generate(&prompt, generate.options()).await?;
    let mut out = std::io::stdout().lock();
    out.write_all(generated.text.as_bytes())?;
    // A person's next command should not stand in the same line; a program gets the continuation and nothing else.
    if out.is_terminal() {
        writeln!(out)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The lines of standard input and what is written for them, one for one.
struct Exchange {
    input: BufReader<Stdin>,
    out: BufWriter<std::io::Stdout>,
    limit: usize,
    number: u64,
    outcome: Outcome,
}

impl Exchange {
    fn new(config: &Config) -> Self {
        Self {
            input: BufReader::with_capacity(1 << 16, tokio::io::stdin()),
            out: BufWriter::new(std::io::stdout()),
            limit: config.limits.max_body_bytes,
            number: 0,
            outcome: Outcome::Done,
        }
    }

    /// The next line's bytes, or why it has none that can be used.
    async fn next(&mut self) -> std::io::Result<Option<Result<Vec<u8>, ApiError>>> {
        let line = lines::next(&mut self.input, self.limit).await?;
        self.number += 1;
        Ok(line.map(|line| match line {
            Line::Whole(bytes) => Ok(bytes),
            Line::TooLong => Err(ApiError::BodyTooLarge { limit: self.limit }),
        }))
    }

    fn answer<T: Serialize>(&mut self, answer: Result<T, ApiError>) -> anyhow::Result<()> {
        match answer {
            Ok(answer) => writeln!(self.out, "{}", serde_json::to_string(&answer)?)?,
            Err(error) => {
                self.outcome = Outcome::Flawed;
                let refusal = ErrorJson::from(&error).placed(None, Some(self.number));
                writeln!(self.out, "{}", serde_json::to_string(&refusal)?)?;
            }
        }
        Ok(())
    }

    fn end(mut self) -> anyhow::Result<Outcome> {
        self.out.flush()?;
        Ok(self.outcome)
    }
}

async fn tokenize(config: &Config, dir: &Path) -> anyhow::Result<Outcome> {
    let tokenizer = LlamaTokenizer::load(&dir.join("tokenizer.json"))?;
    let mut exchange = Exchange::new(config);
    while let Some(line) = exchange.next().await? {
        let not_text = |_| ApiError::Unreadable("it is not UTF-8".to_owned());
        let text = line.and_then(|bytes| String::from_utf8(bytes).map_err(not_text));
        let ids = match text {
            Ok(text) => Ok(tokenizer.tokenize(&text)?),
            Err(error) => Err(error),
        };
        exchange.answer(ids)?;
    }
    exchange.end()
}

/// One line of `model score`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    suffix: String,
    choices: Vec<String>,
}

/// What is written for it: a natural logarithm of a probability for each choice.
#[derive(Serialize)]
struct Logprobs {
    logprobs: Vec<f64>,
}

async fn score(config: &Config, dir: &Path, prefix: &str) -> anyhow::Result<Outcome> {
    let llama = load(config, dir, Verb::Score)?;
    let mut exchange = Exchange::new(config);
    while let Some(line) = exchange.next().await? {
        let asked = line.and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|error| ApiError::Unreadable(place_of(&error)))
        });
        let answer = match asked {
            Ok(Asked { suffix, choices }) => scored(&llama, prefix, suffix, choices).await?,
            Err(error) => Err(error),
        };
        exchange.answer(answer)?;
    }
    exchange.end()
}

/// The scores of one line; the inner error is the line's own fault.
async fn scored(
    llama: &Llama,
    prefix: &str,
    suffix: String,
    choices: Vec<String>,
) -> anyhow::Result<Result<Logprobs, ApiError>> {
    match llama.score(prefix, &[suffix], &choices).await {
        Ok(scored) => Ok(Ok(Logprobs { logprobs: scored.log_probabilities.into_iter().flatten().collect() })),
        Err(error @ InferenceError::ContextFull { .. }) => {
            Ok(Err(ApiError::Field { field: "suffix", reason: error.to_string() }))
        }
        Err(error) => Err(error.into()),
    }
}
