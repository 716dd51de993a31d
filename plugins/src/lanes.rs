//! Threads that read long texts, so that short ones need not wait for them.
//!
//! They are as many as there are cores, for each of two lanes, and they stay. A pattern keeps an automaton for every thread
//! that searches with it, which grows with what it reads and is not given back: the runtime's threads for blocking work,
//! which come and go by the hundred, would have one each.

use std::sync::LazyLock;
use std::thread::available_parallelism;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

/// Texts up to here have a lane of their own: none of them takes longer than a fraction of a second. *Units*: bytes.
const MIDDLING: usize = 64 << 10;

/// A text was not read.
#[derive(Debug, thiserror::Error)]
#[error("the text was not read to its end")]
pub struct Unread;

static MIDDLING_TEXTS: LazyLock<Option<ThreadPool>> = LazyLock::new(lane);
static LONG_TEXTS: LazyLock<Option<ThreadPool>> = LazyLock::new(lane);

fn lane() -> Option<ThreadPool> {
    let threads = available_parallelism().map_or(1, usize::from);
    // Whoever waits for a reading that panics is told so: its sender is gone.
    let builder = ThreadPoolBuilder::new().num_threads(threads).panic_handler(drop);
    builder.thread_name(|number| format!("reader-{number}")).build().ok()
}

/// What `reading` makes of a text of so many bytes, when its turn comes: texts are read in the order in which they came,
/// those for whose reading nobody waits any more are left out.
///
/// # Errors
///
/// [`Unread`] when `reading` panics, or the system gives no threads.
pub async fn aside<T: Send + 'static>(
    bytes: usize,
    reading: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unread> {
    let lane = if bytes <= MIDDLING { &MIDDLING_TEXTS } else { &LONG_TEXTS };
    let (sender, read) = oneshot::channel();
    lane.as_ref().ok_or(Unread)?.spawn_fifo(move || {
        if !sender.is_closed() {
            let _ = sender.send(reading());
        }
    });
    read.await.map_err(|_| Unread)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn however_many_texts_there_are_as_many_threads_read_them_as_there_are_cores() {
        let readings = (0..100).map(|_| aside(10, || thread::current().id()));
        let threads: HashSet<ThreadId> = join_all(readings).await.into_iter().map(Result::unwrap).collect();
        let cores = available_parallelism().unwrap().get();
        assert!(threads.len() <= cores, "{} threads on {cores} cores", threads.len());
        assert!(!threads.contains(&thread::current().id()), "whoever waits can do other things");
    }

    #[tokio::test]
    async fn a_reading_that_panics_fails_alone() {
        aside(10, || panic!("on purpose")).await.unwrap_err();
        assert_eq!(aside(10, || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_text_that_nobody_waits_for_is_not_read_and_long_ones_hold_up_no_others() {
        let cores = available_parallelism().unwrap().get();
        let (begun, beginnings) = mpsc::channel();
        let gates: Vec<mpsc::Sender<()>> = (0..cores)
            .map(|_| {
                let (gate, opens) = mpsc::channel::<()>();
                let begun = begun.clone();
                tokio::spawn(aside(MIDDLING + 1, move || {
                    begun.send(()).unwrap();
                    let _ = opens.recv();
                }));
                gate
            })
            .collect();
        // Every thread for long texts is busy from here on.
        for _ in 0..cores {
            while beginnings.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        }
        let (read, was_read) = mpsc::channel();
        let mut left = Box::pin(aside(MIDDLING + 1, move || read.send(())));
        assert!(futures::poll!(left.as_mut()).is_pending());
        drop(left);
        assert_eq!(aside(MIDDLING, || 7).await.unwrap(), 7, "the other lane is free");
        drop(gates);
        aside(MIDDLING + 1, || ()).await.unwrap();
        // The sender is dropped with the reading, which came before that one.
        assert!(was_read.recv().is_err(), "nobody waited for it");
    }
}
