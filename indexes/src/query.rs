use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::Record;
use crate::{IndexError, Row, Terms, row};

/// The most rows one [`Query`] may ask for.
pub const MAX_NEAREST: usize = 1_000;

/// Which rows may answer. The default admits all of them.
///
/// Each list is an *any of* unless it says otherwise, and an empty list asks for nothing; what is asked of different
/// fields must all hold.
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
    /// Only rows with every one of these tags.
    pub all_tags: Vec<String>,
    /// The tags that whoever asks holds: only rows that have one of them, or no tag at all. Without it, tags keep nobody
    /// out; with an empty list, only rows without tags answer.
    pub access: Option<Vec<String>>,
    /// Only rows made at this time or later. *Units*: Unix seconds.
    pub created_from: Option<u64>,
    /// Only rows made before this time. *Units*: Unix seconds.
    pub created_before: Option<u64>,
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
        Record::from(row).admitted_by(self)
    }
}

/// What a [`Query`] compares rows with.
#[derive(Debug, Clone, PartialEq)]
pub enum Sought {
    /// Meaning. *Shape*: `[dimension]`. *Units*: length 1 (L2). Hits are ranked by cosine, `-1.0..=1.0`.
    Dense(Vec<f32>),
    /// Words. Hits have at least one of them and are ranked by BM25, 0 and up.
    Sparse(Terms),
    /// Meaning and words: the best of each side, at least [`FUSED_DEPTH`](crate::FUSED_DEPTH), fused by the ranks they
    /// have there, with [`FUSION_K`](crate::FUSION_K).
    Hybrid(Vec<f32>, Terms),
}

/// What [`crate::Index::nearest`] looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What rows are compared with.
    pub sought: Sought,
    /// How many rows at most, up to [`MAX_NEAREST`].
    pub k: usize,
    /// The least similarity that counts where meaning is compared. *Units*: cosine, `-1.0..=1.0`.
    ///
    /// Words have no such line: what BM25 gives depends on the rows around.
    pub minimum: f32,
    /// Which rows may answer.
    pub filter: Filter,
}

impl Query {
    /// The `k` rows nearest to `vector`, however far, among all rows.
    #[must_use]
    pub fn new(vector: Vec<f32>, k: usize) -> Self {
        Self::seeking(Sought::Dense(vector), k)
    }

    /// The `k` rows that say most of `terms`, among all rows.
    #[must_use]
    pub fn sparse(terms: Terms, k: usize) -> Self {
        Self::seeking(Sought::Sparse(terms), k)
    }

    /// The `k` best rows by meaning and words, among all rows.
    #[must_use]
    pub fn hybrid(vector: Vec<f32>, terms: Terms, k: usize) -> Self {
        Self::seeking(Sought::Hybrid(vector, terms), k)
    }

    fn seeking(sought: Sought, k: usize) -> Self {
        Self { sought, k, minimum: -1.0, filter: Filter::default() }
    }

    pub(crate) fn check(&self, dimension: usize) -> Result<(), IndexError> {
        match &self.sought {
            Sought::Dense(vector) | Sought::Hybrid(vector, _) => {
                row::check_vector("the query", vector, dimension)?;
            }
            Sought::Sparse(_) => {}
        }
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
    /// What ranks it, greater is better. *Units*: those of the query's [`Sought`]; a cosine for `Dense`.
    pub similarity: f32,
}

/// Some rows of an index, see [`crate::Index::scan`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Arc<Row>>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<String>,
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
    /// Memory this tenant's quantized vectors take here.
    pub vector_bytes: usize,
    /// Memory this tenant's ids and filter fields take here, estimated.
    pub entry_bytes: usize,
    /// Memory this tenant's inverted lists take here.
    pub term_bytes: usize,
    /// The most memory the file's page cache takes, for all tenants together.
    pub cache_limit_bytes: usize,
    /// The length of the file, all tenants; 0 for an index in memory or on a server.
    pub file_bytes: u64,
}
