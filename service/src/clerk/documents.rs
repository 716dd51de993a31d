//! Documents and passages as JSON, and what the clerk does with banks of them.

use plugins::{Document, DocumentError, Documents, Format, Indexed, Kept, Kind, Passage, Question, Sight};
use policies::Content;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::wire::{EnteredJson, FilterJson, HitsJson, ListedJson, PageJson, SearchJson};
use super::{Clerk, HITS, PAGE, Who, field, manner, minimum, within};
use crate::error::ApiError;

/// Documents of a page that has their texts, at most.
const FULL: usize = 16;

/// A document that is handed in. What an export says besides is read and not believed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentJson {
    id: String,
    text: String,
    format: Option<String>,
    source: Option<String>,
    title: Option<String>,
    language: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "created")]
    #[schemars(with = "Option<serde_json::Value>")]
    _created: Option<IgnoredAny>,
    #[serde(default, rename = "chunks")]
    #[schemars(with = "Option<serde_json::Value>")]
    _chunks: Option<IgnoredAny>,
    #[serde(default, rename = "bytes")]
    #[schemars(with = "Option<serde_json::Value>")]
    _bytes: Option<IgnoredAny>,
}

impl DocumentJson {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn into_document(self) -> Result<Document, ApiError> {
        let format = self.format.as_deref().map_or(Some(Format::default()), Format::named);
        let known = Format::ALL.map(Format::name).join(", ");
        let format = format.ok_or_else(|| field("format", &format!("it is none of {known}")))?;
        let Self { id, text, source, title, language, tags, .. } = self;
        Ok(Document { id, text, format, source, title, language, tags })
    }
}

/// A document as the bank has it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeptJson {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    bytes: usize,
    chunks: usize,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl KeptJson {
    fn new(Kept { document, chunks, created }: Kept, full: bool) -> Self {
        let Document { id, text, format, source, title, language, tags } = document;
        let (bytes, format) = (text.len(), format.name());
        let text = full.then_some(text);
        Self { id, title, source, format, language, tags, bytes, chunks, created, text }
    }
}

/// A part of a document that answers a search.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PassageJson {
    similarity: f32,
    document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    headings: Vec<String>,
    start: usize,
    end: usize,
    text: String,
}

impl From<Passage> for PassageJson {
    fn from(passage: Passage) -> Self {
        let Passage { document, title, source, language, tags, headings, range, text, similarity } = passage;
        let (start, end) = (range.start, range.end);
        Self { similarity, document, title, source, language, tags, headings, start, end, text }
    }
}

/// What became of chunks.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct ChunksJson {
    /// They were there before.
    pub unchanged: usize,
    /// They are new, or say something else.
    pub embedded: usize,
    /// They are no more.
    pub removed: usize,
}

impl ChunksJson {
    /// Counts others in.
    pub(super) fn count(&mut self, more: Self) {
        self.unchanged += more.unchanged;
        self.embedded += more.embedded;
        self.removed += more.removed;
    }
}

/// What a bank of documents holds, as far as the caller may see it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShelfJson {
    bank: String,
    kind: &'static str,
    documents: usize,
    chunks: usize,
    encoder: String,
}

impl Clerk {
    /// Hands in documents. Each is answered in its place.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], also for a bank of something else, or what does not answer.
    pub async fn index(
        &self,
        bank: &str,
        documents: Vec<Result<DocumentJson, ApiError>>,
        who: Who<'_>,
    ) -> Result<Vec<Result<EnteredJson, ApiError>>, ApiError> {
        self.holds(bank, Kind::Documents).await?;
        let read = |document: Result<DocumentJson, _>| document.and_then(DocumentJson::into_document);
        let mut ids = Vec::with_capacity(documents.len());
        let mut good = Vec::with_capacity(documents.len());
        for document in documents.into_iter().map(read) {
            ids.push(document.map(|document| {
                good.push(document);
                good.last().map(|document| document.id.clone()).unwrap_or_default()
            }));
        }
        let mut indexed = self.banks.documents(bank).add(good, who.sight).await?.into_iter();
        let answer = |id: Result<String, ApiError>| {
            let id = id?;
            let Indexed { unchanged, embedded, removed, present } =
                indexed.next().ok_or(ApiError::Internal)??;
            if present {
                return Ok(EnteredJson::Unchanged { id });
            }
            Ok(EnteredJson::Indexed { id, chunks: ChunksJson { unchanged, embedded, removed } })
        };
        Ok(ids.into_iter().map(answer).collect())
    }

