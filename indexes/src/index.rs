use std::sync::Arc;

use crate::{Filter, Hit, IndexError, Query, Row, Stats};

/// The banks of one tenant.
///
/// Every engine answers the same conformance tests (`tests/conformance.rs`). A future that is dropped gives up the
/// answer, not the work. A write is made whole or not at all, whatever happens; if the storage fails at its very last
/// moment, it may have been made and yet be reported as failed, so calling again is the way on, and safe.
#[async_trait::async_trait]
pub trait Index: Send + Sync {
    /// The rows most similar to a vector: best first, equal ones by id.
    ///
    /// Only rows the filter admits compete, so a narrow filter never hides a row behind better ones it excludes.
    ///
    /// # Errors
    ///
    /// A vector of another dimension, not finite or not of unit length; more than [`crate::MAX_NEAREST`] rows asked
    /// for; storage that cannot be read.
    async fn nearest(&self, query: &Query) -> Result<Vec<Hit>, IndexError>;

    /// Adds rows, or replaces those that have the same id, in whichever bank they were. All of them or none.
    ///
    /// When it returns, the rows are durable and every later call sees them. Of two rows with one id in one call, the
    /// later counts.
    ///
    /// # Errors
    ///
    /// A row outside the limits of [`Row`], named by its id: nothing was written then. Storage that cannot be written.
    async fn upsert(&self, rows: Vec<Row>) -> Result<(), IndexError>;

    /// Removes rows by id and says how many there were. All of them or none; unknown ids are passed over.
    ///
    /// # Errors
    ///
    /// Storage that cannot be written.
    async fn remove(&self, ids: &[String]) -> Result<usize, IndexError>;

    /// The row with this id, if there is one.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn get(&self, id: &str) -> Result<Option<Arc<Row>>, IndexError>;

    /// A page of rows, by id in byte order, beginning behind the id `after`.
    ///
    /// A page shorter than `limit` is the last one. Rows that stay put while pages are read are given exactly once,
    /// whatever is written in between.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn scan(
        &self,
        after: Option<&str>,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<Row>>, IndexError>;

    /// How many rows the filter admits.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn count(&self, filter: &Filter) -> Result<usize, IndexError>;

    /// What the index holds and what it costs.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn stats(&self) -> Result<Stats, IndexError>;
}
