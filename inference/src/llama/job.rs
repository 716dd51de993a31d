//! What callers ask of the thread that owns a model.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use ort::session::RunOptions;
use tokio::sync::{mpsc, oneshot};

use super::{kv::Layout, prefixes::Scope, text::Text, tokens::common};
use crate::{InferenceError, places::Place};

/// For whom a call is, and until when.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) scope: Scope,
    pub(super) deadline: Option<Instant>,
}

/// One call that waits or is worked on.
pub(super) struct Job<W, C> {
    pub(super) work: W,
    pub(super) ticket: Ticket,
    /// Cancels the run at hand when its caller hangs up.
    pub(super) options: Arc<RunOptions>,
    pub(super) caller: C,
    /// Kept taken until the call is answered or dropped.
    pub(super) place: Place,
}

pub(super) type ScoreJob = Job<Score, oneshot::Sender<Result<ScoreAnswer, InferenceError>>>;
pub(super) type TextJob = Job<Text, mpsc::UnboundedSender<Result<Event, InferenceError>>>;

/// A caller's end of a job. Dropping it cancels the job.
pub(super) struct Pending<R> {
    pub(super) answers: R,
    options: Arc<RunOptions>,
}

impl<W: fmt::Debug, C> fmt::Debug for Job<W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("work", &self.work).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

pub(super) type PendingScore = Pending<oneshot::Receiver<Result<ScoreAnswer, InferenceError>>>;
pub(super) type PendingText = Pending<mpsc::UnboundedReceiver<Result<Event, InferenceError>>>;

impl<W, C> Job<W, C> {
    /// A job, and its caller's end.
    pub(super) fn new<R>(
        work: W,
        ticket: Ticket,
        place: Place,
        (caller, answers): (C, R),
    ) -> Result<(Self, Pending<R>), InferenceError> {
        let options = Arc::new(RunOptions::new().map_err(|error| InferenceError::Run(Arc::new(error)))?);
        let pending = Pending { answers, options: Arc::clone(&options) };
        Ok((Self { work, ticket, options, caller, place }, pending))
    }
}

/// What the engine must know of a job whatever it asks for.
pub(super) trait Waits {
    fn ticket(&self) -> &Ticket;

    /// Whether nobody waits for the answer.
    fn is_given_up(&self) -> bool;

    /// Ends the job without having done it.
    fn refuse(self, error: InferenceError);
}

impl Waits for ScoreJob {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn is_given_up(&self) -> bool {
        self.caller.is_closed()
    }

    fn refuse(self, error: InferenceError) {
        // Before the answer: whoever has it may ask again at once.
        drop(self.place);
        // A caller that hung up meanwhile needs no answer.
        let _hung_up = self.caller.send(Err(error));
    }
}

impl Waits for TextJob {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn is_given_up(&self) -> bool {
        self.caller.is_closed()
    }

    fn refuse(self, error: InferenceError) {
        drop(self.place);
        let _hung_up = self.caller.send(Err(error));
    }
}

impl PendingScore {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Result<ScoreAnswer, InferenceError> {
        (&mut self.answers).await.map_err(|_| InferenceError::Stopped)?
    }
}

impl<R> Drop for Pending<R> {
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
    /// How it goes on; one that is the row itself where it does not.
    pub(super) branches: Vec<Branch>,
}

/// A text behind the prefix, up to where choices part.
#[derive(Debug)]
pub(super) struct Branch {
    /// The row and an ending.
    pub(super) ids: Vec<u32>,
    /// The same with each choice behind.
    pub(super) choices: Vec<Vec<u32>>,
}

impl Row {
    /// Most tokens that are in the cache at a time.
    pub(super) fn longest(&self) -> usize {
        self.branches.iter().map(Branch::longest).max().unwrap_or_default().max(self.ids.len())
    }

    /// How many of the prefix's tokens stay as they are; the row has at least one of its own.
    pub(super) fn splits(&self, prefix: &[u32]) -> usize {
        common(prefix, &self.ids).min(self.ids.len().saturating_sub(1))
    }

    /// Bytes of the keys and values that it needs at a time.
    pub(super) fn needs(&self, prefix: &[u32], layout: &Layout) -> u64 {
        let longest = layout.bytes(layout.capacity(self.longest().max(prefix.len())));
        // A row that changes the prefix's last tokens is read beside it.
        if self.splits(prefix) < prefix.len() { longest.saturating_mul(2) } else { longest }
    }
}

impl Branch {
    fn longest(&self) -> usize {
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
    /// Of each branch of each row.
    pub(super) log_probabilities: Vec<Vec<f64>>,
    pub(super) logits: Vec<Vec<f32>>,
    /// Tokens of the prefix that needed no computing for the first row.
    pub(super) cached: Option<usize>,
    pub(super) computed: usize,
    pub(super) took: Duration,
}

/// What is heard of a text as it grows.
#[derive(Debug)]
pub(super) enum Event {
    /// It is longer by this.
    Grown(String),
    /// It is done.
    Done(Box<TextAnswer>),
}

/// What became of a prompt.
#[derive(Debug, Default)]
pub(super) struct TextAnswer {
    pub(super) ids: Vec<u32>,
    pub(super) finish: Option<Finish>,
    pub(super) cached: usize,
    pub(super) took: Duration,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, by EOS, which is not among the ids, or its constraint allows nothing more.
    End,
    /// It has as many tokens as were asked for.
    Length,
    /// The model's context is full.
    Context,
    /// One of the stop strings came, whose tokens are among the ids.
    Stop,
}
