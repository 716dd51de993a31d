//! Histories by chance: writes, and questions between them.

use indexes::{Filter, Index, Query, Row, Terms};
use proptest::prelude::*;

use super::DIMENSION;
use super::oracle::{Oracle, check};
use crate::clustered::Dice;

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
