//! Why the set-up could not be done: one sentence each, for the person at the keyboard.

use std::{io, path::PathBuf};

/// Why ONNX Runtime's library or the encoder could not be had, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// No Python interpreter answered.
    #[error(
        "no Python 3 was found (tried {tried}): install it, or name another interpreter in the configuration"
    )]
    PythonMissing {
        /// The commands tried, in order.
        tried: String,
    },
    /// The interpreter has no pip.
    #[error(
        "`{python}` has no pip: install it with `{python} -m ensurepip` or your system's package `python3-pip`"
    )]
    PipMissing {
        /// The interpreter asked.
        python: String,
    },
    /// The package index did not answer.
    #[error(
        "the package index cannot be reached to fetch {package}: connect this machine, or copy `{folder}` from one where it was fetched"
    )]
    NoNetwork {
        /// Package and version.
        package: String,
        /// Where the package would have been kept.
        folder: PathBuf,
    },
    /// What came is not what was locked.
    #[error(
        "{what} does not have the SHA-256 it should, so nothing of it was kept: fetch it from a package index you trust"
    )]
    WrongHash {
        /// The package, or the file in it.
        what: String,
    },
    /// There is no package for this machine.
    #[error(
        "there is no {package} for {platform}: get ONNX Runtime's library another way and name it in ORT_DYLIB_PATH"
    )]
    NoPackage {
        /// The kind of library asked for.
        package: String,
        /// Operating system and processor.
        platform: String,
    },
    /// The index answered, but does not have the package.
    #[error("the package index in use has no {package}: add it there, or point pip at an index that has it")]
    NotInIndex {
        /// Package and version.
        package: String,
    },
    /// The library is older than this program can use.
    #[error(
        "`{path}` is ONNX Runtime 1.{minor}, older than the 1.{needed} needed: name a newer library or remove it"
    )]
    LibraryTooOld {
        /// The library.
        path: PathBuf,
        /// Its minor version.
        minor: u32,
        /// The lowest minor version that serves.
        needed: u32,
    },
    /// The file named is not there.
    #[error(
        "there is no file `{path}`, which was named as ONNX Runtime's library: correct the path or leave it out"
    )]
    LibraryMissing {
        /// The path as given.
        path: PathBuf,
    },
    /// The file is there and is no ONNX Runtime for this machine.
    #[error(
        "`{path}` cannot be loaded as ONNX Runtime's library: name the right file for this machine or remove it"
    )]
    NotALibrary {
        /// The file.
        path: PathBuf,
    },
    /// The cache folder cannot be written.
    #[error(
        "cannot write `{folder}`: make room and give write permission there, or choose another cache folder"
    )]
    NotWritable {
        /// The folder or file.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not there, and fetching is switched off.
    #[error(
        "{package} is not in `{folder}` and fetching is off: run once with fetching on, or copy that folder from another machine"
    )]
    Offline {
        /// Package and version.
        package: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// This account has no cache folder.
    #[error("this account has no home folder to keep a cache in: name a cache folder in the configuration")]
    NoCacheFolder,
    /// The package came without the file that was wanted.
    #[error("{package} was fetched, but `{file}` is not in it: report this together with the version of pip")]
    Incomplete {
        /// Package and version.
        package: String,
        /// The file missing.
        file: String,
    },
    /// pip failed for another reason.
    #[error("pip could not fetch {package}, mend this and run again: {reason}")]
    PipFailed {
        /// Package and version.
        package: String,
        /// pip's last words.
        reason: String,
    },
}
