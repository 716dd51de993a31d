//! What the thread that owns a model does with it: one small step of one call at a time.

use std::sync::Arc;

use ort::session::RunOptions;

use super::{
    cache::Cache,
    job::{Score, TextJob, Ticket},
    kv::Layout,
    prefixes::{Memory, Scope},
    scoring,
    sessions::Sessions,
    steps::guarded,
    watch::Watch,
    writers::{Limits, Writers},
};
use crate::InferenceError;

/// Sessions, and what is remembered of what they read.
#[derive(Debug)]
pub(super) struct Mind {
    sessions: Sessions,
    prefixes: Memory,
    score_bytes: u64,
    layout: Arc<Layout>,
    pub(super) writers: Writers,
    watch: Watch,
}

impl Mind {
    /// A mind that remembers prefixes of at most `score_bytes`.
    pub(super) fn new(sessions: Sessions, score_bytes: u64, limits: Limits, watch: Watch) -> Self {
        let layout = sessions.layout();
        Self {
            sessions,
            prefixes: Memory::new(Arc::clone(&layout)),
            score_bytes,
            writers: Writers::new(limits, Arc::clone(&layout)),
            layout,
            watch,
        }
    }

    /// Works on the next row; whether it was the last.
    pub(super) fn score(
        &mut self,
        score: &mut Score,
        (ticket, options): (&Ticket, &RunOptions),
    ) -> Result<bool, InferenceError> {
        let Some(row) = score.rows.pop() else { return Ok(true) };
        let needs = row.needs(&score.prefix, &self.layout);
        let scored = self.beside((&ticket.scope, &score.prefix), needs, |sessions, cache| {
            scoring::score(sessions, cache, (&score.prefix, &row), options)
        })?;
        score.done.computed += scored.computed;
        score.done.cached.get_or_insert(scored.cached);
        score.done.log_probabilities.extend(scored.log_probabilities);
        if score.keeps_logits {
            score.done.logits.push(scored.logits);
        }
        Ok(score.rows.is_empty())
    }

    /// Reads behind what is remembered of a prefix, which takes `needs` bytes.
    fn beside<T>(
        &mut self,
        (scope, prefix): (&Scope, &[u32]),
        needs: u64,
        read: impl FnOnce(&mut Sessions, &mut Cache) -> Result<T, InferenceError>,
    ) -> Result<T, InferenceError> {
        let mut prefix = self.prefixes.take(scope, prefix);
        let needs = needs.max(prefix.cache.bytes(&self.layout));
        self.prefixes.shrink(self.score_bytes.saturating_sub(needs));
        // After a panic nobody knows what is in the buffer: it is not put back.
        guarded(|| {
            let done = read(&mut self.sessions, &mut prefix.cache);
            self.prefixes.keep(prefix);
            done
        })
    }

    pub(super) fn take(&mut self, job: TextJob) {
        self.writers.take(job);
    }

    /// Takes a step of the texts that grow.
    pub(super) fn write(&mut self) {
        self.writers.step(&mut self.sessions);
    }

    /// Closes the sessions if the process has grown too large; they are opened anew when they are needed, and every
    /// call goes on from its last token.
    pub(super) fn look_after_memory(&mut self) {
        if self.watch.is_over() {
            self.prefixes.clear();
            self.writers.restart();
            self.sessions.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        Runtime, SetUp,
        llama::{
            LlamaOptions,
            folder::ModelFolder,
            job::{Row, ScoreAnswer},
            sessions::Origin,
        },
    };

    fn mind() -> Mind {
        let library = SetUp::for_this_user().expect("a cache folder").runtime().expect("the library");
        let runtime = Runtime::load(&library).expect("ONNX Runtime");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/golden-llama/mha");
        let folder = Arc::new(ModelFolder::read(&folder).expect("a model"));
        let options = LlamaOptions { threads: 1, ..LlamaOptions::default() };
        let origin = Origin { runtime, folder, packed: None, threads: options.threads };
        let (sessions, device) = Sessions::first(origin, &options).expect("a session");
        let limits = Limits { bytes: 1 << 30, rows: 1, ends: vec![2] };
        Mind::new(sessions, 1 << 30, limits, Watch::new(None, device.provider))
    }

    fn score(mind: &mut Mind) -> ScoreAnswer {
        let rows = vec![Row { ids: vec![1, 5, 7], branches: Vec::new() }];
        let done = ScoreAnswer::default();
        let mut score = Score { prefix: vec![1, 5], rows, keeps_logits: true, done };
        let ticket = Ticket { scope: "".into(), deadline: None };
        let options = RunOptions::new().expect("options");
        assert!(mind.score(&mut score, (&ticket, &options)).expect("scored"), "it was the last row");
        score.done
    }

    #[test]
    fn a_panic_is_an_error_and_what_it_left_behind_is_not_used() {
        let mut mind = mind();
        let (first, again) = (score(&mut mind), score(&mut mind));
        assert_eq!((first.cached, again.cached), (Some(0), Some(2)));
        let panicked =
            mind.beside((&"".into(), &[1, 5]), 0, |_, _| -> Result<(), _> { panic!("in the middle") });
        assert!(matches!(panicked, Err(InferenceError::Panicked)));
        let next = score(&mut mind);
        assert_eq!((next.cached, next.logits), (Some(0), first.logits));
    }
}
