//! What callers ask of the thread that owns a model.

use std::{sync::Arc, time::Duration};

use ort::session::RunOptions;
use tokio::sync::oneshot;

use super::tokens::common;
use crate::{InferenceError, places::Place};

/// One call that waits or is worked on.
pub(super) struct Job<W, A> {
    pub(super) work: W,
    /// Cancels the run at hand when its caller hangs up.
    pub(super) options: Arc<RunOptions>,
    pub(super) caller: oneshot::Sender<Result<A, InferenceError>>,
    /// Kept taken until the call is answered or dropped.
    pub(super) place: Place,
}

/// A caller's end of a job. Dropping it cancels the job.
pub(super) struct Pending<A> {
    answer: oneshot::Receiver<Result<A, InferenceError>>,
    options: Arc<RunOptions>,
}

impl<W, A> Job<W, A> {
    /// A job, and its caller's end.
    pub(super) fn new(work: W, place: Place) -> Result<(Self, Pending<A>), InferenceError> {
        let options = Arc::new(RunOptions::new().map_err(|error| InferenceError::Run(Arc::new(error)))?);
        let (caller, answer) = oneshot::channel();
        let pending = Pending { answer, options: Arc::clone(&options) };
        Ok((Self { work, options, caller, place }, pending))
    }
}

impl<A> Pending<A> {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Result<A, InferenceError> {
        (&mut self.answer).await.map_err(|_| InferenceError::Stopped)?
    }
}

impl<A> Drop for Pending<A> {
    fn drop(&mut self) {
        // The flag does no harm to a job that is over: no other has the same options.
        if let Err(error) = self.options.terminate() {
            tracing::debug!(%error, "a run could not be cancelled");
        }
    }
}

/// Continuations of one prefix to be scored.
#[derive(Debug)]
pub(super) struct Score {
    /// BOS and the prefix, remembered for later calls.
    pub(super) prefix: Vec<u32>,
    /// The rows not yet worked on come from its end.
    pub(super) rows: Vec<Row>,
    /// Whether the logits behind each row are wanted.
    pub(super) keeps_logits: bool,
    pub(super) done: ScoreAnswer,
}

/// One text behind the prefix.
#[derive(Debug)]
pub(super) struct Row {
    /// BOS, prefix and suffix, cut into tokens in one go.
    pub(super) ids: Vec<u32>,
    /// The same with each choice behind.
    pub(super) choices: Vec<Vec<u32>>,
}

impl Row {
    /// Most tokens that are in the cache at a time.
    pub(super) fn longest(&self) -> usize {
        // What a choice ends with is only looked up in the logits of what is before it.
        let choices = self.choices.iter().map(|choice| choice.len().saturating_sub(1));
        choices.max().unwrap_or_default().max(self.ids.len())
    }

    /// Where the tokens of a choice begin.
    pub(super) fn begins(&self, choice: &[u32]) -> usize {
        common(&self.ids, choice).max(1)
    }
}

/// What became of the rows, in the order they were worked on.
#[derive(Debug, Default)]
pub(super) struct ScoreAnswer {
    pub(super) log_probabilities: Vec<Vec<f64>>,
    pub(super) logits: Vec<Vec<f32>>,
    /// Tokens of the prefix that needed no computing for the first row.
    pub(super) cached: Option<usize>,
    pub(super) computed: usize,
    pub(super) took: Duration,
}

/// A prompt to be continued.
#[derive(Debug)]
pub(super) struct Generate {
    pub(super) prompt: Vec<u32>,
    pub(super) new: usize,
    pub(super) done: GenerateAnswer,
}

/// What became of a prompt.
#[derive(Debug, Default)]
pub(super) struct GenerateAnswer {
    pub(super) ids: Vec<u32>,
    pub(super) finish: Option<Finish>,
    pub(super) cached: Option<usize>,
    pub(super) took: Duration,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it: EOS, which is not among the ids.
    End,
    /// It has as many tokens as were asked for.
    Length,
    /// The model's context is full.
    Context,
}
