//! The engine that needs no server.
//!
//! Rows and full vectors lie in one `redb` file; memory holds each vector in 8 bits and the fields filters ask for.
//! A query scans all of it, then measures the best again at full precision, read from the file. Readers work on an
//! immutable state that a finished write replaces, so they never wait for a disk.
//!
//! Every call that may touch the file runs on the runtime's blocking threads, small indexes included: even there the
//! second measuring may wait for a disk, and the way over costs less than a tenth of what it protects. Only from
//! there is rayon entered.

mod compact;
mod file;
#[cfg(test)]
mod full_disk;
mod lock;
mod postings;
mod salvage;
mod scan;
mod search;
mod shelf;
mod sieve;
mod store;
mod swap;
mod tables;
mod trouble;
mod words;
mod write;

pub use compact::Compacted;
pub use salvage::{Lost, Salvaged};

use std::path::Path;
use std::sync::Arc;

use crate::row::{MAX_NAME_BYTES, check_name};
use crate::{Filter, Hit, Index, IndexError, Page, Query, Row, Stats};
use file::Source;
use search::Wanted;
use store::Store;
use write::{Change, Put};

/// The banks of one tenant in a data directory, or in memory.
///
/// Cloning it, or asking for another tenant's, shares the file.
#[derive(Debug, Clone)]
pub struct Embedded {
    store: Arc<Store>,
    tenant: Arc<str>,
}

impl Embedded {
    /// Opens `banks.redb` in `directory` for reading and writing, making both where there are none.
    ///
    /// Blocks: the whole file is checked and read. `dimension` and `encoder_digest` are written into a new file and
    /// must fit an old one.
    ///
    /// # Errors
    ///
    /// [`IndexError::Held`] when a process, this one included, has it open for writing already;
    /// [`IndexError::OtherEncoder`]; [`IndexError::Damaged`]; [`IndexError::Storage`].
    pub fn open(
        directory: &Path,
        tenant: &str,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Self, IndexError> {
        Self::over(Source::writing(directory), tenant, dimension, encoder_digest)
    }

    /// Opens `banks.redb` in `directory` for reading, as it is now.
    ///
    /// Blocks like [`Embedded::open`]. Any number of processes may read, beside one that writes; what is written
    /// later is not seen.
    ///
    /// # Errors
    ///
    /// [`IndexError::Missing`] when there is no file: reading never makes one. Otherwise as [`Embedded::open`].
    pub fn open_read_only(
        directory: &Path,
        tenant: &str,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Self, IndexError> {
        Self::over(Source::reading(directory), tenant, dimension, encoder_digest)
    }

    /// An empty index that is gone with its last handle.
    ///
    /// # Errors
    ///
    /// An empty or overlong `tenant`.
    pub fn in_memory(tenant: &str, dimension: usize) -> Result<Self, IndexError> {
        Self::over(Source::Memory, tenant, dimension, "")
    }

    /// The same file for another tenant. Blocks while that tenant's rows are read.
    ///
    /// # Errors
    ///
    /// An empty or overlong `tenant`; [`IndexError::Damaged`]; [`IndexError::Storage`].
    pub fn for_tenant(&self, tenant: &str) -> Result<Self, IndexError> {
        Self::on(Arc::clone(&self.store), tenant)
    }

    fn over(
        source: Source,
        tenant: &str,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Self, IndexError> {
        check_name("tenant", tenant, MAX_NAME_BYTES)?;
        Self::on(Arc::new(Store::open(source, dimension, encoder_digest)?), tenant)
    }

    fn on(store: Arc<Store>, tenant: &str) -> Result<Self, IndexError> {
        check_name("tenant", tenant, MAX_NAME_BYTES)?;
        let tenant: Arc<str> = tenant.into();
        store.admit(&tenant)?;
        Ok(Self { store, tenant })
    }

    /// Writes the file anew without the space that changes have left in it, and says how long it was and is.
    ///
    /// Queries are answered meanwhile; writes wait.
    ///
    /// # Errors
    ///
    /// [`IndexError::ReadOnly`]; [`IndexError::Damaged`]; [`IndexError::Storage`]: the file is as it was then.
    pub async fn compact(&self) -> Result<Compacted, IndexError> {
        self.blocking(|store, _| store.compact()).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, &Arc<str>) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let (store, tenant) = (Arc::clone(&self.store), Arc::clone(&self.tenant));
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(|| work(&store, &tenant)))
            .await
            .map_err(|_| IndexError::Stopped)?
    }
}

#[async_trait::async_trait]
impl Index for Embedded {
    async fn nearest(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
        query.check(self.store.dimension())?;
        let query = query.clone();
        self.blocking(move |store, tenant| store.nearest(tenant, &query)).await
    }

    async fn nearest_each(&self, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, IndexError> {
        queries.iter().try_for_each(|query| query.check(self.store.dimension()))?;
        self.blocking(move |store, tenant| store.nearest_each(tenant, &queries)).await
    }

    async fn upsert(&self, rows: Vec<Row>) -> Result<(), IndexError> {
        self.exchange(rows, &[]).await.map(|_| ())
    }

    async fn exchange(&self, rows: Vec<Row>, gone: &[String]) -> Result<usize, IndexError> {
        rows.iter().try_for_each(|row| row.check(self.store.dimension()))?;
        let gone = gone.to_vec();
        self.blocking(move |store, tenant| {
            let puts = rows.into_iter().map(|row| Put::new(tenant, row)).collect::<Result<_, _>>();
            let puts = puts.map_err(|error| store.refuse(error))?;
            store.change(tenant, Change::Exchange(puts, gone))
        })
        .await
    }

    async fn remove(&self, ids: &[String]) -> Result<usize, IndexError> {
        let ids = ids.to_vec();
        self.blocking(move |store, tenant| store.change(tenant, Change::Exchange(Vec::new(), ids))).await
    }

    async fn remove_where(&self, filter: &Filter) -> Result<usize, IndexError> {
        let filter = filter.clone();
        self.blocking(move |store, tenant| store.change(tenant, Change::RemoveWhere(filter))).await
    }

    async fn get_each(&self, ids: Vec<String>) -> Result<Vec<Option<Arc<Row>>>, IndexError> {
        self.blocking(move |store, tenant| store.rows(tenant, &ids)).await
    }

    async fn scan(&self, after: Option<&str>, limit: usize, filter: &Filter) -> Result<Page, IndexError> {
        let wanted = Wanted { after: after.map(str::to_owned), limit, filter: filter.clone() };
        self.blocking(move |store, tenant| store.page(tenant, &wanted)).await
    }

    async fn count(&self, filter: &Filter) -> Result<usize, IndexError> {
        Ok(self.store.count(&self.tenant, filter))
    }

    async fn snapshot(&self, file: &Path) -> Result<usize, IndexError> {
        let file = file.to_owned();
        self.blocking(move |store, tenant| store.snapshot(tenant, &file)).await
    }

    async fn restore(&self, file: &Path) -> Result<usize, IndexError> {
        let file = file.to_owned();
        self.blocking(move |store, tenant| store.restore(tenant, &file)).await
    }

    async fn stats(&self) -> Result<Stats, IndexError> {
        self.blocking(|store, tenant| store.stats(tenant)).await
    }
}
