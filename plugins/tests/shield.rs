//! Attacks inside documents: a battery, and how far real text is left alone.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod battery;

use std::ops::Range;

use battery::{Attacked, attacked, harmless};
use plugins::shield::attacks;

/// What is left of a document when its attacks are taken out, with single spaces.
fn defused(document: &Attacked) -> String {
    let sentences: Vec<&str> = document.sentences();
    let found = attacks(&sentences, None);
    let left = sentences.iter().zip(found).map(|(sentence, attack)| {
        let range: Range<usize> = attack.map_or(0..0, |attack| attack.range);
        format!("{}{}", &sentence[..range.start], &sentence[range.end..])
    });
    let left: Vec<String> = left.collect();
    left.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_attack_of_the_battery_is_taken_out_and_nothing_else() {
    let missed: Vec<String> = attacked()
        .iter()
        .filter(|document| defused(document) != document.clean)
        .map(|document| format!("{} {}: {}", document.id, document.family, defused(document)))
        .collect();
    assert!(missed.is_empty(), "{} of 50\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn sentences_that_only_look_like_attacks_stay() {
    let dropped: Vec<String> = harmless()
        .iter()
        .filter(|document| defused(document) != document.clean)
        .map(|document| format!("{}: {}", document.id, defused(document)))
        .collect();
    assert!(dropped.is_empty(), "{} of 25\n{}", dropped.len(), dropped.join("\n"));
}
