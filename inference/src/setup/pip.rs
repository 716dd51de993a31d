//! Fetching a locked package with the ordinary Python client.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{SetUp, SetUpError, lock::Lock, place};

/// The interpreters tried when none is named; `py` is the launcher of Windows.
const INTERPRETERS: [&str; 3] = ["python3", "python", "py"];

/// The interpreter whose pip is used.
#[derive(Debug)]
pub(super) struct Pip {
    python: OsString,
}

impl Pip {
    /// The first interpreter that has pip: the one named, or else the usual ones.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, SetUpError> {
        let candidates: Vec<OsString> =
            named.map_or_else(|| INTERPRETERS.map(OsString::from).to_vec(), |path| vec![path.into()]);
        let mut without_pip = None;
        for python in &candidates {
            let Ok(answer) = Command::new(python).args(["-m", "pip", "--version"]).output() else { continue };
            if answer.status.success() {
                return Ok(Self { python: python.clone() });
            }
            if String::from_utf8_lossy(&answer.stderr).contains("No module named pip") {
                without_pip.get_or_insert_with(|| python.to_string_lossy().into_owned());
            }
        }
        let tried = candidates.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
        Err(without_pip
            .map_or(SetUpError::PythonMissing { tried }, |python| SetUpError::PipMissing { python }))
    }

    /// Installs what `lock` names into `folder`, which pip makes.
    pub(super) fn install(&self, lock: &Lock, folder: &Path, set_up: &SetUp) -> Result<(), SetUpError> {
        fs::create_dir_all(folder).map_err(|source| place::not_writable(folder, source))?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, lock.text).map_err(|source| place::not_writable(&requirements, source))?;
        let answer = Command::new(&self.python)
            .args(["-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--require-hashes"])
            .args([
                "-vv",
                "--no-input",
                "--disable-pip-version-check",
                "--no-compile",
                "--progress-bar",
                "off",
            ])
            .args(["--python-version", "3.12", "--implementation", "cp"])
            .args(lock.platform.map(|platform| ["--platform", platform]).iter().flatten())
            .args(&set_up.pip_args)
            .arg("--target")
            .arg(folder)
            .arg("-r")
            .arg(&requirements)
            .output()
            .map_err(|_| SetUpError::PythonMissing { tried: self.python.to_string_lossy().into_owned() })?;
        if answer.status.success() {
            return Ok(());
        }
        // Whether the index answered at all is told only at the second level of detail, which goes to the standard output.
        let said = [answer.stdout, answer.stderr].concat();
        Err(reading_of(
            &String::from_utf8_lossy(&said),
            lock.requirement(),
            &set_up.cache.join(lock.folder()),
        ))
    }
}

/// What pip's complaint means.
fn reading_of(said: &str, package: &str, folder: &Path) -> SetUpError {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    let package = package.to_owned();
    if says(&["DO NOT MATCH THE HASHES"]) {
        SetUpError::WrongHash { what: package }
    } else if says(&[
        "connection broken by",
        "connection error:",
        "timed out",
        "confirming the ssl certificate",
    ]) {
        SetUpError::NoNetwork { package, folder: PathBuf::from(folder) }
    } else if says(&["No matching distribution found", "No matching version"]) {
        SetUpError::NotInIndex { package }
    } else {
        let last = said.lines().rfind(|line| line.starts_with("ERROR")).or_else(|| said.lines().next_back());
        SetUpError::PipFailed { package, reason: last.unwrap_or("it said nothing").to_owned() }
    }
}
