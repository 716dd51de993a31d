//! A tenant's rows as one file that any engine writes and reads.
//!
//! A line that says what it is, a line of JSON about its vectors, then each row, then an end that counts them. Every
//! part carries its length and a CRC-32 that goes on from the parts before it, so that none can be missing or moved.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::record::{Measures, Record, measures_bytes, read_measures};
use crate::{IndexError, Row};

const MAGIC: &[u8; 16] = b"lamassu rows 1\n\n";
/// Longer parts cannot have been written: a row's three texts have up to a million characters each.
const MAX_PART_BYTES: usize = 64 << 20;

/// What all rows of a snapshot have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) dimension: usize,
    pub(crate) encoder: String,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(borrow, flatten)]
    record: Record<'a>,
}

/// A snapshot being written. It takes its name when it is finished.
pub(crate) struct Draft {
    out: BufWriter<NamedTempFile>,
    path: PathBuf,
    sum: crc32fast::Hasher,
    rows: usize,
}

impl Draft {
    pub(crate) fn new(path: &Path, header: &Header) -> Result<Self, IndexError> {
        let open = || {
            if path.try_exists()? {
                return Err(std::io::ErrorKind::AlreadyExists.into());
            }
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mut out = BufWriter::new(NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?);
            out.write_all(MAGIC)?;
            let mut draft = Self { out, path: path.to_owned(), sum: crc32fast::Hasher::new(), rows: 0 };
            draft.part(&serde_json::to_vec(header)?)?;
            Ok(draft)
        };
        open().map_err(|error| failed("write", path, error))
    }

    pub(crate) fn add(&mut self, row: &Row) -> Result<(), IndexError> {
        self.rows += 1;
        self.write_row(row).map_err(|error| failed("write", &self.path, error))
    }

    fn write_row(&mut self, row: &Row) -> std::io::Result<()> {
        let head = serde_json::to_vec(&Head { id: row.id.as_str().into(), record: row.into() })?;
        self.part(&head)?;
        self.part(&measures_bytes(&row.vector, &row.terms))
    }

    fn part(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?.to_le_bytes();
        self.sum.update(&length);
        self.sum.update(bytes);
        self.out.write_all(&length)?;
        self.out.write_all(bytes)?;
        self.out.write_all(&self.sum.clone().finalize().to_le_bytes())
    }

    /// Gives the file its name and says how many rows it has.
    pub(crate) fn finish(mut self) -> Result<usize, IndexError> {
        let (rows, path) = (self.rows, self.path.clone());
        let finish = move || {
            self.part(&[])?;
            self.part(&self.rows.to_le_bytes())?;
            let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        finish().map_err(|error| failed("write", &path, error))?;
        Ok(rows)
    }
}

/// The rows of a snapshot, in the order they were written.
pub(crate) struct Snapshot {
    input: BufReader<File>,
    path: PathBuf,
    sum: crc32fast::Hasher,
    header: Header,
    read: usize,
    done: bool,
}

impl Snapshot {
    pub(crate) fn open(path: &Path) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => IndexError::Missing { file: path.to_owned() },
            _ => failed("read", path, error),
        })?;
        let header = Header { dimension: 0, encoder: String::new() };
        let mut snapshot = Self {
            input: BufReader::new(file),
            path: path.to_owned(),
            sum: crc32fast::Hasher::new(),
            header,
            read: 0,
            done: false,
        };
        let mut magic = [0; MAGIC.len()];
        let begins = snapshot.input.read_exact(&mut magic);
        if begins.is_err() || magic != *MAGIC {
            return Err(snapshot.damaged("it is no snapshot"));
        }
        let header = snapshot.part()?;
        snapshot.header =
            serde_json::from_slice(&header).map_err(|_| snapshot.damaged("its header is unreadable"))?;
        Ok(snapshot)
    }

    /// Reads it to its end, holding it against what it is wanted for.
    pub(crate) fn check(path: &Path, wanted: &Header) -> Result<(), IndexError> {
        let snapshot = Self::open(path)?;
        if snapshot.header != *wanted {
            return Err(IndexError::OtherEncoder {
                file: path.to_owned(),
                found: snapshot.header.encoder,
                wanted: wanted.encoder.clone(),
                found_dimension: snapshot.header.dimension,
                wanted_dimension: wanted.dimension,
            });
        }
        for row in snapshot {
            row?.check(wanted.dimension)?;
        }
        Ok(())
    }

    fn part(&mut self) -> Result<Vec<u8>, IndexError> {
        let mut length = [0; 4];
        self.exact(&mut length)?;
        let bytes = u32::from_le_bytes(length) as usize;
        if bytes > MAX_PART_BYTES {
            return Err(self.damaged("a part of it is too long"));
        }
        let mut part = vec![0; bytes];
        self.exact(&mut part)?;
        let mut sum = [0; 4];
        self.exact(&mut sum)?;
        self.sum.update(&length);
        self.sum.update(&part);
        if self.sum.clone().finalize() != u32::from_le_bytes(sum) {
            return Err(self.damaged("a checksum does not fit"));
        }
        Ok(part)
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), IndexError> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => failed("read", &self.path, error),
        })
    }

    fn row(&mut self) -> Result<Option<Row>, IndexError> {
        let head = self.part()?;
        if head.is_empty() {
            let counted = self.part()?;
            if counted != self.read.to_le_bytes() {
                return Err(self.damaged("rows are missing"));
            }
            return Ok(None);
        }
        let measures = self.part()?;
        let unreadable = || self.damaged("a row is unreadable");
        let Head { id, record } = serde_json::from_slice(&head).map_err(|_| unreadable())?;
        let (vector, terms) = read_measures(&measures, self.header.dimension).ok_or_else(unreadable)?;
        let terms = terms.ok_or_else(unreadable)?;
        self.read += 1;
        Ok(Some(record.into_row(&id, Measures { vector, terms })))
    }

    fn damaged(&self, reason: &str) -> IndexError {
        IndexError::Damaged { file: self.path.clone(), reason: reason.to_owned() }
    }
}

impl Iterator for Snapshot {
    type Item = Result<Row, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = self.row();
        self.done = !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}

fn failed(doing: &'static str, file: &Path, error: std::io::Error) -> IndexError {
    IndexError::Storage { doing, file: file.to_owned(), source: error.into() }
}
