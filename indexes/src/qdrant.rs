//! The engine for more than one machine: Qdrant over gRPC.
//!
//! A tenant's rows of one encoder are one collection. Its name is made of the tenant, the encoder's digest and the
//! dimension, so no query can meet vectors of another kind or rows of another tenant. An alias of the tenant's says
//! which of its collections is in use; it moves when another encoder's collection is complete.
//!
//! A point's id is derived from the row's; the row itself is one exact string in the payload, and what filters ask for
//! stands beside it in fields of their own. Words are weighed here and their rarity is the server's (its modifier
//! `idf`); hybrid answers are fused here, as everywhere.

mod breaker;
mod collection;
mod nodes;
mod options;
mod point;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ::qdrant_client::qdrant as wire;

use crate::fusion::{FUSED_DEPTH, best_first, fused};
use crate::row::{MAX_NAME_BYTES, check_name};
use crate::snapshot::{Draft, Header, Snapshot};
use crate::{Filter, Hit, Index, IndexError, Page, Query, Row, Sought, Stats, Terms};
use collection::Collection;
use nodes::Nodes;
pub use nodes::{Node, NodeState};
pub use options::{ApiKey, QdrantOptions, ReadFrom, WriteOrder};
use point::{DENSE, ID, SPARSE, conditions, point_id, row_id_of, row_of};

/// Rows sent to a server at once.
const BATCH_ROWS: usize = 256;
/// And no more than about this many bytes: servers take messages of 32 MiB.
const BATCH_BYTES: usize = 8 << 20;
/// Rows asked of a server at once.
const PAGE_ROWS: usize = 512;
/// The most banks [`Stats`] counts one by one.
const MOST_BANKS: u64 = 10_000;

/// The banks of one tenant on Qdrant servers.
///
/// Cloning it, or asking for another tenant's, shares the connections.
#[derive(Debug, Clone)]
pub struct Qdrant {
    nodes: Arc<Nodes>,
    collection: Arc<Collection>,
}

