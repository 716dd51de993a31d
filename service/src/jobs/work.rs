//! Doing a job: each task of it, document by document.

use plugins::Document;
use plugins::extract::{Extent, offsets};
use policies::{Mode, Source, Stated, Summarized, Wanted, Wish};

use super::{Extracted, Given, Job, Kind, Outcome, Said, Status, Task, Undone, Warning, now};
use crate::error::ApiError;
use crate::json::rounded;
use crate::summarizer::{From, Order, Summarizer};

/// Does all tasks; what is done is seen at once. Dropping the future ends it.
pub(super) async fn work(undone: &Undone, summarizer: &Summarizer) {
    let job = undone.change(|job| job.status = Status::Running);
    for (number, task) in job.tasks.iter().enumerate() {
        undone.change(|job| set(job, number, Status::Running, Vec::new()));
        let mut outcomes = Vec::with_capacity(job.documents.len());
        for document in &job.documents {
            outcomes.push(one(undone, summarizer, (task, document)).await);
        }
        undone.change(|job| set(job, number, Status::Succeeded, outcomes));
    }
}

fn set(job: &mut Job, number: usize, status: Status, outcomes: Vec<Outcome>) {
    if let Some(task) = job.tasks.get_mut(number) {
        *task = Task { status, updated: now(), outcomes, ..task.clone() };
    }
}

async fn one(undone: &Undone, summarizer: &Summarizer, (task, document): (&Task, &Given)) -> Outcome {
    if document.text.trim().is_empty() {
        return Outcome::Empty;
    }
    let made = async {
        let place = summarizer.place().await?;
        summarizer.summarize(order(task, document), &place).await
    };
    match made.await {
        Ok(done) => {
            undone.change(|job| {
                job.degraded |= done.record.degraded();
                job.policy = Some(done.record.policy.to_string());
            });
            outcome(task, &done)
        }
        Err(error) => Outcome::Failed(reason(&error)),
    }
}

/// What an owner may know of an error.
fn reason(error: &ApiError) -> String {
    if error.code().1.is_server_error() {
        tracing::warn!(%error, "a document of a job is not summarized");
    }
    error.to_string()
}

fn order(task: &Task, document: &Given) -> Order {
    let Given { text, language, .. } = document.clone();
    Order {
        policy: None,
        // Its own id may be as long as it likes.
        from: From::Request(vec![Document {
            id: "1".to_owned(),
            text,
            language: language.clone(),
            ..Document::default()
        }]),
        query: None,
        wish: Wish {
            mode: match task.kind {
                Kind::Extractive => Wanted::Extractive,
                Kind::Abstractive => Wanted::Abstractive,
            },
            sentences: task.sentences,
            length: task.length(),
            sort_by: task.sort_by(),
            language: language.unwrap_or_default().into(),
        },
        deadline: None,
        listener: None,
    }
}

fn outcome(task: &Task, summarized: &Summarized) -> Outcome {
    let Summarized { summary, sources, .. } = summarized;
    if summary.sentences.is_empty() && summarized.record.degraded() {
        return Outcome::Failed("a stage that the policy needs for a summary did not run".to_owned());
    }
    let warnings = warnings(task, summarized);
    match task.kind {
        Kind::Extractive => {
            let sentences = summary.sentences.iter().filter_map(|stated| extracted(task, stated, sources));
            Outcome::Extracted(sentences.collect(), warnings)
        }
        Kind::Abstractive if summary.sentences.is_empty() => Outcome::Written(None, warnings),
        Kind::Abstractive => {
            let contexts = contexts(task, &summary.sentences, sources);
            Outcome::Written(Some(Said { text: summary.text(), contexts }), warnings)
        }
    }
}

/// A sentence as it stands in its document.
fn extracted(task: &Task, stated: &Stated, sources: &[Source]) -> Option<Extracted> {
    let citation = stated.citations.first()?;
    let source = sources.get(citation.document)?;
    let text = source.text.get(citation.span.range())?.to_owned();
    let Extent { start, length } = offsets(&source.text, &[citation.span.range()], task.unit.unit()).pop()?;
    let rank = stated.rank.map_or(0.0, |rank| rounded(rank.value()));
    Some(Extracted { text, rank, offset: start, length })
}

/// What sentences rest on: each place once, in the order of the document.
fn contexts(task: &Task, sentences: &[Stated], sources: &[Source]) -> Vec<(usize, usize)> {
    let Some(source) = sources.first() else { return Vec::new() };
    let cited = sentences.iter().flat_map(|stated| &stated.citations).map(|citation| citation.span);
    let cited: Vec<_> =
        policies::merge_spans(cited.collect()).into_iter().map(policies::Span::range).collect();
    let extents = offsets(&source.text, &cited, task.unit.unit());
    extents.into_iter().map(|Extent { start, length }| (start, length)).collect()
}

fn warnings(task: &Task, summarized: &Summarized) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String| warnings.push(Warning { code: code.to_owned(), message });
    let Summarized { summary, reason, withheld, record, .. } = summarized;
    let in_other_words = task.kind == Kind::Abstractive && summary.mode == Mode::Extractive;
    if in_other_words && !summary.sentences.is_empty() {
        let reason = reason.as_deref().unwrap_or("no model wrote a summary");
        warn("ModelNotAble", format!("The summary is in the document's own sentences: {reason}."));
    } else if summary.sentences.is_empty() {
        let reason = reason.as_deref().unwrap_or("nothing is left to say");
        warn("NothingToSay", format!("The summary is empty: {reason}."));
    }
    for part in withheld {
        let category =
            part.category.as_ref().map_or("not supported, or not judged", policies::Category::name);
        warn(
            "ContentWithheld",
            format!("Kept out by policy: {} x {} ({category}).", part.count, part.what.name()),
        );
    }
    if record.degraded() {
        warn("Degraded", "A stage that should have run did not, or not wholly.".to_owned());
    }
    warnings
}
