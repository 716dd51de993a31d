//! What every engine answers, held against a brute-force oracle.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;

use std::collections::BTreeMap;
use std::sync::Arc;

use clustered::Dice;
use indexes::{Embedded, Filter, Index, IndexError, MAX_NEAREST, MAX_TAGS, MAX_TEXT_CHARS, Query, Row};
use proptest::prelude::*;

const DIMENSION: usize = 24;
/// Similarities this close count as equal: sums of 384 products in f32 differ by less.
const TIE: f64 = 1e-6;

/// Every row by id, and answers by the definition.
#[derive(Default)]
struct Oracle(BTreeMap<String, Row>);

impl Oracle {
    fn upsert(&mut self, rows: &[Row]) {
        self.0.extend(rows.iter().map(|row| (row.id.clone(), row.clone())));
    }

    fn admitted<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Row> {
        self.0.values().filter(move |row| {
            filter.bank.as_ref().is_none_or(|bank| &row.bank == bank)
                && (filter.labels.is_empty()
                    || filter.labels.iter().any(|label| row.label.as_ref() == Some(label)))
                && (filter.languages.is_empty()
                    || filter.languages.iter().any(|language| row.language.as_ref() == Some(language)))
                && (filter.tags.is_empty() || filter.tags.iter().any(|tag| row.tags.contains(tag)))
                && (!filter.confirmed_only || row.confirmed)
                && match (filter.now, row.expires) {
                    (Some(now), Some(expires)) => expires > now,
                    _ => true,
                }
        })
    }

    fn nearest<'a>(&'a self, query: &'a Query) -> Vec<(f64, &'a Row)> {
        let mut all: Vec<(f64, &Row)> = self
            .admitted(&query.filter)
            .map(|row| (cosine(&row.vector, &query.vector), row))
            .filter(|(similarity, _)| *similarity >= f64::from(query.minimum))
            .collect();
        all.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.id.cmp(&right.id)));
        all.truncate(query.k);
        all
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Holds every answer of an index against the oracle's.
async fn check(index: &dyn Index, oracle: &Oracle, queries: &[Query]) {
    for query in queries {
        let hits = index.nearest(query).await.unwrap();
        let expected = oracle.nearest(query);
        assert_eq!(hits.len(), expected.len(), "{:?}", query.filter);
        for (hit, (similarity, _)) in hits.iter().zip(&expected) {
            assert_eq!(*hit.row, oracle.0[&hit.row.id]);
            assert!((f64::from(hit.similarity) - similarity).abs() < TIE, "{} {similarity}", hit.similarity);
            assert!((cosine(&hit.row.vector, &query.vector) - similarity).abs() < TIE);
        }
        let mut order: Vec<(f32, &str)> =
            hits.iter().map(|hit| (-hit.similarity, hit.row.id.as_str())).collect();
        let given = order.clone();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        order.dedup();
        assert_eq!(given, order, "best first, equal ones by id, none twice");

        let admitted: Vec<&Row> = oracle.admitted(&query.filter).collect();
        assert_eq!(index.count(&query.filter).await.unwrap(), admitted.len());
        let mut pages: Vec<Arc<Row>> = Vec::new();
        loop {
            let after = pages.last().map(|row| row.id.clone());
            let page = index.scan(after.as_deref(), 7, &query.filter).await.unwrap();
            pages.extend(page.iter().cloned());
            if page.len() < 7 {
                break;
            }
        }
        assert!(pages.iter().map(Arc::as_ref).eq(admitted));
    }
    let mut banks: BTreeMap<String, usize> = BTreeMap::new();
    oracle.0.values().for_each(|row| *banks.entry(row.bank.clone()).or_default() += 1);
    let stats = index.stats().await.unwrap();
    assert_eq!((stats.rows, stats.banks), (oracle.0.len(), banks));
}

/// Runs a test on every engine there is.
async fn each_engine(test: impl AsyncFn(&dyn Index)) {
    let directory = tempfile::tempdir().unwrap();
    test(&Embedded::in_memory("tenant", DIMENSION).unwrap()).await;
    test(&Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap()).await;
}

fn plain(id: &str, vector: Vec<f32>) -> Row {
    Row { id: id.to_owned(), bank: "precedents".to_owned(), vector, ..Row::default() }
}

