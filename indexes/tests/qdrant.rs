//! What is Qdrant's own: several nodes, their faults, keys, collections and the way between the engines.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;
mod stand_in;

use std::time::Duration;

use clustered::Dice;
use indexes::{
    ApiKey, Embedded, Filter, Fingerprint, Index, IndexError, NodeState, Qdrant, QdrantOptions, Query,
    ReadFrom, Row, Terms, WriteOrder,
};
use stand_in::{Cluster, Fault};

const DIMENSION: usize = 24;

async fn connect(options: QdrantOptions) -> Result<Qdrant, IndexError> {
    Qdrant::connect(options, "tenant", DIMENSION, "digest").await
}

fn rows(count: usize) -> Vec<Row> {
    let mut dice = Dice(9);
    (0..count).map(|number| dice.row(number, DIMENSION)).collect()
}

#[tokio::test]
async fn when_a_node_is_gone_the_others_answer() {
    let mut cluster = Cluster::new(3);
    let index = connect(cluster.options()).await.unwrap();
    index.upsert(rows(20)).await.unwrap();
    cluster.stop(1).await;
    for number in 20..32 {
        index.upsert(vec![Dice(1).row(number, DIMENSION)]).await.unwrap();
        assert_eq!(index.count(&Filter::default()).await.unwrap(), number + 1);
    }
    let states: Vec<NodeState> = index.nodes().await.iter().map(|node| node.state).collect();
    assert_eq!((states[0], states[2]), (NodeState::Up, NodeState::Up));
    assert_ne!(states[1], NodeState::Up);
}

