//! Nearest labelled examples and documents.
//!
//! A **bank** is a named collection of texts with their embeddings: precedents, policy clauses or documents. The
//! one verb of this crate is [`Index::nearest`]; an [`Index`] is always made *for* one tenant, so that no query can
//! name another. [`Embedded`] is the engine that needs no server: rows in one crash-safe file, an exact search over
//! all of them, and every write searchable at once. [`Qdrant`] is the one for more than one machine.
//!
//! Deliberately absent: embedding texts (vectors come in finished) and judging (a [`Hit`] is evidence, not a ruling).

mod embedded;
mod error;
mod fingerprint;
mod fusion;
mod index;
mod qdrant;
mod query;
mod record;
mod row;
mod snapshot;
mod terms;

pub use embedded::{Compacted, Embedded, Lost, Salvaged};
pub use error::IndexError;
pub use fingerprint::Fingerprint;
pub use fusion::{FUSED_DEPTH, FUSION_K};
pub use index::Index;
pub use qdrant::{ApiKey, Node, NodeState, Qdrant, QdrantOptions, ReadFrom, WriteOrder};
pub use query::{Filter, Hit, MAX_NEAREST, Page, Query, Sought, Stats};
pub use row::{MAX_ID_BYTES, MAX_NAME_BYTES, MAX_NOTE_BYTES, MAX_TAGS, MAX_TEXT_CHARS, Row};
pub use terms::{BM25_AVERAGE_WORDS, BM25_B, BM25_K1, Terms};
