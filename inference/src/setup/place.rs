//! A folder of the cache that is either wholly there or not there at all.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::SetUpError;

/// The file whose presence says that everything else in the folder is complete and was checked.
const STAMP: &str = "complete";

/// Where one package lies in the cache.
#[derive(Debug)]
pub(super) struct Place {
    cache: PathBuf,
    name: String,
}

impl Place {
    pub(super) fn new(cache: &Path, name: String) -> Self {
        Self { cache: cache.to_owned(), name }
    }

    /// The folder, filled or not.
    pub(super) fn folder(&self) -> PathBuf {
        self.cache.join(&self.name)
    }

    /// Whether the folder was filled before.
    pub(super) fn is_filled(&self) -> bool {
        self.folder().join(STAMP).is_file()
    }

    /// Has `fetch` fill a temporary folder beside the place and moves it there in one step. Of several processes or
    /// threads that come at once one fetches and the others wait.
    ///
    /// `fetch` returns the file that matters, which is on the disk before the stamp is.
    pub(super) fn fill(
        &self,
        fetch: impl FnOnce(&Path) -> Result<PathBuf, SetUpError>,
    ) -> Result<(), SetUpError> {
        fs::create_dir_all(&self.cache).map_err(|source| not_writable(&self.cache, source))?;
        let path = self.cache.join(format!("{}.lock", self.name));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let mut lock = fd_lock::RwLock::new(file.map_err(|source| not_writable(&path, source))?);
        let _held = lock.write().map_err(|source| not_writable(&path, source))?;
        if self.is_filled() {
            return Ok(());
        }
        let partial = self.cache.join(format!("{}.partial", self.name));
        clear(&partial).map_err(|source| not_writable(&partial, source))?;
        let filled = fetch(&partial).and_then(|kept| {
            self.keep(&partial, &kept).map_err(|source| not_writable(&self.folder(), source))
        });
        if filled.is_err()
            && let Err(error) = clear(&partial)
        {
            tracing::warn!(folder = %partial.display(), %error, "a half-fetched folder could not be removed");
        }
        filled
    }

    fn keep(&self, partial: &Path, kept: &Path) -> io::Result<()> {
        File::open(kept)?.sync_all()?;
        File::create(partial.join(STAMP))?.sync_all()?;
        clear(&self.folder())?;
        fs::rename(partial, self.folder())
    }
}

/// Removes a folder with everything in it; it is fine when there is none.
fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn not_writable(folder: &Path, source: io::Error) -> SetUpError {
    SetUpError::NotWritable { folder: folder.to_owned(), source }
}
