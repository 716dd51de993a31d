//! Trying graphs out: how far their answers are from those of the unmodified weights.

use std::path::Path;

use super::{
    ImportError,
    plan::{MODEL, MODEL_DATA, PREFIX, REFERENCE, SCORE},
    reader::{Packing, Past, Reader},
    source::Source,
};
use crate::{InferenceError, Runtime, llama::common};

/// Most bytes of the weights of a generating graph that is tried out as it will serve.
const MOST_PACKED: u64 = 1 << 30;
/// Prompts that a larger one is tried out on: without packing, each costs it many times as much.
const FEW: usize = 2;

/// A question whose answers are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialPrompt {
    /// What the questions begin with; read once and remembered.
    pub prefix: String,
    /// The rest of it.
    pub suffix: String,
}

/// How far the answers of a graph are from those of the unmodified weights in fp32.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The graph's file.
    pub graph: String,
    /// Median of the differences between log-probabilities, natural logarithms.
    pub median: f64,
    /// The largest of them.
    pub largest: f64,
    /// How many answers were compared.
    pub answers: usize,
}

/// A prompt in tokens: where the shared part ends, and each choice behind the whole.
struct Question {
    split: usize,
    ids: Vec<u32>,
    choices: Vec<Vec<u32>>,
}

/// What one trial needs.
pub(super) struct Trial<'a> {
    pub(super) runtime: &'static Runtime,
    pub(super) source: &'a Source,
    pub(super) prompts: &'a [TrialPrompt],
    pub(super) choices: &'a [String],
    pub(super) cancelled: &'a std::sync::atomic::AtomicBool,
}

impl Trial<'_> {
    /// The log-probabilities of all choices after all prompts by the reference in a folder.
    pub(super) fn reference(&self, folder: &Path) -> Result<Vec<f64>, ImportError> {
        self.answers(&mut [self.open(&folder.join(REFERENCE), Packing::No)?], usize::MAX)
    }

    /// How far the graphs of a folder are off; the one that scores comes first.
    pub(super) fn drifts(&self, folder: &Path, reference: &[f64]) -> Result<Vec<Drift>, ImportError> {
        let mut drifts = Vec::new();
        if folder.join(SCORE).is_file() {
            let mut pair =
                [self.open(&folder.join(PREFIX), Packing::No)?, self.open(&folder.join(SCORE), Packing::No)?];
            drifts.push(drift(SCORE, reference, &self.answers(&mut pair, usize::MAX)?));
        }
        // `MatMulNBits` computes with other numbers unless it has packed its weights, which takes as much memory again.
        let bytes = std::fs::metadata(folder.join(MODEL_DATA)).map_or(0, |data| data.len());
        let (packing, most) =
            if bytes <= MOST_PACKED { (Packing::Yes, usize::MAX) } else { (Packing::No, FEW) };
        let found = self.answers(&mut [self.open(&folder.join(MODEL), packing)?], most)?;
        drifts.push(drift(MODEL, reference, &found));
        Ok(drifts)
    }

    /// Reads what prompts share with the first of the readers, and the rest with the last.
    fn answers(&self, readers: &mut [Reader], most: usize) -> Result<Vec<f64>, ImportError> {
        let mut answers = Vec::new();
        let mut shared: Option<(Vec<u32>, Past)> = None;
        for prompt in self.prompts.iter().take(most) {
            let question = self.question(prompt)?;
            let (begin, _) = question.ids.split_at(question.split);
            let known = shared.take().filter(|(ids, _)| ids == begin);
            let past = match (known, readers.first_mut()) {
                (Some((_, past)), _) => past,
                (None, Some(reader)) => reader.read(None, begin)?.1,
                (None, None) => continue,
            };
            if let Some(reader) = readers.last_mut() {
                if self.cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                    return Err(ImportError::Cancelled);
                }
                answers.extend(self::answers(reader, &past, &question)?);
            }
            shared = Some((begin.to_vec(), past));
        }
        Ok(answers)
    }

    fn open(&self, graph: &Path, packing: Packing) -> Result<Reader, InferenceError> {
        Reader::open(self.runtime, self.source, graph, packing)
    }

    fn question(&self, prompt: &TrialPrompt) -> Result<Question, InferenceError> {
        let TrialPrompt { prefix, suffix } = prompt;
        let tokens = |text: &str| -> Result<Vec<u32>, InferenceError> {
            Ok([vec![self.source.begin()], self.source.tokenizer.tokenize(text)?].concat())
        };
        let ids = tokens(&format!("{prefix}{suffix}"))?;
        let split = common(&tokens(prefix)?, &ids).min(ids.len() - 1).max(1).min(ids.len());
        let choices = self.choices.iter().map(|choice| tokens(&format!("{prefix}{suffix}{choice}")));
        let limit = self.source.config.max_position_embeddings;
        let choices: Vec<Vec<u32>> = choices.collect::<Result<_, _>>()?;
        if let Some(tokens) = choices.iter().map(Vec::len).find(|tokens| *tokens > limit) {
            return Err(InferenceError::ContextFull { tokens, limit });
        }
        Ok(Question { split, ids, choices })
    }
}

