//! What is asked of the servers: searches, rows by id, pages.

use std::collections::HashMap;
use std::sync::Arc;

use ::qdrant_client::qdrant as wire;

use super::point::{self, DENSE, ID, SPARSE, conditions, point_id, row_id_of, row_of};
use super::{PAGE_ROWS, Qdrant};
use crate::fusion::{FUSED_DEPTH, best_first, fused};
use crate::{Filter, Hit, IndexError, Query, Row, Sought, Terms};

impl Qdrant {
    /// What the queries find, each of them by one side.
    pub(super) async fn plain(&self, queries: &[Query]) -> Result<Vec<Vec<Hit>>, IndexError> {
        // A query by words without words is not asked, and finds nothing.
        let asked: Vec<_> = queries.iter().map(|query| self.side(query, query.k, false)).collect();
        let is_asked: Vec<bool> = asked.iter().map(|sides| !sides.is_empty()).collect();
        let mut found = self.ask(asked.into_iter().flatten().collect()).await?.into_iter();
        let mut answers = Vec::with_capacity(queries.len());
        for (query, asked) in queries.iter().zip(is_asked) {
            let points = if asked { found.next().unwrap_or_default() } else { Vec::new() };
            let mut hits = Vec::with_capacity(points.len());
            for point in points {
                let row = Arc::new(row_of(point.payload, point.vectors)?);
                let similarity = match query.sought {
                    Sought::Dense(_) => point.score.clamp(-1.0, 1.0),
                    Sought::Sparse(_) | Sought::Hybrid(..) => point.score,
                };
                hits.push(Hit { row, similarity });
            }
            best_first(&mut hits);
            answers.push(hits);
        }
        Ok(answers)
    }

    /// The best rows for one side of a query, best first; of each row the id alone if `ids_only`.
    pub(super) fn side(&self, query: &Query, k: usize, ids_only: bool) -> Vec<wire::QueryPoints> {
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

    pub(super) async fn ask(
        &self,
        asked: Vec<wire::QueryPoints>,
    ) -> Result<Vec<Vec<wire::ScoredPoint>>, IndexError> {
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

    pub(super) async fn hybrid(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
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
    pub(super) async fn rows(
        &self,
        ids: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, Arc<Row>>, IndexError> {
        let points = self.points(ids, true).await?;
        let rows = points.into_iter().map(|point| row_of(point.payload, point.vectors));
        rows.map(|row| row.map(|row| (row.id.clone(), Arc::new(row)))).collect()
    }

    pub(super) async fn points(
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

    pub(super) async fn page(
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
