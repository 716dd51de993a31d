//! What every answer is held against: brute force.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexes::{FUSED_DEPTH, Filter, Hit, Index, Query, Row, Sought, Terms};

use super::{TIE, WORDS_TIE};

/// Every row by id, and answers by the definition.
#[derive(Default)]
pub(crate) struct Oracle(pub(super) BTreeMap<String, Row>);

impl Oracle {
    pub(crate) fn upsert(&mut self, rows: &[Row]) {
        self.0.extend(rows.iter().map(|row| (row.id.clone(), row.clone())));
    }

    pub(super) fn admitted<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Row> {
        self.0.values().filter(move |row| {
            filter.bank.as_ref().is_none_or(|bank| &row.bank == bank)
                && (filter.labels.is_empty()
                    || filter.labels.iter().any(|label| row.label.as_ref() == Some(label)))
                && (filter.languages.is_empty()
                    || filter.languages.iter().any(|language| row.language.as_ref() == Some(language)))
                && (filter.tags.is_empty() || filter.tags.iter().any(|tag| row.tags.contains(tag)))
                && filter.all_tags.iter().all(|tag| row.tags.contains(tag))
                && match &filter.access {
                    Some(held) => row.tags.is_empty() || row.tags.iter().any(|tag| held.contains(tag)),
                    None => true,
                }
                && filter.created_from.is_none_or(|from| from <= row.created)
                && filter.created_before.is_none_or(|before| before > row.created)
                && (!filter.confirmed_only || row.confirmed)
                && match (filter.now, row.expires) {
                    (Some(now), Some(expires)) => expires > now,
                    _ => true,
                }
        })
    }

    /// By meaning.
    pub(crate) fn alike<'a>(&'a self, vector: &[f32], query: &'a Query) -> Vec<(f64, &'a Row)> {
        let mut all: Vec<(f64, &Row)> = self
            .admitted(&query.filter)
            .map(|row| (cosine(&row.vector, vector), row))
            .filter(|(similarity, _)| *similarity >= f64::from(query.minimum))
            .collect();
        all.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.id.cmp(&right.id)));
        all.truncate(query.k);
        all
    }

    /// By words: BM25 with the constants the documentation states.
    fn wordy<'a>(&'a self, terms: &Terms, query: &'a Query) -> Vec<(f64, &'a Row)> {
        let worded: Vec<&Row> = self.0.values().filter(|row| !row.terms.is_empty()).collect();
        let rarity = |term| {
            let with = number(worded.iter().filter(|row| row.terms.count(term) > 0).count());
            ((number(worded.len()) - with + 0.5) / (with + 0.5)).ln_1p()
        };
        let score = |row: &Row| -> f64 {
            let length = 1.2 * (0.25 + 0.75 * f64::from(row.terms.words()) / 64.0);
            let one = |(term, _)| {
                let count = f64::from(row.terms.count(term));
                rarity(term) * count * 2.2 / (count + length)
            };
            terms.iter().map(one).sum()
        };
        let mut all: Vec<(f64, &Row)> = self.admitted(&query.filter).map(|row| (score(row), row)).collect();
        all.retain(|(score, _)| *score > 0.0);
        all.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.id.cmp(&right.id)));
        all.truncate(query.k);
        all
    }
}

