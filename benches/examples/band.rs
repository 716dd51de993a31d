//! What `adjudicate` is worth where it is asked: AUPRC inside the band of the default policy, without it, and with it
//! over the precedents retrieved, over none, and over those of another text.
//!
//! ```console
//! $ cargo run --release -p benches --example band -- [--texts N] [--precedents N] FILE.jsonl.gz…
//! ```
//!
//! `--texts` ends each file after so many texts inside the band. `--precedents` makes so many of the rows that were
//! trained on, spread over the file, confirmed precedents, as if moderators had decided them before.
//!
//! Reads labelled lines as `lamassu eval` does, the rows held out from training only. A text counts as harmful when
//! one of its labels says so; its score is the highest among the categories of its labels.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use indexes::{Embedded, Index, Row};
use inference::{Classifier, Embedder, Llama, LlamaOptions};
use plugins::{ADJUDICATE, PRECEDENTS, Registry, Resources};
use policies::{
    Ask, Bounds, Category, Content, Dossier, Entry, Examination, Finding, OnlyIf, Pipeline, Policy,
    Retrieved, Seat, Stage, StageError, StageSpec,
};
use service::eval::{LabelledText, Rows, average_precision, categories_of};

/// A labelled text, and the categories its labels stand for.
type Asked = (LabelledText, BTreeSet<Category>);

/// What the stages before `adjudicate` know of a text.
#[derive(Clone, Default)]
struct Known {
    findings: Vec<Finding>,
    retrieved: Vec<Retrieved>,
}

/// A text inside the band.
struct Doubtful {
    content: Arc<Content>,
    known: Known,
    harmful: bool,
    categories: BTreeSet<Category>,
    before: f32,
}

/// Notes what is known, and adds nothing.
struct Spy(Arc<Mutex<Known>>);

#[async_trait]
impl Stage for Spy {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let known = Known {
            findings: dossier.findings().cloned().collect(),
            retrieved: dossier.retrieved().cloned().collect(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(Examination::of_whole(dossier, Entry::Findings(Vec::new())))
    }
}

/// Says again what was found.
struct Found(Arc<Mutex<Known>>);
/// Says again what was retrieved.
struct Met(Arc<Mutex<Known>>);

#[async_trait]
impl Stage for Found {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let findings = self.0.lock().unwrap_or_else(PoisonError::into_inner).findings.clone();
        Ok(Examination::of_whole(dossier, Entry::Findings(findings)))
    }
}

#[async_trait]
impl Stage for Met {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let retrieved = known.retrieved.first().cloned().unwrap_or_default();
        Ok(Examination::of_whole(dossier, Entry::Precedents(retrieved)))
    }
}

/// The policy's stages, put together by hand.
struct House {
    policy: Arc<Policy>,
    registry: Registry,
    resources: Resources,
    adjudicate: StageSpec,
    known: Arc<Mutex<Known>>,
}

impl House {
    async fn new(file: &Path, precedents: usize) -> Result<Self, Box<dyn Error>> {
        let policy = Policy::parse(include_str!("../../policies/library/default.toml"))?;
        let embedder = benches::encoder()?;
        let classifier = benches::heads(&embedder)?;
        let own = plugins::policy_bank(&policy, &embedder, None).await?;
        let decided = decided(&embedder, file, precedents).await?;
        let llama =
            Llama::load(benches::runtime()?, &benches::models().join("guard"), &LlamaOptions::default())?;
        let adjudicate = policy.stages().iter().find(|stage| stage.kind == ADJUDICATE).cloned();
        let policy = Arc::new(policy);
        let resources = Resources {
            policy: Arc::clone(&policy),
            embedder,
            classifier,
            banks: vec![own, decided],
            tenant: None,
            llama: Some(llama),
        };
        Ok(Self {
            policy,
            registry: plugins::builtin(),
            resources,
            adjudicate: adjudicate.ok_or("the default policy does not adjudicate")?,
            known: Arc::default(),
        })
    }