    pub(super) async fn passages(
        &self,
        documents: &Documents,
        wanted: &SearchJson,
        sight: &Sight,
    ) -> Result<HitsJson, ApiError> {
        Content::new(wanted.text.as_str())?;
        let SearchJson { state, category, language, tag, tags, document, .. } = wanted;
        no_cases(state.is_some(), category.is_some())?;
        let question = Question {
            manner: manner(wanted.mode),
            k: within("k", wanted.k, HITS)?,
            minimum: minimum(wanted.minimum)?,
            sight: acting_for(sight, tags.as_ref())?,
            language: language.clone(),
            tag: tag.clone(),
            document: document.clone(),
        };
        let passages = documents.search(&wanted.text, &question).await?;
        let hits = passages.into_iter().map(|passage| ListedJson::Passage(passage.into()));
        Ok(HitsJson { hits: hits.collect() })
    }

    pub(super) async fn shelf(
        &self,
        documents: &Documents,
        wanted: &FilterJson,
        sight: &Sight,
    ) -> Result<PageJson, ApiError> {
        let FilterJson { state, category, language, tag, after, limit, full } = wanted;
        no_cases(state.is_some(), category.is_some())?;
        let limit = within("limit", *limit, PAGE)?;
        let limit = if *full { limit.min(FULL) } else { limit };
        let (language, tag) = (language.clone(), tag.clone());
        let only = Question { sight: sight.clone(), language, tag, ..Question::default() };
        let (kept, next) = documents.list(after.as_deref(), limit, &only).await?;
        let rows = kept.into_iter().map(|kept| ListedJson::Document(KeptJson::new(kept, *full)));
        Ok(PageJson { rows: rows.collect(), next })
    }

    pub(super) async fn kept(
        &self,
        documents: &Documents,
        id: &str,
        sight: &Sight,
    ) -> Result<ListedJson, ApiError> {
        Ok(ListedJson::Document(KeptJson::new(documents.document(id, sight).await?, true)))
    }

    pub(super) async fn inventory(&self, bank: &str, sight: &Sight) -> Result<ShelfJson, ApiError> {
        let held = self.banks.documents(bank);
        let (documents, chunks) = held.count(sight).await?;
        let (bank, encoder) = (bank.to_owned(), held.encoder().to_owned());
        Ok(ShelfJson { bank, kind: Kind::Documents.name(), documents, chunks, encoder })
    }
}

/// Documents have neither.
fn no_cases(state: bool, category: bool) -> Result<(), ApiError> {
    let no = |name| Err(field(name, "cases have one, documents have not"));
    if state {
        no("state")
    } else if category {
        no("category")
    } else {
        Ok(())
    }
}

/// What a caller sees who asks for somebody with these tags.
pub(crate) fn acting_for(sight: &Sight, tags: Option<&Vec<String>>) -> Result<Sight, ApiError> {
    match tags {
        None => Ok(sight.clone()),
        Some(tags) if sight.holds(tags) => Ok(Sight::holding(tags.clone())),
        Some(_) => Err(field("tags", "your key does not hold all of them")),
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Refused(refusal) => Self::Refused(refusal),
            DocumentError::Index(error) => Self::Bank(plugins::BankError::Index(error)),
            DocumentError::Embedding(error) => Self::Bank(plugins::BankError::Embedding(error)),
        }
    }
}
