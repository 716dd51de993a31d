//! Whether precedents earn their place: what a bank of decided cases teaches about a kind of harm that no head knows, and
//! what allowed ones do about a family of false alarms.
//!
//! Half of the texts are there to be entered into the bank. Of the rest, by a hash of the id, half fit the lines between
//! which the precedents around a text begin to count and count in full, and half are measured on. Each bank is measured
//! with the default lines and with those, and each time once more with its rulings shuffled among its texts: what is gained
//! then is gained without knowing anything.

mod bank;
mod weights;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use plugins::{PluginError, embed_whole};
use policies::{Action, Ask, Category, Content, Pipeline, PolicyError};
use serde::Serialize;

use super::bootstrap::dice;
use super::{LabelledText, average_precision, meaning_of, share};
use crate::models::Models;
use bank::{Decided, KIND};
pub use weights::WeightsFit;

/// Cases in the banks that are tried, of the harm and as many that are allowed.
const SIZES: [usize; 3] = [0, 50, 500];
/// The share of harmless texts at which recall is read off.
const RATE: f64 = 0.02;
/// Texts judged at the same time.
const AT_ONCE: usize = 32;
/// Allowed cases of a family of false alarms, at most.
const MOST_ALLOWED: usize = 200;

/// Why it cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    /// The file has too little of the label.
    #[error(
        "`{file}`: {harmful} texts with `{label}` and {harmless} without, at least {FEWEST} of each are needed"
    )]
    TooFew {
        /// The file.
        file: String,
        /// The label.
        label: String,
        /// Texts with it.
        harmful: usize,
        /// Texts without it.
        harmless: usize,
    },
    /// A policy that was put together here is none: a fault of this command.
    #[error("a policy with the precedents")]
    Policy(#[from] PolicyError),
    /// The stages cannot be built or the bank does not answer.
    #[error("the precedents cannot be used")]
    Plugin(#[from] PluginError),
    /// The encoder does not answer.
    #[error("the encoder does not answer")]
    Encoder(#[from] inference::InferenceError),
}

/// Texts of each kind, at least.
const FEWEST: usize = 40;

/// A labelled text.
#[derive(Clone, Debug)]
struct Example {
    id: String,
    text: String,
    harmful: bool,
}

/// What one bank led to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BankReport {
    /// Cases of the harm in it; as many allowed ones are beside them.
    pub precedents: usize,
    /// Whether the rulings were shuffled.
    pub shuffled: bool,
    /// Whether the lines that were fitted take the place of those of the default policy.
    pub fitted: bool,
    /// Area under the precision-recall curve.
    pub auprc: Option<f64>,
    /// Share of the harmful texts above all but 2 % of the harmless ones.
    pub recall: Option<f64>,
    /// Share of the harmful texts that are flagged: that score 0.5.
    pub caught: Option<f64>,
    /// Share of the harmless texts that are flagged.
    pub alarmed: Option<f64>,
}

/// What allowed cases do about false alarms of the default policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AllowReport {
    /// Allowed cases in the bank.
    pub precedents: usize,
    /// Whether they are of the family, or harmless texts that were never flagged.
    pub family: bool,
    /// Share of the harmless texts that are flagged.
    pub fpr: Option<f64>,
    /// Share of the harmful texts that are flagged.
    pub recall: Option<f64>,
}

/// What a file shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LearningReport {
    /// The file.
    pub file: String,
    /// The label that is learned.
    pub label: String,
    /// Texts that can be entered, that lines are fitted to, and that are measured on.
    pub texts: [usize; 3],
    /// Each bank.
    pub banks: Vec<BankReport>,
    /// The lines that were fitted.
    pub weights: WeightsFit,
    /// Allowed cases.
    pub allowed: Vec<AllowReport>,
}

/// Three parts of a file's texts.
struct Parts {
    entered: Vec<Example>,
    fitted: Vec<Example>,
    measured: Vec<Example>,
}

