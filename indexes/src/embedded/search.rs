//! What a store answers.

use std::path::Path;
use std::sync::Arc;

use super::file::CACHE_BYTES;
use super::scan::{Candidate, Probe, candidates, cosine};
use super::sieve::Sieve;
use super::store::{Store, Tenant};
use super::tables::Tables;
use super::words::wordy;
use super::write::Change;
use crate::fusion::{FUSED_DEPTH, fused};
use crate::snapshot::{Draft, Header, Snapshot};
use crate::{Filter, Hit, IndexError, Page, Query, Row, Sought, Stats, Terms};

/// At least this many candidates are measured again at full precision.
const RESCORED: usize = 40;
/// And at least this many for each row asked for.
const RESCORED_PER_HIT: usize = 4;

/// Which rows [`Store::page`] gives.
pub(super) struct Wanted {
    pub(super) after: Option<String>,
    pub(super) limit: usize,
    pub(super) filter: Filter,
}

/// One query's view of a tenant's rows.
struct Look<'a> {
    store: &'a Store,
    name: &'a str,
    tables: &'a Tables,
    tenant: &'a Tenant,
    sieve: Sieve,
}

impl Store {
    pub(super) fn nearest(&self, name: &str, query: &Query) -> Result<Vec<Hit>, IndexError> {
        self.reading(name, |tables, tenant| {
            let Some(sieve) = Sieve::new(&query.filter, &tenant.symbols).filter(|_| query.k > 0) else {
                return Ok(Vec::new());
            };
            let look = Look { store: self, name, tables, tenant, sieve };
            let best = match &query.sought {
                Sought::Dense(vector) => look.alike(vector, query.minimum, query.k)?,
                Sought::Sparse(terms) => look.wordy(terms, query.k),
                Sought::Hybrid(vector, terms) => {
                    let depth = query.k.max(FUSED_DEPTH);
                    let [dense, sparse] =
                        [look.alike(vector, query.minimum, depth)?, look.wordy(terms, depth)].map(ids);
                    let fused = fused([&dense, &sparse], query.k);
                    fused.into_iter().map(|(id, score)| Candidate { score, id }).collect()
                }
            };
            best.into_iter().map(|candidate| look.hit(candidate)).collect()
        })
    }

    /// As [`Store::nearest`] for each. Queries by meaning that differ in their vectors alone share one scan.
    pub(super) fn nearest_each(&self, name: &str, queries: &[Query]) -> Result<Vec<Vec<Hit>>, IndexError> {
        let Some((vectors, first)) = alike_but_for_vectors(queries) else {
            return queries.iter().map(|query| self.nearest(name, query)).collect();
        };
        self.reading(name, |tables, tenant| {
            let Some(sieve) = Sieve::new(&first.filter, &tenant.symbols) else {
                return Ok(vec![Vec::new(); queries.len()]);
            };
            let look = Look { store: self, name, tables, tenant, sieve };
            let found = look.alike_each(&vectors, first.minimum, first.k)?;
            let hits = |best: Vec<Candidate<'_>>| best.into_iter().map(|one| look.hit(one)).collect();
            found.into_iter().map(hits).collect()
        })
    }

    pub(super) fn rows(&self, tenant: &str, ids: &[String]) -> Result<Vec<Option<Arc<Row>>>, IndexError> {
        self.reading(tenant, |tables, _| {
            let row = |id: &String| Ok(tables.row((tenant, id), self.about.dimension)?.map(Arc::new));
            ids.iter().map(row).collect()
        })
    }

    pub(super) fn page(&self, tenant: &str, wanted: &Wanted) -> Result<Page, IndexError> {
        let Wanted { after, limit, filter } = wanted;
        self.reading(tenant, |tables, _| {
            let mut page = Page { rows: Vec::new(), next: after.clone() };
            if *limit == 0 {
                return Ok(page);
            }
            let mut last = None;
            tables.visit(tenant, after.as_deref(), |id, record| {
                if record.admitted_by(filter) {
                    let row = tables.row((tenant, id), self.about.dimension)?;
                    page.rows.push(Arc::new(row.ok_or_else(|| self.lost(id))?));
                }
                let full = page.rows.len() == *limit;
                last = full.then(|| id.to_owned());
                Ok(!full)
            })?;
            page.next = last;
            Ok(page)
        })
    }

