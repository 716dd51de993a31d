//! What every engine answers: one suite for all of them, and what is the embedded engine's own.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;
mod stand_in;
mod suite;

use clustered::Dice;
use indexes::{Embedded, Filter, Index, IndexError, Qdrant, Query, Row};
use suite::{DIMENSION, Opened, Oracle, TIE, axis, cosine, pages, plain};

/// A second tenant's name that continues the first one's, as a key would.
const OTHER: &str = "tenant\0b";

mod in_memory {
    use std::future::{Ready, ready};

    use super::{DIMENSION, Embedded, OTHER, Opened};

    fn fresh() -> Ready<Opened> {
        let index = Embedded::in_memory("tenant", DIMENSION).unwrap();
        let other = index.for_tenant(OTHER).unwrap();
        ready(Opened { index: Box::new(index), other: Box::new(other), _kept: Box::new(()) })
    }

    crate::suite::suite!(fresh, 48);
}

mod in_a_file {
    use std::future::{Ready, ready};

    use super::{DIMENSION, Embedded, OTHER, Opened};

    fn fresh() -> Ready<Opened> {
        let directory = tempfile::tempdir().unwrap();
        let index = Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap();
        let other = index.for_tenant(OTHER).unwrap();
        ready(Opened { index: Box::new(index), other: Box::new(other), _kept: Box::new(directory) })
    }

    crate::suite::suite!(fresh, 4);
}

mod on_a_server {
    use super::{DIMENSION, OTHER, Opened, Qdrant};
    use crate::stand_in::Cluster;

    async fn fresh() -> Opened {
        let cluster = Cluster::new(1);
        let index = Qdrant::connect(cluster.options(), "tenant", DIMENSION, "digest").await.unwrap();
        let other = index.for_tenant(OTHER).await.unwrap();
        Opened { index: Box::new(index), other: Box::new(other), _kept: Box::new(cluster) }
    }

    crate::suite::suite!(fresh, 8);
}

/// The same with calls that fail, come late, or are done and reported as failed; never more than three in a row, which
/// the engine has to get over.
mod on_a_faulty_cluster {
    use super::{DIMENSION, OTHER, Opened, Qdrant};
    use crate::stand_in::{Cluster, Fault};

    async fn fresh() -> Opened {
        let (none, slow) = (None, Some(Fault::Slow));
        let (unavailable, lost) = (Some(Fault::Unavailable), Some(Fault::AnswerLost));
        let faults = [
            none,
            none,
            unavailable,
            none,
            lost,
            none,
            none,
            slow,
            unavailable,
            lost,
            lost,
            none,
            none,
            none,
            lost,
        ];
        let cluster = Cluster::faulty(3, &faults);
        let index = Qdrant::connect(cluster.options(), "tenant", DIMENSION, "digest").await.unwrap();
        let other = index.for_tenant(OTHER).await.unwrap();
        Opened { index: Box::new(index), other: Box::new(other), _kept: Box::new(cluster) }
    }

    crate::suite::suite!(fresh, 3);
}

/// The same against real servers, those that `QDRANT_URL` lists, by
/// `QDRANT_URL=http://… cargo test -p indexes --test conformance on_real_servers -- --ignored`.
mod on_real_servers {
    use super::{DIMENSION, OTHER, Opened, Qdrant};
    use indexes::QdrantOptions;

    async fn fresh() -> Opened {
        #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
        let Ok(urls) = std::env::var("QDRANT_URL") else {
            panic!("QDRANT_URL names no Qdrant server");
        };
        let nodes: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
        // A test's rows must not meet another's, nor an earlier run's.
        let unique = tempfile::tempdir().unwrap();
        let prefix = format!("conformance-{}", unique.path().display()).replace(['/', '.'], "-");
        let options = QdrantOptions { nodes, prefix, exact: true, ..QdrantOptions::default() };
        let index = Qdrant::connect(options, "tenant", DIMENSION, "digest").await.unwrap();
        let other = index.for_tenant(OTHER).await.unwrap();
        Opened { index: Box::new(index), other: Box::new(other), _kept: Box::new(unique) }
    }

    crate::suite::suite!(fresh, 4, {
        #[ignore = "needs servers that QDRANT_URL lists"]
    });
}

