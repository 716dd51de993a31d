//! How likely continuations are: reading a row behind its prefix, and branching from there.

use std::{cmp::Reverse, sync::Arc};

use ort::session::RunOptions;

use super::{
    cache::Cache,
    graphs::Part,
    job::{Branch, Row},
    sessions::Sessions,
    tokens::common,
};
use crate::InferenceError;

/// What one row scored.
pub(super) struct RowScore {
    /// Tokens of the prefix that needed no computing.
    pub(super) cached: usize,
    /// For each branch, of each choice.
    pub(super) log_probabilities: Vec<Vec<f64>>,
    /// The logits behind the row.
    pub(super) logits: Vec<f32>,
    /// Tokens computed.
    pub(super) computed: usize,
}

/// Scores a row behind a prefix that `cache` holds, or that is read into it.
pub(super) fn score(
    sessions: &mut Sessions,
    cache: &mut Cache,
    (prefix, row): (&[u32], &Row),
    options: &RunOptions,
) -> Result<RowScore, InferenceError> {
    let (split, held) = (row.splits(prefix), common(cache.ids(), prefix));
    let mut computed = 0;
    // The prefix is always read by itself and never together with a suffix: what a row scores does not depend on
    // whether it was remembered, even where the graph's precision depends on what runs together.
    if held < split {
        let layout = sessions.layout();
        cache.rewind(held, &layout).map_err(run)?;
        let rest = prefix.get(held..).unwrap_or_default();
        computed += rest.len();
        sessions.read(Part::Prefix, cache, (rest, options))?;
    }
    let mut inside = None;
    if split < prefix.len() {
        // The row changes the prefix's last tokens, and the next one may not: those are kept as they were read.
        let layout = sessions.layout();
        let session = sessions.of(Part::Score)?;
        inside = Some(cache.branched(split, &layout, session.raw()).map_err(run)?);
    }
    let cache = inside.as_mut().unwrap_or(cache);
    let mut reader = Reader { sessions, cache, options, computed, known: Vec::new() };
    let logits = reader.read(&row.ids, split)?;
    let log_probabilities = reader.branches(row)?;
    Ok(RowScore { cached: held.min(split), log_probabilities, logits, computed: reader.computed })
}

fn run(error: ort::Error) -> InferenceError {
    InferenceError::Run(Arc::new(error))
}

/// A session that reads into one cache.
struct Reader<'a> {
    sessions: &'a mut Sessions,
    cache: &'a mut Cache,
    options: &'a RunOptions,
    computed: usize,
    /// The logits behind so many of the tokens held.
    known: Vec<(usize, Vec<f32>)>,
}

impl Reader<'_> {
    fn branches(&mut self, row: &Row) -> Result<Vec<Vec<f64>>, InferenceError> {
        let mut order: Vec<(usize, &Branch)> = row.branches.iter().enumerate().collect();
        // Those that leave most of the row as it was come first: what they leave is not read again.
        order.sort_by_key(|(_, branch)| Reverse(common(&row.ids, &branch.ids)));
        let mut scores = vec![Vec::new(); row.branches.len()];
        for (at, branch) in order {
            let split = common(&row.ids, &branch.ids).min(branch.ids.len() - 1);
            if branch.ids != row.ids {
                self.read(&branch.ids, split.min(common(self.cache.ids(), &branch.ids)))?;
            }
            if let Some(score) = scores.get_mut(at) {
                *score = self.choices(branch)?;
            }
        }
        Ok(scores)
    }

    /// The log-probability of each choice behind a branch, in the branch's order.
    fn choices(&mut self, branch: &Branch) -> Result<Vec<f64>, InferenceError> {
        let mut order: Vec<(usize, &Vec<u32>)> = branch.choices.iter().enumerate().collect();
        // Neighbours share what they begin with, and none undoes what another one needs.
        order.sort_by_key(|(_, choice)| (Reverse(branch.begins(choice)), *choice));
        let mut scores = vec![0.0; branch.choices.len()];
        for (at, choice) in order {
            let mut sum = 0.0;
            for (end, id) in choice.iter().enumerate().skip(branch.begins(choice)) {
                sum += log_probability(self.behind(choice.get(..end).unwrap_or_default())?, *id)?;
            }
            if let Some(score) = scores.get_mut(at) {
                *score = sum;
            }
        }
        Ok(scores)
    }

    /// The logits behind `ids`, of which there is at least one: those known, or else read one token at a time.
    fn behind(&mut self, ids: &[u32]) -> Result<&[f32], InferenceError> {
        let held = common(self.cache.ids(), ids);
        self.known.retain(|(tokens, _)| *tokens <= held);
        if !self.known.iter().any(|(tokens, _)| *tokens == ids.len()) {
            self.read(ids, held.min(ids.len() - 1))?;
        }
        let known = self.known.iter().find(|(tokens, _)| *tokens == ids.len());
        Ok(known.map(|(_, logits)| logits.as_slice()).unwrap_or_default())
    }

    /// Reads `ids` from `from` on, behind what the cache holds of them; the logits behind the last.
    fn read(&mut self, ids: &[u32], from: usize) -> Result<Vec<f32>, InferenceError> {
        let layout = self.sessions.layout();
        self.cache.rewind(from, &layout).map_err(run)?;
        self.known.retain(|(tokens, _)| *tokens <= from);
        let rest = ids.get(from..).unwrap_or_default();
        self.computed += rest.len();
        let logits = self.sessions.read(Part::Score, self.cache, (rest, self.options))?;
        self.known.push((ids.len(), logits.clone()));
        Ok(logits)
    }
}

/// The natural logarithm of the soft-max over the whole vocabulary.
fn log_probability(logits: &[f32], id: u32) -> Result<f64, InferenceError> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let chosen = usize::try_from(id).ok().and_then(|id| logits.get(id));
    let Some(chosen) = chosen.filter(|_| largest.is_finite()) else {
        return Err(run(ort::Error::new(format!("there is no finite logit of token {id}"))));
    };
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    Ok(f64::from(chosen - largest) - sum.ln())
}