    pub(super) fn count(&self, tenant: &str, filter: &Filter) -> usize {
        self.state().tenants.get(tenant).map_or(0, |tenant| tenant.admitted(filter).count())
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
            let weight = shelf.weigh();
            stats.vector_bytes = weight.vectors;
            stats.entry_bytes = weight.entries;
            stats.term_bytes = weight.terms;
        }
        Ok(stats)
    }
}

impl Store {
    pub(super) fn snapshot(&self, tenant: &str, file: &Path) -> Result<usize, IndexError> {
        // What is wrong with the place is said before anything is read, and is no reason to open the file again.
        drop(Draft::new(file, &self.header())?);
        self.reading(tenant, |tables, _| {
            let mut draft = Draft::new(file, &self.header())?;
            tables.visit_all(tenant, self.about.dimension, |id, record, measures| {
                draft.add(&record.into_row(id, measures))
            })?;
            draft.finish()
        })
    }

    pub(super) fn restore(&self, tenant: &Arc<str>, file: &Path) -> Result<usize, IndexError> {
        Snapshot::check(file, &self.header())?;
        self.change(tenant, Change::Restore(file.to_owned()))
    }

    fn header(&self) -> Header {
        Header { dimension: self.about.dimension, encoder: self.about.encoder_digest.clone() }
    }
}

impl<'a> Look<'a> {
    /// The `k` rows nearest in meaning, best first.
    fn alike(&self, vector: &[f32], minimum: f32, k: usize) -> Result<Vec<Candidate<'a>>, IndexError> {
        Ok(self.alike_each(&[vector], minimum, k)?.pop().unwrap_or_default())
    }

    /// For each vector the `k` rows nearest in meaning, best first.
    fn alike_each(
        &self,
        vectors: &[&[f32]],
        minimum: f32,
        k: usize,
    ) -> Result<Vec<Vec<Candidate<'a>>>, IndexError> {
        let n = RESCORED.max(k * RESCORED_PER_HIT);
        let probes: Vec<Probe> = vectors.iter().map(|vector| Probe::new(vector, minimum)).collect();
        let found = candidates(&self.tenant.shelf, &probes, &self.sieve, n);
        let measured = |(vector, found): (&&[f32], Vec<Candidate<'a>>)| {
            let mut measured = Vec::new();
            for candidate in found {
                let key = (self.name, candidate.id);
                let stored = self.tables.measures(key, self.store.about.dimension)?;
                let (stored, _) = stored.ok_or_else(|| self.store.lost(candidate.id))?;
                let score = cosine(vector, &stored);
                if score >= minimum {
                    measured.push(Candidate { score, ..candidate });
                }
            }
            Ok(best_first(measured, k))
        };
        vectors.iter().zip(found).map(measured).collect()
    }

    /// The `k` rows that say most of `terms`, best first.
    fn wordy(&self, terms: &Terms, k: usize) -> Vec<Candidate<'a>> {
        best_first(wordy(&self.tenant.shelf, terms, &self.sieve, k), k)
    }

    fn hit(&self, Candidate { score, id }: Candidate<'_>) -> Result<Hit, IndexError> {
        let row = self.tables.row((self.name, id), self.store.about.dimension)?;
        Ok(Hit { row: Arc::new(row.ok_or_else(|| self.store.lost(id))?), similarity: score })
    }
}

/// The vectors of queries that go by meaning and are else the same, and the first of these.
fn alike_but_for_vectors(queries: &[Query]) -> Option<(Vec<&[f32]>, &Query)> {
    let first = queries.first().filter(|first| first.k > 0)?;
    let same = |query: &Query| {
        let minimum = query.minimum.to_bits() == first.minimum.to_bits();
        minimum && query.k == first.k && query.filter == first.filter
    };
    let vectors = queries.iter().map(|query| match &query.sought {
        Sought::Dense(vector) if same(query) => Some(vector.as_slice()),
        Sought::Dense(_) | Sought::Sparse(_) | Sought::Hybrid(..) => None,
    });
    Some((vectors.collect::<Option<_>>()?, first))
}

fn best_first(mut candidates: Vec<Candidate<'_>>, k: usize) -> Vec<Candidate<'_>> {
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    candidates.truncate(k);
    candidates
}

fn ids(candidates: Vec<Candidate<'_>>) -> Vec<&str> {
    candidates.into_iter().map(|candidate| candidate.id).collect()
}
