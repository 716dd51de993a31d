//! Lines of cases: a few, all or none; or any number.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::io::{AsyncBufRead, BufReader};

use super::door::{Ask, Door};
use crate::clerk::CaseJson;
use crate::cli::Outcome;
use crate::cli::lines::{self, Line};
use crate::config::Config;

/// Lines sent at once.
const AT_ONCE: usize = 512;

/// Every line of standard input, each checked: an error names the line.
pub(super) async fn all_lines(config: &Config) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut input = BufReader::new(tokio::io::stdin());
    let limit = config.limits.max_body_bytes;
    let (mut read, mut number) = (Vec::new(), 0_u64);
    while let Some(line) = lines::next(&mut input, limit).await? {
        number += 1;
        let Line::Whole(bytes) = line else { anyhow::bail!("line {number}: more than {limit} bytes") };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let case: CaseJson = serde_json::from_slice(&bytes).with_context(|| format!("line {number}"))?;
        let case = case.into_case("").with_context(|| format!("line {number}"))?;
        case.check().with_context(|| format!("line {number}"))?;
        read.push(bytes);
    }
    Ok(read)
}

/// Hands in checked lines, and confirms them if wanted.
pub(super) async fn add(
    door: &Door,
    bank: &str,
    lines: Vec<Vec<u8>>,
    confirmed: bool,
) -> anyhow::Result<Outcome> {
    let report = door.ask(Ask::Import(bank, &lines.join(&b'\n'))).await?;
    let mut out = anstream::stdout().lock();
    let counted = |name: &str| report[name].as_u64().unwrap_or_default();
    writeln!(
        out,
        "added {} rows to `{bank}`, {} were there, {} are near copies",
        counted("entered"),
        counted("present"),
        counted("merged")
    )?;
    if confirmed {
        for id in report["ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            door.ask(Ask::Review((bank, id), "confirm", None)).await?;
        }
    }
    refused(&report["errors"], 0)?;
    Ok(if counted("refused") == 0 { Outcome::Done } else { Outcome::Flawed })
}

/// Hands in the lines of standard input, however many.
pub(super) async fn run(door: &Door, bank: &str, limit: usize) -> anyhow::Result<Outcome> {
    stream(door, bank, (&mut BufReader::new(tokio::io::stdin()), limit)).await
}

async fn stream(
    door: &Door,
    bank: &str,
    (input, limit): (&mut (impl AsyncBufRead + Unpin), usize),
) -> anyhow::Result<Outcome> {
    let (started, bar) = (Instant::now(), bar()?);
    let (mut totals, mut number, mut done) = (BTreeMap::new(), 0_u64, false);
    while !done {
        let (first, mut batch) = (number, Vec::new());
        for _ in 0..AT_ONCE {
            match lines::next(input, limit).await? {
                None => done = true,
                Some(Line::Whole(line)) => batch.extend_from_slice(&line),
                // The bank has to say so in its place.
                Some(Line::TooLong) => batch.extend_from_slice(b"\"too long\""),
            }
            if done {
                break;
            }
            batch.push(b'\n');
            number += 1;
        }
        let report = door.ask(Ask::Import(bank, &batch)).await?;
        for name in ["lines", "entered", "present", "merged", "refused"] {
            *totals.entry(name).or_insert(0) += report[name].as_u64().unwrap_or_default();
        }
        bar.suspend(|| refused(&report["errors"], first))?;
        bar.inc(number - first);
    }
    bar.finish_and_clear();
    concluded(bank, &totals, started)
}

fn concluded(bank: &str, totals: &BTreeMap<&str, u64>, started: Instant) -> anyhow::Result<Outcome> {
    let total = |name: &str| totals.get(name).copied().unwrap_or_default();
    let seconds = started.elapsed().as_secs_f64().max(f64::EPSILON);
    #[expect(clippy::cast_precision_loss, reason = "lines are counted far below 2^52")]
    let rate = total("lines") as f64 / seconds;
    writeln!(
        anstream::stdout(),
        "{} lines into `{bank}`: {} entered, {} were there, {} near copies, {} refused; {rate:.0} lines/s",
        total("lines"),
        total("entered"),
        total("present"),
        total("merged"),
        total("refused")
    )?;
    Ok(if total("refused") == 0 { Outcome::Done } else { Outcome::Flawed })
}

/// Says which lines were refused and why; `before` lines came before them.
fn refused(errors: &Value, before: u64) -> std::io::Result<()> {
    let mut out = anstream::stderr().lock();
    for error in errors.as_array().into_iter().flatten() {
        let line = error["line"].as_u64().unwrap_or_default() + before;
        writeln!(out, "line {line}: {}", error["error"]["message"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn bar() -> anyhow::Result<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}, {elapsed}")?;
    Ok(ProgressBar::new_spinner().with_style(style))
}
