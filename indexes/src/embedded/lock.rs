//! One writer per directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use super::trouble::Trouble;
use crate::IndexError;

const LOCK_NAME: &str = "banks.lock";

/// The right to write in a directory, for as long as it lives.
///
/// redb locks its file, too, but compacting puts another file in that one's place: whoever waited for the old one's
/// lock would then write into a file that nobody can find. This file stays.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it, making the directory where there is none.
    pub(super) fn take(directory: &Path) -> Result<Self, IndexError> {
        let path = directory.join(LOCK_NAME);
        let refuse = |error: std::io::Error| Trouble::from(error).at("open", &path);
        fs::create_dir_all(directory).map_err(refuse)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(IndexError::Held { directory: directory.to_owned() }),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
    }
}
