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

/// Every line of standard input.
pub(super) async fn all_lines(config: &Config) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut input = BufReader::new(tokio::io::stdin());
    let limit = config.limits.max_body_bytes;
    let (mut read, mut number) = (Vec::new(), 0_u64);
    while let Some(line) = lines::next(&mut input, limit).await? {
        number += 1;
        let Line::Whole(bytes) = line else { anyhow::bail!("line {number}: more than {limit} bytes") };
        read.push(bytes);
    }
    Ok(read)
}

/// Checks lines as cases, but empty ones: an error names the line.
pub(super) fn check(lines: &[Vec<u8>]) -> anyhow::Result<()> {
    let written = |(_, line): &(u64, &Vec<u8>)| !line.iter().all(u8::is_ascii_whitespace);
    for (number, line) in (1_u64..).zip(lines).filter(written) {
        let place = || format!("line {number}");
        let case: CaseJson = serde_json::from_slice(line).with_context(place)?;
        case.into_case("").with_context(place)?.check().with_context(place)?;
    }
    Ok(())
}

/// Hands in checked lines, and confirms them if wanted.
pub(super) async fn add(door: &Door, bank: &str, lines: &[u8], confirmed: bool) -> anyhow::Result<Outcome> {
    let report = door.ask(Ask::Import(bank, lines)).await?;
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

/// The same of any input.
pub(super) async fn stream(
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
        tally(&mut totals, &report);
        bar.suspend(|| refused(&report["errors"], first))?;
        bar.inc(number - first);
    }
    bar.finish_and_clear();
    concluded(bank, &totals, started)
}

/// What became of lines, added up; chunks only where there were documents.
pub(super) type Totals = BTreeMap<&'static str, u64>;

/// Counts a report in.
pub(super) fn tally(totals: &mut Totals, report: &Value) {
    let mut count = |name, number: &Value| {
        if let Some(number) = number.as_u64() {
            *totals.entry(name).or_insert(0) += number;
        }
    };
    for name in ["lines", "entered", "present", "merged", "refused"] {
        count(name, &report[name]);
    }
    for name in ["unchanged", "embedded", "removed"] {
        count(name, &report["chunks"][name]);
    }
}

/// Says what became of all of them.
pub(super) fn concluded(bank: &str, totals: &Totals, started: Instant) -> anyhow::Result<Outcome> {
    let total = |name: &str| totals.get(name).copied().unwrap_or_default();
    let seconds = started.elapsed().as_secs_f64().max(f64::EPSILON);
    #[expect(clippy::cast_precision_loss, reason = "lines are counted far below 2^52")]
    let rate = total("lines") as f64 / seconds;
    let outcome = if total("refused") == 0 { Outcome::Done } else { Outcome::Flawed };
    if let Some(embedded) = totals.get("embedded") {
        #[expect(clippy::cast_precision_loss, reason = "chunks are counted far below 2^52")]
        let rate = *embedded as f64 / seconds;
        writeln!(
            anstream::stdout(),
            "{} documents into `{bank}`: {} indexed, {} unchanged, {} refused; {embedded} chunks embedded ({rate:.0}/s), {} \
             unchanged, {} removed",
            total("lines"),
            total("entered"),
            total("present"),
            total("refused"),
            total("unchanged"),
            total("removed")
        )?;
        return Ok(outcome);
    }
    writeln!(
        anstream::stdout(),
        "{} lines into `{bank}`: {} entered, {} were there, {} near copies, {} refused; {rate:.0} lines/s",
        total("lines"),
        total("entered"),
        total("present"),
        total("merged"),
        total("refused")
    )?;
    Ok(outcome)
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

pub(super) fn bar() -> anyhow::Result<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}, {elapsed}")?;
    Ok(ProgressBar::new_spinner().with_style(style))
}
