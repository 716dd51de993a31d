//! What one request is answered by, noted while it is answered.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::Instrument;
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

/// What an answer's headers say about its decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Digest of the policy.
    pub policy: Arc<str>,
    /// Whether anything that should have run did not; none while nothing was judged.
    pub degraded: Option<bool>,
}

impl Minutes {
    /// Empty ones, of a new id.
    #[must_use]
    pub fn open() -> Arc<Self> {
        Arc::new(Self { id: Uuid::now_v7(), by: OnceLock::new(), heading: Mutex::new(None) })
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

    /// The same work with the minutes at hand now, and in the request's span, wherever it is done: in a body that is sent
    /// later, say.
    pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
        let minutes = Self::at_hand();
        let work = work.in_current_span();
        async move {
            match minutes {
                Some(minutes) => minutes.over(work).await,
                None => work.await,
            }
        }
    }

    /// Says whose request it is.
    pub fn is_of(caller: &Caller) {
        if let Some(minutes) = Self::at_hand() {
            // The first key that fits is the one; the same request is not identified twice.
            let _ = minutes.by.set(Arc::clone(&caller.name));
        }
    }

    /// Says by which policy an answer will be given whose head leaves before anything was judged.
    pub fn promise(policy: &Arc<str>) {
        if let Some(minutes) = Self::at_hand() {
            minutes.heading().get_or_insert(Heading { policy: Arc::clone(policy), degraded: None });
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
        *heading = Some(Heading { policy: Arc::clone(policy), degraded: Some(degraded) });
    }

    fn heading(&self) -> std::sync::MutexGuard<'_, Option<Heading>> {
        self.heading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