impl Qdrant {
    /// Connects, and makes the tenant's collection for this encoder where there is none. The tenant's alias is made
    /// with its first collection and stays where it is afterwards, see [`Qdrant::put_in_use`].
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
        let nodes = Arc::new(Nodes::new(options)?);
        Self::on(nodes, tenant, (dimension, encoder_digest)).await
    }

    /// The same servers and encoder for another tenant.
    ///
    /// # Errors
    ///
    /// As [`Qdrant::connect`].
    pub async fn for_tenant(&self, tenant: &str) -> Result<Self, IndexError> {
        let encoder = (self.collection.dimension, self.collection.encoder_digest.as_str());
        Self::on(Arc::clone(&self.nodes), tenant, encoder).await
    }

    /// The same servers and tenant for another encoder: the collection to embed all rows into before it is
    /// [put in use](Qdrant::put_in_use).
    ///
    /// # Errors
    ///
    /// As [`Qdrant::connect`].
    pub async fn for_encoder(&self, dimension: usize, encoder_digest: &str) -> Result<Self, IndexError> {
        Self::on(Arc::clone(&self.nodes), &self.collection.tenant, (dimension, encoder_digest)).await
    }

    async fn on(
        nodes: Arc<Nodes>,
        tenant: &str,
        (dimension, encoder_digest): (usize, &str),
    ) -> Result<Self, IndexError> {
        check_name("tenant", tenant, MAX_NAME_BYTES)?;
        let collection = Collection::new(&nodes.options().prefix, tenant, (dimension, encoder_digest));
        collection.make(&nodes).await?;
        Ok(Self { nodes, collection: Arc::new(collection) })
    }

    /// Whether the tenant's alias names this collection.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unavailable`]; [`IndexError::Refused`].
    pub async fn is_in_use(&self) -> Result<bool, IndexError> {
        let used = self.collection.in_use(&self.nodes).await?;
        Ok(used.is_some_and(|used| used == self.collection.name))
    }

    /// Moves the tenant's alias here, in one step.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unavailable`]; [`IndexError::Refused`].
    pub async fn put_in_use(&self) -> Result<(), IndexError> {
        self.collection.put_in_use(&self.nodes).await
    }

    /// Every node and whether it answers now.
    pub async fn nodes(&self) -> Vec<Node> {
        self.nodes.look().await
    }

    /// The best rows for one side of a query, best first; of each row the id alone if `ids_only`.
    fn side(&self, query: &Query, k: usize, ids_only: bool) -> Vec<wire::QueryPoints> {
        let ask =
            |input: wire::vector_input::Variant, using: &str, threshold: Option<f32>| wire::QueryPoints {
                collection_name: self.collection.name.clone(),
                query: Some(wire::Query {
                    variant: Some(wire::query::Variant::Nearest(wire::VectorInput { variant: Some(input) })),
                }),
                using: Some(using.to_owned()),
                filter: conditions(&query.filter),
                params: self
                    .nodes
                    .options()
                    .exact
                    .then(|| wire::SearchParams { exact: Some(true), ..wire::SearchParams::default() }),
                score_threshold: threshold,
                limit: Some(k as u64),
                with_payload: Some(if ids_only { only(ID) } else { true.into() }),
                with_vectors: (!ids_only).then(vectors),
                read_consistency: self.nodes.options().read.wire(),
                ..wire::QueryPoints::default()
            };
        let dense = |vector: &Vec<f32>| {
            // A cosine of -1 may come out a little less; who asks for -1 means all.
            let threshold = Some(query.minimum).filter(|minimum| *minimum > -1.0);
            ask(
                wire::vector_input::Variant::Dense(wire::DenseVector { data: vector.clone() }),
                DENSE,
                threshold,
            )
        };
        let sparse = |terms: &Terms| {
            let indices: Vec<u32> = terms.iter().map(|(term, _)| term).collect();
            let values = vec![1.0; indices.len()];
            ask(wire::vector_input::Variant::Sparse(wire::SparseVector { values, indices }), SPARSE, None)
        };
        match &query.sought {
            Sought::Dense(vector) => vec![dense(vector)],
            // The server refuses a vector without numbers; such a query finds nothing.
            Sought::Sparse(terms) if terms.is_empty() => Vec::new(),
            Sought::Sparse(terms) => vec![sparse(terms)],
            Sought::Hybrid(vector, terms) if terms.is_empty() => vec![dense(vector)],
            Sought::Hybrid(vector, terms) => vec![dense(vector), sparse(terms)],
        }
    }

    async fn ask(&self, asked: Vec<wire::QueryPoints>) -> Result<Vec<Vec<wire::ScoredPoint>>, IndexError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let request = wire::QueryBatchPoints {
            collection_name: self.collection.name.clone(),
            query_points: asked,
            read_consistency: self.nodes.options().read.wire(),
            ..wire::QueryBatchPoints::default()
        };
        let answer = self.nodes.call("search", |client| {
            let request = request.clone();
            async move { client.query_batch(request).await }
        });
        Ok(answer.await?.result.into_iter().map(|side| side.result).collect())
    }

    async fn hybrid(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
        let asked = self.side(query, query.k.max(FUSED_DEPTH), true);
        let mut rankings: Vec<Vec<String>> = Vec::new();
        for side in self.ask(asked).await? {
            let mut ranking = Vec::with_capacity(side.len());
            for point in side {
                ranking.push((point.score, row_id_of(point.payload)?));
            }
            ranking.sort_unstable_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
            rankings.push(ranking.into_iter().map(|(_, id)| id).collect());
        }
        let ranking = |side: usize| -> Vec<&str> {
            rankings.get(side).map(|ids| ids.iter().map(String::as_str).collect()).unwrap_or_default()
        };
        let best = fused([&ranking(0), &ranking(1)], query.k);
        let rows = self.rows(best.iter().map(|(id, _)| *id)).await?;
        // A row that was removed between the two calls is no answer.
        let hit = |(id, similarity): &(&str, f32)| {
            Some(Hit { row: Arc::clone(rows.get(*id)?), similarity: *similarity })
        };
        Ok(best.iter().filter_map(hit).collect())
    }

    /// The rows with these ids, as far as they are there.
    async fn rows(&self, ids: impl Iterator<Item = &str>) -> Result<HashMap<String, Arc<Row>>, IndexError> {
        let points = self.points(ids, true).await?;
        let rows = points.into_iter().map(|point| row_of(point.payload, point.vectors));
        rows.map(|row| row.map(|row| (row.id.clone(), Arc::new(row)))).collect()
    }

    async fn points(
        &self,
        ids: impl Iterator<Item = &str>,
        whole: bool,
    ) -> Result<Vec<wire::RetrievedPoint>, IndexError> {
        let ids: Vec<wire::PointId> = ids.map(point_id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let request = wire::GetPoints {
            collection_name: self.collection.name.clone(),
            ids,
            with_payload: Some(if whole { true.into() } else { only(ID) }),
            with_vectors: whole.then(vectors),
            read_consistency: self.nodes.options().read.wire(),
            ..wire::GetPoints::default()
        };
        let answer = self.nodes.call("read", |client| {
            let request = request.clone();
            async move { client.get_points(request).await }
        });
        Ok(answer.await?.result)
    }

    async fn page(
        &self,
        after: Option<&str>,
        limit: usize,
        filter: &Filter,
    ) -> Result<(Vec<Row>, Option<String>), IndexError> {
        let offset = after.map(point::cursor).transpose()?;
        let request = wire::ScrollPoints {
            collection_name: self.collection.name.clone(),
            filter: conditions(filter),
            offset,
            limit: Some(u32::try_from(limit.min(PAGE_ROWS)).unwrap_or(u32::MAX)),
            with_payload: Some(true.into()),
            with_vectors: Some(vectors()),
            read_consistency: self.nodes.options().read.wire(),
            ..wire::ScrollPoints::default()
        };
        let answer = self.nodes.call("read", |client| {
            let request = request.clone();
            async move { client.scroll(request).await }
        });
        let answer = answer.await?;
        let rows = answer.result.into_iter().map(|point| row_of(point.payload, point.vectors));
        Ok((rows.collect::<Result<_, _>>()?, answer.next_page_offset.and_then(point::cursor_text)))
    }

    async fn put(&self, rows: &[Row]) -> Result<(), IndexError> {
        let request = wire::UpsertPoints {
            collection_name: self.collection.name.clone(),
            wait: Some(true),
            points: rows.iter().map(point::point).collect::<Result<_, _>>()?,
            ordering: Some(self.nodes.options().write.wire()),
            ..wire::UpsertPoints::default()
        };
        let written = self.nodes.call("write", |client| {
            let request = request.clone();
            async move { client.upsert_points(request).await }
        });
        written.await.map(|_| ())
    }

    async fn delete(&self, which: wire::points_selector::PointsSelectorOneOf) -> Result<(), IndexError> {
        let request = wire::DeletePoints {
            collection_name: self.collection.name.clone(),
            wait: Some(true),
            points: Some(wire::PointsSelector { points_selector_one_of: Some(which) }),
            ordering: Some(self.nodes.options().write.wire()),
            ..wire::DeletePoints::default()
        };
        let written = self.nodes.call("write", |client| {
            let request = request.clone();
            async move { client.delete_points(request).await }
        });
        written.await.map(|_| ())
    }

    async fn delete_ids(&self, ids: impl Iterator<Item = &str>) -> Result<(), IndexError> {
        let ids = ids.map(point_id).collect();
        self.delete(wire::points_selector::PointsSelectorOneOf::Points(wire::PointsIdsList { ids })).await
    }

    fn header(&self) -> Header {
        Header { dimension: self.collection.dimension, encoder: self.collection.encoder_digest.clone() }
    }
}

