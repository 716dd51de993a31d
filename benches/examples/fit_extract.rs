//! Fits the weights of `plugins::extract` on documents with summaries, by a random search for the best ROUGE, and prints
//! them; those held out for measuring are left out.
//!
//! ```sh
//! cargo run --release -p benches --example fit_extract -- 100 200 scitldr_train.jsonl.gz
//! ```
//!
//! The numbers are seconds of search and documents of each file at most.

#![expect(clippy::print_stdout, reason = "it prints what it finds")]

use std::path::Path;
use std::time::{Duration, Instant};

use inference::Classifier;
use plugins::extract::{Order, Scored, TRAITS, Weights};
use service::eval::rouge::{Counted, rouge};
use service::eval::{Part, Read, Source, sources, usual_sentences};

/// How far a weight is moved at first, and at the end.
const STEPS: (f32, f32) = (0.6, 0.1);
/// Rounds without a gain after which moves get smaller.
const PATIENCE: u32 = 25;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A summary wanted: its document's traits and counted sentences, and the references.
type Row<'a> = (Scored<'a>, &'a [Counted], &'a [Counted]);

/// A file, read: its documents, how many sentences a summary has, and what the first sentences reach.
struct Set {
    name: String,
    documents: Vec<Read<'static>>,
    languages: Vec<Option<&'static str>>,
    sentences: usize,
    lead: [f64; 3],
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = || Failure::from("SECONDS DOCUMENTS FILE…");
    let seconds: u64 = arguments.next().ok_or_else(usage)?.parse()?;
    let documents: usize = arguments.next().ok_or_else(usage)?.parse()?;
    let embedder = benches::encoder().map_err(|error| error.to_string())?;
    let mut sets = Vec::new();
    for file in arguments {
        let mut sources = sources(Path::new(&file), Part::default())?;
        sources.retain(|source| !Classifier::is_held_out(&source.id));
        sources.truncate(documents);
        sets.push(read(file, sources, &embedder).await?);
    }
    search(&sets, Duration::from_secs(seconds));
    Ok(())
}

async fn read(name: String, sources: Vec<Source>, embedder: &inference::Embedder) -> Result<Set, Failure> {
    let sentences = usual_sentences(&sources);
    // The process ends with the search.
    let sources: &'static [Source] = Vec::leak(sources);
    let mut documents = Vec::with_capacity(sources.len());
    for source in sources {
        documents.push(source.read(embedder).await?);
    }
    let languages = sources.iter().map(|source| source.language.as_deref()).collect();
    let lead = mean(documents.iter().flat_map(|read| {
        let first = Counted::joined(read.counted.iter().take(sentences));
        read.asked.iter().map(move |asked| rouge(&first, &asked.references).figures()).collect::<Vec<_>>()
    }));
    println!("{name}: {} documents, {sentences} sentences, lead {lead:.4?}", documents.len());
    Ok(Set { name, documents, languages, sentences, lead })
}

fn search(sets: &[Set], time: Duration) {
    let scored: Vec<Vec<Row<'_>>> = sets
        .iter()
        .map(|set| {
            let each = set.documents.iter().zip(&set.languages).flat_map(|(read, language)| {
                read.asked.iter().map(|asked| {
                    let scored = Scored::of(&read.items, asked.focus.as_ref(), *language);
                    (scored, read.counted.as_slice(), asked.references.as_slice())
                })
            });
            each.collect()
        })
        .collect();
    let reached = |weights: &Weights| -> Vec<[f64; 3]> {
        let of = |(set, rows): (&Set, &Vec<Row<'_>>)| {
            mean(rows.iter().map(|(scored, counted, references)| {
                let chosen = scored.choose(weights, set.sentences, Order::Offset);
                let summary = Counted::joined(chosen.iter().filter_map(|chosen| counted.get(chosen.item)));
                rouge(&summary, references).figures()
            }))
        };
        sets.iter().zip(&scored).map(of).collect()
    };
    // By how much it is better than the first sentences: each set and each figure counts the same.
    let worth = |reached: &[[f64; 3]]| -> f64 {
        let ratios = reached.iter().zip(sets).flat_map(|(reached, set)| {
            reached.iter().zip(set.lead).map(|(figure, lead)| figure / lead.max(1e-9)).collect::<Vec<_>>()
        });
        ratios.sum()
    };
    let focused = sets
        .iter()
        .flat_map(|set| &set.documents)
        .flat_map(|read| &read.asked)
        .any(|asked| asked.focus.is_some());
    let mut best = if focused { Weights::FOCUSED } else { Weights::LONG };
    let mut figures = reached(&best);
    let mut dice = fastrand::Rng::with_seed(1);
    let (mut step, mut vain) = (STEPS.0, 0);
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < time {
        rounds += 1;
        let mut tried = best;
        for _ in 0..dice.usize(1..3) {
            let by = step * 2.0 * (dice.f32() + dice.f32() + dice.f32() - 1.5);
            match tried.traits.get_mut(dice.usize(0..=TRAITS)) {
                Some(weight) => *weight += by,
                None => tried.likeness = (tried.likeness + by).max(0.0),
            }
        }
        let now = reached(&tried);
        if worth(&now) > worth(&figures) {
            (best, figures, vain) = (tried, now, 0);
        } else {
            vain += 1;
            if vain > PATIENCE {
                (step, vain) = ((step * 0.8).max(STEPS.1), 0);
            }
        }
    }
    println!("{rounds} rounds, {best:.2?}");
    for (set, figures) in sets.iter().zip(figures) {
        println!("{}: {figures:.4?}, lead {:.4?}", set.name, set.lead);
    }
}

fn mean(rows: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    let ([a, b, c], count) =
        rows.fold(([0.0; 3], 0.0), |([a, b, c], count), [x, y, z]| ([a + x, b + y, c + z], count + 1.0));
    [a, b, c].map(|sum| sum / f64::max(count, 1.0))
}
