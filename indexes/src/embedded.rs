//! The engine that needs no server.
//!
//! Rows and full vectors lie in one `redb` file; memory holds each vector in 8 bits and the fields filters ask for.
//! A query scans all of it, then measures the best again at full precision, read from the file. Readers work on an
//! immutable state that a finished write replaces, so they never wait for a disk.
//!
//! Every call that may touch the file runs on the runtime's blocking threads, small indexes included: even there the
//! second measuring may wait for a disk, and the way over costs less than a tenth of what it protects. Only from
//! there is rayon entered.

mod file;
#[cfg(test)]
mod full_disk;
mod record;
mod scan;
mod search;
mod shelf;
mod sieve;
mod store;
mod tables;
mod trouble;

use std::path::Path;
use std::sync::Arc;

use crate::row::{MAX_NAME_BYTES, check_name};
use crate::{Filter, Hit, Index, IndexError, Query, Row, Stats};
use file::Source;
use search::Page;
use store::Store;

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

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, &str) -> Result<T, IndexError> + Send + 'static,
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

    async fn upsert(&self, rows: Vec<Row>) -> Result<(), IndexError> {
        rows.iter().try_for_each(|row| row.check(self.store.dimension()))?;
        self.blocking(move |store, tenant| store.upsert(tenant, &rows)).await
    }

    async fn remove(&self, ids: &[String]) -> Result<usize, IndexError> {
        let ids = ids.to_vec();
        self.blocking(move |store, tenant| store.remove(tenant, &ids)).await
    }

    async fn get(&self, id: &str) -> Result<Option<Arc<Row>>, IndexError> {
        let id = id.to_owned();
        self.blocking(move |store, tenant| store.row(tenant, &id)).await
    }

    async fn scan(
        &self,
        after: Option<&str>,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<Row>>, IndexError> {
        let page = Page { after: after.map(str::to_owned), limit, filter: filter.clone() };
        self.blocking(move |store, tenant| store.page(tenant, &page)).await
    }

    async fn count(&self, filter: &Filter) -> Result<usize, IndexError> {
        Ok(self.store.count(&self.tenant, filter))
    }

    async fn stats(&self) -> Result<Stats, IndexError> {
        self.blocking(Store::stats).await
    }
}
