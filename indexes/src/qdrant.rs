//! The engine for more than one machine: Qdrant over gRPC.
//!
//! A tenant's rows of one encoder are one collection. Its name is made of the tenant, the encoder's digest and the
//! dimension, so no query can meet vectors of another kind or rows of another tenant. An alias of the tenant's says
//! which of its collections is in use; it moves when another encoder's collection is complete.
//!
//! A point's id is derived from the row's; the row itself is one exact string in the payload, and what filters ask for
//! stands beside it in fields of their own. Words are weighed here and their rarity is the server's (its modifier
//! `idf`); hybrid answers are fused here, as everywhere.

mod asking;
mod breaker;
mod collection;
mod moving;
mod nodes;
mod options;
mod point;
mod writing;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ::qdrant_client::qdrant as wire;
use tokio::sync::OnceCell;

use crate::row::{MAX_NAME_BYTES, check_name};
use crate::{Filter, Hit, Index, IndexError, Page, Query, Row, Sought, Stats};
use collection::Collection;
use nodes::Nodes;
pub use nodes::{Node, NodeState};
pub use options::{ApiKey, QdrantOptions, ReadFrom, WriteOrder};
use point::conditions;
use writing::batches;

/// Rows asked of a server at once.
const PAGE_ROWS: usize = 512;
/// Queries asked of a server at once: their answers have to fit a message.
const QUERIES_AT_ONCE: usize = 64;
/// The most banks [`Stats`] counts one by one.
const MOST_BANKS: u64 = 10_000;

/// The banks of one tenant on Qdrant servers.
///
/// Cloning it, or asking for another tenant's, shares the connections. A collection that is not [in
/// use](Qdrant::is_in_use) answers no question and takes no row: every call is [`IndexError::NotInUse`] until it is.
#[derive(Debug, Clone)]
pub struct Qdrant {
    nodes: Arc<Nodes>,
    collection: Arc<Collection>,
    /// Set once the collection was made and found in use.
    ready: Arc<OnceCell<()>>,
}