/// The vector with a 1 at `place`.
fn axis(place: usize) -> Vec<f32> {
    (0..DIMENSION).map(|number| if number == place { 1.0 } else { 0.0 }).collect()
}

#[tokio::test]
async fn ten_nearest_of_6000_clustered_rows_are_those_of_brute_force() {
    const EMBEDDING: usize = 384;
    let mut dice = Dice(7);
    let rows: Vec<Row> = (0..6_000).map(|number| dice.row(number, EMBEDDING)).collect();
    let mut oracle = Oracle::default();
    oracle.upsert(&rows);
    let index = Embedded::in_memory("tenant", EMBEDDING).unwrap();
    index.upsert(rows).await.unwrap();
    for number in 0..60 {
        let mut query = Query::new(dice.vector(EMBEDDING), 10);
        query.filter = [
            Filter::default(),
            Filter { bank: Some("clauses".to_owned()), confirmed_only: true, ..Filter::default() },
            Filter { labels: vec!["hate".to_owned()], tags: vec!["red".to_owned()], ..Filter::default() },
        ][number % 3]
            .clone();
        let hits = index.nearest(&query).await.unwrap();
        let expected = oracle.nearest(&query);
        assert_eq!(hits.len(), 10);
        for (hit, (similarity, row)) in hits.iter().zip(expected) {
            let tied = (cosine(&hit.row.vector, &query.vector) - similarity).abs() < TIE;
            assert!(hit.row.id == row.id || tied, "{} is not {}", hit.row.id, row.id);
        }
    }
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<usize>, u64),
    Remove(Vec<usize>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let numbers = || prop::collection::vec(0_usize..40, 0..12);
    let step = prop_oneof![
        3 => (numbers(), any::<u64>()).prop_map(|(numbers, seed)| Step::Upsert(numbers, seed)),
        1 => numbers().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..12)
}

fn filters() -> impl Strategy<Value = Filter> {
    let some_of = |names: &'static [&'static str]| {
        prop::sample::subsequence(names, 0..=2)
            .prop_map(|names| names.into_iter().map(str::to_owned).collect())
    };
    (
        prop::option::of(
            prop::sample::select(&["precedents", "clauses", "unheard-of"][..]).prop_map(str::to_owned),
        ),
        some_of(&["hate", "violence", "unheard-of"]),
        some_of(&["en", "de", "unheard-of"]),
        some_of(&["red", "green", "every", "unheard-of"]),
        any::<bool>(),
        prop::option::of(900_u64..2_100),
    )
        .prop_map(|(bank, labels, languages, tags, confirmed_only, now)| Filter {
            bank,
            labels,
            languages,
            tags,
            confirmed_only,
            now,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn after_any_writes_the_answers_are_those_of_brute_force(
        steps in steps(),
        filters in prop::collection::vec(filters(), 4),
        seed in any::<u64>(),
        minimum in -1.0_f32..0.9,
        k in 0_usize..15,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let index = Embedded::in_memory("tenant", DIMENSION).unwrap();
            let mut oracle = Oracle::default();
            let mut dice = Dice(seed);
            for step in steps {
                match step {
                    Step::Upsert(numbers, seed) => {
                        let mut dice = Dice(seed);
                        let rows: Vec<Row> = numbers.iter().map(|number| dice.row(*number, DIMENSION)).collect();
                        oracle.upsert(&rows);
                        index.upsert(rows).await.unwrap();
                    }
                    Step::Remove(numbers) => {
                        let ids: Vec<String> = numbers.iter().map(|number| format!("row-{number:05}")).collect();
                        let there = ids.iter().filter(|id| oracle.0.remove(*id).is_some()).count();
                        assert_eq!(index.remove(&ids).await.unwrap(), there);
                    }
                }
                let queries: Vec<Query> = filters
                    .iter()
                    .map(|filter| Query { vector: dice.vector(DIMENSION), k, minimum, filter: filter.clone() })
                    .collect();
                check(&index, &oracle, &queries).await;
            }
        });
    }
}

#[tokio::test]
async fn equally_similar_rows_come_by_id_however_they_were_added() {
    each_engine(async |index| {
        for number in (0..100).rev() {
            index.upsert(vec![plain(&format!("row-{number:02}"), axis(0))]).await.unwrap();
        }
        let gone: Vec<String> = vec!["row-00".to_owned(), "row-03".to_owned()];
        index.remove(&gone).await.unwrap();
        index.upsert(vec![plain("row-00", axis(0))]).await.unwrap();
        let hits = index.nearest(&Query::new(axis(0), 4)).await.unwrap();
        let ids: Vec<&str> = hits.iter().map(|hit| hit.row.id.as_str()).collect();
        assert_eq!(ids, ["row-00", "row-01", "row-02", "row-04"]);
    })
    .await;
}