/// What one question has come to: where a graph has read to, and what follows there.
struct Known {
    /// Behind the shared part.
    ids: Vec<u32>,
    past: Past,
    logits: Vec<f32>,
}

/// The log-probabilities of the tokens that each choice has behind the question's.
fn answers(reader: &mut Reader, shared: &Past, question: &Question) -> Result<Vec<f64>, InferenceError> {
    let mut known: Vec<Known> = Vec::new();
    let mut answers = Vec::with_capacity(question.choices.len());
    for choice in &question.choices {
        let begins = common(&question.ids, choice).max(question.split);
        let mut sum = 0.0;
        for (at, id) in choice.iter().enumerate().skip(begins) {
            let rest = choice.get(question.split..at).unwrap_or_default();
            // Behind the shared part alone nothing is known: its last token would have to be read again.
            if !rest.is_empty() {
                sum += log_probability(behind(reader, shared, (&mut known, rest))?, *id);
            }
        }
        answers.push(sum);
    }
    Ok(answers)
}

/// The logits behind `rest`: known, or read from the longest beginning of it that is known, as scoring does it.
fn behind<'a>(
    reader: &mut Reader,
    shared: &Past,
    (known, rest): (&'a mut Vec<Known>, &[u32]),
) -> Result<&'a [f32], InferenceError> {
    let position = known.iter().position(|known| known.ids == rest);
    let position = if let Some(position) = position {
        position
    } else {
        let begins = known.iter().filter(|known| rest.starts_with(&known.ids));
        let longest = begins.max_by_key(|known| known.ids.len());
        let (past, read) = longest.map_or((shared, 0), |known| (&known.past, known.ids.len()));
        let (logits, past) = reader.read(Some(past), rest.get(read..).unwrap_or_default())?;
        known.push(Known { ids: rest.to_vec(), past, logits });
        known.len() - 1
    };
    Ok(known.get(position).map(|known| known.logits.as_slice()).unwrap_or_default())
}

fn log_probability(logits: &[f32], id: u32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    let chosen = usize::try_from(id).ok().and_then(|id| logits.get(id)).copied().unwrap_or(f32::NAN);
    f64::from(chosen - largest) - sum.ln()
}

fn drift(graph: &str, reference: &[f64], found: &[f64]) -> Drift {
    let mut differences: Vec<f64> = reference.iter().zip(found).map(|(a, b)| (a - b).abs()).collect();
    differences.sort_by(f64::total_cmp);
    let at = |position: usize| differences.get(position).copied().unwrap_or(f64::NAN);
    let half = differences.len() / 2;
    let median = if differences.len().is_multiple_of(2) {
        f64::midpoint(at(half.wrapping_sub(1)), at(half))
    } else {
        at(half)
    };
    Drift {
        graph: graph.to_owned(),
        median,
        largest: at(differences.len().wrapping_sub(1)),
        answers: differences.len(),
    }
}
