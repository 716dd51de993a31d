//! What holds of every engine, one law a test.

use indexes::{
    Filter, Index, IndexError, MAX_NEAREST, MAX_NOTE_BYTES, MAX_TAGS, MAX_TEXT_CHARS, Query, Row, Terms,
};

use super::oracle::{Oracle, check, pages};
use super::{DIMENSION, Opened, axis, plain};
use crate::clustered::Dice;

pub(crate) async fn a_filter_never_hides_a_row_behind_better_ones_it_excludes(Opened { index, .. }: &Opened) {
    let mut rows: Vec<Row> = (0..200).map(|number| plain(&format!("near-{number}"), axis(0))).collect();
    rows.push(Row { tags: vec!["team-a".to_owned()], ..plain("far", axis(1)) });
    index.upsert(rows).await.unwrap();
    let filter = Filter { tags: vec!["team-a".to_owned()], ..Filter::default() };
    let hits = index.nearest(&Query { filter, ..Query::new(axis(0), 1) }).await.unwrap();
    assert_eq!(hits[0].row.id, "far");
}

pub(crate) async fn a_row_with_tags_answers_only_who_holds_one_of_them(Opened { index, .. }: &Opened) {
    let tagged = |id: &str, place: usize, tags: &[&str]| {
        let terms = Terms::of("the same words", Some("en"));
        Row { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), terms, ..plain(id, axis(place)) }
    };
    let mut rows: Vec<Row> =
        (0..200).map(|number| tagged(&format!("near-{number}"), 0, &["board", "law"])).collect();
    rows.extend([tagged("mine", 1, &["law-2", "team"]), tagged("free", 2, &[])]);
    index.upsert(rows).await.unwrap();
    let seen_with = async |held: &[&str]| {
        let access = Some(held.iter().map(|tag| (*tag).to_owned()).collect());
        let filter = Filter { access, ..Filter::bank("precedents") };
        let terms = Terms::of("the same words", Some("en"));
        for query in [Query::sparse(terms.clone(), 1), Query::hybrid(axis(0), terms, 1)] {
            let hits = index.nearest(&Query { filter: filter.clone(), ..query }).await.unwrap();
            assert!(filter.admits(&hits[0].row), "{held:?} {}", hits[0].row.id);
        }
        let nearest =
            index.nearest(&Query { filter: filter.clone(), ..Query::new(axis(0), 1) }).await.unwrap();
        let listed = pages(&**index, 50, &filter).await.len();
        assert_eq!(listed, index.count(&filter).await.unwrap());
        (nearest[0].row.id.clone(), listed)
    };
    assert_eq!(seen_with(&[]).await, ("free".to_owned(), 1));
    assert_eq!(seen_with(&["unheard-of", "laws"]).await, ("free".to_owned(), 1));
    assert_eq!(seen_with(&["team", "other"]).await.1, 2);
    let (nearest, listed) = seen_with(&["law"]).await;
    assert!(nearest.starts_with("near-"), "{nearest}");
    assert_eq!(listed, 201);
    let blind = Filter { access: Some(Vec::new()), ..Filter::default() };
    assert_eq!(index.remove_where(&blind).await.unwrap(), 1);
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 201);
}

pub(crate) async fn rows_come_and_go_in_one_exchange(Opened { index, .. }: &Opened) {
    index
        .upsert(vec![plain("stays", axis(0)), plain("goes", axis(1)), plain("changes", axis(2))])
        .await
        .unwrap();
    let rows = vec![plain("comes", axis(3)), plain("changes", axis(4)), plain("in both", axis(5))];
    let gone = ["goes".to_owned(), "was never there".to_owned(), "in both".to_owned()];
    assert_eq!(index.exchange(rows, &gone).await.unwrap(), 2);
    let left: Vec<(String, Vec<f32>)> =
        pages(&**index, 9, &Filter::default()).await.into_iter().map(|row| (row.id, row.vector)).collect();
    let expected =
        [("changes", 4), ("comes", 3), ("stays", 0)].map(|(id, place)| (id.to_owned(), axis(place)));
    assert_eq!(left, expected);
    let refused =
        index.exchange(vec![plain("new", axis(0)), plain("", axis(1))], &["stays".to_owned()]).await;
    assert!(refused.is_err());
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 3, "nothing came and nothing went");
}

pub(crate) async fn a_row_is_moved_to_the_bank_it_was_last_given(Opened { index, .. }: &Opened) {
    index.upsert(vec![plain("a", axis(0))]).await.unwrap();
    let later = |text: &str| Row { bank: "clauses".to_owned(), text: text.to_owned(), ..plain("a", axis(1)) };
    index.upsert(vec![later("first"), later("second")]).await.unwrap();
    assert_eq!(index.count(&Filter::bank("precedents")).await.unwrap(), 0);
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 1);
    assert_eq!(index.get("a").await.unwrap().unwrap().text, "second");
    let hits = index.nearest(&Query::new(axis(1), 3)).await.unwrap();
    assert!((hits[0].similarity - 1.0).abs() < f32::EPSILON);
}

