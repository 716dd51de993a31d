//! The thread that owns a model, and the calls that wait for it.
//!
//! Scores come first: between any two steps of generations, those that have come meanwhile are worked on, row by row.
//! So a verdict waits for one step at most, which adds a token to each text or reads a small piece of a prompt. After
//! [`turns`](super::turns)' burst of tokens a generation has a step, so that it is never starved.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread::{self, JoinHandle},
    time::Instant,
};

use tokio::sync::{mpsc as streams, oneshot};

use super::{
    job::{Job, PendingScore, PendingText, Score, ScoreJob, TextJob, Ticket, Waits},
    mind::Mind,
    text::Text,
    turns::Scores,
};
use crate::{
    InferenceError,
    places::{Place, Places},
};

enum Call {
    Score(ScoreJob),
    Write(TextJob),
}

/// A model on a thread of its own. Dropping it ends the thread, after the step at hand.
#[derive(Debug)]
pub(super) struct Engine {
    calls: Option<Sender<Call>>,
    places: Places,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread; at most `waiting` calls wait or are worked on.
    pub(super) fn start(mind: Mind, waiting: usize) -> io::Result<Self> {
        let (calls, incoming) = mpsc::channel();
        let thread = thread::Builder::new().name("llama".to_owned());
        let thread = thread.spawn(move || work(mind, &incoming))?;
        Ok(Self { calls: Some(calls), places: Places::new(waiting), thread: Some(thread) })
    }

    /// Calls that wait or are being answered.
    pub(super) fn taken(&self) -> usize {
        self.places.taken()
    }

    /// A place for one call, at once or not at all.
    pub(super) fn place(&self) -> Result<Place, InferenceError> {
        self.places.take()
    }

    /// Lets rows wait to be scored; the answer has them in the order they were worked on.
    pub(super) fn score(
        &self,
        place: Place,
        ticket: Ticket,
        score: Score,
    ) -> Result<PendingScore, InferenceError> {
        let (job, pending) = Job::new(score, ticket, place, oneshot::channel())?;
        self.submit(Call::Score(job))?;
        Ok(pending)
    }

    /// Lets a prompt wait to be continued.
    pub(super) fn write(
        &self,
        place: Place,
        ticket: Ticket,
        text: Text,
    ) -> Result<PendingText, InferenceError> {
        // No more is ever sent than the text has tokens, whose number the call limits.
        let (job, pending) = Job::new(text, ticket, place, streams::unbounded_channel())?;
        self.submit(Call::Write(job))?;
        Ok(pending)
    }

    fn submit(&self, call: Call) -> Result<(), InferenceError> {
        let calls = self.calls.as_ref().ok_or(InferenceError::Stopped)?;
        calls.send(call).map_err(|_| InferenceError::Stopped)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.calls.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a model's thread had panicked");
        }
    }
}

fn work(mut mind: Mind, incoming: &Receiver<Call>) {
    let mut scores = Scores::default();
    loop {
        if scores.is_empty() && mind.writers.is_idle() {
            let Ok(call) = incoming.recv() else { return };
            take(&mut scores, &mut mind, call);
        }
        loop {
            match incoming.try_recv() {
                Ok(call) => take(&mut scores, &mut mind, call),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        scores.sweep();
        mind.writers.sweep();
        match scores.next(!mind.writers.is_idle()) {
            Some(job) => {
                let before = job.work.done.computed;
                let (computed, job) = turn(&mut mind, job);
                scores.over(computed - before, job);
            }
            None => mind.write(),
        }
        mind.look_after_memory();
    }
}

fn take(scores: &mut Scores, mind: &mut Mind, call: Call) {
    match call {
        Call::Score(job) => scores.take(job),
        Call::Write(job) => mind.take(job),
    }
}

/// Works on one row of a score: tokens computed for the call so far, and the job if there is more to do.
fn turn(mind: &mut Mind, mut job: ScoreJob) -> (usize, Option<ScoreJob>) {
    let started = Instant::now();
    let stepped = mind.score(&mut job.work, (&job.ticket, &job.options));
    job.work.done.took += started.elapsed();
    let computed = job.work.done.computed;
    match stepped {
        Ok(false) => return (computed, Some(job)),
        Ok(true) => {
            let Job { work, caller, place, .. } = job;
            // Before the answer: whoever has it may ask again at once.
            drop(place);
            // A caller that hung up meanwhile needs no answer.
            let _hung_up = caller.send(Ok(work.done));
        }
        Err(error) => job.refuse(error),
    }
    (computed, None)
}
