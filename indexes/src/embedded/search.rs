//! What a store answers.

use std::sync::Arc;

use super::file::CACHE_BYTES;
use super::scan::{Candidate, candidates, cosine};
use super::shelf::Quantized;
use super::sieve::Sieve;
use super::store::{Store, Tenant};
use crate::{Filter, Hit, IndexError, Query, Row, Stats};

/// At least this many candidates are measured again at full precision.
const RESCORED: usize = 40;
/// And at least this many for each row asked for.
const RESCORED_PER_HIT: usize = 4;

/// Which rows [`Store::page`] gives.
pub(super) struct Page {
    pub(super) after: Option<String>,
    pub(super) limit: usize,
    pub(super) filter: Filter,
}

impl Store {
    pub(super) fn nearest(&self, tenant: &str, query: &Query) -> Result<Vec<Hit>, IndexError> {
        self.reading(tenant, |tables, Tenant { shelf, symbols }| {
            let Some(sieve) = Sieve::new(&query.filter, symbols).filter(|_| query.k > 0) else {
                return Ok(Vec::new());
            };
            let n = RESCORED.max(query.k * RESCORED_PER_HIT);
            let mut measured = Vec::new();
            for candidate in candidates(shelf, &Quantized::new(&query.vector), &sieve, n) {
                let vector = tables.vector((tenant, candidate.id), self.about.dimension)?;
                let vector = vector.ok_or_else(|| self.lost(candidate.id))?;
                let score = cosine(&query.vector, &vector);
                if score >= query.minimum {
                    measured.push((Candidate { score, ..candidate }, vector));
                }
            }
            measured.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
            measured.truncate(query.k);
            let hit = |(Candidate { score, id }, vector)| {
                let row = tables.row((tenant, id), vector)?.ok_or_else(|| self.lost(id))?;
                Ok(Hit { row: Arc::new(row), similarity: score })
            };
            measured.into_iter().map(hit).collect()
        })
    }

    pub(super) fn row(&self, tenant: &str, id: &str) -> Result<Option<Arc<Row>>, IndexError> {
        self.reading(tenant, |tables, _| {
            let Some(vector) = tables.vector((tenant, id), self.about.dimension)? else { return Ok(None) };
            Ok(tables.row((tenant, id), vector)?.map(Arc::new))
        })
    }

    pub(super) fn page(
        &self,
        tenant: &str,
        Page { after, limit, filter }: &Page,
    ) -> Result<Vec<Arc<Row>>, IndexError> {
        self.reading(tenant, |tables, _| {
            let mut page = Vec::new();
            if *limit == 0 {
                return Ok(page);
            }
            tables.visit(tenant, after.as_deref(), |id, record| {
                let mut row = record.into_row(id, Vec::new());
                if filter.admits(&row) {
                    let vector = tables.vector((tenant, id), self.about.dimension)?;
                    row.vector = vector.ok_or_else(|| self.lost(id))?;
                    page.push(Arc::new(row));
                }
                Ok(page.len() < *limit)
            })?;
            Ok(page)
        })
    }

    pub(super) fn count(&self, tenant: &str, filter: &Filter) -> usize {
        self.state().tenants.get(tenant).map_or(0, |Tenant { shelf, symbols }| {
            let sieve = Sieve::new(filter, symbols);
            sieve.map_or(0, |sieve| shelf.iter().filter(|slot| sieve.passes(slot.entry)).count())
        })
    }

    pub(super) fn stats(&self, tenant: &str) -> Result<Stats, IndexError> {
        let mut stats = Stats {
            engine: "embedded",
            dimension: self.about.dimension,
            encoder_digest: self.about.encoder_digest.clone(),
            cache_limit_bytes: CACHE_BYTES,
            file_bytes: self.source.bytes()?,
            ..Stats::default()
        };
        if let Some(Tenant { shelf, symbols }) = self.state().tenants.get(tenant) {
            let names = symbols.names();
            for slot in shelf.iter() {
                if let Some(bank) = names.get(&slot.entry.bank) {
                    *stats.banks.entry(bank.clone()).or_default() += 1;
                }
            }
            stats.rows = shelf.rows();
            (stats.vector_bytes, stats.entry_bytes) = shelf.bytes();
        }
        Ok(stats)
    }
}
