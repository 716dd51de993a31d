//! `lamassu moderate`

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures::StreamExt;
use serde::Deserialize;

use super::lines::{self, Line};
use super::{Outcome, painted};
use crate::config::Config;
use crate::error::ApiError;
use crate::json::{ErrorJson, JudgmentJson, place_of};
use crate::moderator::{Docket, Moderator, Terms};
use crate::wiring::{self, Access};

/// Lines judged at the same time.
const AT_ONCE: usize = 32;

/// What to judge, and by what.
#[derive(Args)]
pub(super) struct Arguments {
    /// The text to judge
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    text: Option<String>,
    /// Judge JSON lines `{"id","text"}` from standard input, in order, to standard output
    #[arg(long)]
    jsonl: bool,
    /// The policy to judge by
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Have the LLaMA say in a line why it judges so
    #[arg(long)]
    explain: bool,
    /// Print the JSON that `--jsonl` and the service give
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
}

/// One line of input. Other keys are the caller's own.
#[derive(Deserialize)]
struct Row {
    id: Option<serde_json::Value>,
    text: String,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let moderator = Arc::new(wiring::moderator(config, Access::Read).await?);
    let docket = moderator.docket(&Terms {
        policy: arguments.policy,
        explain: arguments.explain,
        ..Terms::default()
    })?;
    match arguments.text {
        Some(text) => one(&moderator, &docket, text, arguments.json).await,
        None => many(moderator, docket).await,
    }
}

async fn one(moderator: &Moderator, docket: &Docket, text: String, json: bool) -> anyhow::Result<Outcome> {
    let place = moderator.place().await?;
    let judgment = moderator.judge(docket, text.clone(), &place).await?;
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&JudgmentJson::new(&judgment, docket.policy()))?)?;
    } else {
        painted::judgment(&mut out, &text, &judgment, docket.policy())?;
    }
    Ok(Outcome::Done)
}

/// What became of one line: its answer, ready to be written, and whether it could be judged.
struct Answer {
    json: String,
    judged: bool,
}

async fn many(moderator: Arc<Moderator>, docket: Docket) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let progress = lines::progress_bar("{spinner} {pos} texts  {per_sec}  {elapsed}");
    let limit = moderator.limits().max_body_bytes;
    let answers = lines::numbered(limit).map(|line| {
        let (moderator, docket) = (Arc::clone(&moderator), docket.clone());
        async move {
            let (number, line) = line?;
            anyhow::Ok(tokio::spawn(async move { answer(&moderator, &docket, number, line).await }).await?)
        }
    });
    // In the order of the input, whoever is done first.
    let mut answers = std::pin::pin!(answers.buffered(AT_ONCE));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut judged, mut refused) = (0_u64, 0_u64);
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        *(if answer.judged { &mut judged } else { &mut refused }) += 1;
        writeln!(out, "{}", answer.json)?;
        progress.inc(1);
    }
    out.flush()?;
    progress.finish_and_clear();
    report(judged, refused, started.elapsed())?;
    Ok(if refused == 0 { Outcome::Done } else { Outcome::Flawed })
}

async fn answer(moderator: &Moderator, docket: &Docket, number: u64, line: Line) -> Answer {
    let (id, text) = parsed(moderator, line);
    let judged = match text {
        Ok(text) => judge(moderator, docket, text).await,
        Err(error) => Err(error),
    };
    let is_judged = judged.is_ok();
    let written = match judged {
        Ok(json) => serde_json::to_string(&json.named(id)),
        Err(error) => serde_json::to_string(&ErrorJson::from(&error).placed(id, Some(number))),
    };
    // Both are maps of strings and numbers: there is nothing in them that JSON cannot hold.
    Answer { json: written.unwrap_or_default(), judged: is_judged }
}

async fn judge(moderator: &Moderator, docket: &Docket, text: String) -> Result<JudgmentJson, ApiError> {
    let place = moderator.place().await?;
    let judgment = moderator.judge(docket, text, &place).await?;
    Ok(JudgmentJson::new(&judgment, docket.policy()))
}

/// The id and the text of a line's row; where that cannot be read, the id if at least that can.
fn parsed(moderator: &Moderator, line: Line) -> (Option<serde_json::Value>, Result<String, ApiError>) {
    let bytes = match line {
        Line::Whole(bytes) => bytes,
        Line::TooLong => {
            return (None, Err(ApiError::BodyTooLarge { limit: moderator.limits().max_body_bytes }));
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(Row { id, text }) => (id, Ok(text)),
        Err(error) => {
            let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let id = value.and_then(|mut value| value.get_mut("id").map(serde_json::Value::take));
            (id, Err(ApiError::Unreadable(place_of(&error))))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn report(judged: u64, refused: u64, took: Duration) -> std::io::Result<()> {
    let rate = judged as f64 / took.as_secs_f64().max(1e-9);
    let mut out = anstream::stderr().lock();
    write!(out, "{judged} texts in {:.1} s, {rate:.1} texts/s", took.as_secs_f64())?;
    if refused > 0 {
        write!(out, "; {refused} lines could not be judged")?;
    }
    writeln!(out)
}
