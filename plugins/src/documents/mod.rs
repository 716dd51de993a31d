//! Documents: kept as sent, found by their chunks, seen by those who hold their tags.
//!
//! Tags are asked for in the index, by [`indexes::Filter::access`], so that what a caller may not see does not compete
//! for an answer. One thing cannot be kept from a caller who counts: how rare a word is, is counted over all rows of
//! the tenant, so that a score by words hangs on them, too. And who hands in a document under the id of one that may not
//! be seen is refused, and so learns that there is one.

mod access;
mod block;
mod chunk;
mod document;
mod enter;
mod error;
mod html;
mod mapped;
mod markdown;
mod plain;
#[cfg(test)]
mod reading_tests;

use std::ops::Range;
use std::sync::Arc;

use indexes::{Filter, Hit, Index, IndexError, Query, Row};
use inference::Embedder;

pub use access::Sight;
pub use document::{Document, Format};
pub use enter::Indexed;
pub use error::DocumentError;

use crate::banks::{Manner, sought};
use crate::precedents::Refusal;
use document::{Head, Part, head_id, heads};

/// Rows read at once.
const PAGE: usize = 200;

/// A bank of documents of one tenant. Shared by all requests.
pub struct Documents {
    bank: String,
    index: Arc<dyn Index>,
    embedder: Embedder,
    /// Held from reading a document's rows to writing them.
    writing: tokio::sync::Mutex<()>,
}

/// What is sought in a bank.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is compared.
    pub manner: Manner,
    /// How many passages at most.
    pub k: usize,
    /// Least cosine where meaning is compared.
    pub minimum: f32,
    /// Whose question it is.
    pub sight: Sight,
    /// Only documents in this language.
    pub language: Option<String>,
    /// Only documents with this tag.
    pub tag: Option<String>,
    /// Only this document.
    pub document: Option<String>,
}

impl Default for Question {
    /// The ten nearest passages among the documents that everybody may see.
    fn default() -> Self {
        Self {
            manner: Manner::default(),
            k: 10,
            minimum: -1.0,
            sight: Sight::holding(Vec::new()),
            language: None,
            tag: None,
            document: None,
        }
    }
}

/// A part of a document that answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The document's id.
    pub document: String,
    /// What the document is called.
    pub title: Option<String>,
    /// Where the document comes from.
    pub source: Option<String>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// Who may see the document.
    pub tags: Vec<String>,
    /// The headings it stands under, the outermost first.
    pub headings: Vec<String>,
    /// Bytes of the document as sent.
    pub range: Range<usize>,
    /// What a reader sees of them.
    pub text: String,
    /// What ranks it. *Units*: by [`Question::manner`], a cosine for [`Manner::Dense`].
    pub similarity: f32,
}

/// A document as the bank has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// As it was sent.
    pub document: Document,
    /// Its chunks.
    pub chunks: usize,
    /// When it first came. *Units*: Unix seconds.
    pub created: u64,
}

/// Some documents of a bank, and where the next begin.
pub type Shelf = (Vec<Kept>, Option<String>);

impl Documents {
    /// The documents of `bank`.
    #[must_use]
    pub fn new(bank: &str, index: Arc<dyn Index>, embedder: Embedder) -> Self {
        Self { bank: bank.to_owned(), index, embedder, writing: tokio::sync::Mutex::default() }
    }

    /// Passages that answer `text`, best first.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer; more than [`indexes::MAX_NEAREST`] are asked for.
    pub async fn search(&self, text: &str, question: &Question) -> Result<Vec<Passage>, DocumentError> {
        let Question { manner, k, minimum, sight, language, tag, document } = question;
        let query = Query {
            sought: sought(&self.embedder, text, *manner).await?,
            k: *k,
            minimum: *minimum,
            filter: Filter {
                labels: document.iter().cloned().collect(),
                languages: language.iter().cloned().collect(),
                all_tags: tag.iter().cloned().collect(),
                access: sight.access(),
                ..Filter::bank(&self.bank)
            },
        };
        Ok(self.index.nearest(&query).await?.into_iter().filter_map(passage).collect())
    }