#[tokio::test]
async fn a_filter_never_hides_a_row_behind_better_ones_it_excludes() {
    each_engine(async |index| {
        let mut rows: Vec<Row> = (0..200).map(|number| plain(&format!("near-{number}"), axis(0))).collect();
        rows.push(Row { tags: vec!["team-a".to_owned()], ..plain("far", axis(1)) });
        index.upsert(rows).await.unwrap();
        let filter = Filter { tags: vec!["team-a".to_owned()], ..Filter::default() };
        let hits = index.nearest(&Query { filter, ..Query::new(axis(0), 1) }).await.unwrap();
        assert_eq!(hits[0].row.id, "far");
    })
    .await;
}

#[tokio::test]
async fn a_row_is_moved_to_the_bank_it_was_last_given() {
    each_engine(async |index| {
        index.upsert(vec![plain("a", axis(0))]).await.unwrap();
        let later =
            |text: &str| Row { bank: "clauses".to_owned(), text: text.to_owned(), ..plain("a", axis(1)) };
        index.upsert(vec![later("first"), later("second")]).await.unwrap();
        assert_eq!(index.count(&Filter::bank("precedents")).await.unwrap(), 0);
        assert_eq!(index.count(&Filter::default()).await.unwrap(), 1);
        assert_eq!(index.get("a").await.unwrap().unwrap().text, "second");
        let hits = index.nearest(&Query::new(axis(1), 3)).await.unwrap();
        assert!((hits[0].similarity - 1.0).abs() < f32::EPSILON);
    })
    .await;
}

