//! Summaries that are made while nobody waits: handed in, asked after, kept for a day across restarts.
//!
//! A job is a file in the data folder, written before it is promised and again when it is done. What a stopped process
//! left undone is done by the next. The documents of a job that is done are not kept, only what was said of them.

mod job;
mod work;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use uuid::Uuid;

pub use job::{Counts, Extracted, Given, Job, Kind, Outcome, Said, Status, Task, UnitName, Warning};

use crate::decisions::Minutes;
use crate::durable;
use crate::error::ApiError;
use crate::summarizer::Summarizer;

/// How long a job is kept.
pub const KEPT: Duration = Duration::from_hours(24);
/// Jobs that may wait or be at work; more are refused.
const MAX_UNDONE: usize = 100;
/// Jobs that may be kept; more are refused until the oldest are a day old.
const MAX_KEPT: usize = 20_000;
/// How often jobs that are too old are looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// The jobs. Shared by all requests.
pub struct Jobs {
    folder: PathBuf,
    /// What was there at the start.
    found: Vec<Uuid>,
    undone: Mutex<HashMap<Uuid, Arc<Undone>>>,
    kept: AtomicUsize,
}

/// A job that waits or is at work.
struct Undone {
    job: Mutex<Job>,
    /// Whether it is to stop.
    stop: watch::Sender<bool>,
    /// Whether it has ended.
    ended: watch::Sender<bool>,
}

impl Undone {
    fn now(&self) -> Job {
        self.job.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Job)) -> Job {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut job);
        job.updated = now();
        job.clone()
    }
}

impl Jobs {
    /// The jobs in `folder`; [`Jobs::keep`] goes on with what is undone.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        durable::sweep(folder)?;
        let found = ids(folder)?;
        let kept = AtomicUsize::new(found.len());
        Ok(Self { folder: folder.to_owned(), found, undone: Mutex::default(), kept })
    }

    /// Goes on with what a stopped process left undone, then removes what is too old, again and again.
    pub async fn keep(self: Arc<Self>, summarizer: Arc<Summarizer>) {
        // Not what is there now: a job that has come since is being done already.
        for id in self.found.iter().copied().filter(|id| !is_old(*id)) {
            match self.read(id).await {
                Ok(Some(job)) if !job.status.is_end() => self.start(job, &summarizer),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, %id, "a job cannot be read"),
            }
        }
        loop {
            self.sweep().await;
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    }

    /// Takes a job on; it is written before this returns. Waits up to `patience` for it to end.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`]: there are too many; [`ApiError::Internal`]: it cannot be written.
    pub async fn submit(
        self: &Arc<Self>,
        job: Job,
        summarizer: &Arc<Summarizer>,
        patience: Duration,
    ) -> Result<Uuid, ApiError> {
        let undone = self.undone.lock().unwrap_or_else(PoisonError::into_inner).len();
        if undone >= MAX_UNDONE || self.kept.load(Ordering::Relaxed) >= MAX_KEPT {
            return Err(ApiError::Overloaded);
        }
        let id = job.id;
        self.write(job.clone()).await.map_err(unwritten)?;
        self.kept.fetch_add(1, Ordering::Relaxed);
        self.start(job, summarizer);
        if let Some(undone) = self.find(id) {
            let mut ended = undone.ended.subscribe();
            let _ = tokio::time::timeout(patience, ended.wait_for(|ended| *ended)).await;
        }
        Ok(id)
    }

    /// A job of whoever is called `by`, as it is now; none if it is another's, too old, or not there.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`]: it is there and cannot be read.
    pub async fn job(&self, id: Uuid, by: &str) -> Result<Option<Job>, ApiError> {
        if is_old(id) {
            return Ok(None);
        }
        let job = match self.find(id) {
            Some(undone) => Some(undone.now()),
            None => self.read(id).await.map_err(unwritten)?,
        };
        Ok(job.filter(|job| job.by == by))
    }

    /// Asks a job to stop; one that has ended stays as it is.
    pub fn cancel(&self, id: Uuid) {
        if let Some(undone) = self.find(id) {
            undone
                .change(|job| job.status = if job.status.is_end() { job.status } else { Status::Cancelling });
            undone.stop.send_replace(true);
        }
    }

    fn find(&self, id: Uuid) -> Option<Arc<Undone>> {
        self.undone.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn start(self: &Arc<Self>, job: Job, summarizer: &Arc<Summarizer>) {
        let id = job.id;
        let undone = Undone {
            job: Mutex::new(job),
            stop: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        };
        let undone = Arc::new(undone);
        self.undone.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&undone));
        let (jobs, summarizer) = (Arc::clone(self), Arc::clone(summarizer));
        let minutes = {
            let job = undone.now();
            // A job is one decision, and is called as that is.
            Minutes::later(job.id, &job.by)
        };
        actix_web::rt::spawn(minutes.over(async move {
            let mut stop = undone.stop.subscribe();
            let ended = tokio::select! {
                () = work::work(&undone, &summarizer) => undone.change(Job::end),
                _ = stop.wait_for(|stop| *stop) => undone.change(Job::cancelled),
            };
            // Until it is on disk it is found in memory; if it never gets there, the next process does it again.
            if let Err(error) = jobs.write(ended).await {
                tracing::error!(%error, %id, "a job is done and cannot be written");
            } else {
                jobs.undone.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
            undone.ended.send_replace(true);
        }));
    }

    async fn sweep(&self) {
        let folder = self.folder.clone();
        let ids = match tokio::task::spawn_blocking(move || ids(&folder)).await {
            Ok(Ok(ids)) => ids,
            Ok(Err(error)) => return tracing::error!(%error, "the jobs cannot be listed"),
            Err(_) => return,
        };
        let all = ids.len();
        let (mut removed, old) = (0, ids.into_iter().filter(|id| is_old(*id) && self.find(*id).is_none()));
        for id in old {
            let file = self.file(id);
            match tokio::task::spawn_blocking(move || durable::remove(&file)).await {
                Ok(Ok(())) => removed += 1,
                Ok(Err(error)) => tracing::error!(%error, %id, "an old job cannot be removed"),
                Err(_) => {}
            }
        }
        self.kept.store(all - removed, Ordering::Relaxed);
    }

    async fn read(&self, id: Uuid) -> io::Result<Option<Job>> {
        let file = self.file(id);
        let reading = tokio::task::spawn_blocking(move || match std::fs::read(file) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        reading.await.map_err(io::Error::other)?
    }

    async fn write(&self, job: Job) -> io::Result<()> {
        let file = self.file(job.id);
        let writing =
            tokio::task::spawn_blocking(move || durable::replace(&file, &serde_json::to_vec(&job)?));
        writing.await.map_err(io::Error::other)?
    }

    fn file(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

/// The jobs of a folder.
fn ids(folder: &Path) -> io::Result<Vec<Uuid>> {
    Ok(durable::names(folder)?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Whether a job of that id is kept no longer: an id says when it was made.
fn is_old(id: Uuid) -> bool {
    let made = id.get_timestamp().map_or(0, |made| made.to_unix().0);
    made + KEPT.as_secs() <= now()
}

/// *Units*: Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unwritten(error: io::Error) -> ApiError {
    tracing::error!(%error, "a job cannot be written or read");
    ApiError::Internal
}
