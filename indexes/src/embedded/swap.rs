//! A file put in the place of another one that is open.
//!
//! Windows may refuse that: before version 10, and where the data lie on another file system than its own. There the
//! old file first steps aside, under another name. A process killed between these two steps leaves no file under the
//! name itself; whoever opens it then takes the one that stepped aside.

use std::fs;
use std::io::Result;
use std::path::{Path, PathBuf};

use super::trouble::Trouble;

/// Puts the file `fresh` in the place of `path`, durably. On an error, too, opening `path` finds a whole file.
pub(super) fn replace(fresh: &Path, path: &Path) -> Result<()> {
    match fs::rename(fresh, path) {
        Err(_) if cfg!(windows) => in_two_steps(fresh, path)?,
        outcome => outcome?,
    }
    sync_directory(path)
}

fn in_two_steps(fresh: &Path, path: &Path) -> Result<()> {
    // A name that was given before may be taken still: Windows keeps it until the last reader has closed the file.
    let number = newest_aside(path).map_or(0, |(number, _)| number.saturating_add(1));
    let aside = path.with_added_extension(format!("old-{number}"));
    fs::rename(path, &aside)?;
    fs::rename(fresh, path).inspect_err(|_| drop(fs::rename(&aside, path)))?;
    // What cannot be removed now is removed when the directory is opened for writing again.
    drop(fs::remove_file(&aside));
    Ok(())
}

/// The last file that stepped aside and the number in its name.
fn newest_aside(path: &Path) -> Option<(u64, PathBuf)> {
    all_aside(path).into_iter().max()
}

fn all_aside(path: &Path) -> Vec<(u64, PathBuf)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let numbered = |file: PathBuf| {
        let number = file.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix(".old-")?.parse().ok()?;
        Some((number, file))
    };
    let found = fs::read_dir(directory).into_iter().flatten();
    found.filter_map(|entry| numbered(entry.ok()?.path())).collect()
}

/// Gives the name back to the file that stepped aside, if nothing has the name; says whether it has it now.
pub(super) fn put_back(path: &Path) -> Result<bool> {
    if fs::exists(path)? {
        return Ok(true);
    }
    let Some((_, aside)) = newest_aside(path) else { return Ok(false) };
    fs::rename(aside, path)?;
    sync_directory(path)?;
    Ok(true)
}

/// Removes the files that stepped aside for one that has the name now.
pub(super) fn sweep(path: &Path) {
    if path.exists() {
        for (_, aside) in all_aside(path) {
            drop(fs::remove_file(aside));
        }
    }
}

/// Whether there is a file, under whichever name.
pub(super) fn is_there(path: &Path) -> bool {
    path.exists() || newest_aside(path).is_some()
}

/// Opens a file that another process may be putting another one in the place of.
pub(super) fn open<T>(
    path: &Path,
    open: impl Fn(&Path) -> std::result::Result<T, Trouble>,
) -> std::result::Result<T, Trouble> {
    let missing = match open(path) {
        Err(trouble) if trouble.is_missing() => trouble,
        outcome => return outcome,
    };
    let outcome = newest_aside(path).map_or(Err(missing), |(_, aside)| open(&aside));
    // The second step may have been made since.
    if outcome.is_err() && path.exists() { open(path) } else { outcome }
}

/// Makes a file's name durable.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    // Windows opens no directories, and its journal keeps names by itself.
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}
