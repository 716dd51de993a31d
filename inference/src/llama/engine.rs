//! The thread that owns a model, and the calls that wait for it in turn.

use std::{
    collections::VecDeque,
    io,
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    job::{Generate, GenerateAnswer, Job, Pending, Score, ScoreAnswer},
    mind::Mind,
};
use crate::{
    InferenceError,
    places::{Place, Places},
};

type ScoreJob = Job<Score, ScoreAnswer>;
type GenerateJob = Job<Generate, GenerateAnswer>;

enum Call {
    Score(ScoreJob),
    Generate(GenerateJob),
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

    /// A place for one call, at once or not at all.
    pub(super) fn place(&self) -> Result<Place, InferenceError> {
        self.places.take()
    }

    /// Lets rows wait to be scored; the answer has them in the order they were worked on.
    pub(super) fn score(&self, place: Place, score: Score) -> Result<Pending<ScoreAnswer>, InferenceError> {
        let (job, pending) = Job::new(score, place)?;
        self.submit(Call::Score(job))?;
        Ok(pending)
    }

    /// Lets a prompt wait to be continued.
    pub(super) fn generate(
        &self,
        place: Place,
        generate: Generate,
    ) -> Result<Pending<GenerateAnswer>, InferenceError> {
        let (job, pending) = Job::new(generate, place)?;
        self.submit(Call::Generate(job))?;
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

/// The calls at hand. Each turn is one row of a score and one token of a generation, so that neither a call of many
/// rows nor a long text holds up the others.
#[derive(Default)]
struct Turns {
    scores: VecDeque<ScoreJob>,
    generations: VecDeque<GenerateJob>,
}

impl Turns {
    fn take(&mut self, call: Call) {
        match call {
            Call::Score(job) => self.scores.push_back(job),
            Call::Generate(job) => self.generations.push_back(job),
        }
    }

    /// Lets go of whoever hung up, so that their places are free at once.
    fn sweep(&mut self) {
        self.scores.retain(|job| !job.caller.is_closed());
        self.generations.retain(|job| !job.caller.is_closed());
    }

    fn is_empty(&self) -> bool {
        self.scores.is_empty() && self.generations.is_empty()
    }
}

fn work(mut mind: Mind, incoming: &Receiver<Call>) {
    let mut turns = Turns::default();
    loop {
        if turns.is_empty() {
            let Ok(call) = incoming.recv() else { return };
            turns.take(call);
        }
        loop {
            match incoming.try_recv() {
                Ok(call) => turns.take(call),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        turns.sweep();
        if let Some(job) = turns.scores.pop_front() {
            let step = |mind: &mut Mind, job: &mut ScoreJob| mind.score(&mut job.work, &job.options);
            if let Some(job) = turn(&mut mind, job, step) {
                turns.scores.push_back(job);
            }
        }
        // One generation at a time: each has a buffer as large as its text. It keeps its turn.
        if let Some(job) = turns.generations.pop_front() {
            let step = |mind: &mut Mind, job: &mut GenerateJob| mind.generate(&mut job.work, &job.options);
            if let Some(job) = turn(&mut mind, job, step) {
                turns.generations.push_front(job);
            }
        }
    }
}

/// Work whose answer grows from step to step.
trait Work {
    type Answer;

    fn into_answer(self) -> Self::Answer;

    fn took(&mut self) -> &mut Duration;
}

impl Work for Score {
    type Answer = ScoreAnswer;

    fn into_answer(self) -> ScoreAnswer {
        self.done
    }

    fn took(&mut self) -> &mut Duration {
        &mut self.done.took
    }
}

impl Work for Generate {
    type Answer = GenerateAnswer;

    fn into_answer(self) -> GenerateAnswer {
        self.done
    }

    fn took(&mut self) -> &mut Duration {
        &mut self.done.took
    }
}

/// Takes one step of a job. Gives it back if there is more to do.
fn turn<W: Work>(
    mind: &mut Mind,
    mut job: Job<W, W::Answer>,
    step: impl FnOnce(&mut Mind, &mut Job<W, W::Answer>) -> Result<bool, InferenceError>,
) -> Option<Job<W, W::Answer>> {
    let started = Instant::now();
    let stepped = panic::catch_unwind(AssertUnwindSafe(|| step(mind, &mut job)));
    *job.work.took() += started.elapsed();
    if let Ok(Ok(false)) = stepped {
        return Some(job);
    }
    let Job { work, caller, place, .. } = job;
    let answer = match stepped {
        Ok(Ok(_)) => Ok(work.into_answer()),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            mind.forget();
            Err(InferenceError::Panicked)
        }
    };
    // Before the answer: whoever has it may ask again at once.
    drop(place);
    // A caller that hung up meanwhile needs no answer.
    let _hung_up = caller.send(answer);
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        Provider, Runtime, SetUp,
        llama::{folder::ModelFolder, job::Row, session::LlamaSession},
    };

    fn runtime() -> &'static Runtime {
        let library = SetUp::for_this_user().expect("a cache folder").runtime().expect("the library");
        Runtime::load(&library).expect("ONNX Runtime")
    }

    fn mind() -> Mind {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/golden-llama/mha");
        let folder = ModelFolder::read(&folder).expect("a model");
        let (session, _) =
            LlamaSession::on_first(runtime(), &folder, 1, &[Provider::Cpu]).expect("a session");
        Mind::new(session, 1, vec![2])
    }

    fn job(places: &Places) -> (ScoreJob, Pending<ScoreAnswer>) {
        let rows = vec![Row { ids: vec![1, 5, 7], choices: vec![vec![1, 5, 7, 9]] }];
        let score = Score { prefix: vec![1, 5], rows, keeps_logits: true, done: ScoreAnswer::default() };
        Job::new(score, places.take().expect("a place")).expect("a job")
    }

    fn step(mind: &mut Mind, job: &mut ScoreJob) -> Result<bool, InferenceError> {
        mind.score(&mut job.work, &job.options)
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_its_caller_and_the_next_is_served_from_a_clean_mind() {
        let (mut mind, places) = (mind(), Places::new(1));
        let (first, expected) = job(&places);
        assert!(turn(&mut mind, first, step).is_none());
        let expected = expected.answer().await.expect("scored");
        let (broken, answer) = job(&places);
        let panicked = turn(&mut mind, broken, |mind, job| {
            mind.score(&mut job.work, &job.options)?;
            panic!("in the middle");
        });
        assert!(panicked.is_none());
        assert!(matches!(answer.answer().await, Err(InferenceError::Panicked)));
        let (next, answer) = job(&places);
        assert!(turn(&mut mind, next, step).is_none());
        let answer = answer.answer().await.expect("scored");
        assert_eq!((answer.cached, expected.cached), (Some(0), Some(0)), "nothing is remembered");
        assert_eq!(answer.log_probabilities, expected.log_probabilities);
    }

    #[test]
    fn a_caller_that_hung_up_is_swept_away_and_its_place_is_free() {
        // Jobs hold options of a run, which are ONNX Runtime's.
        runtime();
        let places = Places::new(1);
        let (waiting, pending) = job(&places);
        let mut turns = Turns::default();
        turns.take(Call::Score(waiting));
        turns.sweep();
        assert!(!turns.is_empty() && places.take().is_err());
        drop(pending);
        turns.sweep();
        assert!(turns.is_empty() && places.take().is_ok());
    }
}
