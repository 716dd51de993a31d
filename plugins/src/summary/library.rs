//! Documents in a request, and documents of a bank.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use policies::{Library, Passage, Sentence, Shelf, Source, Span, StageError};

use crate::documents::{Document, DocumentError, Documents, Question};
use crate::precedents::Refusal;
use crate::sentences::sentences;

/// Documents as they came with the request.
pub struct Given(Arc<[Document]>);

/// What a bank of documents has to say on a question.
pub struct Retrieved {
    documents: Arc<Documents>,
    /// What is sought; without words, whole documents.
    query: Option<Arc<str>>,
    question: Question,
}

impl Given {
    /// These documents, in this order.
    #[must_use]
    pub fn new(documents: Vec<Document>) -> Self {
        Self(documents.into())
    }
}

impl Retrieved {
    /// What `documents` has on `query`; without one, all of [`Question::document`].
    #[must_use]
    pub fn new(documents: Arc<Documents>, query: Option<Arc<str>>, question: Question) -> Self {
        Self { documents, query, question }
    }

    /// The documents, each with the ranges that answer, nearest document first.
    async fn found(&self) -> Result<Vec<(Document, Option<Vec<Range<usize>>>)>, DocumentError> {
        let Some(query) = &self.query else {
            let Some(id) = &self.question.document else { return Ok(Vec::new()) };
            let kept = self.documents.document(id, &self.question.sight).await?;
            return Ok(vec![(kept.document, None)]);
        };
        let mut order: Vec<String> = Vec::new();
        let mut ranges: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
        for passage in self.documents.search(query, &self.question).await? {
            if !order.contains(&passage.document) {
                order.push(passage.document.clone());
            }
            ranges.entry(passage.document).or_default().push(passage.range);
        }
        let mut found = Vec::with_capacity(order.len());
        for id in order {
            match self.documents.document(&id, &self.question.sight).await {
                Ok(kept) => found.push((kept.document, ranges.remove(&id))),
                // Removed since it was found.
                Err(DocumentError::Refused(Refusal::Unknown { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Library for Given {
    async fn open(&self) -> Result<Shelf, StageError> {
        let documents = Arc::clone(&self.0);
        let each = move |shelf: &mut Shelf| {
            for document in &*documents {
                shelve(shelf, document, None);
            }
        };
        read_all(each).await
    }
}

#[async_trait]
impl Library for Retrieved {
    async fn open(&self) -> Result<Shelf, StageError> {
        let unavailable =
            |source| StageError::Unavailable { dependency: "bank of documents", source: Box::new(source) };
        let found = self.found().await.map_err(unavailable)?;
        let each = move |shelf: &mut Shelf| {
            for (document, ranges) in &found {
                shelve(shelf, document, ranges.as_deref());
            }
        };
        read_all(each).await
    }
}

/// Reads documents on a thread of its own: others need not wait for long ones.
async fn read_all(read: impl FnOnce(&mut Shelf) + Send + 'static) -> Result<Shelf, StageError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut shelf = Shelf::default();
        read(&mut shelf);
        shelf
    });
    let failed =
        |source| StageError::Unavailable { dependency: "reader of documents", source: Box::new(source) };
    reading.await.map_err(failed)
}

/// Puts a document, and those parts of it that were found, beside the others.
fn shelve(shelf: &mut Shelf, document: &Document, ranges: Option<&[Range<usize>]>) {
    let number = shelf.sources.len();
    shelf.passages.extend(passages(document, number, ranges));
    shelf.sources.push(Source {
        id: document.id.as_str().into(),
        title: document.title.as_deref().map(Into::into),
        text: document.text.as_str().into(),
    });
}

/// The parts of a document that were found, or all of it as one part; in the order of the document.
fn passages(document: &Document, number: usize, ranges: Option<&[Range<usize>]>) -> Vec<Passage> {
    let read = read(document);
    let Some(ranges) = ranges else {
        return part(number, read).into_iter().collect();
    };
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut read = read.into_iter().peekable();
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        while read.next_if(|sentence| sentence.span.end <= range.start).is_some() {}
        let mut within = Vec::new();
        while let Some(sentence) = read.next_if(|sentence| sentence.span.start < range.end) {
            within.push(sentence);
        }
        parts.extend(part(number, within));
    }
    parts
}

fn part(document: usize, sentences: Vec<Sentence>) -> Option<Passage> {
    (!sentences.is_empty()).then_some(Passage { document, sentences })
}

/// The sentences of a document, each with its bytes of it.
pub(crate) fn read(document: &Document) -> Vec<Sentence> {
    let mut read = Vec::new();
    for block in document.format.read(&document.text).blocks {
        let text = block.text.text();
        for range in sentences(text, document.language.as_deref()) {
            let source = block.text.source(range.clone());
            read.push(Sentence {
                span: Span { start: source.start, end: source.end },
                text: text.get(range).unwrap_or_default().into(),
                heading: block.heading.is_some(),
            });
        }
    }
    read
}
