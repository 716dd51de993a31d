//! `lamassu eval` for summaries and for search: the tables.

use std::io::Write;

use serde::Serialize;

use crate::eval::{Behind, Interval, MannerReport, RetrievalReport, SummaryReport, SystemReport};

pub(super) fn print_summaries(report: &SummaryReport, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(report);
    }
    let mut out = anstream::stdout().lock();
    let SummaryReport { file, documents, summaries, sentences, systems } = report;
    writeln!(out, "{file}: {documents} documents, {summaries} summaries of {sentences} sentences")?;
    let heads = ["system", "ROUGE-1", "ROUGE-2", "ROUGE-L", "words", "compression", "supported"];
    let [system, one, two, l, words, compression, supported] = heads;
    writeln!(
        out,
        "  {system:<10} {one:>7} {two:>7} {l:>7} {words:>6} {compression:>11} {supported:>9}  ahead of it, 95 % intervals"
    )?;
    for SystemReport { system, rouge_1, rouge_2, rouge_l, words, compression, supported, behind } in systems {
        let [one, two, l] = [rouge_1, rouge_2, rouge_l].map(|figure| figure * 100.0);
        let compression = compression * 100.0;
        write!(out, "  {system:<10} {one:>7.2} {two:>7.2} {l:>7.2} {words:>6.0} {compression:>9.2} %")?;
        match supported {
            Some(share) => write!(out, " {:>7.1} %", share * 100.0)?,
            None => write!(out, " {:>9}", "-")?,
        }
        if let Some(Behind { rouge_1, rouge_2, rouge_l }) = behind {
            write!(out, "  {}, {}, {}", interval(rouge_1), interval(rouge_2), interval(rouge_l))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

pub(super) fn print_retrieval(report: &RetrievalReport, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(report);
    }
    let mut out = anstream::stdout().lock();
    let RetrievalReport { file, documents, questions, manners } = report;
    writeln!(out, "{file}: {documents} documents, {questions} questions")?;
    let [manner, ndcg, mrr, recall] = ["manner", "nDCG@10", "MRR@10", "recall@10"];
    writeln!(out, "  {manner:<8} {ndcg:>8} {mrr:>8} {recall:>9}  hybrid ahead in nDCG, 95 % interval")?;
    for MannerReport { manner, ndcg_10, mrr_10, recall_10, hybrid_ahead } in manners {
        let ahead = interval(hybrid_ahead);
        writeln!(out, "  {manner:<8} {ndcg_10:>8.4} {mrr_10:>8.4} {recall_10:>9.4}  {ahead}")?;
    }
    Ok(())
}

/// In hundredths: the mean and what it lies between.
fn interval(Interval { mean, low, high }: &Interval) -> String {
    let [mean, low, high] = [mean, low, high].map(|figure| figure * 100.0);
    format!("{mean:+.2} [{low:+.2}, {high:+.2}]")
}

fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{}", serde_json::to_string(report)?)?;
    Ok(())
}
