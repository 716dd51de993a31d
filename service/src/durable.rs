//! Files that a power loss or a killed process leaves as they were or as they are to be, never in between.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

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

/// The names, without it, of a folder's files with the extension `json`; none of a folder that is not there. What a
/// killed process left half-written is removed.
///
/// # Errors
///
/// The folder cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem();
        let is_torn =
            stem.is_some_and(|stem| Path::new(stem).extension().is_some_and(|extension| extension == "json"));
        let stem = stem.and_then(|stem| stem.to_str());
        match (path.extension().and_then(|extension| extension.to_str()), stem) {
            (Some("json"), Some(stem)) => names.push(stem.to_owned()),
            _ if is_torn => remove(&path)?,
            _ => {}
        }
    }
    names.sort();
    Ok(names)
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
    use super::{names, remove, replace};

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
        assert!(!torn.exists());
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(names(file.parent().unwrap()).unwrap().is_empty());
    }
}