impl Parts {
    fn of(file: &str, label: &str, rows: Vec<LabelledText>) -> Result<Self, LearningError> {
        let own = Category::named(label);
        let told = |labels: &BTreeMap<String, u8>| {
            let said = labels.iter().find(|(name, _)| meaning_of(name).affirms.as_ref() == Some(&own));
            said.map(|(_, value)| *value != 0)
        };
        let mut parts = Self { entered: Vec::new(), fitted: Vec::new(), measured: Vec::new() };
        let (mut harmful_texts, mut harmless_texts) = (0, 0);
        for row in rows {
            let Some(harmful) = told(&row.labels).filter(|_| Content::new(row.text.as_str()).is_ok()) else {
                continue;
            };
            *(if harmful { &mut harmful_texts } else { &mut harmless_texts }) += 1;
            let part = match dice(&row.id).u8(0..4) {
                0 | 1 => &mut parts.entered,
                2 => &mut parts.fitted,
                _ => &mut parts.measured,
            };
            part.push(Example { id: row.id, text: row.text, harmful });
        }
        if harmful_texts < FEWEST || harmless_texts < FEWEST {
            let (file, label) = (file.to_owned(), label.to_owned());
            return Err(LearningError::TooFew {
                file,
                label,
                harmful: harmful_texts,
                harmless: harmless_texts,
            });
        }
        // In an order of their own, so that a bank of fifty is a fair sample.
        parts.entered.sort_by_cached_key(|example| dice(&format!("enter/{}", example.id)).u64(..));
        Ok(parts)
    }

    /// A bank of `size` cases of the harm and as many allowed ones.
    fn bank(&self, size: usize) -> Vec<Decided<'_>> {
        let take =
            |harmful: bool| self.entered.iter().filter(move |example| example.harmful == harmful).take(size);
        take(true).chain(take(false)).map(|example| Decided::of(example, example.harmful)).collect()
    }
}

/// Measures what precedents teach about `label`, whose texts are `rows` of the file of that name.
///
/// # Errors
///
/// [`LearningError`] says what is missing.
pub async fn learning(
    (file, label): (String, String),
    rows: Vec<LabelledText>,
    models: &Models,
    default: &str,
) -> Result<LearningReport, LearningError> {
    let parts = Parts::of(&file, &label, rows)?;
    let weights = fit(&parts, models).await?;
    let mut banks = Vec::new();
    for size in SIZES {
        let bank = parts.bank(size);
        banks.push(measure(&bank, None, &parts.measured, models).await?);
        if size > 0 {
            let shuffled = shuffled(bank.clone());
            banks.push(measure(&shuffled, None, &parts.measured, models).await?);
            banks.push(measure(&bank, Some(&weights), &parts.measured, models).await?);
            banks.push(measure(&shuffled, Some(&weights), &parts.measured, models).await?);
        }
    }
    let allowed = allowed(&parts, models, default).await?;
    let texts = [parts.entered.len(), parts.fitted.len(), parts.measured.len()];
    Ok(LearningReport { file, label, texts, banks, weights, allowed })
}

/// The same texts with the rulings of others.
fn shuffled(mut bank: Vec<Decided<'_>>) -> Vec<Decided<'_>> {
    let mut rulings: Vec<bool> = bank.iter().map(|decided| decided.harmful).collect();
    dice("shuffled").shuffle(&mut rulings);
    bank.iter_mut().zip(rulings).for_each(|(decided, harmful)| decided.harmful = harmful);
    for decided in &mut bank {
        decided.shuffled = true;
    }
    bank
}

async fn measure(
    bank: &[Decided<'_>],
    fitted: Option<&WeightsFit>,
    examples: &[Example],
    models: &Models,
) -> Result<BankReport, LearningError> {
    let pipeline = bank::pipeline(&bank::learning_policy(bank, fitted), models).await?;
    let judged = judge(&pipeline, examples).await;
    let own = Category::Custom(KIND.into());
    let ranked: Vec<(f32, bool)> = judged
        .iter()
        .map(|(verdict, harmful)| {
            (verdict.scores.get(&own).map_or(0.0, |(score, _)| score.value()), *harmful)
        })
        .collect();
    Ok(BankReport {
        precedents: bank.len() / 2,
        shuffled: bank.iter().any(|decided| decided.shuffled),
        fitted: fitted.is_some(),
        auprc: average_precision(&ranked),
        recall: recall_at(&ranked),
        caught: flagged(&judged, true),
        alarmed: flagged(&judged, false),
    })
}

/// The share of the harmful texts that score above all but 2 % of the harmless ones.
fn recall_at(ranked: &[(f32, bool)]) -> Option<f64> {
    let scores = |wanted: bool| -> Vec<f32> {
        ranked.iter().filter(|(_, harmful)| *harmful == wanted).map(|(score, _)| *score).collect()
    };
    let (harmful, mut harmless) = (scores(true), scores(false));
    harmless.sort_unstable_by(|a, b| b.total_cmp(a));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count of texts is such a count"
    )]
    let spared = harmless.get((RATE * harmless.len() as f64) as usize).copied()?;
    share(harmful.iter().filter(|score| **score > spared).count(), harmful.len())
}

