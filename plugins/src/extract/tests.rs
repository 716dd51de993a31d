use std::sync::Arc;

use proptest::prelude::*;

use super::{Chosen, Focus, Item, Order, Scored, TRAITS, Wanted, Weights, choose};

const WANTED: Wanted<'static> =
    Wanted { sentences: 2, order: Order::Offset, focus: None, language: Some("en") };

/// A unit vector in a plane, at an angle in degrees.
fn at(angle: f32) -> Arc<[f32]> {
    let (sine, cosine) = angle.to_radians().sin_cos();
    [cosine, sine].into()
}

fn items<'a>(document: usize, sentences: &[(&'a str, f32)]) -> Vec<Item<'a>> {
    let item = |(position, &(text, angle)): (usize, &(&'a str, f32))| Item {
        document,
        position,
        text,
        vector: at(angle),
        heading: false,
    };
    sentences.iter().enumerate().map(item).collect()
}

fn places(chosen: &[Chosen]) -> Vec<usize> {
    chosen.iter().map(|chosen| chosen.item).collect()
}

const STORY: &[(&str, f32)] = &[
    ("The harbour of the city was built by the king himself.", 0.0),
    ("The harbour of the city was built by the king at once.", 1.0),
    ("The harbour of the city was later burned by the queen.", 60.0),
    ("Oh!", 20.0),
];

#[test]
fn what_was_said_already_is_not_said_again() {
    let items = items(0, STORY);
    let scored = Scored::of(&items, None, Some("en"));
    // All are worth the same: only likeness tells them apart, or else their order.
    let chosen = |likeness| scored.choose(&Weights { traits: [0.0; TRAITS], likeness }, 2, Order::Offset);
    assert_eq!(places(&chosen(1.0)), [0, 2]);
    assert_eq!(places(&chosen(0.0)), [0, 1]);
}

#[test]
fn a_fragment_is_the_last_to_be_chosen() {
    let items = items(0, STORY);
    let chosen = choose(&items, &Wanted { sentences: 3, ..WANTED });
    assert_eq!(places(&chosen), [0, 1, 2]);
}

#[test]
fn a_question_decides_what_is_chosen() {
    let items = items(0, STORY);
    let focus = |text, angle| Some(Focus { text, vector: at(angle) });
    for (text, angle, answer) in [("What did the queen burn?", 60.0, 2), ("Who did it at once?", 1.0, 1)] {
        let wanted = Wanted { sentences: 1, focus: focus(text, angle), ..WANTED };
        assert_eq!(places(&choose(&items, &wanted)), [answer], "{text}");
    }
}

#[test]
fn sentences_are_ordered_as_asked_and_the_best_of_all_has_1() {
    let mut two = items(0, STORY);
    two.extend(items(1, &STORY[2..]));
    let by_offset = choose(&two, &Wanted { sentences: 5, ..WANTED });
    assert!(by_offset.windows(2).all(|pair| pair[0].item < pair[1].item));
    let by_rank = choose(&two, &Wanted { sentences: 5, order: Order::Rank, ..WANTED });
    assert!(by_rank.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!((by_rank[0].score - 1.0).abs() < 1e-6);
    let mut sorted = places(&by_rank);
    sorted.sort_unstable();
    assert_eq!(sorted, places(&by_offset));
}

#[test]
fn thousands_of_sentences_are_chosen_from_and_each_once() {
    let texts: Vec<String> =
        (0..6_000).map(|number| format!("Sentence number {number} is about the harbour.")).collect();
    let many: Vec<(&str, f32)> =
        texts.iter().zip(0_u16..).map(|(text, angle)| (text.as_str(), f32::from(angle))).collect();
    let items = items(0, &many);
    let chosen = choose(&items, &Wanted { sentences: 300, ..WANTED });
    assert_eq!(chosen.len(), 300);
    assert!(chosen.windows(2).all(|pair| pair[0].item < pair[1].item));
}

proptest! {
    #[test]
    fn any_items_give_as_many_as_wanted_with_scores_between_0_and_1(
        rows in proptest::collection::vec((0_usize..3, any::<String>(), 0.0_f32..360.0, any::<bool>()), 0..20),
        sentences in 0_usize..30,
        question in proptest::option::of((any::<String>(), 0.0_f32..360.0)),
    ) {
        let mut rows = rows;
        rows.sort_by_key(|row| row.0);
        let items: Vec<Item<'_>> = rows.iter().enumerate().map(|(position, (document, text, angle, heading))| {
            Item { document: *document, position, text, vector: at(*angle), heading: *heading }
        }).collect();
        let focus = question.as_ref().map(|(text, angle)| Focus { text, vector: at(*angle) });
        let chosen = choose(&items, &Wanted { sentences, focus, ..WANTED });
        prop_assert_eq!(chosen.len(), sentences.min(items.len()));
        prop_assert!(chosen.iter().all(|chosen| (0.0..=1.0).contains(&chosen.score)));
        prop_assert!(chosen.windows(2).all(|pair| pair[0].item < pair[1].item));
    }
}
