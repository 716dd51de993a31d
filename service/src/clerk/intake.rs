//! JSON lines of any number, handed in as they arrive.

use plugins::Kind;
use serde::de::DeserializeOwned;

use super::{CaseJson, Clerk, DocumentJson, EnteredJson, ImportJson, Who};
use crate::error::ApiError;
use crate::json::{ErrorJson, place_of};

/// Cases embedded and written at once.
const AT_ONCE: usize = 512;
/// Bytes of lines that wait, at most, before they are handed in.
const BYTES_AT_ONCE: usize = 4 << 20;
/// Refused lines that are named; the rest is counted.
const NAMED: usize = 100;
/// Ids that the answer holds.
const IDS: usize = 1_000;

/// An import on its way. Lines that were entered are durable whatever happens to later ones.
pub struct Importing<'a> {
    clerk: &'a Clerk,
    bank: &'a str,
    who: Who<'a>,
    limit: usize,
    /// What has arrived of a line that is not whole yet.
    rest: Vec<u8>,
    /// The line being received is longer than allowed.
    too_long: bool,
    number: u64,
    waiting: Vec<(u64, Result<Vec<u8>, ApiError>)>,
    /// Bytes of them.
    held: usize,
    report: ImportJson,
}

impl<'a> Importing<'a> {
    /// An import into `bank`; no line has more than `limit` bytes.
    #[must_use]
    pub fn new(clerk: &'a Clerk, bank: &'a str, who: Who<'a>, limit: usize) -> Self {
        let report = ImportJson::default();
        Self {
            clerk,
            bank,
            who,
            limit,
            rest: Vec::new(),
            too_long: false,
            number: 0,
            waiting: Vec::new(),
            held: 0,
            report,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// The bank is unknown, or something does not answer.
    pub async fn take(&mut self, mut bytes: &[u8]) -> Result<(), ApiError> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, after) = bytes.split_at(end);
            self.keep(line);
            self.line();
            bytes = after.get(1..).unwrap_or_default();
            if self.waiting.len() >= AT_ONCE || self.held >= BYTES_AT_ONCE {
                self.hand_in().await?;
            }
        }
        self.keep(bytes);
        Ok(())
    }

    /// What became of it. The last line need not end.
    ///
    /// # Errors
    ///
    /// As [`Importing::take`].
    pub async fn finish(mut self) -> Result<ImportJson, ApiError> {
        self.line();
        self.hand_in().await?;
        Ok(self.report)
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.rest.len() + piece.len() > self.limit {
            self.too_long = true;
            self.rest = Vec::new();
        } else if !self.too_long {
            self.rest.extend_from_slice(piece);
        }
    }

    fn line(&mut self) {
        let (line, too_long) = (std::mem::take(&mut self.rest), std::mem::take(&mut self.too_long));
        self.number += 1;
        if too_long {
            self.waiting.push((self.number, Err(ApiError::BodyTooLarge { limit: self.limit })));
        } else if !line.iter().all(u8::is_ascii_whitespace) {
            self.held += line.len();
            self.waiting.push((self.number, Ok(line)));
        }
    }

    async fn hand_in(&mut self) -> Result<(), ApiError> {
        self.held = 0;
        let (numbers, lines): (Vec<u64>, Vec<_>) = self.waiting.drain(..).unzip();
        let (names, entered) = match self.clerk.kind(self.bank).await? {
            Kind::Precedents => {
                let (names, cases) = read(lines, |case: &CaseJson| case.id().map(Into::into));
                (names, self.clerk.enter(self.bank, cases, self.who).await?)
            }
            Kind::Documents => {
                self.report.chunks.get_or_insert_default();
                let (names, documents) = read(lines, |document: &DocumentJson| document.id().map(Into::into));
                (names, self.clerk.index(self.bank, documents, self.who).await?)
            }
        };
        for ((number, id), entered) in numbers.into_iter().zip(names).zip(entered) {
            self.count(entered.map_err(|error| ErrorJson::from(&error).placed(id, Some(number))));
        }
        Ok(())
    }

    fn remember(&mut self, id: String) {
        if self.report.ids.len() < IDS {
            self.report.ids.push(id);
        }
    }

    fn count(&mut self, entered: Result<EnteredJson, ErrorJson>) {
        let report = &mut self.report;
        report.lines += 1;
        match entered {
            Ok(EnteredJson::Entered { id }) => {
                report.entered += 1;
                self.remember(id);
            }
            Ok(EnteredJson::Present { id, .. } | EnteredJson::Unchanged { id }) => {
                report.present += 1;
                self.remember(id);
            }
            Ok(EnteredJson::Merged { .. }) => report.merged += 1,
            Ok(EnteredJson::Indexed { id, chunks }) => {
                report.entered += 1;
                report.chunks.get_or_insert_default().count(chunks);
                self.remember(id);
            }
            Err(error) => {
                report.refused += 1;
                if report.errors.len() < NAMED {
                    report.errors.push(error);
                } else {
                    report.errors_left_out += 1;
                }
            }
        }
    }
}

/// Lines as what they should be, and the names of those that are.
fn read<T: DeserializeOwned>(
    lines: Vec<Result<Vec<u8>, ApiError>>,
    name: impl Fn(&T) -> Option<serde_json::Value>,
) -> (Vec<Option<serde_json::Value>>, Vec<Result<T, ApiError>>) {
    let unreadable = |error: serde_json::Error| ApiError::Unreadable(place_of(&error));
    let read = lines.into_iter().map(|line| serde_json::from_slice(&line?).map_err(unreadable));
    read.map(|line: Result<T, _>| (line.as_ref().ok().and_then(&name), line)).unzip()
}
