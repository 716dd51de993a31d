//! Telling ONNX Runtime's library from other files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::SetUpError;

/// The library in `folder`, whatever its version and this system's way of naming it.
pub(super) fn in_folder(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries
        .filter_map(Result::ok)
        .filter(|entry| is_library(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .min()
}

fn is_library(name: &str) -> bool {
    let is_dylib = Path::new(name).extension().is_some_and(|extension| extension == "dylib");
    match std::env::consts::OS {
        "windows" => name.eq_ignore_ascii_case("onnxruntime.dll"),
        "macos" => name.starts_with("libonnxruntime.") && is_dylib,
        _ => name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so."),
    }
}

/// `path` again, once it was loaded and is new enough for this program.
pub(super) fn checked(path: PathBuf) -> Result<PathBuf, SetUpError> {
    if !path.is_file() {
        return Err(SetUpError::LibraryMissing { path });
    }
    // An absolute path, because a relative one would be looked for beside the executable first.
    let path = std::path::absolute(&path).unwrap_or(path);
    let needed = ort::MINOR_VERSION;
    match ort::util::probe(&path) {
        None => Err(SetUpError::NotALibrary { path }),
        Some(minor) if minor < needed => Err(SetUpError::LibraryTooOld { path, minor, needed }),
        Some(_) => Ok(path),
    }
}
