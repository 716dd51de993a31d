//! What every engine answers, held against a brute-force oracle. [`suite!`] makes a test of each function here.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexes::{
    FUSED_DEPTH, Filter, Hit, Index, IndexError, MAX_NEAREST, MAX_NOTE_BYTES, MAX_TAGS, MAX_TEXT_CHARS,
    Query, Row, Sought, Terms,
};
use proptest::prelude::*;

use crate::clustered::Dice;

pub(crate) const DIMENSION: usize = 24;
/// Similarities this close count as equal: sums of 384 products in f32 differ by less.
pub(crate) const TIE: f64 = 1e-6;
/// The same for BM25, which reaches about 20.
const WORDS_TIE: f64 = 1e-4;

/// Two tenants of one engine, empty, and what must live as long as they do.
pub(crate) struct Opened {
    pub(crate) index: Box<dyn Index>,
    pub(crate) other: Box<dyn Index>,
    pub(crate) _kept: Box<dyn Any>,
}

/// Tests that `$fresh`, a function to a future of [`Opened`], gives an engine that answers as all do; `$cases` random
/// histories among them. Each test has the attributes in braces.
macro_rules! suite {
    ($fresh:expr, $cases:expr) => {
        $crate::suite::suite!($fresh, $cases, {});
    };
    ($fresh:expr, $cases:expr, $attributes:tt) => {
        $crate::suite::suite!(@tests $fresh, $attributes,
            a_filter_never_hides_a_row_behind_better_ones_it_excludes
            a_row_with_tags_answers_only_who_holds_one_of_them
            rows_come_and_go_in_one_exchange
            a_row_is_moved_to_the_bank_it_was_last_given
            a_row_expires_at_the_second_it_names
            a_removed_row_answers_nothing
            a_row_outside_the_limits_is_refused_by_name_and_nothing_is_written
            a_row_at_the_limits_comes_back_as_it_was_given
            a_query_that_means_nothing_is_refused
            an_index_for_one_tenant_never_answers_with_rows_of_another
            words_find_what_meaning_does_not_and_rare_words_count_more
            inflected_words_meet_and_a_replaced_text_is_forgotten
            rows_go_by_filter_and_the_others_stay
            a_snapshot_brings_back_what_was_there_and_nothing_else
            a_changed_snapshot_is_refused_and_nothing_is_changed
        );

        $crate::suite::suite!(@history $fresh, $cases, $attributes);
    };
    (@history $fresh:expr, $cases:expr, { $($attribute:tt)* }) => {
        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig {
                cases: $cases, failure_persistence: None, ..Default::default()
            })]
            #[test]
            $($attribute)*
            fn after_any_writes_the_answers_are_those_of_brute_force(history in $crate::suite::histories()) {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.unwrap().block_on(async {
                    let opened = $fresh().await;
                    $crate::suite::answers_as_brute_force(&*opened.index, history).await;
                });
            }
        }
    };
    (@tests $fresh:expr, $attributes:tt, $($name:ident)*) => {
        $($crate::suite::suite!(@one $fresh, $name, $attributes);)*
    };
    (@one $fresh:expr, $name:ident, { $($attribute:tt)* }) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($attribute)*
        async fn $name() {
            let opened = $fresh().await;
            $crate::suite::$name(&opened).await;
        }
    };
}
pub(crate) use suite;

/// Every row by id, and answers by the definition.
#[derive(Default)]
pub(crate) struct Oracle(BTreeMap<String, Row>);

impl Oracle {
    pub(crate) fn upsert(&mut self, rows: &[Row]) {
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

/// The best of two rankings: the sum of `1 / (60 + rank)`.
fn fused(rankings: [&[Hit]; 2], k: usize) -> Vec<(String, f64)> {
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    for ranking in rankings {
        for (before, hit) in ranking.iter().enumerate() {
            *scores.entry(&hit.row.id).or_default() += 1.0 / (61.0 + number(before));
        }
    }
    let mut all: Vec<(String, f64)> = scores.into_iter().map(|(id, score)| (id.to_owned(), score)).collect();
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
    let mut banks: BTreeMap<String, usize> = BTreeMap::new();
    oracle.0.values().for_each(|row| *banks.entry(row.bank.clone()).or_default() += 1);
    let stats = index.stats().await.unwrap();
    assert_eq!((stats.rows, stats.banks), (oracle.0.len(), banks));
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

pub(crate) fn plain(id: &str, vector: Vec<f32>) -> Row {
    Row { id: id.to_owned(), bank: "precedents".to_owned(), vector, ..Row::default() }
}

/// The vector with a 1 at `place`.
pub(crate) fn axis(place: usize) -> Vec<f32> {
    (0..DIMENSION).map(|number| if number == place { 1.0 } else { 0.0 }).collect()
}

/// One step of a random history.
#[derive(Debug, Clone)]
pub(crate) enum Step {
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
        some_of(&["red", "green", "tagged", "unheard-of"]),
        (some_of(&["red", "tagged"]), prop::option::of(some_of(&["red", "green", "unheard-of"]))),
        prop::option::of(1_700_000_000_u64..1_700_000_040),
        prop::option::of(1_700_000_000_u64..1_700_000_040),
        any::<bool>(),
        prop::option::of(900_u64..2_100),
    )
        .prop_map(
            |(
                bank,
                labels,
                languages,
                tags,
                (all_tags, access),
                created_from,
                created_before,
                confirmed_only,
                now,
            )| {
                Filter {
                    bank,
                    labels,
                    languages,
                    tags,
                    all_tags,
                    access,
                    created_from,
                    created_before,
                    confirmed_only,
                    now,
                }
            },
        )
}

/// Writes, and the queries that follow each of them.
#[derive(Debug)]
pub(crate) struct History {
    steps: Vec<Step>,
    filters: Vec<Filter>,
    seed: u64,
    minimum: f32,
    k: usize,
}

pub(crate) fn histories() -> impl Strategy<Value = History> {
    let filters = prop::collection::vec(filters(), 3);
    let parts = (steps(), filters, any::<u64>(), -1.0_f32..0.9, 0_usize..15);
    parts.prop_map(|(steps, filters, seed, minimum, k)| History { steps, filters, seed, minimum, k })
}

pub(crate) async fn answers_as_brute_force(index: &dyn Index, history: History) {
    let History { steps, filters, seed, minimum, k } = history;
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
        let mut queries = Vec::new();
        for filter in &filters {
            let number = dice.below(40);
            let terms = Terms::of(&dice.text(number), Some(["en", "de", ""][number % 3]));
            let vector = dice.vector(DIMENSION);
            for query in [
                Query::new(vector.clone(), k),
                Query::sparse(terms.clone(), k),
                Query::hybrid(vector, terms, k),
            ] {
                queries.push(Query { minimum, filter: filter.clone(), ..query });
            }
        }
        check(index, &oracle, &queries).await;
    }
}

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