    fn pipeline(&self, seats: Vec<Seat>) -> Pipeline {
        Pipeline::new(Arc::clone(&self.policy), seats, BTreeMap::new(), None)
    }

    fn by_hand(&self, stage: Box<dyn Stage>) -> Seat {
        Seat { spec: StageSpec { only_if: OnlyIf::default(), ..self.adjudicate.clone() }, stage }
    }

    /// All stages before `adjudicate`, and a spy.
    fn before(&self) -> Result<Pipeline, Box<dyn Error>> {
        let stages = self.policy.stages().iter().take_while(|stage| stage.kind != ADJUDICATE);
        let mut seats: Vec<Seat> =
            stages.map(|spec| self.registry.seat(spec, &self.resources)).collect::<Result<_, _>>()?;
        seats.push(self.by_hand(Box::new(Spy(Arc::clone(&self.known)))));
        Ok(self.pipeline(seats))
    }

    /// What is known, and `adjudicate` with that weight.
    fn after(&self, weight: f32) -> Result<Pipeline, Box<dyn Error>> {
        let mut spec = StageSpec { only_if: OnlyIf::default(), ..self.adjudicate.clone() };
        spec.options.insert("weight".to_owned(), f64::from(weight).into());
        let adjudicate = self.registry.seat(&spec, &self.resources)?;
        let known = || Arc::clone(&self.known);
        Ok(self.pipeline(vec![
            self.by_hand(Box::new(Found(known()))),
            self.by_hand(Box::new(Met(known()))),
            adjudicate,
        ]))
    }

    fn knows(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Rows that the models were trained on, as precedents.
async fn decided(embedder: &Embedder, file: &Path, most: usize) -> Result<Arc<dyn Index>, Box<dyn Error>> {
    let trained: Vec<Asked> =
        rows(file)?.into_iter().filter(|(row, _)| !Classifier::is_held_out(&row.id)).collect();
    let chosen: Vec<&Asked> = trained
        .iter()
        .step_by(trained.len().checked_div(most).unwrap_or_default().max(1))
        .take(most)
        .collect();
    let texts: Vec<&str> = chosen.iter().map(|(row, _)| row.text.as_str()).collect();
    let vectors = plugins::embed_whole(embedder, &texts).await?;
    let bank = Embedded::in_memory("decided", embedder.dimension())?;
    let made = chosen.iter().zip(vectors).map(|((row, _), vector)| {
        let found = row.labels.iter().find(|(_, value)| **value == 1).map(|(label, _)| categories_of(label));
        let found = found.and_then(|categories| categories.first().map(ToString::to_string));
        Row {
            id: row.id.clone(),
            bank: PRECEDENTS.to_owned(),
            text: row.text.clone(),
            vector,
            ruling: Some(if found.is_some() { "block" } else { "allow" }.to_owned()),
            severity: found.is_some().then_some(4),
            label: found,
            confirmed: true,
            ..Row::default()
        }
    });
    bank.upsert(made.collect()).await?;
    Ok(Arc::new(bank))
}

fn highest<'a>(findings: impl Iterator<Item = &'a Finding>, categories: &[Category]) -> f32 {
    let scores = findings.filter(|f| categories.contains(&f.category)).map(|f| f.score.value());
    scores.fold(0.0, f32::max)
}

/// The rows of a file that have a label of ours.
fn rows(file: &Path) -> Result<Vec<Asked>, Box<dyn Error>> {
    let mut kept = Vec::new();
    for row in Rows::<service::eval::LabelledText>::open(file)? {
        let row = row?;
        let categories: BTreeSet<Category> =
            row.labels.keys().flat_map(|label| categories_of(label)).collect();
        if !categories.is_empty() {
            kept.push((row, categories));
        }
    }
    Ok(kept)
}

/// The doubtful among the rows that nothing was trained on, and how many rows were looked at.
async fn doubtful(house: &House, file: &Path, most: usize) -> Result<(Vec<Doubtful>, usize), Box<dyn Error>> {
    let OnlyIf { score_within, categories, .. } = &house.adjudicate.only_if;
    let Bounds(low, high) = score_within.ok_or("the default policy has no band")?;
    let before = house.before()?;
    let (mut found, mut all) = (Vec::new(), 0);
    for (row, asked) in rows(file)? {
        if !Classifier::is_held_out(&row.id) || found.len() >= most {
            continue;
        }
        let Ok(content) = Content::new(row.text) else { continue };
        let content = Arc::new(content);
        all += 1;
        house.knows(Known::default());
        let judgment = before.judge(Arc::clone(&content), &Ask::default()).await;
        let known = house.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !(low..=high).contains(&highest(known.findings.iter(), categories)) {
            continue;
        }
        let before = asked.iter().filter_map(|c| judgment.verdict.scores.get(c)).map(|s| s.0.value());
        let harmful = row.labels.iter().any(|(label, value)| *value == 1 && !categories_of(label).is_empty());
        let before = before.fold(0.0, f32::max);
        found.push(Doubtful { content, known, harmful, categories: asked, before });
    }
    Ok((found, all))
}

/// AUPRC with `adjudicate` of that weight, each text with the precedents that `precedents` gives it.
async fn with(
    house: &House,
    texts: &[Doubtful],
    weight: f32,
    precedents: impl Fn(usize) -> Vec<Retrieved>,
) -> Result<f64, Box<dyn Error>> {
    let after = house.after(weight)?;
    let mut judged = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        house.knows(Known { findings: text.known.findings.clone(), retrieved: precedents(place) });
        let judgment = after.judge(Arc::clone(&text.content), &Ask::default()).await;
        let scores = text.categories.iter().filter_map(|category| judgment.verdict.scores.get(category));
        judged.push((scores.map(|score| score.0.value()).fold(0.0, f32::max), text.harmful));
    }
    Ok(auprc(&judged))
}

