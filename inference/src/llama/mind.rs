//! What the thread that owns a model does with it: one small step of one call at a time.

use std::{cmp::Ordering, collections::VecDeque, sync::Arc};

use ort::session::RunOptions;

use super::{
    job::{Finish, Generate, Row, Score},
    kv::Cache,
    session::LlamaSession,
    tokens::common,
};
use crate::InferenceError;

/// Tokens of a prompt read in one step.
const STEP: usize = 512;

/// A session and what it remembers.
#[derive(Debug)]
pub(super) struct Mind {
    session: LlamaSession,
    /// Prefixes read before, the latest first.
    prefixes: VecDeque<Remembered>,
    most_prefixes: usize,
    /// The prompt being continued, or the last one that was.
    talk: Cache,
    ends: Vec<u32>,
}

#[derive(Debug, Default)]
struct Remembered {
    prefix: Vec<u32>,
    cache: Cache,
}

impl Mind {
    /// A mind that remembers so many prefixes; `ends` are the ids of EOS.
    pub(super) fn new(session: LlamaSession, most_prefixes: usize, ends: Vec<u32>) -> Self {
        Self { session, prefixes: VecDeque::new(), most_prefixes, talk: Cache::default(), ends }
    }

    /// Forgets everything: after a panic nobody knows what is in the buffers.
    pub(super) fn forget(&mut self) {
        self.prefixes.clear();
        self.talk = Cache::default();
    }

    /// Works on the next row; whether it was the last.
    pub(super) fn score(&mut self, score: &mut Score, options: &RunOptions) -> Result<bool, InferenceError> {
        let Some(row) = score.rows.pop() else { return Ok(true) };
        let mut remembered = self.remembered(&score.prefix);
        let cache = &mut remembered.cache;
        let mut reader = Reader { session: &mut self.session, cache, options, computed: 0 };
        let scored = reader.score(&score.prefix, &row);
        score.done.computed += reader.computed;
        self.prefixes.push_front(remembered);
        let scored = scored.map_err(|error| InferenceError::Run(Arc::new(error)))?;
        score.done.cached.get_or_insert(scored.cached);
        score.done.log_probabilities.push(scored.log_probabilities);
        if score.keeps_logits {
            score.done.logits.push(scored.logits);
        }
        Ok(score.rows.is_empty())
    }

    /// Takes out what is remembered of a prefix, or the place of the one used longest ago.
    fn remembered(&mut self, prefix: &[u32]) -> Remembered {
        let known = self.prefixes.iter().position(|remembered| remembered.prefix == prefix);
        if let Some(known) = known.and_then(|position| self.prefixes.remove(position)) {
            return known;
        }
        let is_full = self.prefixes.len() >= self.most_prefixes;
        let oldest = if is_full { self.prefixes.pop_back() } else { None };
        // Its buffers are used again, but not what is in them: a prefix is read in the same pieces each time.
        let mut cache = oldest.unwrap_or_default().cache;
        cache.clear();
        Remembered { prefix: prefix.to_vec(), cache }
    }

    /// Reads a part of the prompt, or adds one token; whether that was the end.
    pub(super) fn generate(
        &mut self,
        generate: &mut Generate,
        options: &RunOptions,
    ) -> Result<bool, InferenceError> {
        let mut talk = std::mem::take(&mut self.talk);
        let done = self.step(&mut talk, generate, options);
        self.talk = talk;
        done.map_err(|error| InferenceError::Run(Arc::new(error)))
    }

