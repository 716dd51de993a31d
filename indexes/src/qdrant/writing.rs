//! What is written to the servers: points put and deleted, and whole snapshots, out and in.

use std::collections::HashSet;
use std::path::Path;

use ::qdrant_client::qdrant as wire;

use super::point::{self, point_id};
use super::{PAGE_ROWS, Qdrant};
use crate::snapshot::{Draft, Header, Snapshot};
use crate::{Filter, IndexError, Row};

/// Rows sent to a server at once.
const BATCH_ROWS: usize = 256;
/// And no more than about this many bytes: servers take messages of 32 MiB.
const BATCH_BYTES: usize = 8 << 20;

impl Qdrant {
    pub(super) async fn put(&self, rows: &[Row]) -> Result<(), IndexError> {
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

    pub(super) async fn delete(
        &self,
        which: wire::points_selector::PointsSelectorOneOf,
    ) -> Result<(), IndexError> {
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

    pub(super) async fn delete_ids(&self, ids: impl Iterator<Item = &str>) -> Result<(), IndexError> {
        let ids = ids.map(point_id).collect();
        self.delete(wire::points_selector::PointsSelectorOneOf::Points(wire::PointsIdsList { ids })).await
    }

    pub(super) async fn save(&self, file: &Path) -> Result<usize, IndexError> {
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

    pub(super) async fn load(&self, file: &Path) -> Result<usize, IndexError> {
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

    fn header(&self) -> Header {
        Header { dimension: self.collection.dimension, encoder: self.collection.encoder_digest.clone() }
    }
}

/// Runs what may wait for a disk on the runtime's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| IndexError::Stopped)?
}

/// Rows in shares that a server takes at once.
pub(super) fn batches(rows: &[Row]) -> Vec<&[Row]> {
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