impl Qdrant {
    /// Connects, and makes the tenant's collection for this encoder where there is none. The tenant's alias is made
    /// with its first collection and stays where it is afterwards, see [`Qdrant::take_over`].
    ///
    /// # Errors
    ///
    /// An empty or overlong `tenant`; options that cannot be; [`IndexError::Unavailable`]; [`IndexError::Refused`].
    pub async fn connect(
        options: QdrantOptions,
        tenant: &str,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Self, IndexError> {
        let index = Self::unconnected(options, tenant, dimension, encoder_digest)?;
        index.prepare().await?;
        Ok(index)
    }

    /// The same without asking any server: the first call does what [`Qdrant::connect`] does, and so does the next one
    /// until it went well.
    ///
    /// # Errors
    ///
    /// An empty or overlong `tenant`; options that cannot be.
    pub fn unconnected(
        options: QdrantOptions,
        tenant: &str,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Self, IndexError> {
        Self::on(Arc::new(Nodes::new(options)?), tenant, (dimension, encoder_digest))
    }

    /// The same servers and encoder for another tenant.
    ///
    /// # Errors
    ///
    /// As [`Qdrant::connect`].
    pub async fn for_tenant(&self, tenant: &str) -> Result<Self, IndexError> {
        let encoder = (self.collection.dimension, self.collection.encoder_digest.as_str());
        let index = Self::on(Arc::clone(&self.nodes), tenant, encoder)?;
        index.prepare().await?;
        Ok(index)
    }

    /// The same servers and tenant for another encoder: the collection that is to [take over](Qdrant::take_over).
    ///
    /// # Errors
    ///
    /// As [`Qdrant::connect`].
    pub async fn for_encoder(&self, dimension: usize, encoder_digest: &str) -> Result<Self, IndexError> {
        let encoder = (dimension, encoder_digest);
        let index = Self::on(Arc::clone(&self.nodes), &self.collection.tenant, encoder)?;
        index.prepare().await?;
        Ok(index)
    }

    fn on(
        nodes: Arc<Nodes>,
        tenant: &str,
        (dimension, encoder_digest): (usize, &str),
    ) -> Result<Self, IndexError> {
        check_name("tenant", tenant, MAX_NAME_BYTES)?;
        let collection = Collection::new(&nodes.options().prefix, tenant, (dimension, encoder_digest));
        Ok(Self { nodes, collection: Arc::new(collection), ready: Arc::default() })
    }

    /// Makes the collection where it is not there, and says whether it is in use.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unavailable`]; [`IndexError::Refused`].
    pub async fn prepare(&self) -> Result<bool, IndexError> {
        match self.ready().await {
            Ok(()) => Ok(true),
            Err(IndexError::NotInUse { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the tenant's alias names this collection.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unavailable`]; [`IndexError::Refused`].
    pub async fn is_in_use(&self) -> Result<bool, IndexError> {
        self.is_used_for("open").await
    }

    async fn is_used_for(&self, doing: &'static str) -> Result<bool, IndexError> {
        let used = self.collection.in_use(&self.nodes, doing).await?;
        Ok(used.is_some_and(|used| used == self.collection.name))
    }

    /// What comes before every call.
    async fn ready(&self) -> Result<(), IndexError> {
        let prepare = async || {
            self.collection.make(&self.nodes).await?;
            self.writable().await
        };
        self.ready.get_or_try_init(prepare).await.copied()
    }

    /// What comes before every write: where another encoder's collection has taken over, a row written here would be
    /// lost.
    async fn writable(&self) -> Result<(), IndexError> {
        let in_use = self.is_used_for("write").await?;
        in_use.then_some(()).ok_or_else(|| IndexError::NotInUse { tenant: self.collection.tenant.clone() })
    }

    /// Every node and whether it answers now.
    pub async fn nodes(&self) -> Vec<Node> {
        self.nodes.look().await
    }
}

#[async_trait::async_trait]
impl Index for Qdrant {
    async fn nearest(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
        query.check(self.collection.dimension)?;
        self.ready().await?;
        if query.k == 0 {
            return Ok(Vec::new());
        }
        if matches!(query.sought, Sought::Hybrid(..)) {
            return self.hybrid(query).await;
        }
        self.plain(std::slice::from_ref(query)).await.map(|mut hits| hits.pop().unwrap_or_default())
    }

    async fn nearest_each(&self, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, IndexError> {
        queries.iter().try_for_each(|query| query.check(self.collection.dimension))?;
        self.ready().await?;
        let mut hits = Vec::with_capacity(queries.len());
        if queries.iter().any(|query| query.k == 0 || !matches!(query.sought, Sought::Dense(_))) {
            for query in &queries {
                hits.push(self.nearest(query).await?);
            }
            return Ok(hits);
        }
        for share in queries.chunks(QUERIES_AT_ONCE) {
            hits.extend(self.plain(share).await?);
        }
        Ok(hits)
    }

    async fn upsert(&self, rows: Vec<Row>) -> Result<(), IndexError> {
        rows.iter().try_for_each(|row| row.check(self.collection.dimension))?;
        self.ready().await?;
        self.writable().await?;
        let last: HashMap<&str, usize> =
            rows.iter().enumerate().map(|(at, row)| (row.id.as_str(), at)).collect();
        let keep: HashSet<usize> = last.into_values().collect();
        let mut at = 0;
        let mut rows = rows;
        rows.retain(|_| {
            at += 1;
            keep.contains(&(at - 1))
        });
        for batch in batches(&rows) {
            self.put(batch).await?;
        }
        Ok(())
    }

    async fn remove(&self, ids: &[String]) -> Result<usize, IndexError> {
        self.ready().await?;
        self.writable().await?;
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut removed = 0;
        for share in ids.chunks(PAGE_ROWS) {
            removed += self.points(share.iter().copied(), false).await?.len();
            self.delete_ids(share.iter().copied()).await?;
        }
        Ok(removed)
    }

    async fn remove_where(&self, filter: &Filter) -> Result<usize, IndexError> {
        self.ready().await?;
        self.writable().await?;
        let admitted = self.count(filter).await?;
        let filter = conditions(filter).unwrap_or_default();
        self.delete(wire::points_selector::PointsSelectorOneOf::Filter(filter)).await?;
        Ok(admitted)
    }

    async fn get_each(&self, ids: Vec<String>) -> Result<Vec<Option<Arc<Row>>>, IndexError> {
        self.ready().await?;
        let mut found = HashMap::new();
        for share in ids.chunks(PAGE_ROWS) {
            found.extend(self.rows(share.iter().map(String::as_str)).await?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn scan(&self, after: Option<&str>, limit: usize, filter: &Filter) -> Result<Page, IndexError> {
        self.ready().await?;
        if limit == 0 {
            return Ok(Page { rows: Vec::new(), next: after.map(str::to_owned) });
        }
        let (rows, next) = self.page(after, limit, filter).await?;
        Ok(Page { rows: rows.into_iter().map(Arc::new).collect(), next })
    }

    async fn count(&self, filter: &Filter) -> Result<usize, IndexError> {
        self.ready().await?;
        let request = wire::CountPoints {
            collection_name: self.collection.name.clone(),
            filter: conditions(filter),
            exact: Some(true),
            read_consistency: self.nodes.options().read.wire(),
            ..wire::CountPoints::default()
        };
        let answer = self.nodes.call("count", |client| {
            let request = request.clone();
            async move { client.count(request).await }
        });
        let count = answer.await?.result.map_or(0, |result| result.count);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    async fn snapshot(&self, file: &Path) -> Result<usize, IndexError> {
        self.ready().await?;
        self.save(file).await
    }

    async fn restore(&self, file: &Path) -> Result<usize, IndexError> {
        self.ready().await?;
        self.writable().await?;
        self.load(file).await
    }

    async fn stats(&self) -> Result<Stats, IndexError> {
        self.ready().await?;
        let request = wire::FacetCounts {
            collection_name: self.collection.name.clone(),
            key: point::BANK.to_owned(),
            limit: Some(MOST_BANKS),
            exact: Some(true),
            read_consistency: self.nodes.options().read.wire(),
            ..wire::FacetCounts::default()
        };
        let answer = self.nodes.call("count", |client| {
            let request = request.clone();
            async move { client.facet(request).await }
        });
        let banks = answer.await?.hits.into_iter().filter_map(|hit| {
            let wire::facet_value::Variant::StringValue(bank) = hit.value?.variant? else { return None };
            Some((bank, usize::try_from(hit.count).ok()?))
        });
        Ok(Stats {
            engine: "qdrant",
            rows: self.count(&Filter::default()).await?,
            banks: banks.collect(),
            dimension: self.collection.dimension,
            encoder_digest: self.collection.encoder_digest.clone(),
            ..Stats::default()
        })
    }
}
