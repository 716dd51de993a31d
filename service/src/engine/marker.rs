//! A file in the data folder that says which engine the banks are in.
//!
//! Without it they are where they have always been, in the embedded engine.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::EngineName;

/// Its name.
const FILE: &str = "engine.json";

/// Which engine the banks are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The engine.
    pub engine: EngineName,
}

/// Why it is not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{} says which engine the banks are in, and cannot be {doing}", file.display())]
pub struct MarkerError {
    file: PathBuf,
    doing: &'static str,
    #[source]
    source: std::io::Error,
}

impl Marker {
    /// What the folder says.
    ///
    /// # Errors
    ///
    /// [`MarkerError`]: there is a file and it is not one of these.
    pub fn read(folder: &Path) -> Result<Option<Self>, MarkerError> {
        let file = folder.join(FILE);
        let read = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(std::io::Error::from),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(|source| MarkerError { file, doing: "read", source })
    }

    /// Says that the banks are in `engine`, from now on and after a power loss. A reader sees this or what was before.
    ///
    /// # Errors
    ///
    /// [`MarkerError`]: what was before stays.
    pub fn write(folder: &Path, engine: EngineName) -> Result<(), MarkerError> {
        let file = folder.join(FILE);
        let write = || {
            let mut text = serde_json::to_vec(&Self { engine })?;
            text.push(b'\n');
            crate::durable::replace(&file, &text)
        };
        write().map_err(|source| MarkerError { file: file.clone(), doing: "written", source })
    }

    /// Says so unless the folder says it already.
    pub(super) fn keep(folder: &Path, engine: EngineName) -> Result<(), MarkerError> {
        if Self::read(folder)? == Some(Self { engine }) { Ok(()) } else { Self::write(folder, engine) }
    }
}
