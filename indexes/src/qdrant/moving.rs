//! From one encoder's collection to another's.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use super::writing::batches;
use super::{PAGE_ROWS, Qdrant};
use crate::{Filter, IndexError, Row};

/// Why a text has no vector.
type NoVector = Box<dyn Error + Send + Sync>;

impl Qdrant {
    /// Embeds every row of the tenant's collection in use into this one, then moves the tenant's alias here, in one
    /// step; says how many rows were embedded. Nothing is done where this collection is in use already.
    ///
    /// Other processes go on reading the old collection, and may write to it until the alias moves: the old rows are
    /// gone through again until nothing was left to do. What was embedded by an earlier call that broke off is not
    /// embedded again. Several processes may do it at once.
    ///
    /// - *Shape*: `embed` gets `[n]` texts and gives `[n]` vectors of this collection's dimension, of length 1.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unembedded`]; a vector that is none; [`IndexError::Unavailable`]; [`IndexError::Refused`]. The old
    /// collection stays in use then.
    pub async fn take_over(
        &self,
        embed: impl AsyncFn(&[&str]) -> Result<Vec<Vec<f32>>, NoVector>,
    ) -> Result<usize, IndexError> {
        self.collection.make(&self.nodes).await?;
        let mut embedded = 0;
        while let Some(old) = self.predecessor().await? {
            let (added, removed) = (self.add_from(&old, &embed).await?, self.remove_all_but(&old).await?);
            embedded += added;
            if added + removed == 0 && self.is_used(&old).await? {
                self.collection.put_in_use(&self.nodes).await?;
            }
        }
        Ok(embedded)
    }

    /// The tenant's collection in use, where it is another one.
    async fn predecessor(&self) -> Result<Option<Self>, IndexError> {
        let used = self
            .collection
            .in_use(&self.nodes, "take over")
            .await?
            .filter(|used| *used != self.collection.name);
        let old = used.map(|name| Arc::new(self.collection.sibling(name)));
        Ok(old.map(|collection| Self { nodes: Arc::clone(&self.nodes), collection, ready: Arc::default() }))
    }

    async fn is_used(&self, old: &Self) -> Result<bool, IndexError> {
        Ok(self.collection.in_use(&self.nodes, "take over").await?.as_ref() == Some(&old.collection.name))
    }

    /// Embeds the rows of `old` that are not here, or here with other fields.
    async fn add_from(
        &self,
        old: &Self,
        embed: &impl AsyncFn(&[&str]) -> Result<Vec<Vec<f32>>, NoVector>,
    ) -> Result<usize, IndexError> {
        let (mut added, mut after) = (0, None::<String>);
        loop {
            let (rows, next) = old.page(after.as_deref(), PAGE_ROWS, &Filter::default()).await?;
            let mut here = self.rows(rows.iter().map(|row| row.id.as_str())).await?;
            let lacking = rows.into_iter().filter(|row| {
                let mine = here.remove(&row.id).map(Arc::unwrap_or_clone);
                mine.is_none_or(|mine| Row { vector: row.vector.clone(), ..mine } != *row)
            });
            let lacking: Vec<Row> = lacking.collect();
            if !lacking.is_empty() {
                // Once another process has put this collection in use, its rows are newer than the old ones.
                if !self.is_used(old).await? {
                    return Ok(added);
                }
                added += lacking.len();
                self.put_embedded(lacking, embed).await?;
            }
            after = next;
            if after.is_none() {
                return Ok(added);
            }
        }
    }

    async fn put_embedded(
        &self,
        mut rows: Vec<Row>,
        embed: &impl AsyncFn(&[&str]) -> Result<Vec<Vec<f32>>, NoVector>,
    ) -> Result<(), IndexError> {
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let vectors = embed(&texts).await.map_err(|source| IndexError::Unembedded { source })?;
        let mut vectors = vectors.into_iter();
        for row in &mut rows {
            row.vector = vectors.next().unwrap_or_default();
            row.check(self.collection.dimension)?;
        }
        for batch in batches(&rows) {
            self.put(batch).await?;
        }
        Ok(())
    }

    /// Removes the rows that `old` has not.
    async fn remove_all_but(&self, old: &Self) -> Result<usize, IndexError> {
        let (mut removed, mut after) = (0, None::<String>);
        loop {
            let (rows, next) = self.page(after.as_deref(), PAGE_ROWS, &Filter::default()).await?;
            let there = old.rows(rows.iter().map(|row| row.id.as_str())).await?;
            let gone: HashSet<&str> =
                rows.iter().map(|row| row.id.as_str()).filter(|id| !there.contains_key(*id)).collect();
            if !gone.is_empty() {
                if !self.is_used(old).await? {
                    return Ok(removed);
                }
                removed += gone.len();
                self.delete_ids(gone.into_iter()).await?;
            }
            after = next;
            if after.is_none() {
                return Ok(removed);
            }
        }
    }
}