/// A count; exact, since no test has 2^32 rows.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The best of two rankings: the sum of `1 / (1 + rank)`, rounded as it is answered, for what is equal then goes by id.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is meant")]
fn fused(rankings: [&[Hit]; 2], k: usize) -> Vec<(String, f64)> {
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    for ranking in rankings {
        for (before, hit) in ranking.iter().enumerate() {
            *scores.entry(&hit.row.id).or_default() += 1.0 / (2.0 + number(before));
        }
    }
    let rounded = |score: f64| f64::from(score as f32);
    let mut all: Vec<(String, f64)> =
        scores.into_iter().map(|(id, score)| (id.to_owned(), rounded(score))).collect();
    all.sort_by(|(left, a), (right, b)| b.total_cmp(a).then_with(|| left.cmp(right)));
    all.truncate(k);
    all
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Holds every answer of an index against the oracle's.
pub(crate) async fn check(index: &dyn Index, oracle: &Oracle, queries: &[Query]) {
    for query in queries {
        check_query(index, oracle, query).await;
        let admitted: Vec<&Row> = oracle.admitted(&query.filter).collect();
        assert_eq!(index.count(&query.filter).await.unwrap(), admitted.len(), "{:?}", query.filter);
        let rows = pages(index, 7, &query.filter).await;
        assert!(rows.iter().eq(admitted), "{:?}", query.filter);
    }
    check_together(index, queries).await;
    let ids: Vec<String> = oracle.0.keys().rev().cloned().chain(["nobody".to_owned()]).collect();
    let rows = index.get_each(ids.clone()).await.unwrap();
    assert!(rows.iter().map(Option::as_deref).eq(ids.iter().map(|id| oracle.0.get(id))));
    let mut banks: BTreeMap<String, usize> = BTreeMap::new();
    oracle.0.values().for_each(|row| *banks.entry(row.bank.clone()).or_default() += 1);
    let stats = index.stats().await.unwrap();
    assert_eq!((stats.rows, stats.banks), (oracle.0.len(), banks));
}

/// Asked together, queries are answered as one by one, also those by meaning that share a scan.
async fn check_together(index: &dyn Index, queries: &[Query]) {
    let by_meaning: Vec<Query> =
        queries.iter().filter(|query| matches!(query.sought, Sought::Dense(_))).cloned().collect();
    let alike = by_meaning.iter().map(|query| {
        let first = by_meaning.first().unwrap();
        Query { sought: query.sought.clone(), ..first.clone() }
    });
    for together in [queries.to_vec(), alike.collect(), by_meaning.clone()] {
        let answers = index.nearest_each(together.clone()).await.unwrap();
        assert_eq!(answers.len(), together.len());
        for (query, hits) in together.iter().zip(answers) {
            assert_eq!(hits, index.nearest(query).await.unwrap(), "{:?}", query.filter);
        }
    }
}

async fn check_query(index: &dyn Index, oracle: &Oracle, query: &Query) {
    let hits = index.nearest(query).await.unwrap();
    let (expected, tie): (Vec<f64>, f64) = match &query.sought {
        Sought::Dense(vector) => (scores(oracle.alike(vector, query)), TIE),
        Sought::Sparse(terms) => (scores(oracle.wordy(terms, query)), WORDS_TIE),
        Sought::Hybrid(vector, terms) => {
            // Each side has been held against the oracle on its own; here it is how they are joined.
            let k = query.k.max(FUSED_DEPTH);
            let side = async |sought| index.nearest(&Query { sought, k, ..query.clone() }).await.unwrap();
            let dense = side(Sought::Dense(vector.clone())).await;
            let sparse = side(Sought::Sparse(terms.clone())).await;
            let expected = fused([&dense, &sparse], query.k);
            assert!(hits.iter().map(|hit| &hit.row.id).eq(expected.iter().map(|(id, _)| id)));
            (expected.into_iter().map(|(_, score)| score).collect(), TIE)
        }
    };
    assert_eq!(hits.len(), expected.len(), "{:?}", query.filter);
    for (hit, score) in hits.iter().zip(&expected) {
        assert_eq!(*hit.row, oracle.0[&hit.row.id]);
        assert!((f64::from(hit.similarity) - score).abs() < tie, "{} {score}", hit.similarity);
        if let Sought::Dense(vector) = &query.sought {
            assert!((cosine(&hit.row.vector, vector) - score).abs() < tie);
        }
    }
    let mut order: Vec<(f32, &str)> = hits.iter().map(|hit| (-hit.similarity, hit.row.id.as_str())).collect();
    let given = order.clone();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    order.dedup();
    assert_eq!(given, order, "best first, equal ones by id, none twice");
}

fn scores(ranking: Vec<(f64, &Row)>) -> Vec<f64> {
    ranking.into_iter().map(|(score, _)| score).collect()
}

/// All rows the filter admits by id, read in pages of `limit`.
pub(crate) async fn pages(index: &dyn Index, limit: usize, filter: &Filter) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut next = None;
    loop {
        let page = index.scan(next.as_deref(), limit, filter).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows.into_iter().map(Arc::unwrap_or_clone));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}
