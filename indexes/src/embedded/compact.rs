//! The file written anew, without the space that changes left in it.

use std::fs;
use std::sync::Arc;

use super::file::{BankFile, DRAFT_NAME, Source};
use super::store::Store;
use super::swap;
use super::trouble::Trouble;
use crate::IndexError;

/// What compacting did. *Units*: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The length of the file before.
    pub before: u64,
    /// Its length now.
    pub after: u64,
}

impl Store {
    /// Copies every row into another file that then takes the name. Whoever reads goes on with the old one; a process
    /// killed meanwhile leaves the old one in its place.
    pub(super) fn compact(&self) -> Result<Compacted, IndexError> {
        let before = self.source.bytes()?;
        let path = match &self.source {
            Source::Writing(path) => path,
            Source::Reading(path) => return Err(IndexError::ReadOnly { file: path.clone() }),
            Source::Memory => return Ok(Compacted { before, after: before }),
            #[cfg(test)]
            Source::Backend(_) => return Ok(Compacted { before, after: before }),
        };
        let mut writer = self.writer();
        if writer.file.is_none() {
            self.reopen(&mut writer)?;
        }
        let state = self.state();
        let tables = state.tables.as_ref().ok_or_else(|| self.unreadable())?;
        let draft = path.with_file_name(DRAFT_NAME);
        let fresh = BankFile::copy(&draft, &self.about, tables);
        let fresh = fresh.inspect_err(|_| drop(fs::remove_file(&draft)))?;
        if let Err(error) = swap::replace(&draft, path) {
            drop(fresh);
            // Which of the two has the name now, only the directory knows.
            if let Err(again) = self.reopen(&mut writer) {
                tracing::warn!(error = &again as &dyn std::error::Error, "the index stays closed");
            }
            drop(fs::remove_file(&draft));
            return Err(Trouble::from(error).at("write", path));
        }
        let tables = fresh.tables(&self.source).ok().map(Arc::new);
        self.publish(tables, []);
        writer.file = Some(fresh);
        Ok(Compacted { before, after: self.source.bytes()? })
    }
}