    /// One document, if it may be seen.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`], also for one that may not be seen; the index does not answer.
    pub async fn document(&self, id: &str, sight: &Sight) -> Result<Kept, DocumentError> {
        let row = self.index.get(&head_id(&self.bank, id)).await?.filter(|row| sight.opens(&row.tags));
        let unknown = || Refusal::Unknown { bank: self.bank.clone(), id: id.to_owned() };
        Ok(row.and_then(|row| kept(&row)).ok_or_else(unknown)?)
    }

    /// A page of up to `limit` documents that may be seen, from the beginning or from the end of an earlier page on.
    ///
    /// # Errors
    ///
    /// An `after` that no page gave; the index does not answer.
    pub async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
        only: &Question,
    ) -> Result<Shelf, DocumentError> {
        let filter = Filter {
            languages: only.language.iter().cloned().collect(),
            all_tags: only.tag.iter().cloned().collect(),
            access: only.sight.access(),
            ..Filter::bank(heads(&self.bank))
        };
        let page = self.index.scan(after, limit, &filter).await?;
        Ok((page.rows.iter().filter_map(|row| kept(row)).collect(), page.next))
    }

    /// How many documents may be seen, and how many chunks they have.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn count(&self, sight: &Sight) -> Result<(usize, usize), DocumentError> {
        let of = |bank: String| Filter { access: sight.access(), ..Filter::bank(bank) };
        let documents = self.index.count(&of(heads(&self.bank))).await?;
        Ok((documents, self.index.count(&of(self.bank.clone())).await?))
    }

    /// The encoder that all similarities come from.
    #[must_use]
    pub fn encoder(&self) -> &str {
        self.embedder.vectors_digest()
    }

    /// Removes a document with all its chunks, in one write, and says how many chunks those were.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`], also for one that may not be seen; the index does not answer.
    pub async fn remove(&self, id: &str, sight: &Sight) -> Result<usize, DocumentError> {
        let _writing = self.writing.lock().await;
        self.document(id, sight).await?;
        let mut gone: Vec<String> = self.chunks(id).await?.iter().map(|row| row.id.clone()).collect();
        let chunks = gone.len();
        gone.push(head_id(&self.bank, id));
        self.index.exchange(Vec::new(), &gone).await?;
        Ok(chunks)
    }

    /// Removes all documents, and says how many there were.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub(crate) async fn clear(&self) -> Result<usize, IndexError> {
        let _writing = self.writing.lock().await;
        self.index.remove_where(&Filter::bank(&self.bank)).await?;
        self.index.remove_where(&Filter::bank(heads(&self.bank))).await
    }

    /// Every chunk of a document.
    async fn chunks(&self, id: &str) -> Result<Vec<Arc<Row>>, DocumentError> {
        let filter = Filter { labels: vec![id.to_owned()], ..Filter::bank(&self.bank) };
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.index.scan(after.as_deref(), PAGE, &filter).await?;
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }
}

/// The passage a row is; none if this room did not write it.
fn passage(Hit { row, similarity }: Hit) -> Option<Passage> {
    let part = Part::of(&row)?;
    Some(Passage {
        document: row.label.clone()?,
        range: part.range(),
        title: part.title,
        source: row.provenance.clone(),
        language: row.language.clone(),
        tags: row.tags.clone(),
        headings: part.headings,
        text: row.text.clone(),
        similarity,
    })
}

fn kept(row: &Row) -> Option<Kept> {
    let head = Head::of(row)?;
    let document = Document {
        id: row.label.clone()?,
        text: row.text.clone(),
        format: head.format,
        source: row.provenance.clone(),
        title: head.title,
        language: row.language.clone(),
        tags: row.tags.clone(),
    };
    Some(Kept { document, chunks: head.chunks, created: row.created })
}