/// The share that is flagged of the texts that are harmful, or of those that are not.
fn flagged(judged: &[(policies::Verdict, bool)], wanted: bool) -> Option<f64> {
    let meant = judged.iter().filter(|(_, harmful)| *harmful == wanted);
    share(meant.clone().filter(|(verdict, _)| verdict.action >= Action::Flag).count(), meant.count())
}

async fn judge(pipeline: &Pipeline, examples: &[Example]) -> Vec<(policies::Verdict, bool)> {
    let judging = examples.iter().filter_map(|example| {
        let content = Arc::new(Content::new(example.text.as_str()).ok()?);
        Some(async move { (pipeline.judge(content, &Ask::default()).await.verdict, example.harmful) })
    });
    stream::iter(judging).buffered(AT_ONCE).collect().await
}

/// Fits the lines to the part that is there for it, with the largest bank.
async fn fit(parts: &Parts, models: &Models) -> Result<WeightsFit, LearningError> {
    let bank = parts.bank(SIZES.into_iter().max().unwrap_or_default());
    let texts: Vec<&str> = bank.iter().map(|decided| decided.text).collect();
    let vectors = embed_whole(&models.embedder, &texts).await?;
    let sides: Vec<(Vec<f32>, bool)> =
        vectors.into_iter().zip(bank.iter().map(|decided| decided.harmful)).collect();
    let texts: Vec<&str> = parts.fitted.iter().map(|example| example.text.as_str()).collect();
    let vectors = embed_whole(&models.embedder, &texts).await?;
    let labelled = vectors.into_iter().zip(parts.fitted.iter().map(|example| example.harmful));
    Ok(WeightsFit::of(
        &labelled.map(|(vector, harmful)| weights::Around::of(&vector, &sides, harmful)).collect::<Vec<_>>(),
    ))
}

/// What allowed cases do about the default policy's false alarms: none, as many that are no false alarms, and those of the
/// family.
async fn allowed(parts: &Parts, models: &Models, default: &str) -> Result<Vec<AllowReport>, LearningError> {
    let pipeline = bank::pipeline(default, models).await?;
    let harmless: Vec<Example> = parts.entered.iter().filter(|example| !example.harmful).cloned().collect();
    let judged = judge(&pipeline, &harmless).await;
    let (family, others): (Vec<_>, Vec<_>) =
        harmless.iter().zip(judged).partition(|(_, (verdict, _))| verdict.action >= Action::Flag);
    let allow = |examples: &[(&Example, (policies::Verdict, bool))], count: usize| -> Vec<(String, String)> {
        examples.iter().take(count).map(|(example, _)| (example.id.clone(), example.text.clone())).collect()
    };
    let count = family.len().min(others.len()).min(MOST_ALLOWED);
    let tried = [(Vec::new(), false), (allow(&others, count), false), (allow(&family, count), true)];
    let rest: Vec<Example> = parts.fitted.iter().chain(&parts.measured).cloned().collect();
    let mut reports = Vec::new();
    for (cases, family) in tried {
        let decided: Vec<Decided<'_>> = cases.iter().map(|(id, text)| Decided::allowed(id, text)).collect();
        let pipeline = bank::pipeline(&bank::with_precedents(default, &decided), models).await?;
        let judged = judge(&pipeline, &rest).await;
        reports.push(AllowReport {
            precedents: cases.len(),
            family,
            fpr: flagged(&judged, false),
            recall: flagged(&judged, true),
        });
    }
    Ok(reports)
}
