//! `lamassu policy fit`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use futures::{StreamExt, stream};
use policies::{Ask, Content, Pipeline, Policy};
use serde::Serialize;

use super::{Outcome, lines};
use crate::config::Config;
use crate::durable;
use crate::eval::Rows;
use crate::fit::{Examples, FitError, Fitting, Origin, Rates, Standing, rewrite, wide_open};
use crate::wiring;

/// Texts judged at the same time.
const AT_ONCE: usize = 32;

/// Options of `policy fit`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The policy file
    policy: PathBuf,
    /// Labelled texts, JSON lines, plain or gzip: `{"id","text","labels":{category:0|1},"lang"?}`; a label that is missing
    /// is not annotated
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The share of harmless texts that may be flagged, for each category and language; a quarter of it may be held for
    /// review, a twentieth blocked
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    fpr: f64,
    /// Let the lines of floors be raised as well
    #[arg(long)]
    floors: bool,
    /// Where to write the policy; in its own place unless given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was fitted to what.
#[derive(Serialize)]
struct Report {
    policy: String,
    /// Where it was written, if a line was fitted.
    written: Option<String>,
    texts: usize,
    refused: usize,
    /// Texts that say another language than the one they are taken for.
    other_language: usize,
    rates: Rates,
    lines: Vec<Fitting>,
}

#[derive(Default)]
struct Judged {
    examples: Examples,
    texts: usize,
    refused: usize,
    other_language: usize,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Outcome> {
    let Arguments { policy: file, files, fpr, floors, out, json } = arguments;
    let rates = Rates::of(fpr)?;
    let policy = wiring::policy(Some(&file))?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("`{}`", file.display()))?;
    let open = parsed(&wide_open(&text)?, &file)?;
    let models = wiring::models(config, [&open])?;
    // The policy alone: what the tenant's banks hold may be the very texts.
    let pipeline = wiring::chamber(open, &models, None).await?.judging;
    let judged = judge(&pipeline, &policy, &files).await?;
    let fittings = judged.examples.fit(&policy, rates, floors);
    let fitted = fittings.iter().any(Fitting::is_fitted);
    let target = out.unwrap_or_else(|| file.clone());
    if fitted {
        let origin = Origin { files: files.iter().map(|file| name(file)).collect(), rate: fpr };
        let new = rewrite(&text, &fittings, &origin)?;
        parsed(&new, &file)?;
        durable::replace(&target, new.as_bytes()).with_context(|| format!("`{}`", target.display()))?;
    }
    let report = Report {
        policy: policy.name().to_owned(),
        written: fitted.then(|| target.display().to_string()),
        texts: judged.texts,
        refused: judged.refused,
        other_language: judged.other_language,
        rates,
        lines: fittings,
    };
    print(&report, json)?;
    Ok(if fitted { Outcome::Done } else { Outcome::Flawed })
}

/// A policy made from the one in `file`, beside which its lists are.
fn parsed(text: &str, file: &Path) -> Result<Policy, FitError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    Ok(Policy::parse_with_files(text, |name| std::fs::read_to_string(folder.join(name)))?)
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Judges every text of `files` by `pipeline`, whose lines are at nought.
async fn judge(pipeline: &Pipeline, policy: &Policy, files: &[PathBuf]) -> anyhow::Result<Judged> {
    let bar = lines::progress_bar("{spinner} {pos} texts, {per_sec}");
    let mut judged = Judged::default();
    for file in files {
        let rows: Rows = Rows::open(file)?;
        let judging = rows.map(|row| async move {
            let row = row?;
            let Ok(content) = Content::new(row.text) else { return anyhow::Ok(None) };
            let judgment = pipeline.judge(content.into(), &Ask::default()).await;
            Ok(Some((row.id, row.lang, row.labels, judgment)))
        });
        let mut judging = stream::iter(judging).buffer_unordered(AT_ONCE);
        while let Some(text) = judging.next().await {
            bar.inc(1);
            let Some((id, lang, labels, judgment)) = text? else {
                judged.refused += 1;
                continue;
            };
            if judgment.record.degraded() {
                bail!(
                    "`{}`, text `{id}`: a stage that should have judged did not; nothing was fitted",
                    file.display()
                );
            }
            judged.texts += 1;
            let language = &*judgment.verdict.language;
            judged.other_language += usize::from(lang.is_some_and(|said| said != language));
            judged.examples.count(&judgment, &labels, policy);
        }
    }
    bar.finish_and_clear();
    Ok(judged)
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let Report { policy, written, texts, refused, other_language, rates, lines } = report;
    writeln!(
        out,
        "policy `{policy}`: {texts} texts, {refused} refused, {other_language} taken for another language than they say"
    )?;
    let [flag, review, block] = [rates.flag, rates.review, rates.block].map(|rate| rate * 100.0);
    writeln!(
        out,
        "of the harmless at most {flag:.2} % flagged, {review:.2} % held for review, {block:.2} % blocked"
    )?;
    let heads = ["category", "language", "line", "before", "after", "FPR", "of", "recall", "of"];
    let [category, language, line, before, after, fpr, negatives, recall, positives] = heads;
    writeln!(
        out,
        "  {category:<22} {language:<8} {line:<6} {before:>7} {after:>7} {fpr:>7} {negatives:>6} {recall:>7} {positives:>6}"
    )?;
    for fitting in lines {
        print_lines(&mut out, fitting)?;
    }
    let reasons = left(lines);
    for (reason, whose) in reasons {
        writeln!(out, "  left: {}: {reason}", whose.join(", "))?;
    }
    match written {
        Some(file) => writeln!(out, "written: {file}")?,
        None => writeln!(out, "no line could be fitted: nothing was written")?,
    }
    Ok(())
}

fn print_lines(out: &mut impl Write, fitting: &Fitting) -> std::io::Result<()> {
    let percent =
        |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0));
    for (action, line) in fitting.lines() {
        writeln!(
            out,
            "  {:<22} {:<8} {action:<6} {:>7} {:>7} {:>7} {:>6} {:>7} {:>6}",
            fitting.category,
            fitting.language.as_deref().unwrap_or("any"),
            line.before,
            line.after,
            percent(line.false_positive_rate),
            fitting.negatives,
            percent(line.recall),
            fitting.positives,
        )?;
    }
    Ok(())
}

/// Why lines are not fitted, and which those are.
fn left(fittings: &[Fitting]) -> BTreeMap<&str, Vec<String>> {
    let mut left: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for fitting in fittings {
        for (action, line) in fitting.lines() {
            let (Standing::Left(reason) | Standing::Moved(reason)) = &line.standing else { continue };
            let language = fitting.language.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
            left.entry(reason).or_default().push(format!("{}{language} {action}", fitting.category));
        }
    }
    left
}
