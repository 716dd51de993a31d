//! One step of work, whatever happens in it.

use std::panic::{self, AssertUnwindSafe};

use crate::InferenceError;

/// What a step gives; a panic in it is an error like any other.
pub(super) fn guarded<T>(step: impl FnOnce() -> Result<T, InferenceError>) -> Result<T, InferenceError> {
    panic::catch_unwind(AssertUnwindSafe(step)).unwrap_or(Err(InferenceError::Panicked))
}