#[tokio::test]
async fn a_row_expires_at_the_second_it_names() {
    each_engine(async |index| {
        index.upsert(vec![Row { expires: Some(1_000), ..plain("a", axis(0)) }]).await.unwrap();
        for (now, admitted) in [(None, 1), (Some(999), 1), (Some(1_000), 0), (Some(1_001), 0)] {
            let filter = Filter { now, ..Filter::default() };
            assert_eq!(index.count(&filter).await.unwrap(), admitted);
            assert_eq!(index.scan(None, 9, &filter).await.unwrap().len(), admitted);
            let hits = index.nearest(&Query { filter, ..Query::new(axis(0), 9) }).await.unwrap();
            assert_eq!(hits.len(), admitted, "{now:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_removed_row_answers_nothing() {
    each_engine(async |index| {
        index.upsert(vec![plain("a", axis(0))]).await.unwrap();
        assert_eq!(index.remove(&["a".to_owned(), "a".to_owned(), "b".to_owned()]).await.unwrap(), 1);
        assert_eq!(index.get("a").await.unwrap(), None);
        assert!(index.nearest(&Query::new(axis(0), 3)).await.unwrap().is_empty());
        assert!(index.scan(None, 3, &Filter::default()).await.unwrap().is_empty());
        assert_eq!(index.remove(&["a".to_owned()]).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_row_outside_the_limits_is_refused_by_name_and_nothing_is_written() {
    each_engine(async |index| {
        let good = plain("good", axis(0));
        let half: Vec<f32> = axis(0).iter().map(|number| number / 2.0).collect();
        let bad: [(Row, &str); 10] = [
            (plain("", axis(0)), "`id` is empty"),
            (
                plain(&"x".repeat(257), axis(0)),
                "`id` of row `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` is 257 long, the limit is 256",
            ),
            (Row { bank: String::new(), ..plain("a", axis(0)) }, "`bank` is empty"),
            (
                Row { bank: "x".repeat(257), ..plain("a", axis(0)) },
                "`bank` of row `a` is 257 long, the limit is 256",
            ),
            (
                Row { text: "ü".repeat(MAX_TEXT_CHARS + 1), ..plain("a", axis(0)) },
                "`text` of row `a` is 1000001 long, the limit is 1000000",
            ),
            (
                Row { tags: vec![String::new(); MAX_TAGS + 1], ..plain("a", axis(0)) },
                "`tags` of row `a` is 65 long, the limit is 64",
            ),
            (plain("a", vec![1.0]), "the vector of row `a` has 1 numbers, this index holds vectors of 24"),
            (plain("a", half), "the vector of row `a` has length 0.5, not 1"),
            (plain("a", vec![0.0; DIMENSION]), "the vector of row `a` has length 0, not 1"),
            (plain("a", vec![f32::NAN; DIMENSION]), "row `a` holds a number that is not finite"),
        ];
        for (row, message) in bad {
            let error = index.upsert(vec![good.clone(), row]).await.unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(index.count(&Filter::default()).await.unwrap(), 0);
        assert_eq!(index.get("good").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_row_at_the_limits_comes_back_as_it_was_given() {
    each_engine(async |index| {
        let row = Row {
            id: "ü".repeat(128),
            text: "\u{1F600}".repeat(MAX_TEXT_CHARS),
            tags: (0..MAX_TAGS).map(|number| format!("tag {number} \"quoted\"\n")).collect(),
            expires: Some(u64::MAX),
            ..plain("", axis(3))
        };
        index.upsert(vec![row.clone()]).await.unwrap();
        assert_eq!(*index.get(&row.id).await.unwrap().unwrap(), row);
        assert_eq!(*index.nearest(&Query::new(axis(3), 1)).await.unwrap()[0].row, row);
    })
    .await;
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused() {
    each_engine(async |index| {
        let refusal = async |query: Query| index.nearest(&query).await.unwrap_err().to_string();
        assert_eq!(
            refusal(Query::new(vec![1.0], 1)).await,
            "the vector of the query has 1 numbers, this index holds vectors of 24"
        );
        assert_eq!(
            refusal(Query::new(vec![f32::INFINITY; DIMENSION], 1)).await,
            "the query holds a number that is not finite"
        );
        assert_eq!(
            refusal(Query { minimum: f32::NAN, ..Query::new(axis(0), 1) }).await,
            "the query's minimum holds a number that is not finite"
        );
        assert_eq!(
            refusal(Query::new(axis(0), MAX_NEAREST + 1)).await,
            "1001 rows asked for, the limit is 1000"
        );
    })
    .await;
}

#[tokio::test]
async fn an_index_for_one_tenant_never_answers_with_rows_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let one = Embedded::open(directory.path(), "a", DIMENSION, "digest").unwrap();
    // A name that continues the other one, as a key would.
    let other = one.for_tenant("a\0b").unwrap();
    one.upsert(vec![plain("same id", axis(0)), plain("own", axis(2))]).await.unwrap();
    other.upsert(vec![Row { text: "theirs".to_owned(), ..plain("same id", axis(1)) }]).await.unwrap();
    for index in [&one, &Embedded::clone(&one), &one.for_tenant("a").unwrap()] {
        assert_eq!(index.count(&Filter::default()).await.unwrap(), 2);
        assert_eq!(index.scan(None, 10, &Filter::default()).await.unwrap().len(), 2);
        assert_eq!(index.get("same id").await.unwrap().unwrap().vector, axis(0));
        assert!(
            index.nearest(&Query::new(axis(1), 9)).await.unwrap().iter().all(|hit| hit.row.text.is_empty())
        );
    }
    assert_eq!(other.remove(&["same id".to_owned(), "own".to_owned()]).await.unwrap(), 1);
    assert_eq!(one.count(&Filter::default()).await.unwrap(), 2);
    assert!(matches!(one.for_tenant(""), Err(IndexError::Empty { field: "tenant" })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_beside_writers_sees_whole_writes_only() {
    let index = Embedded::in_memory("tenant", DIMENSION).unwrap();
    let writer = tokio::spawn({
        let index = index.clone();
        async move {
            for round in 0..60_u64 {
                // Both rows change bank together.
                let bank = if round % 2 == 0 { "even" } else { "odd" };
                let row = |id: &str| Row { bank: bank.to_owned(), created: round, ..plain(id, axis(0)) };
                index.upsert(vec![row("a"), row("b")]).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        for bank in ["even", "odd"] {
            let query = Query { filter: Filter::bank(bank), ..Query::new(axis(0), 5) };
            let hits = index.nearest(&query).await.unwrap();
            assert!(hits.is_empty() || hits.len() == 2);
            assert!(hits.iter().all(|hit| hit.row.bank == bank && hit.row.created == hits[0].row.created));
        }
    }
    writer.await.unwrap();
}
