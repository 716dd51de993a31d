//! Tests that need a second process: this test binary again, for one ignored test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs this test binary again for the ignored test `name`, with `arguments` it finds among its own.
pub(crate) fn child(name: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", name]).args(arguments).stdout(Stdio::piped());
    command
}

/// The directory the parent of a child test gave it; `None` when a person runs the ignored tests.
pub(crate) fn given_directory() -> Option<PathBuf> {
    std::env::args().next_back().map(PathBuf::from).filter(|last| last.is_dir())
}

/// The children's lines that begin with `mark`; the test harness prints its own between them.
pub(crate) fn lines(child: &mut Child, mark: &'static str) -> impl Iterator<Item = String> + use<> {
    let output = BufReader::new(child.stdout.take().unwrap());
    output.lines().map_while(Result::ok).filter_map(move |line| Some(line.strip_prefix(mark)?.to_owned()))
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    write!(out, "\n{line}\n").unwrap();
    out.flush().unwrap();
}
