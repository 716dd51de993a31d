//! `lamassu eval`

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures::{StreamExt, stream};

use super::{Outcome, compared, grounded};
use crate::config::Config;
use crate::eval::{
    Collection, Part, Report, Rows, Tally, Task, compare, groundedness, sources, usual_sentences,
};
use crate::moderator::{Docket, Moderator, Terms};
use crate::wiring::{self, Access};
use inference::Classifier;

/// Texts judged at the same time.
const AT_ONCE: usize = 32;

/// What to measure.
#[derive(Args)]
pub(super) struct Arguments {
    /// JSON lines, plain or gzip: labelled texts `{"id","text","labels":{name:0|1}}`, documents with summaries
    /// (`"task":"summarization"`), documents and questions (`"task":"retrieval"`), or answers and their sources
    /// (`"task":"groundedness"`, with `context` and the label `ungrounded`)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The policy to judge by
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Only rows, or documents with summaries, that nothing shipped was fitted on (one in five, by a hash of the id; of
    /// answers, of the context)
    #[arg(long)]
    held_out: bool,
    /// Sentences of each summary; else as many as make the references' mean length of the documents' mean sentences
    #[arg(long, value_name = "N")]
    sentences: Option<NonZeroUsize>,
    /// Only so many documents with summaries, by a hash of the id
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Print JSON, one object a file
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let mut judge = None;
    let mut embedder = None;
    let mut degraded = 0;
    for file in &arguments.files {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let task = Task::of(file)?;
        if task != Task::Labels && embedder.is_none() {
            embedder = Some(wiring::models(config, &[])?.embedder);
        }
        match (task, &embedder) {
            (Task::Summaries, Some(embedder)) => {
                let part = Part { held_out: arguments.held_out, sample: arguments.sample };
                let sources = sources(file, part)?;
                let count = arguments.sentences.map_or_else(|| usual_sentences(&sources), NonZeroUsize::get);
                let report = compare(name, &sources, count, embedder).await?;
                compared::print_summaries(&report, arguments.json)?;
            }
            (Task::Retrieval, Some(embedder)) => {
                let report = Collection::read(file)?.measure(name, embedder).await?;
                compared::print_retrieval(&report, arguments.json)?;
            }
            (Task::Groundedness, Some(embedder)) => {
                let report = groundedness(file, embedder, arguments.held_out).await?;
                grounded::print(&report, arguments.json)?;
            }
            _ => {
                let (moderator, docket) = match judge.take() {
                    Some(judge) => judge,
                    None => judge_of(config, &arguments).await?,
                };
                degraded += judge_file(&moderator, &docket, (file, name), &arguments).await?;
                judge = Some((moderator, docket));
            }
        }
    }
    Ok(if degraded == 0 { Outcome::Done } else { Outcome::Flawed })
}

/// What judges labelled texts.
async fn judge_of(config: &Config, arguments: &Arguments) -> anyhow::Result<(Arc<Moderator>, Docket)> {
    let moderator = Arc::new(wiring::moderator(config, Access::Read).await?);
    let docket = moderator.docket(&Terms { policy: arguments.policy.clone(), ..Terms::default() })?;
    Ok((moderator, docket))
}

/// Judges the labelled texts of one file, prints what that shows, and says how many verdicts miss a stage.
async fn judge_file(
    moderator: &Arc<Moderator>,
    docket: &Docket,
    (file, name): (&Path, String),
    arguments: &Arguments,
) -> anyhow::Result<usize> {
    let mut rows: Rows = Rows::open(file)?;
    let rows = std::iter::from_fn(|| {
        rows.find(|row| {
            !arguments.held_out || row.as_ref().map_or(true, |row| Classifier::is_held_out(&row.id))
        })
    });
    let report = judge_all(moderator, docket, rows).await?.report(name, docket.policy());
    print(&report, arguments.json)?;
    Ok(report.degraded)
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
