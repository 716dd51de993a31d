//! What one request is answered by, noted while it is answered.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use uuid::Uuid;

use super::nobody;
use crate::keys::Caller;

tokio::task_local! {
    static AT_HAND: Arc<Minutes>;
}

/// The minutes of one request. What judges finds them at hand, whichever facade asked: so no facade can forget to note
/// what it answers by, and the headers that say so are set in one place.
#[derive(Debug)]
pub struct Minutes {
    id: Uuid,
    by: OnceLock<Arc<str>>,
    heading: Mutex<Option<Heading>>,
}

/// What an answer's headers say about how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The decision it rests on; none while nothing was decided.
    pub decision: Option<Uuid>,
    /// Digest of the policy.
    pub policy: Arc<str>,
    /// Whether anything that should have run did not; none where that will be known only when the head has left.
    pub degraded: Option<bool>,
}

impl Minutes {
    /// Empty ones, of a new id.
    #[must_use]
    pub fn open() -> Arc<Self> {
        Arc::new(Self { id: Uuid::now_v7(), by: OnceLock::new(), heading: Mutex::new(None) })
    }

    /// Those of work that goes on when its request is answered: its decision is called `id`, and is the key's called `by`.
    #[must_use]
    pub fn later(id: Uuid, by: &str) -> Arc<Self> {
        Arc::new(Self { id, by: OnceLock::from(Arc::from(by)), heading: Mutex::new(None) })
    }

    /// Those of the request at hand.
    #[must_use]
    pub fn at_hand() -> Option<Arc<Self>> {
        AT_HAND.try_with(Arc::clone).ok()
    }

    /// Works with these minutes at hand.
    pub async fn over<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        AT_HAND.scope(self, work).await
    }

    /// The same of a step of work that does not wait: a body that is sent later is made of such.
    pub fn within<T>(self: &Arc<Self>, step: impl FnOnce() -> T) -> T {
        AT_HAND.sync_scope(Arc::clone(self), step)
    }

    /// Says whose request it is.
    pub fn is_of(caller: &Caller) {
        if let Some(minutes) = Self::at_hand() {
            // The first key that fits is the one; the same request is not identified twice.
            let _ = minutes.by.set(Arc::clone(&caller.name));
        }
    }

    /// Says by which policy the request at hand is to be answered, if it is.
    pub fn under(policy: &Arc<str>) {
        if let Some(minutes) = Self::at_hand() {
            let undecided = Heading { decision: None, policy: Arc::clone(policy), degraded: Some(false) };
            minutes.heading().get_or_insert(undecided);
        }
    }

    /// Says by which policy an answer will be given whose head leaves before anything was judged.
    pub fn promise(policy: &Arc<str>) {
        if let Some(minutes) = Self::at_hand() {
            let mut heading = minutes.heading();
            if heading.as_ref().is_none_or(|heading| heading.decision.is_none()) {
                let decision = Some(minutes.id);
                *heading = Some(Heading { decision, policy: Arc::clone(policy), degraded: None });
            }
        }
    }

    /// Says that the answer at hand tells of what was decided before, or within it under minutes of its own.
    pub fn tells_of(told: Heading) {
        if let Some(minutes) = Self::at_hand() {
            let mut heading = minutes.heading();
            let before = heading.as_ref().and_then(|heading| heading.degraded);
            let degraded =
                told.degraded.zip(before).map_or(told.degraded, |(now, before)| Some(now || before));
            *heading = Some(Heading { degraded, ..told });
        }
    }

    /// The decision's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the headers are to say; nothing if nothing is decided.
    #[must_use]
    pub fn said(&self) -> Option<Heading> {
        self.heading().clone()
    }

    pub(super) fn by(&self) -> Arc<str> {
        self.by.get().cloned().unwrap_or_else(nobody)
    }

    /// Notes a judgment by a policy. An answer is degraded if one of its judgments is.
    pub(super) fn head(&self, policy: &Arc<str>, degraded: bool) {
        let mut heading = self.heading();
        let degraded = degraded || heading.as_ref().is_some_and(|heading| heading.degraded == Some(true));
        let decision = Some(self.id);
        *heading = Some(Heading { decision, policy: Arc::clone(policy), degraded: Some(degraded) });
    }

    fn heading(&self) -> std::sync::MutexGuard<'_, Option<Heading>> {
        self.heading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
