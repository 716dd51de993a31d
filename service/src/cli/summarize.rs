//! `lamassu summarize`

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures::StreamExt;
use plugins::extract::Unit;
use plugins::{Document, Format, Question, Sight};
use policies::{Length, SortBy, Summarized, Wanted, Wish};

use super::lines::{self, Line};
use super::{Outcome, painted};
use crate::config::Config;
use crate::error::ApiError;
use crate::json::{ErrorJson, OrderJson, SummaryJson, place_of};
use crate::summarizer::{From, Order, Summarizer};
use crate::wiring::{self, Access};

/// Lines answered at the same time.
const AT_ONCE: usize = 4;
/// Passages taken from a bank.
const PASSAGES: usize = 20;

/// What to summarize, and how.
#[derive(Args)]
pub(super) struct Arguments {
    /// Text, Markdown and HTML files; standard input, as text, unless given
    #[arg(conflicts_with_all = ["jsonl", "bank"])]
    files: Vec<PathBuf>,
    /// Summarize JSON lines `{"id","documents":[{"id","text"}],…}` from standard input, in order, to standard output
    #[arg(long, conflicts_with_all = ["bank", "query", "mode", "sentences", "length", "language", "by_rank", "json"])]
    jsonl: bool,
    /// Summarize what this bank of documents has on the query
    #[arg(long, value_name = "BANK", requires = "query")]
    bank: Option<String>,
    /// What the summary is to answer
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Whose words: extractive or abstractive; a language model's where one is able, unless given
    #[arg(long, value_name = "MODE", value_parser = mode)]
    mode: Option<Wanted>,
    /// Sentences at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    sentences: Option<u16>,
    /// oneSentence, short, medium or long
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    length: Option<Length>,
    /// The most important sentence first
    #[arg(long)]
    by_rank: bool,
    /// The language to answer in, ISO 639-1
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// The policy to go by
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Print the JSON that `--jsonl` and the service give
    #[arg(long)]
    json: bool,
}

fn mode(name: &str) -> Result<Wanted, String> {
    match name {
        "extractive" => Ok(Wanted::Extractive),
        "abstractive" => Ok(Wanted::Abstractive),
        _ => Err("it is none of extractive, abstractive".to_owned()),
    }
}

fn length(name: &str) -> Result<Length, String> {
    Length::named(name).ok_or_else(|| format!("it is none of {}", Length::ALL.map(Length::name).join(", ")))
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let (_, summarizer) = wiring::verbs(config, Access::Read).await?;
    if arguments.jsonl {
        return many(Arc::new(summarizer), arguments.policy).await;
    }
    let json = arguments.json;
    let place = summarizer.place().await?;
    let answered = summarizer.summarize(order(arguments)?, &place).await?;
    print(answered, json)
}

fn order(arguments: Arguments) -> anyhow::Result<Order> {
    let Arguments { files, bank, query, mode, sentences, length, by_rank, language, policy, .. } = arguments;
    let from = match bank {
        Some(bank) => From::Bank(bank, Question { k: PASSAGES, sight: Sight::all(), ..Question::default() }),
        None if files.is_empty() => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            From::Request(vec![Document { id: "-".to_owned(), text, ..Document::default() }])
        }
        None => From::Request(files.iter().map(document).collect::<anyhow::Result<_>>()?),
    };
    let wish = Wish {
        mode: mode.unwrap_or_default(),
        sentences: sentences.map(usize::from),
        length: length.unwrap_or_default(),
        sort_by: if by_rank { SortBy::Rank } else { SortBy::Offset },
        language: language.unwrap_or_default().into(),
    };
    Ok(Order { policy, from, query, wish, deadline: None, listener: None })
}

/// A file, read by what its name ends in.
fn document(file: &PathBuf) -> anyhow::Result<Document> {
    let read = std::fs::read_to_string(file);
    let text = read.map_err(|error| anyhow::Error::new(error).context(file.display().to_string()))?;
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let format = match ending.as_deref() {
        Some("md" | "markdown") => Format::Markdown,
        Some("html" | "htm") => Format::Html,
        _ => Format::Text,
    };
    Ok(Document { id: file.display().to_string(), text, format, ..Document::default() })
}

fn print(answered: Summarized, json: bool) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&SummaryJson::new(answered, Unit::Byte))?)?;
    } else {
        painted::summary(&mut out, &answered)?;
    }
    Ok(Outcome::Done)
}

async fn many(summarizer: Arc<Summarizer>, policy: Option<String>) -> anyhow::Result<Outcome> {
    let progress = lines::progress_bar("{spinner} {pos} summaries  {elapsed}");
    let limit = summarizer.limits().max_body_bytes;
    let answers = lines::numbered(limit).map(|line| {
        let (summarizer, policy) = (Arc::clone(&summarizer), policy.clone());
        async move {
            let (number, line) = line?;
            anyhow::Ok(tokio::spawn(async move { answer(&summarizer, policy, number, line).await }).await?)
        }
    });
    // In the order of the input, whoever is done first.
    let mut answers = std::pin::pin!(answers.buffered(AT_ONCE));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut outcome = Outcome::Done;
    while let Some(answer) = answers.next().await {
        let (json, made) = answer?;
        if !made {
            outcome = Outcome::Flawed;
        }
        writeln!(out, "{json}")?;
        progress.inc(1);
    }
    out.flush()?;
    progress.finish_and_clear();
    Ok(outcome)
}

/// A line's answer, ready to be written, and whether it is a summary.
async fn answer(summarizer: &Summarizer, policy: Option<String>, number: u64, line: Line) -> (String, bool) {
    let (id, order) = parsed(summarizer, line);
    let answered = async {
        let order = order?;
        let unit = order.unit()?;
        let mut order = order.order(&Sight::all())?;
        order.policy = order.policy.or(policy);
        Ok::<_, ApiError>((summarizer.summarize(order, &summarizer.place().await?).await?, unit))
    };
    let (written, made) = match answered.await {
        Ok((answered, unit)) => (serde_json::to_string(&SummaryJson::new(answered, unit).named(id)), true),
        Err(error) => (serde_json::to_string(&ErrorJson::from(&error).placed(id, Some(number))), false),
    };
    // Both are maps of strings and numbers: there is nothing in them that JSON cannot hold.
    (written.unwrap_or_default(), made)
}

/// The id and the order of a line; where that cannot be read, the id if at least that can.
fn parsed(summarizer: &Summarizer, line: Line) -> (Option<serde_json::Value>, Result<OrderJson, ApiError>) {
    let bytes = match line {
        Line::Whole(bytes) => bytes,
        Line::TooLong => {
            return (None, Err(ApiError::BodyTooLarge { limit: summarizer.limits().max_body_bytes }));
        }
    };
    match serde_json::from_slice::<OrderJson>(&bytes) {
        Ok(order) => (order.id.clone(), Ok(order)),
        Err(error) => {
            let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let id = value.and_then(|mut value| value.get_mut("id").map(serde_json::Value::take));
            (id, Err(ApiError::Unreadable(place_of(&error))))
        }
    }
}
