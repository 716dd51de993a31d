//! The texts that wait for a session: bounded, fair between callers, and rid of those who hung up.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    Embedding, InferenceError, batch,
    places::{Place, Places},
};

/// What a waiting caller gets.
pub(crate) type Answer = Result<Embedding, InferenceError>;

/// At most so many texts of one call, and of all calls, are looked at to make a batch.
const FROM_ONE_CALL: usize = 32;
const FROM_ALL_CALLS: usize = 512;

/// One text that waits.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its tokens.
    pub(crate) ids: Vec<u32>,
    /// Its caller.
    pub(crate) caller: oneshot::Sender<Answer>,
    /// Keeps the call's place taken until its last text is answered or dropped.
    _place: Arc<Place>,
}

/// The calls that wait, in turn.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    places: Places,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: VecDeque<VecDeque<Row>>,
    closed: bool,
}

impl Queue {
    /// A queue in which at most `places` calls wait or are being answered.
    pub(crate) fn new(places: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), places: Places::new(places) }
    }

    /// A place for one call, at once or not at all.
    pub(crate) fn place(&self) -> Result<Place, InferenceError> {
        self.places.take()
    }

    /// Calls that wait or are being answered.
    pub(crate) fn taken(&self) -> usize {
        self.places.taken()
    }

    /// Lets the texts of one call wait; their answers come in the same order.
    pub(crate) fn submit(&self, place: Place, texts: Vec<Vec<u32>>) -> Vec<oneshot::Receiver<Answer>> {
        let place = Arc::new(place);
        let (call, answers) = texts
            .into_iter()
            .map(|ids| {
                let (caller, answer) = oneshot::channel();
                (Row { ids, caller, _place: Arc::clone(&place) }, answer)
            })
            .unzip();
        let mut waiting = self.waiting();
        if !waiting.closed {
            waiting.calls.push_back(call);
            self.changed.notify_one();
        }
        answers
    }

    /// The next batch within `budget` tokens; waits for one, and gives none once the queue is closed.
    pub(crate) fn next(&self, budget: usize) -> Option<Vec<Row>> {
        let mut waiting = self.waiting();
        while !waiting.closed {
            let batch = waiting.take(budget);
            if !batch.is_empty() {
                if !waiting.calls.is_empty() {
                    self.changed.notify_one();
                }
                return Some(batch);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Ends it: whoever still waits is told so, and the threads go home.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        waiting.calls.clear();
        self.changed.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes out the batch around the text whose turn it is, and sends its call to the back.
    fn take(&mut self, budget: usize) -> Vec<Row> {
        // A caller that hangs up drops all its answers at once, so one of its texts speaks for the others.
        self.calls.retain(|call| call.front().is_some_and(|row| !row.caller.is_closed()));
        let mut candidates = Vec::new();
        for (turn, call) in self.calls.iter().enumerate() {
            candidates.extend(
                call.iter().take(FROM_ONE_CALL).enumerate().map(|(at, row)| (turn, at, row.ids.len())),
            );
            if candidates.len() >= FROM_ALL_CALLS {
                break;
            }
        }
        let lengths: Vec<usize> = candidates.iter().map(|&(_, _, length)| length).collect();
        let mut chosen = batch::plan(&lengths, budget);
        // From the back, so that taking one text out leaves the positions of the others as they are.
        chosen.sort_unstable_by(|a, b| b.cmp(a));
        let places = chosen.into_iter().filter_map(|position| candidates.get(position));
        let mut batch: Vec<Row> = places
            .filter_map(|&(turn, at, _)| self.calls.get_mut(turn).and_then(|call| call.remove(at)))
            .collect();
        batch.reverse();
        if let Some(served) = self.calls.pop_front() {
            self.calls.push_back(served);
        }
        self.calls.retain(|call| !call.is_empty());
        batch
    }
}
