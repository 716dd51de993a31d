use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{IndexError, Row, row};

/// The most rows one [`Query`] may ask for.
pub const MAX_NEAREST: usize = 1_000;

/// Which rows may answer. The default admits all of them.
///
/// Each list is an *any of*, and an empty list asks for nothing; what is asked of different fields must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only rows of this bank.
    pub bank: Option<String>,
    /// Only rows with one of these labels; a row without a label has none of them.
    pub labels: Vec<String>,
    /// Only rows in one of these languages; a row without a language is in none of them.
    pub languages: Vec<String>,
    /// Only rows with at least one of these tags.
    pub tags: Vec<String>,
    /// Only rows a reviewer has confirmed.
    pub confirmed_only: bool,
    /// The time, in Unix seconds: rows whose `expires` is at or before it are hidden. Without it nothing expires.
    pub now: Option<u64>,
}

impl Filter {
    /// Every row of one bank.
    #[must_use]
    pub fn bank(name: impl Into<String>) -> Self {
        Self { bank: Some(name.into()), ..Self::default() }
    }

    /// Whether a row may answer. This is what a filter means; engines may find out faster.
    #[must_use]
    pub fn admits(&self, row: &Row) -> bool {
        let any_of = |wanted: &[String], value: Option<&String>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
        };
        self.bank.as_ref().is_none_or(|bank| *bank == row.bank)
            && any_of(&self.labels, row.label.as_ref())
            && any_of(&self.languages, row.language.as_ref())
            && (self.tags.is_empty() || row.tags.iter().any(|tag| self.tags.contains(tag)))
            && (row.confirmed || !self.confirmed_only)
            && self.now.zip(row.expires).is_none_or(|(now, expires)| now < expires)
    }
}

/// What [`crate::Index::nearest`] looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The embedding looked for. *Shape*: `[dimension]`. *Units*: length 1 (L2).
    pub vector: Vec<f32>,
    /// How many rows at most, up to [`MAX_NEAREST`].
    pub k: usize,
    /// The least similarity that counts. *Units*: cosine, `-1.0..=1.0`.
    pub minimum: f32,
    /// Which rows may answer.
    pub filter: Filter,
}

impl Query {
    /// The `k` rows nearest to `vector`, however far, among all rows.
    #[must_use]
    pub fn new(vector: Vec<f32>, k: usize) -> Self {
        Self { vector, k, minimum: -1.0, filter: Filter::default() }
    }

    pub(crate) fn check(&self, dimension: usize) -> Result<(), IndexError> {
        row::check_vector("the query", &self.vector, dimension)?;
        if self.k > MAX_NEAREST {
            return Err(IndexError::TooMany { asked: self.k, limit: MAX_NEAREST });
        }
        if self.minimum.is_nan() {
            return Err(IndexError::NotFinite { whose: "the query's minimum".to_owned() });
        }
        Ok(())
    }
}

/// A row that answers a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The row as stored.
    pub row: Arc<Row>,
    /// How alike it is. *Units*: cosine, `-1.0..=1.0`.
    pub similarity: f32,
}

/// What an index holds and what it costs. *Units*: bytes where not said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// The engine's name.
    pub engine: &'static str,
    /// Rows of this tenant.
    pub rows: usize,
    /// Rows of this tenant by bank.
    pub banks: BTreeMap<String, usize>,
    /// Numbers in a vector.
    pub dimension: usize,
    /// The encoder all vectors come from.
    pub encoder_digest: String,
    /// Memory this tenant's quantized vectors take.
    pub vector_bytes: usize,
    /// Memory this tenant's ids and filter fields take, estimated.
    pub entry_bytes: usize,
    /// The most memory the file's page cache takes, for all tenants together.
    pub cache_limit_bytes: usize,
    /// The length of the file, all tenants; 0 for an index in memory.
    pub file_bytes: u64,
}
