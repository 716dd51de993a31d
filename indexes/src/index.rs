use std::path::Path;
use std::sync::Arc;

use crate::{Filter, Hit, IndexError, Page, Query, Row, Stats};

/// The banks of one tenant.
///
/// Every engine answers the same conformance tests (`tests/conformance.rs`). A future that is dropped gives up the
/// answer, not the work. A write is made whole or not at all, whatever happens; if the storage fails at its very last
/// moment, it may have been made and yet be reported as failed, so calling again is the way on, and safe. On a server
/// with several shards, a write that is reported as failed may also have been made in part; the same way leads on.
#[async_trait::async_trait]
pub trait Index: Send + Sync {
    /// The rows most similar to what is sought, in meaning, words or both: best first, equal ones by id. Which of the
    /// equally similar come last and which not at all is the engine's choice.
    ///
    /// Only rows the filter admits compete, so a narrow filter never hides a row behind better ones it excludes.
    ///
    /// # Errors
    ///
    /// A vector of another dimension, not finite or not of unit length; more than [`crate::MAX_NEAREST`] rows asked
    /// for; storage that cannot be read.
    async fn nearest(&self, query: &Query) -> Result<Vec<Hit>, IndexError>;

    /// As [`nearest`](Self::nearest) for each of many queries, in their order. Where they go by meaning and differ in
    /// their vectors alone, one pass over the rows answers all of them.
    ///
    /// # Errors
    ///
    /// As [`nearest`](Self::nearest).
    async fn nearest_each(&self, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, IndexError>;

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

    /// Adds or replaces rows and removes others, and says how many were removed. An id in both lists is removed.
    ///
    /// The embedded engine makes it one write, all or none. A server is asked twice, the rows first: if the second
    /// fails, calling again finishes it.
    ///
    /// # Errors
    ///
    /// As [`Index::upsert`] and [`Index::remove`].
    async fn exchange(&self, rows: Vec<Row>, gone: &[String]) -> Result<usize, IndexError> {
        if !rows.is_empty() {
            self.upsert(rows).await?;
        }
        if gone.is_empty() { Ok(0) } else { self.remove(gone).await }
    }

    /// Removes every row the filter admits, all rows if it asks for nothing, and says how many there were.
    ///
    /// # Errors
    ///
    /// Storage that cannot be written.
    async fn remove_where(&self, filter: &Filter) -> Result<usize, IndexError>;

    /// The row with this id, if there is one.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn get(&self, id: &str) -> Result<Option<Arc<Row>>, IndexError> {
        Ok(self.get_each(vec![id.to_owned()]).await?.pop().flatten())
    }

    /// The rows with these ids, in their order, as far as they are there.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn get_each(&self, ids: Vec<String>) -> Result<Vec<Option<Arc<Row>>>, IndexError>;

    /// A page of up to `limit` rows, in an order of the engine's own that never changes, from the beginning or from
    /// the `next` of an earlier page on. A page may be shorter; the last one is the one without `next`.
    ///
    /// Rows that stay put while pages are read are given exactly once, whatever is written in between.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read; an `after` that no page gave.
    async fn scan(&self, after: Option<&str>, limit: usize, filter: &Filter) -> Result<Page, IndexError>;

    /// How many rows the filter admits.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn count(&self, filter: &Filter) -> Result<usize, IndexError>;

    /// Writes all rows of the tenant into a new `file` that any engine can [`restore`](Self::restore), and says how many.
    ///
    /// The file appears when it is whole. The embedded engine writes the rows of one moment.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read; a file that cannot be written, or is there already.
    async fn snapshot(&self, file: &Path) -> Result<usize, IndexError>;

    /// Replaces all rows of the tenant by those of a snapshot, and says how many there are now.
    ///
    /// The file is checked to its end before anything is changed.
    ///
    /// # Errors
    ///
    /// A file that is not a whole snapshot, or one of another encoder or dimension; storage that cannot be written.
    async fn restore(&self, file: &Path) -> Result<usize, IndexError>;

    /// What the index holds and what it costs.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    async fn stats(&self) -> Result<Stats, IndexError>;
}