#[tokio::test]
async fn when_no_node_answers_the_error_says_so_and_soon_comes_at_once() {
    let mut cluster = Cluster::new(2);
    let options =
        QdrantOptions { retries: 3, failures_to_rest: 2, rest: Duration::from_hours(1), ..cluster.options() };
    let index = connect(options).await.unwrap();
    cluster.stop(0).await;
    cluster.stop(1).await;
    let error = index.upsert(rows(1)).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot write: none of 2 Qdrant nodes answers ("), "{error}");
    let error = index.nearest(&Query::new(rows(1)[0].vector.clone(), 1)).await.unwrap_err();
    let at_once =
        "cannot search: none of 2 Qdrant nodes answers (all of them are being left alone after failures)";
    assert_eq!(error.to_string(), at_once);
}

#[tokio::test]
async fn a_call_that_is_never_answered_goes_to_another_node_after_the_timeout() {
    let cluster = Cluster::new(2);
    let options = QdrantOptions { timeout: Duration::from_millis(300), ..cluster.options() };
    let index = connect(options).await.unwrap();
    cluster.next(&[None, Some(Fault::Dropped), None]);
    index.upsert(rows(3)).await.unwrap();
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let cluster = Cluster::keyed("right");
    let with = |key: &str| QdrantOptions { api_key: Some(ApiKey(key.to_owned())), ..cluster.options() };
    let error = connect(with("wrong")).await.unwrap_err();
    assert_eq!(error.to_string(), "Qdrant refused to open: Unauthenticated: Invalid API key or JWT");
    assert_eq!(cluster.calls(), 1);
    assert!(!format!("{:?}", with("wrong")).contains("wrong"), "the key is not printed");
    connect(with("right")).await.unwrap().upsert(rows(1)).await.unwrap();
}

#[tokio::test]
async fn a_write_whose_answer_got_lost_is_made_once() {
    let cluster = Cluster::new(1);
    let index = connect(cluster.options()).await.unwrap();
    // The first call asks whether the collection is in use.
    cluster.next(&[None, Some(Fault::AnswerLost), Some(Fault::Unavailable), Some(Fault::Slow)]);
    index.upsert(rows(10)).await.unwrap();
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 10);
    cluster.next(&[None, None, Some(Fault::AnswerLost)]);
    assert_eq!(index.remove(&["row-00001".to_owned(), "row-00001".to_owned()]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_collection_is_made_with_what_the_options_say_and_once() {
    let cluster = Cluster::new(1);
    let options = QdrantOptions {
        shards: 6,
        replicas: 3,
        write_consistency: 2,
        quantize: true,
        read: ReadFrom::Majority,
        write: WriteOrder::Strong,
        ..cluster.options()
    };
    let (one, other) = tokio::join!(connect(options.clone()), connect(options.clone()));
    one.unwrap().upsert(rows(5)).await.unwrap();
    assert_eq!(other.unwrap().count(&Filter::default()).await.unwrap(), 5);
    let collections = cluster.shared().collections.lock().unwrap();
    let stored = collections.values().next().unwrap();
    assert_eq!(collections.len(), 1);
    assert_eq!((stored.shape, stored.quantized), ((Some(6), Some(3), Some(2)), true));
    assert_eq!(stored.ordering.unwrap().r#type, 2, "strong");
    let indexes: Vec<&str> = stored.indexes.iter().map(String::as_str).collect();
    assert_eq!(indexes, ["bank", "confirmed", "created", "expires", "label", "language", "tags"]);
}

/// The texts' vectors by an encoder of three numbers.
async fn in_three(texts: &[&str]) -> Result<Vec<Vec<f32>>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(texts
        .iter()
        .map(|text| if text.len() % 2 == 0 { vec![1.0, 0.0, 0.0] } else { vec![0.0, 0.6, 0.8] })
        .collect())
}

fn not_in_use<T>(answer: &Result<T, IndexError>) -> bool {
    matches!(answer, Err(IndexError::NotInUse { .. }))
}

#[tokio::test]
async fn another_encoder_takes_over_when_every_row_is_embedded_and_the_old_one_is_read_until_then() {
    let cluster = Cluster::new(1);
    let old = connect(cluster.options()).await.unwrap();
    old.upsert(rows(700)).await.unwrap();
    let new = old.for_encoder(3, "another").await.unwrap();
    let query = Query::new(vec![1.0, 0.0, 0.0], 3);
    assert!(not_in_use(&new.nearest(&query).await) && not_in_use(&new.count(&Filter::default()).await));
    assert!(not_in_use(&new.upsert(Vec::new()).await) && not_in_use(&new.remove(&[]).await));

    // It breaks off, the old rows change, and it begins again.
    let calls = std::cell::Cell::new(0);
    let breaks = async |texts: &[&str]| {
        calls.set(calls.get() + 1);
        if calls.get() == 2 { Err("the encoder is gone".into()) } else { in_three(texts).await }
    };
    let error = new.take_over(breaks).await.unwrap_err();
    assert!(matches!(error, IndexError::Unembedded { .. }), "{error}");
    assert!(old.is_in_use().await.unwrap());
    let changed = |row: &Row| Row { reason: Some("reviewed meanwhile".to_owned()), ..row.clone() };
    old.upsert(rows(700)[..20].iter().map(changed).collect()).await.unwrap();
    assert_eq!(old.remove(&["row-00030".to_owned(), "row-00690".to_owned()]).await.unwrap(), 2);
    let embedded = std::cell::Cell::new(0);
    let counting = async |texts: &[&str]| {
        // Somebody writes to the old one while the new one is being filled.
        if embedded.get() == 0 {
            old.upsert(vec![Row { id: "late".to_owned(), ..rows(1)[0].clone() }]).await.unwrap();
        }
        embedded.set(embedded.get() + texts.len());
        in_three(texts).await
    };
    assert_eq!(new.take_over(counting).await.unwrap(), embedded.get());
    assert!(embedded.get() < 700, "what was embedded before is not embedded again: {}", embedded.get());

    assert!(new.is_in_use().await.unwrap() && !old.is_in_use().await.unwrap());
    assert_eq!(new.count(&Filter::default()).await.unwrap(), 699);
    for row in old.scan(None, 600, &Filter::default()).await.unwrap().rows {
        let vector = in_three(&[&row.text]).await.unwrap().remove(0);
        assert_eq!(*new.get(&row.id).await.unwrap().unwrap(), Row { vector, ..(*row).clone() });
    }
    assert_eq!(new.nearest(&query).await.unwrap().len(), 3);
    let error = new.nearest(&Query::new(rows(1)[0].vector.clone(), 1)).await.unwrap_err();
    assert!(matches!(error, IndexError::WrongDimension { expected: 3, .. }), "{error}");
    assert_eq!(old.count(&Filter::default()).await.unwrap(), 699, "who reads the old one goes on");
    assert!(not_in_use(&old.upsert(rows(1)).await), "a row written there would be lost");
    assert!(!connect(cluster.options()).await.unwrap().prepare().await.unwrap());
    assert_eq!(new.take_over(in_three).await.unwrap(), 0, "there is nothing left to do");
}

#[tokio::test]
async fn an_index_made_while_no_server_answers_works_once_one_does() {
    let mut cluster = Cluster::new(2);
    let options = QdrantOptions { rest: Duration::ZERO, ..cluster.options() };
    let index = Qdrant::unconnected(options, "tenant", DIMENSION, "digest").unwrap();
    cluster.stop(0).await;
    cluster.next(&[Some(Fault::Unavailable); 16]);
    let error = index.upsert(rows(3)).await.unwrap_err();
    assert!(matches!(error, IndexError::Unavailable { nodes: 2, .. }), "{error}");
    cluster.forgive();
    index.upsert(rows(3)).await.unwrap();
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 3);
}

#[tokio::test]
async fn a_page_that_never_ended_is_refused() {
    let cluster = Cluster::new(1);
    let index = connect(cluster.options()).await.unwrap();
    let error = index.scan(Some("row-00001"), 5, &Filter::default()).await.unwrap_err();
    assert!(matches!(error, IndexError::UnknownPage), "{error}");
}

#[tokio::test]
async fn hybrid_answers_of_both_engines_agree() {
    let cluster = Cluster::new(2);
    let server = connect(cluster.options()).await.unwrap();
    let embedded = Embedded::in_memory("tenant", DIMENSION).unwrap();
    server.upsert(rows(400)).await.unwrap();
    embedded.upsert(rows(400)).await.unwrap();
    let mut dice = Dice(77);
    for round in 0..60 {
        let terms = Terms::of(&dice.text(round * 7), Some(["en", "de", ""][round % 3]));
        let filter = if round % 2 == 0 { Filter::default() } else { Filter::bank("clauses") };
        let query = Query { filter, ..Query::hybrid(dice.vector(DIMENSION), terms, 10) };
        let (ours, theirs) = (embedded.nearest(&query).await.unwrap(), server.nearest(&query).await.unwrap());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            // Rows that tie on one side may change places there, which moves a fused score by at most 1/61 - 1/62.
            let same = ours.row.id == theirs.row.id && (ours.similarity - theirs.similarity).abs() < 1e-6;
            assert!(same || (ours.similarity - theirs.similarity).abs() < 3e-4, "round {round}");
        }
    }
}

#[tokio::test]
async fn rows_move_from_engine_to_engine_and_back_as_they_are() {
    let cluster = Cluster::new(1);
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(&directory.path().join("a"), "tenant", DIMENSION, "digest").unwrap();
    embedded.upsert(rows(700)).await.unwrap();
    let (there, back) = (directory.path().join("there"), directory.path().join("back"));
    embedded.snapshot(&there).await.unwrap();

    let server = connect(cluster.options()).await.unwrap();
    server.upsert(vec![Dice(4).row(9_999, DIMENSION)]).await.unwrap();
    assert_eq!(server.restore(&there).await.unwrap(), 700);
    assert_eq!(server.stats().await.unwrap().banks, embedded.stats().await.unwrap().banks);
    assert_eq!(server.snapshot(&back).await.unwrap(), 700);
    let print = Fingerprint::of(&embedded).await.unwrap();
    assert_eq!((print, print.rows), (Fingerprint::of(&server).await.unwrap(), 700));

    let again = Embedded::open(&directory.path().join("b"), "tenant", DIMENSION, "digest").unwrap();
    assert_eq!(again.restore(&back).await.unwrap(), 700);
    let all = async |index: &Embedded| index.scan(None, usize::MAX, &Filter::default()).await.unwrap().rows;
    assert!(all(&again).await == all(&embedded).await);
    assert_eq!(Fingerprint::of(&again).await.unwrap(), print);
    let row = rows(1).remove(0);
    for other in [
        Row { reason: Some("another".to_owned()), ..row.clone() },
        Row { vector: Dice(1).vector(DIMENSION), ..row.clone() },
        Row { terms: Terms::default(), ..row.clone() },
        Row { confirmed: !row.confirmed, ..row.clone() },
    ] {
        again.upsert(vec![other]).await.unwrap();
        assert_ne!(Fingerprint::of(&again).await.unwrap(), print);
    }
    again.upsert(vec![row]).await.unwrap();
    assert_eq!(Fingerprint::of(&again).await.unwrap(), print);
}
