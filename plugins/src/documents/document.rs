//! A document as it is handed in, and as the bank keeps it: a row with its text, and one for each chunk.

use std::ops::Range;

use indexes::{MAX_ID_BYTES, MAX_NAME_BYTES, MAX_TAGS, MAX_TEXT_CHARS, Row};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::block::Reading;
use super::chunk::Chunk;
use super::{html, markdown, plain};
use crate::precedents::Refusal;

/// The longest title or source, in bytes.
const MAX_REMARK_BYTES: usize = 1 << 12;
/// Hexadecimal digits of a digest in an id or a note: 128 bits.
const DIGITS: usize = 32;

/// How a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Paragraphs, parted by empty lines.
    #[default]
    Text,
    /// `CommonMark` and tables.
    Markdown,
    /// A page, or a part of one.
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::Markdown, Self::Html];

    /// Its name, in answers and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub(crate) fn read(self, text: &str) -> Reading {
        match self {
            Self::Text => plain::read(text),
            Self::Markdown => markdown::read(text),
            Self::Html => html::read(text),
        }
    }
}

/// A document that somebody hands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its name in the bank; handed in again, it replaces what has the name.
    pub id: String,
    /// All of it, as it is written.
    pub text: String,
    /// How it is written.
    pub format: Format,
    /// Where it comes from.
    pub source: Option<String>,
    /// What it is called; what a page calls itself unless given.
    pub title: Option<String>,
    /// ISO 639-1; found out unless given.
    pub language: Option<String>,
    /// Who may see it: those who hold one of these; everybody if there is none.
    pub tags: Vec<String>,
}

impl Document {
    /// Refuses what no bank can hold, naming the field and the limit.
    ///
    /// # Errors
    ///
    /// [`Refusal::Field`].
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |field, reason: String| Err(Refusal::Field { field, reason });
        if self.id.is_empty() || self.id.len() > MAX_ID_BYTES {
            return refuse("id", format!("it has 1 to {MAX_ID_BYTES} bytes"));
        }
        // Bytes are counted first: they are known.
        if self.text.len() > MAX_TEXT_CHARS && self.text.chars().count() > MAX_TEXT_CHARS {
            return refuse("text", format!("more than {MAX_TEXT_CHARS} characters"));
        }
        if self.tags.len() > MAX_TAGS {
            return refuse("tags", format!("more than {MAX_TAGS} of them"));
        }
        let fits = |tag: &String| (1..=MAX_NAME_BYTES).contains(&tag.len()) && !tag.starts_with('@');
        if !self.tags.iter().all(fits) {
            return refuse(
                "tags",
                format!("each has 1 to {MAX_NAME_BYTES} bytes and does not begin with `@`"),
            );
        }
        if self.language.as_ref().is_some_and(|language| language.len() > MAX_NAME_BYTES) {
            return refuse("language", format!("more than {MAX_NAME_BYTES} bytes"));
        }
        let mut remarks = [("source", &self.source), ("title", &self.title)].into_iter();
        let long = remarks.find(|(_, text)| text.as_ref().is_some_and(|text| text.len() > MAX_REMARK_BYTES));
        long.map_or(Ok(()), |(name, _)| refuse(name, format!("more than {MAX_REMARK_BYTES} bytes")))
    }

    /// The row that keeps it whole; nobody seeks it by meaning or words.
    pub(crate) fn head(&self, bank: &str, chunks: usize, vector: Vec<f32>) -> Row {
        let note = Head { format: self.format, title: self.title.clone(), chunks };
        Row {
            id: head_id(bank, &self.id),
            bank: heads(bank),
            text: self.text.clone(),
            vector,
            note: serde_json::to_string(&note).ok(),
            ..self.row()
        }
    }

    /// The row of one of its chunks, without what it is compared by.
    pub(crate) fn part(&self, bank: &str, number: usize, chunk: Chunk) -> Row {
        let note = Part {
            title: self.title.clone(),
            hash: self.hash(&chunk),
            headings: chunk.headings,
            start: chunk.range.start,
            end: chunk.range.end,
        };
        Row {
            id: format!("{}/{number:06}", head_id(bank, &self.id)),
            bank: bank.to_owned(),
            text: chunk.text,
            note: serde_json::to_string(&note).ok(),
            ..self.row()
        }
    }

    fn row(&self) -> Row {
        Row {
            label: Some(self.id.clone()),
            language: self.language.clone(),
            tags: self.tags.clone(),
            provenance: self.source.clone(),
            ..Row::default()
        }
    }

    /// What is embedded for a chunk: its text below its title and the headings it does not have itself.
    pub(crate) fn read_as(&self, chunk: &Chunk) -> String {
        let title = self.title.as_deref().map(super::chunk::brief);
        let lines = title.iter().chain(&chunk.above).chain([&chunk.text]);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Changes with whatever a chunk is compared by.
    fn hash(&self, chunk: &Chunk) -> String {
        short(&[self.language.as_deref().unwrap_or_default(), &self.read_as(chunk)].join("\0"))
    }
}

/// What the row of a whole document keeps besides.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) format: Format,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    pub(crate) chunks: usize,
}

/// What the row of a chunk keeps besides.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// Of what was embedded.
    pub(crate) hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headings: Vec<String>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Part {
    /// What a row says of itself.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        serde_json::from_str(row.note.as_deref()?).ok()
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl Head {
    /// What a row says of itself.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        serde_json::from_str(row.note.as_deref()?).ok()
    }
}

/// The bank of the whole documents of a bank. No bank that somebody makes begins so.
pub(crate) fn heads(bank: &str) -> String {
    format!("@documents/{bank}")
}

/// Ids are the tenant's, so a document's row carries its bank; no case's id begins so.
pub(crate) fn head_id(bank: &str, document: &str) -> String {
    format!("@documents/{bank}/{}", short(document))
}

fn short(text: &str) -> String {
    let mut digits = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    digits.truncate(DIGITS);
    digits
}
