//! A folder that is built beside its place and put there when it is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::ImportError;

/// Files of a checkpoint that go along unchanged, where they are there.
const KEPT: [&str; 10] = [
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "chat_template.jinja",
    "LICENSE",
    "LICENSE.txt",
    "USE_POLICY.md",
];

/// A folder in the making. Unless it is put in its place, nothing is left of it.
#[derive(Debug)]
pub(super) struct Staging {
    folder: TempDir,
    place: PathBuf,
}

impl Staging {
    /// Starts a folder that is to be at `place`.
    pub(super) fn beside(place: &Path) -> Result<Self, ImportError> {
        let parent = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let failed = |source| ImportError::Write { path: place.to_owned(), source };
        fs::create_dir_all(parent).map_err(failed)?;
        let folder =
            tempfile::Builder::new().prefix(".lamassu-import-").tempdir_in(parent).map_err(failed)?;
        Ok(Self { folder, place: place.to_owned() })
    }

    /// Where it is built.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        let path = self.folder().join(name);
        fs::write(&path, bytes).map_err(|source| ImportError::Write { path, source })
    }

    /// Takes over what belongs to a checkpoint besides its weights, byte for byte.
    pub(super) fn take_over(&self, checkpoint: &Path) -> Result<(), ImportError> {
        for name in KEPT {
            let path = checkpoint.join(name);
            if path.is_file() {
                let bytes = fs::read(&path).map_err(|source| ImportError::Read { path, source })?;
                self.write(name, &bytes)?;
            }
        }
        Ok(())
    }

    /// Puts the folder in its place.
    pub(super) fn finish(self) -> Result<(), ImportError> {
        let failed = |source| ImportError::Write { path: self.place.clone(), source };
        #[cfg(unix)]
        open_to_others(self.folder.path()).map_err(failed)?;
        // Something may have come to be there meanwhile, and a rename would replace an empty folder.
        check_free(&self.place)?;
        fs::rename(self.folder.path(), &self.place).map_err(failed)?;
        // There is nothing left where it was, and so nothing to remove.
        let _ = self.folder.keep();
        Ok(())
    }
}

/// Refuses a place where there is something.
pub(super) fn check_free(place: &Path) -> Result<(), ImportError> {
    if place.symlink_metadata().is_ok() {
        return Err(ImportError::Exists { path: place.to_owned() });
    }
    Ok(())
}

/// Makes a file of the checkpoint appear in a folder: by a hard link, or else as a copy. `file` has no links in its
/// path: ONNX Runtime follows none that lead out of the graph's folder.
pub(super) fn link(file: &Path, folder: &Path, name: &str) -> Result<(), ImportError> {
    let path = folder.join(name);
    if fs::hard_link(file, &path).is_ok() {
        return Ok(());
    }
    fs::copy(file, &path).map(|_| ()).map_err(|source| ImportError::Write { path, source })
}

/// Temporary folders are closed to everybody else; a model is not secret.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