fn vectors() -> wire::WithVectorsSelector {
    let names = vec![DENSE.to_owned()];
    let only = wire::with_vectors_selector::SelectorOptions::Include(wire::VectorsSelector { names });
    wire::WithVectorsSelector { selector_options: Some(only) }
}

fn only(field: &str) -> wire::WithPayloadSelector {
    let fields = vec![field.to_owned()];
    wire::WithPayloadSelector {
        selector_options: Some(wire::with_payload_selector::SelectorOptions::Include(
            wire::PayloadIncludeSelector { fields },
        )),
    }
}

/// Runs what may wait for a disk on the runtime's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| IndexError::Stopped)?
}

/// Rows in shares that a server takes at once.
fn batches(rows: &[Row]) -> Vec<&[Row]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        let size = row.text.len() + size_of_val(row.vector.as_slice()) + row.terms.iter().len() * 16;
        if at > start && (at - start == BATCH_ROWS || bytes + size > BATCH_BYTES) {
            batches.extend(rows.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    batches.extend(rows.get(start..).filter(|rest| !rest.is_empty()));
    batches
}

#[async_trait::async_trait]
impl Index for Qdrant {
    async fn nearest(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
        query.check(self.collection.dimension)?;
        if query.k == 0 {
            return Ok(Vec::new());
        }
        if matches!(query.sought, Sought::Hybrid(..)) {
            return self.hybrid(query).await;
        }
        let mut hits = Vec::new();
        for point in self.ask(self.side(query, query.k, false)).await?.into_iter().flatten() {
            let row = Arc::new(row_of(point.payload, point.vectors)?);
            let similarity = match query.sought {
                Sought::Dense(_) => point.score.clamp(-1.0, 1.0),
                Sought::Sparse(_) | Sought::Hybrid(..) => point.score,
            };
            hits.push(Hit { row, similarity });
        }
        best_first(&mut hits);
        Ok(hits)
    }

    async fn upsert(&self, rows: Vec<Row>) -> Result<(), IndexError> {
        rows.iter().try_for_each(|row| row.check(self.collection.dimension))?;
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
        let admitted = self.count(filter).await?;
        let filter = conditions(filter).unwrap_or_default();
        self.delete(wire::points_selector::PointsSelectorOneOf::Filter(filter)).await?;
        Ok(admitted)
    }

    async fn get(&self, id: &str) -> Result<Option<Arc<Row>>, IndexError> {
        Ok(self.rows(std::iter::once(id)).await?.remove(id))
    }

    async fn scan(&self, after: Option<&str>, limit: usize, filter: &Filter) -> Result<Page, IndexError> {
        if limit == 0 {
            return Ok(Page { rows: Vec::new(), next: after.map(str::to_owned) });
        }
        let (rows, next) = self.page(after, limit, filter).await?;
        Ok(Page { rows: rows.into_iter().map(Arc::new).collect(), next })
    }

    async fn count(&self, filter: &Filter) -> Result<usize, IndexError> {
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
        let (file, header) = (file.to_owned(), self.header());
        let mut draft = blocking(move || Draft::new(&file, &header)).await?;
        let mut after: Option<String> = None;
        loop {
            let (rows, next) = self.page(after.as_deref(), PAGE_ROWS, &Filter::default()).await?;
            draft = blocking(move || {
                rows.iter().try_for_each(|row| draft.add(row))?;
                Ok(draft)
            })
            .await?;
            if next.is_none() {
                return blocking(move || draft.finish()).await;
            }
            after = next;
        }
    }

    async fn restore(&self, file: &Path) -> Result<usize, IndexError> {
        let (file, header) = (file.to_owned(), self.header());
        let mut snapshot = blocking(move || {
            Snapshot::check(&file, &header)?;
            Snapshot::open(&file)
        })
        .await?;
        let mut kept = HashSet::new();
        loop {
            let (rows, rest) = blocking(move || {
                let rows = snapshot.by_ref().take(BATCH_ROWS).collect::<Result<Vec<Row>, _>>()?;
                Ok((rows, snapshot))
            })
            .await?;
            snapshot = rest;
            if rows.is_empty() {
                break;
            }
            kept.extend(rows.iter().map(|row| row.id.clone()));
            for batch in batches(&rows) {
                self.put(batch).await?;
            }
        }
        // What the snapshot has not goes last: at no moment is there less than it holds.
        let mut after: Option<String> = None;
        loop {
            let (rows, next) = self.page(after.as_deref(), PAGE_ROWS, &Filter::default()).await?;
            let gone: Vec<&str> =
                rows.iter().map(|row| row.id.as_str()).filter(|id| !kept.contains(*id)).collect();
            if !gone.is_empty() {
                self.delete_ids(gone.into_iter()).await?;
            }
            if next.is_none() {
                return Ok(kept.len());
            }
            after = next;
        }
    }

    async fn stats(&self) -> Result<Stats, IndexError> {
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
