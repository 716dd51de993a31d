//! Trying graphs out: how far their answers are from those of the unmodified weights.

use std::{path::Path, sync::Arc};

use half::f16;
use ort::{
    memory::Allocator,
    session::{Session, SessionInputValue},
    value::{DynValue, Tensor},
};

use super::{
    ImportError,
    decoder::Sizes,
    plan::{MODEL, PREFIX, REFERENCE, SCORE},
    source::Source,
};
use crate::{InferenceError, Provider, Runtime, llama::common, open::Opening};

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
        self.answers(&mut [self.open(&folder.join(REFERENCE))?])
    }

    /// How far the graphs of a folder are off; the one that scores comes first.
    pub(super) fn drifts(&self, folder: &Path, reference: &[f64]) -> Result<Vec<Drift>, ImportError> {
        let mut drifts = Vec::new();
        if folder.join(SCORE).is_file() {
            let mut pair = [self.open(&folder.join(PREFIX))?, self.open(&folder.join(SCORE))?];
            drifts.push(drift(SCORE, reference, &self.answers(&mut pair)?));
        }
        let mut model = [self.open(&folder.join(MODEL))?];
        drifts.push(drift(MODEL, reference, &self.answers(&mut model)?));
        Ok(drifts)
    }

    /// Reads what prompts share with the first of the readers, and the rest with the last.
    fn answers(&self, readers: &mut [Reader]) -> Result<Vec<f64>, ImportError> {
        let mut answers = Vec::new();
        let mut shared: Option<(Vec<u32>, Past)> = None;
        for prompt in self.prompts {
            let question = self.question(prompt)?;
            let (begin, _) = question.ids.split_at(question.split);
            let known = shared.take().filter(|(ids, _)| ids == begin);
            let past = match (known, readers.first_mut()) {
                (Some((_, past)), _) => past,
                (None, Some(reader)) => reader.read(None, begin)?.1,
                (None, None) => continue,
            };
            if let Some(reader) = readers.last_mut() {
                for choice in &question.choices {
                    if self.cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                        return Err(ImportError::Cancelled);
                    }
                    answers.push(answer(reader, &past, &question, choice)?);
                }
            }
            shared = Some((begin.to_vec(), past));
        }
        Ok(answers)
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

    /// Opens a graph without any copy of its weights: they stay in their files, mapped into memory.
    fn open(&self, graph: &Path) -> Result<Reader, ImportError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opening = Opening { runtime: self.runtime, provider: Provider::Cpu, threads, profile: None };
        let open = || -> Result<Session, ort::Error> {
            opening
                .builder()?
                .with_prepacking(false)?
                .with_config_entry("optimization.disable_specified_optimizers", "ConstantFolding")?
                .commit_from_file(graph)
        };
        let session = open().map_err(run)?;
        let sizes = self.source.sizes();
        let layers = self.source.config.num_hidden_layers;
        let positions = session.inputs().iter().any(|input| input.name() == "position_ids");
        let is_half = session.outputs().iter().any(|output| {
            output.name() == "logits"
                && output.dtype().tensor_type() == Some(ort::value::TensorElementType::Float16)
        });
        Ok(Reader { session, sizes, layers, positions, is_half })
    }
}

fn run(error: ort::Error) -> InferenceError {
    InferenceError::Run(Arc::new(error))
}

/// The log-probability of the tokens that a choice has behind the question's.
fn answer(
    reader: &mut Reader,
    past: &Past,
    question: &Question,
    choice: &[u32],
) -> Result<f64, InferenceError> {
    let begins = common(&question.ids, choice).max(question.split);
    let mut sum = 0.0;
    for (at, id) in choice.iter().enumerate().skip(begins) {
        // Anew each time from where the shared part ends, or the last token of it would have to be read again.
        let rest = choice.get(question.split..at).unwrap_or_default();
        if rest.is_empty() {
            continue;
        }
        let (logits, _) = reader.read(Some(past), rest)?;
        sum += log_probability(&logits, *id);
    }
    Ok(sum)
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

/// Keys and values of all layers, keys first; and for how many tokens.
struct Past {
    values: Vec<DynValue>,
    tokens: usize,
}

/// A graph that reads tokens.
struct Reader {
    session: Session,
    sizes: Sizes,
    layers: usize,
    positions: bool,
    is_half: bool,
}

impl Reader {
    fn names(&self, of: &str) -> Vec<String> {
        let kinds = ["key", "value"].into_iter();
        kinds.flat_map(|kind| (0..self.layers).map(move |layer| format!("{of}.{layer}.{kind}"))).collect()
    }

    /// Reads tokens behind what was read before: the logits of what follows, and all keys and values.
    fn read(&mut self, past: Option<&Past>, ids: &[u32]) -> Result<(Vec<f32>, Past), InferenceError> {
        self.try_read(past, ids).map_err(run)
    }

    fn try_read(&mut self, past: Option<&Past>, ids: &[u32]) -> Result<(Vec<f32>, Past), ort::Error> {
        let before = past.map_or(0, |past| past.tokens);
        let tokens = before + ids.len();
        let row = |numbers: Vec<i64>| Tensor::from_array(([1, numbers.len()], numbers));
        let names = self.names("past_key_values");
        let empty;
        let past = if let Some(past) = past {
            past
        } else {
            empty = self.empty(names.len())?;
            &empty
        };
        let ids = row(ids.iter().copied().map(i64::from).collect())?;
        let mask = row(vec![1; tokens])?;
        let position = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        let positions = row((before..tokens).map(position).collect())?;
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> =
            vec![("input_ids", (&ids).into()), ("attention_mask", (&mask).into())];
        if self.positions {
            inputs.push(("position_ids", (&positions).into()));
        }
        inputs.extend(names.iter().zip(&past.values).map(|(name, value)| (name.as_str(), value.into())));
        let present = self.names("present");
        let mut outputs = self.session.run(inputs)?;
        let logits = match outputs.get("logits") {
            Some(logits) if self.is_half => {
                logits.try_extract_tensor::<f16>()?.1.iter().map(|logit| logit.to_f32()).collect()
            }
            Some(logits) => logits.try_extract_tensor::<f32>()?.1.to_vec(),
            None => return Err(ort::Error::new("the graph has no output `logits`")),
        };
        let values: Option<Vec<DynValue>> = present.iter().map(|name| outputs.remove(name)).collect();
        let values = values.ok_or_else(|| ort::Error::new("the graph lacks keys or values"))?;
        Ok((logits, Past { values, tokens }))
    }

    /// Keys and values of no token.
    fn empty(&self, count: usize) -> Result<Past, ort::Error> {
        let shape = [1, self.sizes.key_value_heads, 0, self.sizes.head_room];
        let one = || -> Result<DynValue, ort::Error> {
            Ok(if self.is_half {
                Tensor::<f16>::new(&Allocator::default(), shape)?.into_dyn()
            } else {
                Tensor::<f32>::new(&Allocator::default(), shape)?.into_dyn()
            })
        };
        Ok(Past { values: (0..count).map(|_| one()).collect::<Result<_, _>>()?, tokens: 0 })
    }
}
