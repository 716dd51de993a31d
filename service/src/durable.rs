//! Files that a power loss or a killed process leaves as they were or as they are to be, never in between.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` into `file` in the place of what is there, from now on and after a power loss; makes the folder.
///
/// # Errors
///
/// What was there before stays.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = file.with_added_extension(std::process::id().to_string());
    let mut out = File::create(&new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&new, file)?;
    sync_folder(folder)
}

/// Removes `file`, from now on and after a power loss; one that is not there is removed already.
///
/// # Errors
///
/// It may still be there.
pub fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Err(_) => Ok(()),
        Ok(()) => sync_folder(file.parent().unwrap_or(Path::new("."))),
    }
}

/// The names, without it, of a folder's files with the extension `json`; none of a folder that is not there.
///
/// # Errors
///
/// The folder cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let is_whole = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    let whole = files(folder)?.into_iter().filter(|path| is_whole(path));
    let mut names: Vec<String> =
        whole.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// Removes what a killed process left half-written. Only before this process writes there: what it is writing looks alike.
///
/// # Errors
///
/// The folder cannot be read, or a file not removed.
pub fn sweep(folder: &Path) -> io::Result<()> {
    let is_torn = |path: &Path| {
        path.file_stem()
            .is_some_and(|stem| Path::new(stem).extension().is_some_and(|extension| extension == "json"))
    };
    files(folder)?.iter().filter(|path| is_torn(path)).try_for_each(|path| remove(path))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened here; the system writes its entries by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on unix")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{names, remove, replace, sweep};

    #[test]
    fn a_file_is_replaced_whole_and_what_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept/one.json");
        assert!(names(file.parent().unwrap()).unwrap().is_empty());
        replace(&file, b"first").unwrap();
        replace(&file, b"2").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"2");
        let torn = folder.path().join("kept/two.json.4711");
        std::fs::write(&torn, b"ha").unwrap();
        assert_eq!(names(file.parent().unwrap()).unwrap(), ["one"]);
        // Listing leaves it: it may be what somebody is writing.
        assert!(torn.exists());
        sweep(file.parent().unwrap()).unwrap();
        assert!(!torn.exists());
        assert_eq!(names(file.parent().unwrap()).unwrap(), ["one"]);
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(names(file.parent().unwrap()).unwrap().is_empty());
    }
}
