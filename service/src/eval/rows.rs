//! Labelled texts from JSON lines, plain or gzip.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a file's rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The file breaks.
    #[error("`{file}` cannot be read")]
    File {
        /// Which file.
        file: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A line is not a labelled text.
    #[error("`{file}`, line {line}: {reason}")]
    Line {
        /// Which file.
        file: String,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// A labelled text. A missing key among the labels means *not annotated*. Other keys are the set's own.
#[derive(Clone, Debug, Deserialize)]
pub struct LabelledText {
    /// Its name in the set.
    pub id: String,
    /// The text.
    pub text: String,
    /// The language it is said to be in, ISO 639-1.
    #[serde(default)]
    pub lang: Option<String>,
    /// 0 or 1 for each label annotated.
    #[serde(default)]
    pub labels: BTreeMap<String, u8>,
}

/// So many of `rows`, by a hash of the id: the same ones every time.
#[must_use]
pub fn sampled(mut rows: Vec<LabelledText>, count: usize) -> Vec<LabelledText> {
    // Fingerprints of ids that begin alike lie close together; dice thrown by them do not.
    rows.sort_by_cached_key(|row| super::bootstrap::dice(&row.id).u64(..));
    rows.truncate(count);
    rows
}

/// What the rows of a file are for, by the field `task` of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Texts and their labels: whatever is none of the others.
    Labels,
    /// Documents and what a person wrote to sum them up.
    Summaries,
    /// Documents and the questions that they answer.
    Retrieval,
    /// Answers and the sources that bear them out or do not.
    Groundedness,
}

impl Task {
    /// Looks into `file`.
    ///
    /// # Errors
    ///
    /// [`RowsError`]: it cannot be read, or its first line is no row.
    pub fn of(file: &Path) -> Result<Self, RowsError> {
        #[derive(Deserialize)]
        struct First {
            task: Option<String>,
        }
        let first = Rows::<First>::open(file)?.next().transpose()?.and_then(|first| first.task);
        Ok(match first.as_deref() {
            Some("summarization") => Self::Summaries,
            Some("retrieval") => Self::Retrieval,
            Some("groundedness") => Self::Groundedness,
            _ => Self::Labels,
        })
    }
}

/// The rows of one file, one at a time.
pub struct Rows<R = LabelledText> {
    file: String,
    lines: Box<dyn BufRead + Send>,
    line: usize,
    row: PhantomData<fn() -> R>,
}

impl<R> Rows<R> {
    /// Opens `file`; what it starts with tells whether it is gzip.
    ///
    /// # Errors
    ///
    /// [`RowsError::File`].
    pub fn open(file: &Path) -> Result<Self, RowsError> {
        let name = file.display().to_string();
        let broken = |source| RowsError::File { file: name.clone(), source };
        let mut start = Vec::new();
        File::open(file).and_then(|opened| opened.take(2).read_to_end(&mut start)).map_err(broken)?;
        let opened = File::open(file).map_err(broken)?;
        let lines: Box<dyn BufRead + Send> = if start == [0x1f, 0x8b] {
            Box::new(BufReader::new(MultiGzDecoder::new(opened)))
        } else {
            Box::new(BufReader::new(opened))
        };
        Ok(Self { file: name, lines, line: 0, row: PhantomData })
    }
}

impl<R: DeserializeOwned> Iterator for Rows<R> {
    type Item = Result<R, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        self.line += 1;
        match self.lines.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).map_err(|error| RowsError::Line {
                file: self.file.clone(),
                line: self.line,
                reason: crate::json::place_of(&error),
            })),
            Err(source) => Some(Err(RowsError::File { file: self.file.clone(), source })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_same_every_time_and_of_all_kinds_of_id() {
        let row = |id: String| LabelledText { id, text: String::new(), lang: None, labels: BTreeMap::new() };
        let rows = || {
            let ids = (0..500).flat_map(|n| [format!("spam-{n:04}"), format!("own-de-{n:04}")]);
            ids.map(row).collect::<Vec<_>>()
        };
        let ids = |rows: Vec<LabelledText>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        let sample = ids(sampled(rows(), 100));
        let spam = sample.iter().filter(|id| id.starts_with("spam")).count();
        assert!((30..=70).contains(&spam), "{spam} of 100");
        let mut turned = rows();
        turned.reverse();
        assert_eq!(ids(sampled(turned, 100)), sample);
        assert_eq!(sampled(rows(), 5_000).len(), 1_000);
    }
}
