//! Room for so many calls and no more.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::InferenceError;

/// The places in which calls wait or are answered.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

/// The right of one call to wait; there are only so many.
#[derive(Debug)]
pub(crate) struct Place(
    #[expect(dead_code, reason = "dropping it gives the place back")] OwnedSemaphorePermit,
);

impl Places {
    /// So many places.
    pub(crate) fn new(places: usize) -> Self {
        let all = places.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// A place for one call, at once or not at all.
    pub(crate) fn take(&self) -> Result<Place, InferenceError> {
        Arc::clone(&self.free).try_acquire_owned().map(Place).map_err(|_| InferenceError::Overloaded)
    }

    /// Calls that have one.
    pub(crate) fn taken(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits())
    }
}
