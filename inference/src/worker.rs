//! The threads that own the sessions.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{
    Embedding, InferenceError,
    queue::{Answer, Queue, Row},
};

/// A model that turns token ids into embeddings; `&mut`, because one thread owns it.
pub(crate) trait Encode: Send + 'static {
    /// One embedding for each row.
    fn encode(&mut self, rows: &[&[u32]]) -> Result<Vec<Embedding>, Arc<ort::Error>>;
}

/// Threads that answer a queue, one for each model. Dropping them ends them, after the batch at hand.
#[derive(Debug)]
pub(crate) struct Workers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts one thread for each model; a batch has at most `budget` tokens, padding included.
    pub(crate) fn start<M: Encode>(models: Vec<M>, places: usize, budget: usize) -> io::Result<Self> {
        let mut workers = Self { queue: Arc::new(Queue::new(places)), threads: Vec::new() };
        for (number, model) in models.into_iter().enumerate() {
            let queue = Arc::clone(&workers.queue);
            let thread = thread::Builder::new().name(format!("encoder-{number}"));
            workers.threads.push(thread.spawn(move || answer(&queue, model, budget))?);
        }
        Ok(workers)
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a session's thread had panicked");
            }
        }
    }
}

fn answer(queue: &Queue, mut model: impl Encode, budget: usize) {
    while let Some(batch) = queue.next(budget) {
        let rows: Vec<&[u32]> = batch.iter().map(|row| row.ids.as_slice()).collect();
        // A panic is answered like any other failure. The model is used again: its state is ONNX Runtime's, which a
        // panic in our code around it does not touch.
        let embeddings = panic::catch_unwind(AssertUnwindSafe(|| model.encode(&rows)));
        match embeddings {
            Ok(Ok(embeddings)) => {
                for (row, embedding) in batch.into_iter().zip(embeddings) {
                    reply(row, Ok(embedding));
                }
            }
            Ok(Err(error)) => {
                for row in batch {
                    reply(row, Err(InferenceError::Run(Arc::clone(&error))));
                }
            }
            Err(_) => {
                for row in batch {
                    reply(row, Err(InferenceError::Panicked));
                }
            }
        }
    }
}

fn reply(row: Row, answer: Answer) {
    // A caller that hung up while its batch ran needs no answer.
    let _hung_up = row.caller.send(answer);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    /// Tells which texts it was given, and runs a batch for each time it is told to go on.
    struct Slow {
        given: mpsc::Sender<Vec<u32>>,
        go_on: mpsc::Receiver<()>,
    }

    impl Encode for Slow {
        fn encode(&mut self, rows: &[&[u32]]) -> Result<Vec<Embedding>, Arc<ort::Error>> {
            let names: Vec<u32> = rows.iter().filter_map(|row| row.first()).copied().collect();
            assert!(!names.contains(&666), "the number of the beast");
            self.given.send(names).expect("the test listens");
            self.go_on.recv().expect("the test goes on");
            let value = |row: &&[u32]| f32::from(u16::try_from(row[0]).expect("small"));
            let embedding =
                |value| Embedding { vector: [value].into(), reading: [-value].into(), cached: false };
            Ok(rows.iter().map(value).map(embedding).collect())
        }
    }

    /// The ends of the test come first, so that they are dropped first: a model that waits for them is then let go.
    struct Scene {
        go_on: mpsc::Sender<()>,
        given: mpsc::Receiver<Vec<u32>>,
        workers: Workers,
    }

    /// One worker with room for `places` calls; every batch holds two texts.
    fn scene(places: usize) -> Scene {
        let (tell, given) = mpsc::channel();
        let (go_on, told) = mpsc::channel();
        let workers = Workers::start(vec![Slow { given: tell, go_on: told }], places, 2).expect("a thread");
        Scene { go_on, given, workers }
    }

    impl Scene {
        fn ask(&self, names: &[u32]) -> Vec<oneshot::Receiver<Answer>> {
            let place = self.workers.queue().place().expect("a place");
            self.workers.queue().submit(place, names.iter().map(|name| vec![*name]).collect())
        }

        fn batch(&self) -> Vec<u32> {
            let given = self.given.recv().expect("a batch");
            self.go_on.send(()).expect("the worker waits");
            given
        }
    }

    #[test]
    fn answers_come_in_the_order_of_the_texts() {
        let scene = scene(1);
        let answers = scene.ask(&[3, 1, 2]);
        assert_eq!([scene.batch(), scene.batch()], [vec![3, 1], vec![2]]);
        let values: Vec<[f32; 2]> = answers
            .into_iter()
            .map(|answer| answer.blocking_recv().expect("sent").expect("ran"))
            .map(|embedding| [embedding.vector[0], embedding.reading[0]])
            .collect();
        assert_eq!(values, [[3.0, -3.0], [1.0, -1.0], [2.0, -2.0]]);
    }

    #[test]
    fn a_caller_that_hung_up_is_skipped() {
        let scene = scene(3);
        let first = scene.ask(&[1]);
        let given = scene.given.recv().expect("the first runs");
        let second = scene.ask(&[2]);
        let third = scene.ask(&[3]);
        drop(second);
        scene.go_on.send(()).expect("the worker waits");
        assert_eq!((given, scene.batch()), (vec![1], vec![3]));
        assert_eq!((first.len(), third.len()), (1, 1));
    }

    #[test]
    fn a_full_queue_refuses_and_has_room_again_after_an_answer() {
        let scene = scene(1);
        let mut answers = scene.ask(&[1]);
        assert!(matches!(scene.workers.queue().place(), Err(InferenceError::Overloaded)));
        scene.batch();
        answers.remove(0).blocking_recv().expect("sent").expect("ran");
        while scene.workers.queue().place().is_err() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_call_of_many_texts_does_not_keep_others_waiting() {
        let scene = scene(2);
        let _many = scene.ask(&[1, 1, 1, 1, 1, 1, 1, 1]);
        scene.batch();
        let _one = scene.ask(&[2]);
        let next: Vec<u32> = (0..3).flat_map(|_| scene.batch()).collect();
        assert!(next.contains(&2), "{next:?}");
    }

    #[test]
    fn a_panic_is_an_error_for_its_callers_and_the_next_are_served() {
        let scene = scene(2);
        let answer = scene.ask(&[666]).remove(0).blocking_recv().expect("an answer");
        assert!(matches!(answer, Err(InferenceError::Panicked)));
        let answers = scene.ask(&[1]);
        assert_eq!(scene.batch(), [1]);
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn whoever_waits_when_the_workers_go_is_told_so() {
        let scene = scene(2);
        let running = scene.ask(&[1]);
        assert_eq!(scene.given.recv().expect("the first runs"), [1]);
        let waiting = scene.ask(&[2]);
        let Scene { go_on, given: _given, workers } = scene;
        let queue = Arc::clone(&workers.queue);
        let going = thread::spawn(move || drop(workers));
        // The first still runs: whoever waits is told before it ends, so the second can never have begun.
        for answer in waiting {
            assert!(answer.blocking_recv().is_err());
        }
        go_on.send(()).expect("the worker waits");
        for answer in running {
            answer.blocking_recv().expect("sent").expect("ran");
        }
        going.join().expect("the workers end");
        assert!(queue.next(2).is_none());
    }
}
