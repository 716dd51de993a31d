//! `lamassu eval`

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures::{StreamExt, stream};

use super::{Outcome, grounded};
use crate::config::Config;
use crate::eval::{Report, Rows, RowsError, Tally, Task, groundedness};
use crate::moderator::{Docket, Moderator, Terms};
use crate::wiring::{self, Access};
use inference::Classifier;

/// Texts judged at the same time.
const AT_ONCE: usize = 32;

/// What to measure.
#[derive(Args)]
pub(super) struct Arguments {
    /// Labelled JSON lines, plain or gzip: `{"id","text","labels":{name:0|1}}`, or answers and their sources
    /// (`"task":"groundedness"`, with `context` and the label `ungrounded`)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The policy to judge by
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Only rows that nothing shipped was trained on (one in five, by a hash of the id; of answers, of the context)
    #[arg(long)]
    held_out: bool,
    /// Print JSON, one object a file
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let (answers, files): (Vec<_>, Vec<_>) =
        kinds(arguments.files.clone())?.into_iter().partition(|(task, _)| *task == Task::Groundedness);
    if !answers.is_empty() {
        let embedder = wiring::models(config, &[])?.embedder;
        for (_, file) in answers {
            let report = groundedness(&file, &embedder, arguments.held_out).await?;
            grounded::print(&report, arguments.json)?;
        }
    }
    if files.is_empty() {
        return Ok(Outcome::Done);
    }
    let moderator = Arc::new(wiring::moderator(config, Access::Read).await?);
    let docket = moderator.docket(&Terms { policy: arguments.policy, ..Terms::default() })?;
    let mut degraded = 0;
    for (_, file) in &files {
        let mut rows: Rows = Rows::open(file)?;
        let rows = std::iter::from_fn(|| {
            rows.find(|row| {
                !arguments.held_out || row.as_ref().map_or(true, |row| Classifier::is_held_out(&row.id))
            })
        });
        let tally = judge_all(&moderator, &docket, rows).await?;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let report = tally.report(name, docket.policy());
        degraded += report.degraded;
        print(&report, arguments.json)?;
    }
    Ok(if degraded == 0 { Outcome::Done } else { Outcome::Flawed })
}

/// What the rows of each file are for.
fn kinds(files: Vec<PathBuf>) -> Result<Vec<(Task, PathBuf)>, RowsError> {
    files.into_iter().map(|file| Ok((Task::of(&file)?, file))).collect()
}

async fn judge_all(
    moderator: &Arc<Moderator>,
    docket: &Docket,
    rows: impl Iterator<Item = Result<crate::eval::LabelledText, crate::eval::RowsError>>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let judging = rows.map(|row| {
        let (moderator, docket) = (Arc::clone(moderator), docket.clone());
        async move {
            let row = row?;
            let judged = tokio::spawn(async move {
                let place = moderator.place().await?;
                moderator.judge(&docket, row.text, &place).await
            });
            anyhow::Ok((judged.await?, row.labels))
        }
    });
    let mut judged = stream::iter(judging).buffer_unordered(AT_ONCE);
    while let Some(judged) = judged.next().await {
        match judged? {
            (Ok(judgment), labels) => tally.count(&judgment, &labels),
            (Err(_), _) => tally.refuse(),
        }
    }
    Ok(tally)
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let Report { file, texts, refused, degraded, acted_on, labels, unmapped } = report;
    writeln!(out, "{file}: {texts} texts, {refused} refused, {degraded} degraded")?;
    writeln!(
        out,
        "  flagged or worse {:.2} %, review or worse {:.2} %, blocked {:.2} %",
        acted_on.flag * 100.0,
        acted_on.review * 100.0,
        acted_on.block * 100.0
    )?;
    if !labels.is_empty() {
        let heads = ["label", "annotated", "positive", "AUPRC", "F1", "FPR", "threshold"];
        let [label, annotated, positive, auprc, f1, fpr, threshold] = heads;
        writeln!(
            out,
            "  {label:<16} {annotated:>9} {positive:>9} {auprc:>7} {f1:>7} {fpr:>7} {threshold:>9}"
        )?;
    }
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    for label in labels {
        writeln!(
            out,
            "  {:<16} {:>9} {:>9} {:>7} {:>7} {:>7} {:>9}",
            label.label,
            label.annotated,
            label.positives,
            figure(label.auprc),
            figure(label.f1),
            figure(label.fpr),
            figure(label.threshold)
        )?;
    }
    if !unmapped.is_empty() {
        writeln!(out, "  labels that are no categories: {}", unmapped.join(", "))?;
    }
    Ok(())
}
