//! `lamassu eval`

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures::{Stream, StreamExt, stream};
use inference::Classifier;
use policies::Judgment;

use super::{Outcome, attacked, compared, grounded, learned};
use crate::config::Config;
use crate::error::ApiError;
use crate::eval::{
    Collection, Known, LabelledText, Part, Report, Rows, RowsError, Slice, Tally, Task, compare,
    groundedness, learning, sampled, sources, usual_sentences,
};
use crate::moderator::{Docket, Moderator, Terms};
use crate::wiring::{self, Access};

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
    /// Only so many texts, or documents with summaries, by a hash of the id
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Try the battery of disguises on the labelled texts: how many harmful ones are still caught, and how many harmless
    /// ones are flagged for being in disguise
    #[arg(long)]
    attacks: bool,
    /// Show what precedents teach about this label of the texts: banks of 0, 50 and 500 cases of a kind that no head knows,
    /// and allowed cases against false alarms
    #[arg(long, value_name = "LABEL", conflicts_with = "attacks")]
    learn: Option<String>,
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
            _ if arguments.learn.is_some() => learn(config, (file, name), &arguments).await?,
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
    let rows = rows_of(file, arguments)?;
    if arguments.attacks {
        let rows = rows.collect::<Result<Vec<LabelledText>, RowsError>>()?;
        return attacked::run(moderator, docket, (name, rows), arguments.json).await;
    }
    let report = judge_all(moderator, docket, rows).await?.report(name, docket.policy());
    print(&report, arguments.json)?;
    Ok(report.degraded)
}

/// The labelled texts of one file that are meant.
fn rows_of(
    file: &Path,
    arguments: &Arguments,
) -> Result<Box<dyn Iterator<Item = Result<LabelledText, RowsError>> + Send>, RowsError> {
    let held_out = arguments.held_out;
    let rows = Rows::open(file)?.filter(move |row: &Result<LabelledText, RowsError>| match row {
        Ok(row) => !held_out || Classifier::is_held_out(&row.id),
        Err(_) => true,
    });
    Ok(match arguments.sample {
        None => Box::new(rows),
        Some(count) => Box::new(sampled(rows.collect::<Result<Vec<_>, _>>()?, count).into_iter().map(Ok)),
    })
}

/// Measures what precedents teach about a label of one file, and prints it.
async fn learn(config: &Config, (file, name): (&Path, String), arguments: &Arguments) -> anyhow::Result<()> {
    let Some(label) = &arguments.learn else { return Ok(()) };
    let rows = rows_of(file, arguments)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = config.clone();
    // Each text is judged with every bank: it is embedded once.
    config.inference.cache = config.inference.cache.max(rows.len() * 4);
    let models = wiring::models(&config, [&wiring::policy(None)?])?;
    let report = learning((name, label.clone()), rows, &models, wiring::DEFAULT_POLICY).await?;
    learned::print(&report, arguments.json)
}

async fn judge_all(
    moderator: &Arc<Moderator>,
    docket: &Docket,
    rows: impl Iterator<Item = Result<LabelledText, RowsError>>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let texts = rows.map(|row| {
        row.map(|LabelledText { text, labels, lang, .. }| {
            let chars = text.chars().count();
            (Known { labels, lang, chars }, text)
        })
    });
    let mut judged = std::pin::pin!(judged(moderator, docket, texts));
    while let Some(judged) = judged.next().await {
        match judged? {
            (known, Ok(judgment)) => tally.count(&judgment, &known),
            (_, Err(_)) => tally.refuse(),
        }
    }
    Ok(tally)
}

/// Judges texts, many at a time, and gives each judgment with what the text was given with, as they come.
pub(super) fn judged<K: Send + 'static, E: Send>(
    moderator: &Arc<Moderator>,
    docket: &Docket,
    texts: impl Iterator<Item = Result<(K, String), E>>,
) -> impl Stream<Item = Result<(K, Result<Judgment, ApiError>), E>> {
    let judging = texts.map(|text| {
        let (moderator, docket) = (Arc::clone(moderator), docket.clone());
        async move {
            let (key, text) = text?;
            let judging = tokio::spawn(async move {
                let place = moderator.place().await?;
                moderator.judge(&docket, text, &place).await
            });
            // A task that broke judged nothing: the text counts as one that cannot be judged.
            Ok((key, judging.await.unwrap_or(Err(ApiError::Internal))))
        }
    });
    stream::iter(judging).buffer_unordered(AT_ONCE)
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
        let heads =
            ["label", "annotated", "positive", "AUPRC", "F1", "recall", "FPR", "ECE", "Brier", "threshold"];
        let [label, annotated, positive, auprc, f1, recall, fpr, ece, brier, threshold] = heads;
        writeln!(
            out,
            "  {label:<22} {annotated:>9} {positive:>9} {auprc:>7} {f1:>7} {recall:>7} {fpr:>7} {ece:>7} {brier:>7} \
             {threshold:>9}"
        )?;
    }
    for label in labels {
        writeln!(out, "{} {:>9}", row(&label.label, &label.figures), figure(label.threshold))?;
        // One part is the whole.
        for parts in [&label.by_language, &label.by_length].into_iter().filter(|parts| parts.len() > 1) {
            for part in parts {
                writeln!(out, "{}", row(&format!("  {}", part.part), &part.figures))?;
            }
        }
    }
    if !labels.is_empty() {
        writeln!(
            out,
            "  ECE: expected calibration error, ten bins of equally many texts; parts by language and by characters"
        )?;
    }
    if !unmapped.is_empty() {
        writeln!(out, "  labels that are no categories: {}", unmapped.join(", "))?;
    }
    Ok(())
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn row(name: &str, slice: &Slice) -> String {
    let Slice { annotated, positives, auprc, f1, recall, fpr, calibration_error, brier } = slice;
    let figures =
        [auprc, f1, recall, fpr, calibration_error, brier].map(|value| format!("{:>7}", figure(*value)));
    format!("  {name:<22} {annotated:>9} {positives:>9} {}", figures.join(" "))
}