    fn step(
        &mut self,
        talk: &mut Cache,
        generate: &mut Generate,
        options: &RunOptions,
    ) -> Result<bool, ort::Error> {
        let Generate { prompt, new, done } = generate;
        if done.cached.is_none() {
            // The last token is read even if it is known: its logits are not remembered.
            let known = common(talk.ids(), prompt).min(prompt.len().saturating_sub(1));
            talk.rewind(known, self.session.layout())?;
            done.cached = Some(known);
        }
        if done.ids.len() >= *new {
            done.finish = Some(Finish::Length);
            return Ok(true);
        }
        let read = talk.ids().len();
        let rest: Vec<u32> = prompt.iter().chain(&done.ids).skip(read).take(STEP).copied().collect();
        let logits = self.session.read(talk, &rest, options)?;
        if talk.ids().len() < prompt.len() {
            return Ok(false);
        }
        let next = likeliest(&logits)?;
        if self.ends.contains(&next) {
            done.finish = Some(Finish::End);
            return Ok(true);
        }
        done.ids.push(next);
        let length = (done.ids.len() >= *new).then_some(Finish::Length);
        let full = talk.ids().len() >= self.session.layout().context;
        done.finish = length.or(full.then_some(Finish::Context));
        Ok(done.finish.is_some())
    }
}

/// What one row scored.
struct Scored {
    /// Tokens of the prefix that needed no computing.
    cached: usize,
    log_probabilities: Vec<f64>,
    /// The logits behind the row.
    logits: Vec<f32>,
}

/// A session that reads into one cache.
struct Reader<'a> {
    session: &'a mut LlamaSession,
    cache: &'a mut Cache,
    options: &'a RunOptions,
    computed: usize,
}

impl Reader<'_> {
    fn score(&mut self, prefix: &[u32], row: &Row) -> Result<Scored, ort::Error> {
        let split = common(prefix, &row.ids).min(row.ids.len() - 1);
        let held = common(self.cache.ids(), prefix);
        // The prefix is always read by itself and never together with a suffix: what a row scores does not depend on
        // whether it was remembered, even where the graph's precision depends on what runs together.
        if held < split {
            self.read(prefix, held)?;
        }
        let logits = self.read(&row.ids, split)?;
        let choices = row.choices.iter().map(|choice| self.choice(row, choice, &logits));
        let log_probabilities = choices.collect::<Result<_, _>>()?;
        Ok(Scored { cached: held.min(split), log_probabilities, logits })
    }

    /// The log-probability of the tokens that a choice has behind the row's.
    fn choice(&mut self, row: &Row, choice: &[u32], logits: &[f32]) -> Result<f64, ort::Error> {
        let mut sum = 0.0;
        for (at, id) in choice.iter().enumerate().skip(row.begins(choice)) {
            let before = choice.get(..at).unwrap_or_default();
            if before == row.ids {
                sum += log_probability(logits, *id)?;
                continue;
            }
            let held = common(self.cache.ids(), before).min(at - 1);
            sum += log_probability(&self.read(before, held)?, *id)?;
        }
        Ok(sum)
    }

    /// Reads `ids` from `from` on, behind what the cache holds of them; the logits behind the last.
    fn read(&mut self, ids: &[u32], from: usize) -> Result<Vec<f32>, ort::Error> {
        self.cache.rewind(from, self.session.layout())?;
        let rest = ids.get(from..).unwrap_or_default();
        self.computed += rest.len();
        self.session.read(self.cache, rest, self.options)
    }
}

/// The first of the largest logits.
fn likeliest(logits: &[f32]) -> Result<u32, ort::Error> {
    let best = logits.iter().enumerate().max_by(|(a_at, a), (b_at, b)| match a.total_cmp(b) {
        Ordering::Equal => b_at.cmp(a_at),
        order => order,
    });
    match best {
        Some((id, logit)) if logit.is_finite() => {
            u32::try_from(id).map_err(|_| ort::Error::new("more logits than ids"))
        }
        _ => Err(ort::Error::new("the logits are not finite numbers")),
    }
}

/// The natural logarithm of the soft-max over the whole vocabulary.
fn log_probability(logits: &[f32], id: u32) -> Result<f64, ort::Error> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let chosen = usize::try_from(id).ok().and_then(|id| logits.get(id));
    let Some(chosen) = chosen.filter(|_| largest.is_finite()) else {
        return Err(ort::Error::new(format!("there is no finite logit of token {id}")));
    };
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    Ok(f64::from(chosen - largest) - sum.ln())
}