pub(crate) async fn a_row_expires_at_the_second_it_names(Opened { index, .. }: &Opened) {
    index.upsert(vec![Row { expires: Some(1_000), ..plain("a", axis(0)) }]).await.unwrap();
    for (now, admitted) in [(None, 1), (Some(999), 1), (Some(1_000), 0), (Some(1_001), 0)] {
        let filter = Filter { now, ..Filter::default() };
        assert_eq!(index.count(&filter).await.unwrap(), admitted);
        assert_eq!(pages(&**index, 9, &filter).await.len(), admitted);
        let hits = index.nearest(&Query { filter, ..Query::new(axis(0), 9) }).await.unwrap();
        assert_eq!(hits.len(), admitted, "{now:?}");
    }
}

pub(crate) async fn a_removed_row_answers_nothing(Opened { index, .. }: &Opened) {
    index.upsert(vec![plain("a", axis(0))]).await.unwrap();
    assert_eq!(index.remove(&["a".to_owned(), "a".to_owned(), "b".to_owned()]).await.unwrap(), 1);
    assert_eq!(index.get("a").await.unwrap(), None);
    assert!(index.nearest(&Query::new(axis(0), 3)).await.unwrap().is_empty());
    assert!(pages(&**index, 3, &Filter::default()).await.is_empty());
    assert_eq!(index.remove(&["a".to_owned()]).await.unwrap(), 0);
}

