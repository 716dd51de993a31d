//! What was decided, for those who ask later: recent decisions in memory, all of them in a log.
//!
//! A decision is what one request's answer rests on: one judgment or many, or a summary. Its id is in the answer's header
//! `x-lamassu-decision`. Lengths and digests of texts are kept, never the texts.

mod entry;
mod kept;
mod log;
mod minutes;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use policies::{Judgment, Policy, Summarized};
use serde::Serialize;
use uuid::Uuid;

pub use kept::Decision;
pub use minutes::{Heading, Minutes};

use entry::{EntryJson, Head};
use kept::Kept;
use log::Log;

use crate::config;
use crate::metrics::Metrics;

/// The decisions of a service. Shared by all requests.
pub struct Decisions {
    kept: Mutex<Kept>,
    log: Option<Log>,
    metrics: Metrics,
    /// Whether the last line could not be logged: an error is said when it begins, not a thousand times a second.
    failing: AtomicBool,
}

impl Decisions {
    /// Opens the log in `folder`, if there is to be one, and takes up what it has of recent decisions.
    ///
    /// # Errors
    ///
    /// The log cannot be opened.
    pub fn open(folder: &Path, options: &config::Decisions, metrics: Metrics) -> std::io::Result<Self> {
        let mut kept = Kept::new(options);
        let mut log = None;
        if options.log_files > 0 {
            let folder = folder.join("decisions");
            let (tail, unreadable) = log::tail(&folder, options.keep)?;
            let now = now_ms();
            let unreadable = unreadable + tail.iter().filter(|line| !take_up(&mut kept, line, now)).count();
            if unreadable > 0 {
                tracing::warn!(
                    unreadable,
                    "the decision log has lines that cannot be read; they are skipped"
                );
            }
            log = Some(Log::open(&folder, options)?);
        }
        Ok(Self { kept: Mutex::new(kept), log, metrics, failing: AtomicBool::new(false) })
    }

    /// Notes a judgment of `text` under the request at hand.
    ///
    /// The line is with the operating system before this returns, so that no answer leaves without one: a process that
    /// is killed has logged what it said. It is on the disk within a second. A line that the log cannot take
    /// is counted and does not hold up the answer.
    pub fn judged(&self, text: &str, judgment: &Judgment, policy: &Policy) {
        let Some(minutes) = Minutes::at_hand() else { return };
        minutes.head(policy.digest(), judgment.record.degraded());
        let head = Head { id: minutes.id(), at_ms: now_ms(), by: minutes.by() };
        self.note(&EntryJson::judged(&head, text, judgment), &head);
    }

    /// Notes a summary under the request at hand, in the same way.
    pub fn summarized(&self, summarized: &Summarized) {
        let Some(minutes) = Minutes::at_hand() else { return };
        minutes.head(&summarized.record.policy, summarized.record.degraded());
        let head = Head { id: minutes.id(), at_ms: now_ms(), by: minutes.by() };
        self.note(&EntryJson::summarized(&head, summarized), &head);
    }

    fn note(&self, entry: &impl Serialize, head: &Head) {
        // Maps of strings and numbers: there is nothing in them that JSON cannot hold, and no end of a line.
        let Ok(line) = serde_json::to_string(entry) else { return };
        if let Some(log) = &self.log {
            match log.append(&line) {
                Ok(()) => self.failing.store(false, Ordering::Relaxed),
                Err(error) => {
                    self.metrics.unlogged();
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "decisions cannot be logged; they are counted as unlogged");
                    }
                }
            }
        }
        self.kept().add(head, line.into());
    }

    /// The decision of that id, if it is still kept.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<Decision> {
        self.kept().find(id, now_ms())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Each change is whole before anything could panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a line of the log, unless it is too old; whether it could be read.
fn take_up(kept: &mut Kept, line: &[u8], now: u64) -> bool {
    let Some(head) = Head::read(line) else { return false };
    let Ok(line) = std::str::from_utf8(line) else { return false };
    if !kept.is_too_old(head.at_ms, now) {
        kept.add(&head, line.into());
    }
    true
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The name of nobody: a decision of the service itself.
fn nobody() -> Arc<str> {
    "".into()
}
