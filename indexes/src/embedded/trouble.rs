//! What can go wrong with the redb file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::IndexError;

/// Why redb, or what it gave us, was not usable.
pub(super) enum Trouble {
    Storage(redb::Error),
    Damage(String),
    Refused(IndexError),
}

impl<E: Into<redb::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

impl Trouble {
    /// Whether there is no file.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Storage(redb::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound)
    }

    /// What is wrong, in words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Storage(error) => error.to_string(),
            Self::Damage(reason) => reason.clone(),
            Self::Refused(error) => error.to_string(),
        }
    }

    /// The error to give out, where `file` was to be opened, read or written.
    pub(super) fn at(self, doing: &'static str, file: &Path) -> IndexError {
        let file = file.to_owned();
        let damaged = |reason: String| IndexError::Damaged { file: file.clone(), reason };
        let error = match self {
            Self::Refused(error) => return error,
            Self::Damage(reason) => return damaged(reason),
            Self::Storage(error) => error,
        };
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                IndexError::Held { directory: file.parent().unwrap_or(&file).to_owned() }
            }
            redb::Error::RepairAborted => IndexError::Unclean { file },
            redb::Error::Io(error) => match error.kind() {
                std::io::ErrorKind::NotFound => IndexError::Missing { file },
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
                    damaged(error.to_string())
                }
                _ => IndexError::Storage { doing, file, source: error.into() },
            },
            error @ (redb::Error::PreviousIo
            | redb::Error::DatabaseClosed
            | redb::Error::Backend(_)
            | redb::Error::Unsupported) => IndexError::Storage { doing, file, source: error.into() },
            error => damaged(error.to_string()),
        }
    }
}

/// Runs `work` such that a panic inside redb, which a damaged file can cause, becomes an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(Trouble::Damage(format!("reading it failed: {said}")))
    })
}