pub(crate) async fn a_row_outside_the_limits_is_refused_by_name_and_nothing_is_written(
    Opened { index, .. }: &Opened,
) {
    let good = plain("good", axis(0));
    let half: Vec<f32> = axis(0).iter().map(|number| number / 2.0).collect();
    let bad: [(Row, &str); 11] = [
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
            Row { note: Some(" ".repeat(MAX_NOTE_BYTES + 1)), ..plain("a", axis(0)) },
            "`note` of row `a` is 65537 long, the limit is 65536",
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
}

pub(crate) async fn a_row_at_the_limits_comes_back_as_it_was_given(Opened { index, .. }: &Opened) {
    let row = Row {
        id: "ü".repeat(128),
        text: "\u{1F600}".repeat(MAX_TEXT_CHARS),
        tags: (0..MAX_TAGS).map(|number| format!("tag {number} \"quoted\"\n")).collect(),
        expires: Some(u64::MAX),
        note: Some("\"".repeat(MAX_NOTE_BYTES)),
        ..plain("", axis(3))
    };
    index.upsert(vec![row.clone()]).await.unwrap();
    assert_eq!(*index.get(&row.id).await.unwrap().unwrap(), row);
    assert_eq!(*index.nearest(&Query::new(axis(3), 1)).await.unwrap()[0].row, row);
}

pub(crate) async fn a_query_that_means_nothing_is_refused(Opened { index, .. }: &Opened) {
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
    assert_eq!(refusal(Query::new(axis(0), MAX_NEAREST + 1)).await, "1001 rows asked for, the limit is 1000");
}

pub(crate) async fn an_index_for_one_tenant_never_answers_with_rows_of_another(opened: &Opened) {
    let Opened { index: one, other, .. } = opened;
    one.upsert(vec![plain("same id", axis(0)), plain("own", axis(2))]).await.unwrap();
    let theirs =
        Row { text: "theirs".to_owned(), terms: Terms::of("theirs", None), ..plain("same id", axis(1)) };
    other.upsert(vec![theirs]).await.unwrap();
    assert_eq!(one.count(&Filter::default()).await.unwrap(), 2);
    assert_eq!(pages(&**one, 10, &Filter::default()).await.len(), 2);
    assert_eq!(one.get("same id").await.unwrap().unwrap().vector, axis(0));
    let hits = one.nearest(&Query::hybrid(axis(1), Terms::of("theirs", None), 9)).await.unwrap();
    assert!(hits.iter().all(|hit| hit.row.text.is_empty()));
    assert_eq!(other.remove(&["same id".to_owned(), "own".to_owned()]).await.unwrap(), 1);
    assert_eq!(other.remove_where(&Filter::default()).await.unwrap(), 0);
    assert_eq!(one.count(&Filter::default()).await.unwrap(), 2);
}

fn worded(id: &str, text: &str) -> Row {
    Row { text: text.to_owned(), terms: Terms::of(text, Some("en")), ..plain(id, axis(0)) }
}

async fn found(index: &dyn Index, words: &str) -> Vec<String> {
    let hits = index.nearest(&Query::sparse(Terms::of(words, Some("en")), 9)).await.unwrap();
    hits.iter().map(|hit| hit.row.id.clone()).collect()
}

pub(crate) async fn words_find_what_meaning_does_not_and_rare_words_count_more(
    Opened { index, .. }: &Opened,
) {
    let mut rows: Vec<Row> =
        (0..20).map(|number| worded(&format!("common-{number}"), "cheap money")).collect();
    rows.push(Row { vector: axis(1), ..worded("rare", "cheap sulfur") });
    rows.push(plain("wordless", axis(2)));
    index.upsert(rows).await.unwrap();
    assert_eq!(found(&**index, "cheap sulfur").await[0], "rare");
    assert_eq!(found(&**index, "unheard of").await, Vec::<String>::new());
    assert!(index.nearest(&Query::sparse(Terms::default(), 9)).await.unwrap().is_empty());
    // By meaning it lies behind twenty others; found by both, it leads.
    let hybrid = Query::hybrid(axis(0), Terms::of("sulfur", Some("en")), 3);
    assert_eq!(index.nearest(&hybrid).await.unwrap()[0].row.id, "rare");
    let filter = Filter::bank("clauses");
    assert!(index.nearest(&Query { filter, ..hybrid }).await.unwrap().is_empty());
}

pub(crate) async fn inflected_words_meet_and_a_replaced_text_is_forgotten(Opened { index, .. }: &Opened) {
    index.upsert(vec![worded("a", "they were threatening"), worded("b", "a long offer")]).await.unwrap();
    assert_eq!(found(&**index, "the threat, threatens").await, ["a"]);
    index.upsert(vec![worded("a", "nothing of it"), worded("a", "two offers, an offer")]).await.unwrap();
    assert_eq!(found(&**index, "threaten").await, Vec::<String>::new());
    assert_eq!(found(&**index, "nothing").await, Vec::<String>::new());
    assert_eq!(found(&**index, "offering").await, ["a", "b"]);
    index.remove(&["a".to_owned()]).await.unwrap();
    assert_eq!(found(&**index, "offering").await, ["b"]);
}

pub(crate) async fn rows_go_by_filter_and_the_others_stay(Opened { index, .. }: &Opened) {
    let mut dice = Dice(3);
    let mut oracle = Oracle::default();
    let rows: Vec<Row> = (0..60).map(|number| dice.row(number, DIMENSION)).collect();
    oracle.upsert(&rows);
    index.upsert(rows).await.unwrap();
    let red = Filter { all_tags: vec!["red".to_owned()], ..Filter::bank("clauses") };
    let gone: Vec<String> = oracle.admitted(&red).map(|row| row.id.clone()).collect();
    assert!(!gone.is_empty());
    assert_eq!(index.remove_where(&red).await.unwrap(), gone.len());
    oracle.0.retain(|id, _| !gone.contains(id));
    check(&**index, &oracle, &[Query::new(dice.vector(DIMENSION), 9)]).await;
    assert_eq!(index.remove_where(&Filter::default()).await.unwrap(), oracle.0.len());
    check(&**index, &Oracle::default(), &[Query::new(dice.vector(DIMENSION), 9)]).await;
}

pub(crate) async fn a_snapshot_brings_back_what_was_there_and_nothing_else(opened: &Opened) {
    let Opened { index, other, .. } = opened;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("snapshot");
    let mut dice = Dice(4);
    let mut oracle = Oracle::default();
    let rows: Vec<Row> = (0..50).map(|number| dice.row(number, DIMENSION)).collect();
    oracle.upsert(&rows);
    index.upsert(rows).await.unwrap();
    assert_eq!(index.snapshot(&file).await.unwrap(), 50);
    let error = index.snapshot(&file).await.unwrap_err();
    assert!(matches!(error, IndexError::Storage { doing: "write", .. }), "it is there: {error}");

    index.upsert((40..70).map(|number| dice.row(number, DIMENSION)).collect()).await.unwrap();
    other.upsert(vec![plain("theirs", axis(0))]).await.unwrap();
    assert_eq!(index.restore(&file).await.unwrap(), 50);
    let vector = dice.vector(DIMENSION);
    let terms = Terms::of(&dice.text(3), None);
    let queries = [Query::new(vector, 20), Query::sparse(terms, 20)];
    check(&**index, &oracle, &queries).await;
    assert_eq!(other.count(&Filter::default()).await.unwrap(), 1, "another tenant's rows stay");
    assert_eq!(other.restore(&file).await.unwrap(), 50);
    check(&**other, &oracle, &queries).await;
}

pub(crate) async fn a_changed_snapshot_is_refused_and_nothing_is_changed(Opened { index, .. }: &Opened) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("snapshot");
    let mut dice = Dice(5);
    index.upsert((0..4).map(|number| dice.row(number, DIMENSION)).collect()).await.unwrap();
    index.snapshot(&file).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    index.upsert(vec![plain("later", axis(0))]).await.unwrap();
    for round in 0..120 {
        let mut bytes = whole.clone();
        let at = dice.below(whole.len());
        if round % 4 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << dice.below(8);
        }
        std::fs::write(&file, bytes).unwrap();
        let error = index.restore(&file).await.unwrap_err();
        assert!(matches!(error, IndexError::Damaged { .. }), "changed at {at}: {error}");
    }
    assert!(matches!(index.restore(&directory.path().join("none")).await, Err(IndexError::Missing { .. })));
    assert_eq!(index.count(&Filter::default()).await.unwrap(), 5);
}
