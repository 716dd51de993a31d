//! Summaries to be better than.

use std::collections::HashMap;

use indexes::Terms;

/// `TextRank`'s damping. *Source*: Mihalcea & Tarau 2004, section 2.
const DAMPING: f32 = 0.85;
/// Rounds after which ranks do not move any more.
const ROUNDS: usize = 40;

/// The first `count` of `sentences` sentences.
#[must_use]
pub(super) fn lead(sentences: usize, count: usize) -> Vec<usize> {
    (0..count.min(sentences)).collect()
}

/// Any `count` of `sentences` sentences, in their order; the same for the same `id`.
#[must_use]
pub(super) fn random(sentences: usize, count: usize, id: &str) -> Vec<usize> {
    let mut dice = super::bootstrap::dice(id);
    let mut all: Vec<usize> = (0..sentences).collect();
    let count = count.min(sentences);
    for place in 0..count {
        all.swap(place, dice.usize(place..sentences));
    }
    all.truncate(count);
    all.sort_unstable();
    all
}

/// The `count` sentences that `TextRank` puts first, in their order: `PageRank` over a graph whose edges are shared words
/// over the logarithms of the lengths. Words are stemmed and stop words left out, as for search.
///
/// - *Source*: Mihalcea & Tarau 2004, "`TextRank`: Bringing Order into Texts", section 4.
#[must_use]
pub(super) fn text_rank(sentences: &[&str], count: usize, language: Option<&str>) -> Vec<usize> {
    let terms: Vec<Terms> = sentences.iter().map(|text| Terms::of(text, language)).collect();
    let edges = edges(&terms);
    let strengths: Vec<f32> = edges.iter().map(|row| row.iter().map(|(_, weight)| weight).sum()).collect();
    #[expect(clippy::cast_precision_loss, reason = "sentences are fewer than 2^24")]
    let even = (1.0 - DAMPING) / sentences.len().max(1) as f32;
    let mut ranks = vec![even / (1.0 - DAMPING); sentences.len()];
    for _ in 0..ROUNDS {
        let given: Vec<f32> =
            ranks.iter().zip(&strengths).map(|(rank, all)| rank / all.max(f32::EPSILON)).collect();
        let taken = |row: &Vec<(usize, f32)>| {
            row.iter().filter_map(|(from, weight)| Some(given.get(*from)? * weight)).sum::<f32>()
        };
        ranks = edges.iter().map(|row| even + DAMPING * taken(row)).collect();
    }
    let mut order: Vec<(usize, f32)> = ranks.into_iter().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let mut best: Vec<usize> = order.into_iter().take(count).map(|(sentence, _)| sentence).collect();
    best.sort_unstable();
    best
}

/// For each sentence, those it shares words with, and how much.
#[expect(clippy::cast_precision_loss, reason = "words of a sentence are fewer than 2^24")]
fn edges(terms: &[Terms]) -> Vec<Vec<(usize, f32)>> {
    let mut with: HashMap<u32, Vec<usize>> = HashMap::new();
    for (sentence, words) in terms.iter().enumerate() {
        for (term, _) in words.iter() {
            with.entry(term).or_default().push(sentence);
        }
    }
    let length = |sentence: usize| terms.get(sentence).map_or(0.0, |words| (words.iter().len() as f32).ln());
    let row = |(sentence, words): (usize, &Terms)| {
        let mut shared = vec![0.0_f32; terms.len()];
        for other in words.iter().filter_map(|(term, _)| with.get(&term)).flatten() {
            if let Some(count) = shared.get_mut(*other) {
                *count += 1.0;
            }
        }
        let edges = shared.into_iter().enumerate().filter(|&(other, count)| other != sentence && count > 0.0);
        let edges = edges.map(|(other, count)| (other, count / (length(sentence) + length(other))));
        // Two sentences of one word each have no length to measure by.
        edges.filter(|(_, weight)| weight.is_finite()).collect()
    };
    terms.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::{lead, random, text_rank};

    const TEXT: &[&str] = &[
        "The weather was fine.",
        "The old harbour of the city burned in the night.",
        "A harbour is a place for ships.",
        "The city rebuilt its old harbour after the night of the fire.",
        "Nobody laughed.",
    ];

    #[test]
    fn text_rank_takes_the_sentences_that_share_most_words() {
        assert_eq!(text_rank(TEXT, 2, Some("en")), [1, 3]);
        assert_eq!(text_rank(TEXT, 9, Some("en")), [0, 1, 2, 3, 4]);
        assert_eq!(text_rank(&[], 2, None), [0; 0]);
    }

    #[test]
    fn a_random_summary_is_the_same_for_the_same_row_and_spread_over_the_text() {
        assert_eq!(random(50, 5, "a"), random(50, 5, "a"));
        assert_ne!(random(50, 5, "a"), random(50, 5, "b"));
        let mut seen = [0; 10];
        for row in 0..1_000 {
            let chosen = random(10, 3, &row.to_string());
            assert!(chosen.len() == 3 && chosen.is_sorted());
            for sentence in chosen {
                seen[sentence] += 1;
            }
        }
        assert!(seen.iter().all(|count| (240..=360).contains(count)), "{seen:?}");
        assert_eq!((random(2, 3, "a"), lead(2, 3)), (vec![0, 1], vec![0, 1]));
    }
}