fn auprc(judged: &[(f32, bool)]) -> f64 {
    average_precision(judged).unwrap_or(f64::NAN)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut texts, mut precedents) = (usize::MAX, 0);
    let mut arguments = std::env::args().skip(1);
    println!("{:<34} {:>6} {:>8} {:>8} {:>8}", "", "texts", "in band", "harmful", "AUPRC");
    while let Some(argument) = arguments.next() {
        let mut number =
            || arguments.next().ok_or("a number is missing")?.parse().map_err(Box::<dyn Error>::from);
        match argument.as_str() {
            "--texts" => texts = number()?,
            "--precedents" => precedents = number()?,
            file => measure(Path::new(file), texts, precedents).await?,
        }
    }
    Ok(())
}

async fn measure(file: &Path, most: usize, precedents: usize) -> Result<(), Box<dyn Error>> {
    let house = House::new(file, precedents).await?;
    let (texts, all) = doubtful(&house, file, most).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let harmful = texts.iter().filter(|text| text.harmful).count();
    let before: Vec<(f32, bool)> = texts.iter().map(|text| (text.before, text.harmful)).collect();
    let without = auprc(&before);
    println!("{name:<34} {all:>6} {:>8} {harmful:>8} {without:>8.3}  without adjudicate", texts.len());
    if texts.len() < 2 {
        return Ok(());
    }
    for weight in [0.5, 1.0] {
        let own = with(&house, &texts, weight, |n| texts[n].known.retrieved.clone()).await?;
        let none = with(&house, &texts, weight, |_| Vec::new()).await?;
        let shuffled = |n: usize| texts[(n + 1) % texts.len()].known.retrieved.clone();
        let shuffled = with(&house, &texts, weight, shuffled).await?;
        println!(
            "{:>60} {own:>8.3}  with weight {weight}; {none:.3} over no precedents, {shuffled:.3} over another's",
            ""
        );
    }
    Ok(())
}
