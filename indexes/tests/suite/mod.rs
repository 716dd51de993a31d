//! What every engine answers, held against a brute-force oracle. [`suite!`] makes a test of each function here.

mod history;
mod laws;
mod oracle;

use std::any::Any;

use indexes::{Index, Row};

pub(crate) use history::{answers_as_brute_force, histories};
pub(crate) use laws::*;
pub(crate) use oracle::{Oracle, cosine, pages};

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

pub(crate) fn plain(id: &str, vector: Vec<f32>) -> Row {
    Row { id: id.to_owned(), bank: "precedents".to_owned(), vector, ..Row::default() }
}

/// The vector with a 1 at `place`.
pub(crate) fn axis(place: usize) -> Vec<f32> {
    (0..DIMENSION).map(|number| if number == place { 1.0 } else { 0.0 }).collect()
}
