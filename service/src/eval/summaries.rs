//! Extractive summaries beside what is easily had: ROUGE, with the same number of sentences for all.

use inference::{Embedder, InferenceError};
use plugins::extract::{Order, choose};
use plugins::ground::{Grounder, SourceSentence, Sources};
use serde::Serialize;

use super::baselines::{lead, random, text_rank};
use super::bootstrap::{Interval, paired};
use super::rouge::{Counted, rouge};
use super::sources::{Read, Source, Wanted};

/// Probability from which on a sentence counts as borne out.
const SUPPORTED_FROM: f32 = 0.5;

/// What is measured: ours first, then what it is to be better than.
const SYSTEMS: [&str; 4] = ["lamassu", "lead", "textrank", "random"];

/// What one file of documents and summaries shows.
#[derive(Debug, Serialize)]
pub struct SummaryReport {
    /// The file.
    pub file: String,
    /// Documents.
    pub documents: usize,
    /// Summaries wanted of them.
    pub summaries: usize,
    /// Sentences of each summary.
    pub sentences: usize,
    /// Ours and the others.
    pub systems: Vec<SystemReport>,
}

/// What one way to sum up shows.
#[derive(Debug, Serialize)]
pub struct SystemReport {
    /// Its name.
    pub system: &'static str,
    /// F1, `0.0..=1.0`.
    pub rouge_1: f64,
    /// F1, `0.0..=1.0`.
    pub rouge_2: f64,
    /// F1, `0.0..=1.0`.
    pub rouge_l: f64,
    /// Words of a summary, in the mean.
    pub words: f64,
    /// Words of all summaries by words of all they sum up.
    pub compression: f64,
    /// Share of our sentences that the document bears out, by `ground`; none beside others.
    pub supported: Option<f64>,
    /// By how much ours is better; none beside ours.
    pub behind: Option<Behind>,
}

/// Why summaries cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum SummariesError {
    /// The encoder does not answer.
    #[error(transparent)]
    Encoder(#[from] InferenceError),
    /// The model that grounds does not fit this version.
    #[error("{0}")]
    Grounder(String),
}

/// How far a system is behind ours, with 95 % intervals.
#[derive(Debug, Serialize)]
pub struct Behind {
    /// In ROUGE-1.
    pub rouge_1: Interval,
    /// In ROUGE-2.
    pub rouge_2: Interval,
    /// In ROUGE-L.
    pub rouge_l: Interval,
}

/// The figures of one summary by one system.
#[derive(Clone, Copy, Default)]
struct Outcome {
    rouge: [f64; 3],
    words: usize,
    /// Sentences, and how many of them the document bears out, where that was asked.
    borne_out: (usize, usize),
}

/// Sums up every source in every way, each with `sentences` sentences.
///
/// # Errors
///
/// [`SummariesError`].
pub async fn compare(
    file: String,
    sources: &[Source],
    sentences: usize,
    embedder: &Embedder,
) -> Result<SummaryReport, SummariesError> {
    let grounder = Grounder::shipped().map_err(SummariesError::Grounder)?;
    let mut outcomes = Vec::with_capacity(sources.len());
    let mut source_words = 0;
    for source in sources {
        let read = source.read(embedder).await?;
        let all: usize = read.counted.iter().map(Counted::words).sum();
        source_words += all * read.asked.len();
        outcomes.push(summed_up((&read, source.language.as_deref()), sentences, &grounder));
        // Ranking a long document takes a while, and others have the thread, too.
        tokio::task::yield_now().await;
    }
    let systems = SYSTEMS.iter().enumerate();
    let systems = systems.map(|(system, name)| report(name, system, &outcomes, source_words)).collect();
    let summaries = outcomes.iter().map(Vec::len).sum();
    Ok(SummaryReport { file, documents: sources.len(), summaries, sentences, systems })
}

/// One document. *Shape*: `[summaries][systems]`.
fn summed_up(
    (read, language): (&Read<'_>, Option<&str>),
    sentences: usize,
    grounder: &Grounder,
) -> Vec<[Outcome; 4]> {
    let texts: Vec<&str> = read.items.iter().map(|item| item.text).collect();
    let ranked = text_rank(&texts, sentences, language);
    let outcome = |chosen: &[usize], wanted: &Wanted<'_>| {
        let summary = Counted::joined(chosen.iter().filter_map(|&place| read.counted.get(place)));
        let figures = rouge(&summary, &wanted.references).figures();
        Outcome { rouge: figures, words: summary.words(), borne_out: (0, 0) }
    };
    let document = document(read);
    let borne_out = |place: &usize| {
        let item = read.items.get(*place);
        item.is_some_and(|item| {
            grounder.support(item.text, &item.vector, &document).probability >= SUPPORTED_FROM
        })
    };
    let each = |wanted: &Wanted<'_>| {
        let focus = wanted.focus.clone();
        let by = plugins::extract::Wanted { sentences, order: Order::Offset, focus, language };
        let ours: Vec<usize> = choose(&read.items, &by).into_iter().map(|chosen| chosen.item).collect();
        let [first, any] = [lead(texts.len(), sentences), random(texts.len(), sentences, wanted.id)];
        let mut outcomes = [&ours, &first, &ranked, &any].map(|chosen| outcome(chosen, wanted));
        let [own, ..] = &mut outcomes;
        own.borne_out = (ours.len(), ours.iter().filter(|place| borne_out(place)).count());
        outcomes
    };
    read.asked.iter().map(each).collect()
}

/// The document as what may bear its summary out.
fn document(read: &Read<'_>) -> Sources {
    let sentence = |item: &plugins::extract::Item<'_>| SourceSentence {
        document: item.document,
        range: 0..item.text.len(),
        text: item.text.into(),
        vector: std::sync::Arc::clone(&item.vector),
    };
    Sources::new(read.items.iter().map(sentence).collect())
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are below 2^52")]
fn report(
    name: &'static str,
    system: usize,
    outcomes: &[Vec<[Outcome; 4]>],
    source_words: usize,
) -> SystemReport {
    let of = |row: &[Outcome; 4], system: usize| row.get(system).copied().unwrap_or_default();
    let rows: Vec<Outcome> = outcomes.iter().flatten().map(|row| of(row, system)).collect();
    let count = rows.len().max(1) as f64;
    let words: usize = rows.iter().map(|row| row.words).sum();
    let figure = |row: Outcome, which: usize| row.rouge.get(which).copied().unwrap_or_default();
    let mean = |which: usize| rows.iter().map(|&row| figure(row, which)).sum::<f64>() / count;
    let behind = |which: usize| {
        let difference = |row| figure(of(row, 0), which) - figure(of(row, system), which);
        let groups: Vec<Vec<f64>> =
            outcomes.iter().map(|rows| rows.iter().map(difference).collect()).collect();
        paired(&groups)
    };
    SystemReport {
        system: name,
        rouge_1: mean(0),
        rouge_2: mean(1),
        rouge_l: mean(2),
        words: words as f64 / count,
        compression: words as f64 / source_words.max(1) as f64,
        supported: (system == 0).then(|| {
            let (said, borne_out) = rows
                .iter()
                .fold((0, 0), |(said, held), row| (said + row.borne_out.0, held + row.borne_out.1));
            borne_out as f64 / said.max(1) as f64
        }),
        behind: (system > 0).then(|| Behind { rouge_1: behind(0), rouge_2: behind(1), rouge_l: behind(2) }),
    }
}
