//! The log of all decisions: JSON lines, only ever added to, a new file when one is large enough.
//!
//! A line is written in one go, before the answer leaves. So what a killed process has said is in the log, and at most its
//! last line is torn; a power cut can take what is younger than [`SYNC_EVERY`].

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::config;

/// How long a line may wait until it is on the disk.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(1);
/// The file that is being written.
const CURRENT: &str = "decisions.jsonl";
/// What the names of the files before begin with; an id made when the file was closed follows, so that names are in order.
const CLOSED: &str = "decisions-";

/// The log, open.
pub(super) struct Log {
    writer: Arc<Mutex<Writer>>,
    /// Files that were closed and are to be on the disk. The thread that sees to it ends with this.
    closed: Sender<File>,
}

struct Writer {
    folder: PathBuf,
    file: File,
    bytes: u64,
    /// Whether the last line has no end.
    torn: bool,
    /// Whether there is anything that may not be on the disk.
    dirty: bool,
    most_bytes: u64,
    most_files: usize,
}

impl Log {
    pub(super) fn open(folder: &Path, options: &config::Decisions) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut file = open(folder)?;
        let bytes = file.metadata()?.len();
        let writer = Writer {
            folder: folder.to_owned(),
            torn: ends_torn(&mut file, bytes)?,
            file,
            bytes,
            dirty: false,
            most_bytes: options.log_bytes,
            most_files: options.log_files,
        };
        let writer = Arc::new(Mutex::new(writer));
        let (closed, to_sync) = channel();
        let written = Arc::clone(&writer);
        std::thread::Builder::new()
            .name("decisions".to_owned())
            .spawn(move || keep_synced(&written, &to_sync))?;
        Ok(Self { writer, closed })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// It could not be written. The next one begins on a line of its own.
    pub(super) fn append(&self, line: &str) -> std::io::Result<()> {
        let mut writer = lock(&self.writer);
        if writer.bytes > 0 && writer.bytes + line.len() as u64 + 1 > writer.most_bytes {
            match writer.turn() {
                // The thread is there as long as this is.
                Ok(closed) => drop(self.closed.send(closed)),
                Err(error) => {
                    tracing::error!(%error, "the decision log goes on in a file that is large enough");
                    writer.bytes = 0;
                }
            }
        }
        writer.append(line)
    }
}

impl Writer {
    fn append(&mut self, line: &str) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(line.len() + 2);
        if self.torn {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        // Until it is known to be whole.
        self.torn = true;
        self.dirty = true;
        self.file.write_all(&bytes)?;
        self.torn = false;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Begins a new file, and gives the one before.
    fn turn(&mut self) -> std::io::Result<File> {
        fs::rename(self.folder.join(CURRENT), self.folder.join(format!("{CLOSED}{}.jsonl", Uuid::now_v7())))?;
        let closed = std::mem::replace(&mut self.file, open(&self.folder)?);
        (self.bytes, self.torn) = (0, false);
        let files = closed_files(&self.folder).unwrap_or_default();
        for old in files.iter().take((files.len() + 1).saturating_sub(self.most_files)) {
            if let Err(error) = fs::remove_file(old) {
                tracing::error!(%error, "an old file of the decision log stays");
            }
        }
        Ok(closed)
    }
}

fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(folder: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).open(folder.join(CURRENT))
}

fn ends_torn(file: &mut File, bytes: u64) -> std::io::Result<bool> {
    if bytes == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Brings what was written onto the disk, until the log is dropped. A write waits for none of this.
fn keep_synced(writer: &Mutex<Writer>, closed: &Receiver<File>) {
    loop {
        let over = match closed.recv_timeout(SYNC_EVERY) {
            Ok(file) => {
                sync(&file);
                continue;
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let file = {
            let mut writer = lock(writer);
            std::mem::take(&mut writer.dirty).then(|| writer.file.try_clone())
        };
        match file {
            Some(Ok(file)) => sync(&file),
            Some(Err(error)) => tracing::error!(%error, "the decision log cannot be brought onto the disk"),
            None => {}
        }
        if over {
            return;
        }
    }
}

fn sync(file: &File) {
    if let Err(error) = file.sync_data() {
        tracing::error!(%error, "the decision log cannot be brought onto the disk");
    }
}

/// The files before the one that is being written, the oldest first.
fn closed_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(CLOSED) && path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The last lines of the last two files, at most `most`, and how many of them are torn: without an end.
pub(super) fn tail(folder: &Path, most: usize) -> std::io::Result<(VecDeque<Vec<u8>>, usize)> {
    let mut lines = VecDeque::new();
    let before = match closed_files(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((lines, 0)),
        files => files?.pop(),
    };
    let mut torn = 0;
    for file in before.into_iter().chain([folder.join(CURRENT)]) {
        let mut reader = match File::open(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            file => BufReader::new(file?),
        };
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.pop_if(|last| *last == b'\n').is_none() {
                torn += 1;
                continue;
            }
            lines.push_back(line);
            if lines.len() > most {
                lines.pop_front();
            }
        }
    }
    Ok((lines, torn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(log_bytes: u64, log_files: usize) -> config::Decisions {
        config::Decisions { log_bytes, log_files, ..config::Decisions::default() }
    }

    fn lines(folder: &Path, most: usize) -> (Vec<String>, usize) {
        let (lines, torn) = tail(folder, most).expect("it can be read");
        (lines.into_iter().map(|line| String::from_utf8(line).expect("text")).collect(), torn)
    }

    #[test]
    fn a_line_torn_by_a_kill_is_skipped_and_said_and_the_next_stands_on_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::open(folder.path(), &options(1 << 20, 2)).expect("it opens");
        log.append("first").expect("written");
        drop(log);
        let mut file = open(folder.path()).expect("it opens");
        file.write_all(b"tor").expect("written");
        assert_eq!(lines(folder.path(), 9), (vec!["first".to_owned()], 1));
        let log = Log::open(folder.path(), &options(1 << 20, 2)).expect("it opens");
        log.append("second").expect("written");
        assert_eq!(lines(folder.path(), 9).0, ["first", "tor", "second"]);
        assert_eq!(lines(folder.path(), 1).0, ["second"]);
    }

    #[test]
    fn files_turn_at_their_size_and_only_so_many_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::open(folder.path(), &options(20, 3)).expect("it opens");
        for number in 0..10 {
            log.append(&format!("line {number:04}")).expect("written");
        }
        // Ten bytes a line: two to a file.
        assert_eq!(closed_files(folder.path()).expect("files").len(), 2);
        assert_eq!(lines(folder.path(), 9).0, ["line 0006", "line 0007", "line 0008", "line 0009"]);
    }

    #[test]
    fn a_log_of_nothing_has_no_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(lines(&folder.path().join("none"), 9), (Vec::new(), 0));
    }
}