/// The first number of rows is scanned by one thread, from segment to segment; the second by several.
#[tokio::test]
async fn ten_nearest_of_4000_and_of_6000_clustered_rows_are_those_of_brute_force() {
    const EMBEDDING: usize = 384;
    let mut dice = Dice(7);
    for count in [4_000, 6_000] {
        let rows: Vec<Row> = (0..count).map(|number| dice.row(number, EMBEDDING)).collect();
        let gone: Vec<String> = rows.iter().step_by(9).map(|row| row.id.clone()).collect();
        let mut oracle = Oracle::default();
        oracle.upsert(&rows.iter().filter(|row| !gone.contains(&row.id)).cloned().collect::<Vec<_>>());
        let index = Embedded::in_memory("tenant", EMBEDDING).unwrap();
        index.upsert(rows).await.unwrap();
        index.remove(&gone).await.unwrap();
        for number in 0..60 {
            let vector = dice.vector(EMBEDDING);
            let mut query = Query::new(vector.clone(), 10);
            query.filter = [
                Filter::default(),
                Filter { confirmed_only: true, ..Filter::default() },
                Filter { bank: Some("clauses".to_owned()), confirmed_only: true, ..Filter::default() },
                Filter { labels: vec!["hate".to_owned()], tags: vec!["red".to_owned()], ..Filter::default() },
            ][number % 4]
                .clone();
            let hits = index.nearest(&query).await.unwrap();
            let expected = oracle.alike(&vector, &query);
            assert_eq!(hits.len(), 10);
            for (hit, (similarity, row)) in hits.iter().zip(expected) {
                let tied = (cosine(&hit.row.vector, &vector) - similarity).abs() < TIE;
                assert!(hit.row.id == row.id || tied, "{} is not {}", hit.row.id, row.id);
            }
        }
    }
}

#[tokio::test]
async fn a_minimum_that_the_worst_row_just_reaches_changes_no_answer() {
    const EMBEDDING: usize = 384;
    let mut dice = Dice(11);
    let index = Embedded::in_memory("tenant", EMBEDDING).unwrap();
    index.upsert((0..500).map(|number| dice.row(number, EMBEDDING)).collect()).await.unwrap();
    for _ in 0..40 {
        let query = Query::new(dice.vector(EMBEDDING), 9);
        let minimum = index.nearest(&query).await.unwrap().last().unwrap().similarity;
        let found = async |minimum| {
            let hits = index.nearest(&Query { minimum, ..query.clone() }).await.unwrap();
            hits.iter().map(|hit| hit.row.id.clone()).collect::<Vec<String>>()
        };
        let all = found(-1.0).await;
        assert_eq!(found(minimum).await, all);
        assert_eq!(found(minimum.next_up()).await, all[..8]);
    }
}

#[tokio::test]
async fn equally_similar_rows_come_by_id_however_they_were_added() {
    let index = Embedded::in_memory("tenant", DIMENSION).unwrap();
    for number in (0..100).rev() {
        index.upsert(vec![plain(&format!("row-{number:02}"), axis(0))]).await.unwrap();
    }
    let gone: Vec<String> = vec!["row-00".to_owned(), "row-03".to_owned()];
    index.remove(&gone).await.unwrap();
    index.upsert(vec![plain("row-00", axis(0))]).await.unwrap();
    let hits = index.nearest(&Query::new(axis(0), 4)).await.unwrap();
    let ids: Vec<&str> = hits.iter().map(|hit| hit.row.id.as_str()).collect();
    assert_eq!(ids, ["row-00", "row-01", "row-02", "row-04"]);
}

#[tokio::test]
async fn handles_for_one_tenant_share_its_rows_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let one = Embedded::open(directory.path(), "a", DIMENSION, "digest").unwrap();
    // A name that continues the other one, as a key would.
    let other = one.for_tenant("a\0b").unwrap();
    one.upsert(vec![plain("same id", axis(0)), plain("own", axis(2))]).await.unwrap();
    other.upsert(vec![Row { text: "theirs".to_owned(), ..plain("same id", axis(1)) }]).await.unwrap();
    for index in [&one, &Embedded::clone(&one), &one.for_tenant("a").unwrap()] {
        assert_eq!(index.count(&Filter::default()).await.unwrap(), 2);
        assert_eq!(pages(index, 10, &Filter::default()).await.len(), 2);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_at_once_each_get_their_own_answer_and_all_rows_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let index = Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap();
    let other = index.for_tenant("other").unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16_usize {
        let index = if writer % 4 == 3 { other.clone() } else { index.clone() };
        writers.spawn(async move {
            for round in 0..6_usize {
                let id = |number: usize| format!("{writer}-{round}-{number}");
                index.upsert((0..3).map(|number| plain(&id(number), axis(writer))).collect()).await.unwrap();
                assert!(index.get(&id(0)).await.unwrap().is_some(), "acknowledged and not there");
                assert_eq!(index.remove(&[id(2), id(7)]).await.unwrap(), 1);
                let filter = Filter { labels: vec![id(1)], ..Filter::default() };
                let labelled = Row { label: Some(id(1)), ..plain(&id(1), axis(writer)) };
                index.upsert(vec![labelled]).await.unwrap();
                assert_eq!(index.remove_where(&filter).await.unwrap(), 1);
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 12 * 6);
    drop((index, other));
    let index = Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap();
    assert_eq!(pages(&index, 100, &Filter::default()).await.len(), 12 * 6);
    assert_eq!(index.for_tenant("other").unwrap().count(&Filter::default()).await.unwrap(), 4 * 6);
}
